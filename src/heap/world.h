/* heap/world.h - a snapshot of this process, while no other thread runs.
 *
 *   caller        helper (shares memory)      other threads      snapshot
 *     │ clone ───────> │                          │
 *     │                │ ptrace, each: stop ────> ■
 *     │                │ registers                ■
 *     │                │ fork ────────────────────■──────────────> │
 *     │ <── released ──│ detach ────────────────> │                │ job
 *     │ release()      │ <────────────────────────│─────────────── ┘
 *     │ <───────────── ┘
 *
 * Threads stand still for as long as it takes to stop them and to copy page
 * tables. The snapshot has its own copy of everything but shared mappings,
 * through which the job tells its result. Neither process is seen by the
 * program's wait(): they end with no signal.
 *
 * Where ptrace is refused (a debugger is there, a container forbids it), each
 * thread gets a signal and waits in its handler; blocking calls of the program
 * may then return EINTR. */
#ifndef SMT_HEAP_WORLD_H
#define SMT_HEAP_WORLD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define SMT_WORLD_REGISTERS   16
#define SMT_WORLD_THREADS_MAX 8192

struct smt_world_thread {
    pid_t tid;
    bool stopped;
    uintptr_t sp, thread_base; /* thread_base: of its thread-local storage; 0 unknown */
    uintptr_t registers[SMT_WORLD_REGISTERS];
};

struct smt_world {
    /* set by the caller */
    void (*job)(void *context, const struct smt_world *world); /* in the snapshot */
    void (*release)(void *context); /* in the caller, when threads run again */
    void *context;
    bool signals_only; /* do not try ptrace */
    /* answers */
    bool by_signal;
    uint64_t stopped_ns; /* how long the other threads stood still */
    const char *failure; /* NULL: the job was done */
    pid_t process;       /* whose threads these are */
    uint32_t count;
    struct smt_world_thread *threads;
    /* inside */
    _Atomic uint32_t step, here;
    pid_t caller;
    int error;
};

/* Runs the job in a snapshot; false: see failure. The caller must hold no lock
 * that code of the job takes, and must be a thread of which the job knows that
 * its stack does not matter. */
bool smt_world_snapshot(struct smt_world *world);

#endif
