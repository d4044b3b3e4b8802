/* library/catch.h - the catcher's decisions, for catch_malloc.c and
 * catch_wrap.c, which name the next allocator before including this:
 *
 *     static void *next_allocate(size_t alignment, size_t size_bytes, bool zeroed);
 *     static void *next_reallocate(void *block, size_t size_bytes);
 *     static void next_release(void *block);
 *     #define CATCH_ENTRY(name)   what the function of this name is called
 *
 * alignment 0: whatever malloc() gives. */
#ifndef SMT_LIBRARY_CATCH_H
#define SMT_LIBRARY_CATCH_H

#include <errno.h>
#include <string.h>

#include "library/gate.h"

#define CALLER        ((uintptr_t)__builtin_return_address(0))
#define CATCH_PUBLIC  __attribute__((visibility("default")))
#define ALWAYS_INLINE static inline __attribute__((always_inline))

static const struct smt_gate *catch_gate;

/* initial-exec: the dynamic linker allocates before anything else could work. */
static __thread bool catch_is_open __attribute__((tls_model("initial-exec")));

CATCH_PUBLIC void smt_catch_gate(const struct smt_gate *gate)
{
    __atomic_store_n(&catch_gate, gate, __ATOMIC_RELEASE);
}

CATCH_PUBLIC void smt_catch_open(bool open)
{
    catch_is_open = open;
}

ALWAYS_INLINE bool catch_owns(const void *block)
{
    const struct smt_gate *gate = __atomic_load_n(&catch_gate, __ATOMIC_ACQUIRE);

    return __builtin_expect(gate != NULL, 0) && gate->owns(block);
}

ALWAYS_INLINE void *catch_allocate(uintptr_t caller, size_t alignment, size_t size_bytes,
                                   bool zeroed)
{
    void *block;

    if (__builtin_expect(!catch_is_open, 1)) return next_allocate(alignment, size_bytes, zeroed);
    catch_is_open = false;
    block = catch_gate->allocate(caller, alignment, size_bytes, zeroed);
    catch_is_open = true;
    return block;
}

/* An owned block outside of the run it belongs to is only read: its heap goes
 * as a whole. */
ALWAYS_INLINE void catch_release(uintptr_t caller, void *block)
{
    if (!catch_owns(block)) {
        next_release(block);
    } else if (catch_is_open) {
        catch_is_open = false;
        catch_gate->release(caller, block);
        catch_is_open = true;
    }
}

static void *catch_move_out(void *block, size_t size_bytes)
{
    size_t kept = catch_gate->size(block);
    void *moved = next_allocate(0, size_bytes, false);

    if (moved) memcpy(moved, block, kept < size_bytes ? kept : size_bytes);
    return moved;
}

ALWAYS_INLINE void *catch_reallocate(uintptr_t caller, void *block, size_t size_bytes)
{
    void *moved;

    if (block && !catch_owns(block)) return next_reallocate(block, size_bytes);
    if (!catch_is_open)
        return block ? catch_move_out(block, size_bytes) : next_allocate(0, size_bytes, false);
    catch_is_open = false;
    moved = catch_gate->reallocate(caller, block, size_bytes);
    catch_is_open = true;
    return moved;
}

/* count * size_bytes; SIZE_MAX, which nobody can give, when that overflows. */
ALWAYS_INLINE size_t catch_product(size_t count, size_t size_bytes)
{
    size_t total;

    return __builtin_mul_overflow(count, size_bytes, &total) ? SIZE_MAX : total;
}

ALWAYS_INLINE bool catch_is_power(size_t alignment)
{
    return alignment && !(alignment & (alignment - 1));
}

ALWAYS_INLINE int catch_posix_memalign(uintptr_t caller, void **ret_block, size_t alignment,
                                       size_t size_bytes)
{
    int saved = errno;
    void *block;

    if (!catch_is_power(alignment) || alignment % sizeof(void *)) return EINVAL;
    block = catch_allocate(caller, alignment, size_bytes, false);
    errno = saved;
    if (!block) return ENOMEM;
    *ret_block = block;
    return 0;
}

ALWAYS_INLINE void *catch_memalign(uintptr_t caller, size_t alignment, size_t size_bytes)
{
    if (!catch_is_power(alignment)) {
        errno = EINVAL;
        return NULL;
    }
    return catch_allocate(caller, alignment, size_bytes, false);
}

/* --- the entry points both have, under the names they give --------------------- */

void *CATCH_ENTRY(malloc)(size_t size_bytes);
void *CATCH_ENTRY(calloc)(size_t count, size_t size_bytes);
void *CATCH_ENTRY(realloc)(void *block, size_t size_bytes);
void *CATCH_ENTRY(reallocarray)(void *block, size_t count, size_t size_bytes);
void CATCH_ENTRY(free)(void *block);
int CATCH_ENTRY(posix_memalign)(void **ret_block, size_t alignment, size_t size_bytes);
void *CATCH_ENTRY(aligned_alloc)(size_t alignment, size_t size_bytes);
void *CATCH_ENTRY(memalign)(size_t alignment, size_t size_bytes);

CATCH_PUBLIC void *CATCH_ENTRY(malloc)(size_t size_bytes)
{
    return catch_allocate(CALLER, 0, size_bytes, false);
}

CATCH_PUBLIC void *CATCH_ENTRY(calloc)(size_t count, size_t size_bytes)
{
    return catch_allocate(CALLER, 0, catch_product(count, size_bytes), true);
}

CATCH_PUBLIC void *CATCH_ENTRY(realloc)(void *block, size_t size_bytes)
{
    return catch_reallocate(CALLER, block, size_bytes);
}

CATCH_PUBLIC void *CATCH_ENTRY(reallocarray)(void *block, size_t count, size_t size_bytes)
{
    return catch_reallocate(CALLER, block, catch_product(count, size_bytes));
}

CATCH_PUBLIC void CATCH_ENTRY(free)(void *block)
{
    if (block) catch_release(CALLER, block);
}

CATCH_PUBLIC int CATCH_ENTRY(posix_memalign)(void **ret_block, size_t alignment, size_t size_bytes)
{
    return catch_posix_memalign(CALLER, ret_block, alignment, size_bytes);
}

CATCH_PUBLIC void *CATCH_ENTRY(aligned_alloc)(size_t alignment, size_t size_bytes)
{
    return catch_memalign(CALLER, alignment, size_bytes);
}

CATCH_PUBLIC void *CATCH_ENTRY(memalign)(size_t alignment, size_t size_bytes)
{
    return catch_memalign(CALLER, alignment, size_bytes);
}

#endif
