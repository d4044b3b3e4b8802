/* base/lock.h - a lock of one word, for what takes some instructions.
 *
 * Who waits naps, which lets a holder of any priority go on, and who gives it back
 * need not ask whether somebody waits: a plain store. A mutex asks, and the
 * processor then waits for all earlier stores, often as long as the work took.
 * All zeros is free; not recursive. Calls nothing of the C library, which may be
 * inside malloc. */
#ifndef SMT_BASE_LOCK_H
#define SMT_BASE_LOCK_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

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
