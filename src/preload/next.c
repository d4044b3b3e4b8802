#include "preload/preload.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define EARLY_BYTES ((size_t)256 << 10)

struct mt_functions mt_next;

/* dlsym() itself, and what runs before it can be called. Each block has its
 * size in front. */
static char early_buffer[EARLY_BYTES] __attribute__((aligned(16)));
static atomic_size_t early_used;
bool mt_early_given;

static void *early_aligned(size_t alignment, size_t size)
{
    size_t room = size + 16 + alignment, at;
    uintptr_t block;

    if (size > EARLY_BYTES || alignment > EARLY_BYTES) return NULL;
    room = (room + 15) & ~(size_t)15;
    at = atomic_fetch_add(&early_used, room);
    if (at + room > EARLY_BYTES) {
        errno = ENOMEM;
        return NULL;
    }
    mt_early_given = true;
    block = ((uintptr_t)early_buffer + at + 16 + alignment - 1) & ~(alignment - 1);
    ((size_t *)block)[-1] = size;
    return (void *)block;
}

static void *early_malloc(size_t size)
{
    return early_aligned(16, size);
}

static void *early_calloc(size_t count, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes)) return NULL;
    return early_aligned(16, bytes); /* never used before: zeros */
}

static void *early_realloc(void *block, size_t size)
{
    void *moved = early_aligned(16, size);
    size_t old = block ? ((size_t *)block)[-1] : 0;

    if (moved && old) memcpy(moved, block, old < size ? old : size);
    return moved;
}

static void early_free(void *block)
{
    (void)block;
}

static int early_posix_memalign(void **ret_block, size_t alignment, size_t size)
{
    void *block = early_aligned(alignment < 16 ? 16 : alignment, size);

    if (!block) return ENOMEM;
    *ret_block = block;
    return 0;
}

static void *early_memalign(size_t alignment, size_t size)
{
    return early_aligned(alignment < 16 ? 16 : alignment, size);
}

static void *early_valloc(size_t size)
{
    return early_aligned(4096, size);
}

static size_t early_usable_size(void *block)
{
    return block ? ((size_t *)block)[-1] : 0;
}

const struct mt_functions mt_early = {
    early_malloc,   early_calloc,   early_realloc, early_free,   early_posix_memalign,
    early_memalign, early_memalign, early_valloc,  early_valloc, early_usable_size,
};

bool mt_early_has(const void *block)
{
    return (uintptr_t)block - (uintptr_t)early_buffer < EARLY_BYTES;
}

void *mt_early_move(void *block, size_t size)
{
    void *moved = mt_current.malloc(size);
    size_t old = early_usable_size(block);

    if (moved) memcpy(moved, block, old < size ? old : size);
    return moved;
}

static void next_symbol(void *ret_function, const char *name)
{
    *(void **)ret_function = dlsym(RTLD_NEXT, name);
}

void mt_next_find(void)
{
    struct mt_functions next = mt_early;

    next_symbol(&next.malloc, "malloc");
    next_symbol(&next.calloc, "calloc");
    next_symbol(&next.realloc, "realloc");
    next_symbol(&next.free, "free");
    next_symbol(&next.posix_memalign, "posix_memalign");
    next_symbol(&next.aligned_alloc, "aligned_alloc");
    next_symbol(&next.memalign, "memalign");
    next_symbol(&next.valloc, "valloc");
    next_symbol(&next.pvalloc, "pvalloc");
    next_symbol(&next.malloc_usable_size, "malloc_usable_size");
    mt_next = next;
}
