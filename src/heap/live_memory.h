/* heap/live_memory.h - inside heap/ and preload/: memory and locks for code that
 * runs inside malloc: pages by system call (the C library's mmap may be wrapped)
 * and a lock of one word. */
#ifndef SMT_HEAP_LIVE_MEMORY_H
#define SMT_HEAP_LIVE_MEMORY_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
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

/* Held for some instructions only, but for a walk through a whole table: so who
 * waits naps, and who gives it back need not ask whether somebody waits. */
struct smt_lock {
    _Atomic uint32_t word;
};

__attribute__((noinline, unused)) static void smt_lock_wait(struct smt_lock *lock)
{
    struct timespec nap = {.tv_nsec = 20000};

    for (unsigned tries = 0; atomic_load_explicit(&lock->word, memory_order_relaxed) ||
                             atomic_exchange_explicit(&lock->word, 1, memory_order_acquire);
         tries++) {
        if (tries < 200)
            __builtin_ia32_pause();
        else
            (void)syscall(SYS_nanosleep, &nap, NULL);
    }
}

static inline void smt_lock_take(struct smt_lock *lock)
{
    if (atomic_exchange_explicit(&lock->word, 1, memory_order_acquire)) smt_lock_wait(lock);
}

static inline void smt_lock_give(struct smt_lock *lock)
{
    atomic_store_explicit(&lock->word, 0, memory_order_release);
}

#endif
