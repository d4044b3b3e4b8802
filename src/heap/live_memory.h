/* heap/live_memory.h - inside heap/ and preload/: memory and locks for code that
 * runs inside malloc: pages by system call (the C library's mmap may be wrapped)
 * and a lock of one word. */
#ifndef SMT_HEAP_LIVE_MEMORY_H
#define SMT_HEAP_LIVE_MEMORY_H

#include <linux/futex.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Zeroed pages; NULL when there are none. `shared` with processes forked later. */
static inline void *smt_pages_new(size_t size_bytes, int shared)
{
    long at = syscall(SYS_mmap, NULL, size_bytes, PROT_READ | PROT_WRITE,
                      (shared ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0L);

    return at == -1 ? NULL : (void *)at;
}

static inline void smt_pages_free(void *pages, size_t size_bytes)
{
    if (pages) (void)syscall(SYS_munmap, pages, size_bytes);
}

/* 0 free, 1 taken, 2 taken and somebody waits (Drepper, "Futexes are tricky"). */
struct smt_lock {
    _Atomic uint32_t word;
};

static inline void smt_lock_wait(struct smt_lock *lock)
{
    while (atomic_exchange_explicit(&lock->word, 2, memory_order_acquire) != 0)
        (void)syscall(SYS_futex, &lock->word, FUTEX_WAIT_PRIVATE, 2, NULL, NULL, 0);
}

static inline void smt_lock_take(struct smt_lock *lock)
{
    uint32_t expected = 0;

    if (!atomic_compare_exchange_strong_explicit(&lock->word, &expected, 1, memory_order_acquire,
                                                 memory_order_relaxed))
        smt_lock_wait(lock);
}

static inline void smt_lock_give(struct smt_lock *lock)
{
    if (atomic_exchange_explicit(&lock->word, 0, memory_order_release) == 2)
        (void)syscall(SYS_futex, &lock->word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

#endif
