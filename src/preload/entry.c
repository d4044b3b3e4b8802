/* The functions the program calls. Each is one load and one jump, so that an
 * idle engine costs next to nothing, and so that the caller's return address is
 * still on top of the stack where the call ends up. */
#include "preload/preload.h"

#include <errno.h>
#include <stdlib.h>

#define EXPORTED __attribute__((visibility("default")))

#define FIRST(name) static __typeof__(*((struct mt_functions *)NULL)->name) first_##name;

FIRST(malloc)
FIRST(calloc)
FIRST(realloc)
FIRST(free)
FIRST(posix_memalign)
FIRST(aligned_alloc)
FIRST(memalign)
FIRST(valloc)
FIRST(pvalloc)
FIRST(malloc_usable_size)

static const struct mt_functions first = {
    first_malloc,        first_calloc,   first_realloc, first_free,    first_posix_memalign,
    first_aligned_alloc, first_memalign, first_valloc,  first_pvalloc, first_malloc_usable_size,
};

struct mt_functions mt_current = {
    first_malloc,        first_calloc,   first_realloc, first_free,    first_posix_memalign,
    first_aligned_alloc, first_memalign, first_valloc,  first_pvalloc, first_malloc_usable_size,
};

void mt_current_set(const struct mt_functions *functions)
{
    void *const *from = (void *const *)functions;
    void **to = (void **)&mt_current;

    for (size_t i = 0; i < sizeof mt_current / sizeof *to; i++)
        __atomic_store_n(&to[i], from[i], __ATOMIC_RELEASE);
}

void mt_current_set_first(void)
{
    mt_current_set(&first);
}

static void *first_malloc(size_t size)
{
    mt_start();
    return mt_current.malloc(size);
}

static void *first_calloc(size_t count, size_t size)
{
    mt_start();
    return mt_current.calloc(count, size);
}

static void *first_realloc(void *block, size_t size)
{
    mt_start();
    return mt_current.realloc(block, size);
}

static void first_free(void *block)
{
    mt_start();
    mt_current.free(block);
}

static int first_posix_memalign(void **ret_block, size_t alignment, size_t size)
{
    mt_start();
    return mt_current.posix_memalign(ret_block, alignment, size);
}

static void *first_aligned_alloc(size_t alignment, size_t size)
{
    mt_start();
    return mt_current.aligned_alloc(alignment, size);
}

static void *first_memalign(size_t alignment, size_t size)
{
    mt_start();
    return mt_current.memalign(alignment, size);
}

static void *first_valloc(size_t size)
{
    mt_start();
    return mt_current.valloc(size);
}

static void *first_pvalloc(size_t size)
{
    mt_start();
    return mt_current.pvalloc(size);
}

static size_t first_malloc_usable_size(void *block)
{
    mt_start();
    return mt_current.malloc_usable_size(block);
}

#define CURRENT(name) __atomic_load_n(&mt_current.name, __ATOMIC_RELAXED)

EXPORTED void *malloc(size_t size)
{
    return CURRENT(malloc)(size);
}

EXPORTED void *calloc(size_t count, size_t size)
{
    return CURRENT(calloc)(count, size);
}

EXPORTED void *realloc(void *block, size_t size)
{
    return CURRENT(realloc)(block, size);
}

EXPORTED void *reallocarray(void *block, size_t count, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return CURRENT(realloc)(block, bytes);
}

EXPORTED void free(void *block)
{
    CURRENT(free)(block);
}

EXPORTED void cfree(void *block);
EXPORTED void cfree(void *block)
{
    CURRENT(free)(block);
}

EXPORTED int posix_memalign(void **ret_block, size_t alignment, size_t size)
{
    return CURRENT(posix_memalign)(ret_block, alignment, size);
}

EXPORTED void *aligned_alloc(size_t alignment, size_t size)
{
    return CURRENT(aligned_alloc)(alignment, size);
}

EXPORTED void *memalign(size_t alignment, size_t size);
EXPORTED void *memalign(size_t alignment, size_t size)
{
    return CURRENT(memalign)(alignment, size);
}

EXPORTED void *valloc(size_t size)
{
    return CURRENT(valloc)(size);
}

EXPORTED void *pvalloc(size_t size);
EXPORTED void *pvalloc(size_t size)
{
    return CURRENT(pvalloc)(size);
}

EXPORTED size_t malloc_usable_size(void *block);
EXPORTED size_t malloc_usable_size(void *block)
{
    return CURRENT(malloc_usable_size)(block);
}
