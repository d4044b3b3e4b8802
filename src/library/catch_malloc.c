/* library/catch_malloc.c - libmemtest_malloc: the malloc family, in front of
 * the next one (the C library's, or another allocator linked after this).
 *
 * Until the next one is known, which dlsym() must find without allocating from
 * us, requests are served from a few pages that are never given back. */
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EARLY_BYTES     65536u
#define EARLY_ALIGNMENT 16u

static struct {
    void *(*malloc)(size_t size_bytes);
    void *(*calloc)(size_t count, size_t size_bytes);
    void *(*realloc)(void *block, size_t size_bytes);
    void (*free)(void *block);
    void *(*memalign)(size_t alignment, size_t size_bytes);
    size_t (*usable_size)(void *block);
    bool is_known;
} next;

static char early[EARLY_BYTES] __attribute__((aligned(EARLY_ALIGNMENT)));
static size_t early_used;
static __thread bool is_searching __attribute__((tls_model("initial-exec")));

static bool early_owns(const void *block)
{
    return (uintptr_t)block - (uintptr_t)early < EARLY_BYTES;
}

/* Each block is preceded by its size. Zeroed: nothing is used twice. */
static void *early_allocate(size_t alignment, size_t size_bytes)
{
    size_t align = alignment > EARLY_ALIGNMENT ? alignment : EARLY_ALIGNMENT, from, to;

    do {
        uintptr_t at = (uintptr_t)early;

        from = __atomic_load_n(&early_used, __ATOMIC_RELAXED);
        to = ((at + from + EARLY_ALIGNMENT + align - 1) & ~(uintptr_t)(align - 1)) - at;
        if (size_bytes > EARLY_BYTES || to + size_bytes > EARLY_BYTES) {
            errno = ENOMEM;
            return NULL;
        }
    } while (!__atomic_compare_exchange_n(&early_used, &from, to + size_bytes, false,
                                          __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    memcpy(early + to - sizeof size_bytes, &size_bytes, sizeof size_bytes);
    return early + to;
}

static size_t early_size(const void *block)
{
    size_t size_bytes;

    memcpy(&size_bytes, (const char *)block - sizeof size_bytes, sizeof size_bytes);
    return size_bytes;
}

static void next_find(void)
{
    static const struct {
        const char *name;
        void *to;
    } wanted[] = {
        {"malloc", &next.malloc},     {"calloc", &next.calloc},
        {"realloc", &next.realloc},   {"free", &next.free},
        {"memalign", &next.memalign}, {"malloc_usable_size", &next.usable_size},
    };

    is_searching = true;
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        void *found = dlsym(RTLD_NEXT, wanted[i].name);

        if (!found) {
            static const char text[] = "libmemtest_malloc: no allocator comes after it\n";

            if (write(STDERR_FILENO, text, sizeof text - 1) < 0) abort();
            abort();
        }
        memcpy(wanted[i].to, &found, sizeof found);
    }
    __atomic_store_n(&next.is_known, true, __ATOMIC_RELEASE);
    is_searching = false;
}

static inline bool next_is_ready(void)
{
    if (__builtin_expect(__atomic_load_n(&next.is_known, __ATOMIC_ACQUIRE), 1)) return true;
    if (is_searching) return false;
    next_find();
    return true;
}

static inline void *next_allocate(size_t alignment, size_t size_bytes, bool zeroed)
{
    if (!next_is_ready()) return early_allocate(alignment, size_bytes);
    if (alignment) return next.memalign(alignment, size_bytes);
    return zeroed ? next.calloc(1, size_bytes) : next.malloc(size_bytes);
}

static inline void next_release(void *block)
{
    if (early_owns(block) || !next_is_ready()) return;
    next.free(block);
}

static inline void *next_reallocate(void *block, size_t size_bytes)
{
    size_t kept;
    void *moved;

    if (!early_owns(block) && next_is_ready()) return next.realloc(block, size_bytes);
    kept = early_size(block);
    moved = next_allocate(0, size_bytes, false);
    if (moved) memcpy(moved, block, kept < size_bytes ? kept : size_bytes);
    return moved;
}

#define CATCH_ENTRY(name) name
#include "library/catch.h"

CATCH_PUBLIC void *valloc(size_t size_bytes)
{
    return catch_memalign(CALLER, (size_t)sysconf(_SC_PAGESIZE), size_bytes);
}

CATCH_PUBLIC void *pvalloc(size_t size_bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    if (size_bytes > SIZE_MAX - page) {
        errno = ENOMEM;
        return NULL;
    }
    return catch_memalign(CALLER, page, (size_bytes + page - 1) & ~(page - 1));
}

CATCH_PUBLIC size_t malloc_usable_size(void *block)
{
    if (!block) return 0;
    if (catch_owns(block)) return catch_gate->size(block);
    if (early_owns(block)) return early_size(block);
    return next_is_ready() ? next.usable_size(block) : 0;
}
