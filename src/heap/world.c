#include "heap/world.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>

#include "base/base.h"
#include "heap/live_memory.h"

#define HELPER_STACK ((size_t)128 << 10)
#define PATIENCE_NS  2000000000u /* for threads to stop */

enum { STEP_BEGIN, STEP_GO, STEP_RELEASED, STEP_DONE };

/* The helper shares errno with its caller, so both go by return values. */
static long raw(long number, long a, long b, long c, long d)
{
    long result;
    register long r10 __asm__("r10") = d;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
                     : "rcx", "r11", "memory");
    return result;
}

static void step_wait(struct smt_world *world, uint32_t step)
{
    uint32_t now;

    while ((now = atomic_load(&world->step)) < step)
        (void)syscall(SYS_futex, &world->step, FUTEX_WAIT, now, NULL, NULL, 0);
}

static void step_set(struct smt_world *world, uint32_t step)
{
    atomic_store(&world->step, step);
    (void)syscall(SYS_futex, &world->step, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

/* --- the list of threads --- */

struct linux_dirent {
    uint64_t inode;
    int64_t offset;
    uint16_t size;
    uint8_t type;
    char name[];
};

static pid_t name_number(const char *name)
{
    pid_t number = 0;

    for (; *name >= '0' && *name <= '9'; name++) number = number * 10 + (*name - '0');
    return *name ? 0 : number;
}

static bool thread_is_known(const struct smt_world *world, pid_t tid)
{
    if (tid == world->caller) return true;
    for (uint32_t i = 0; i < world->count; i++)
        if (world->threads[i].tid == tid) return true;
    return false;
}

static char task_folder[40];

/* A first thread that ended before the others stays in the list. */
static bool thread_is_zombie(pid_t tid)
{
    char path[64], text[512];
    const char *state;
    long fd, size;

    snprintf(path, sizeof path, "%s/%d/stat", task_folder, (int)tid);
    fd = raw(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0) return true;
    size = raw(SYS_read, fd, (long)text, sizeof text - 1, 0);
    raw(SYS_close, fd, 0, 0, 0);
    text[size > 0 ? size : 0] = '\0';
    state = strrchr(text, ')');
    return !state || state[1] != ' ' || state[2] == 'Z' || state[2] == 'X';
}

/* Calls `found` for each thread not seen before; how many there were, -1 when
 * the list cannot be read. */
static int threads_each_new(struct smt_world *world,
                            bool (*found)(struct smt_world *world, struct smt_world_thread *thread))
{
    char entries[4096];
    long folder_fd =
        raw(SYS_openat, AT_FDCWD, (long)task_folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    int fresh = 0;
    long size;

    if (folder_fd < 0) return -1;
    while ((size = raw(SYS_getdents64, folder_fd, (long)entries, sizeof entries, 0)) > 0)
        for (long at = 0; at < size;) {
            const struct linux_dirent *entry = (const void *)(entries + at);
            pid_t tid = name_number(entry->name);

            at += entry->size;
            if (!tid || thread_is_known(world, tid) || world->count == SMT_WORLD_THREADS_MAX)
                continue;
            fresh++;
            /* Counted first: a signal's handler looks itself up. */
            world->threads[world->count++] = (struct smt_world_thread){.tid = tid};
            if (!found(world, &world->threads[world->count - 1])) world->count--;
        }
    raw(SYS_close, folder_fd, 0, 0, 0);
    return size < 0 ? -1 : fresh;
}

/* --- by ptrace, in the helper --- */

/* These answer EINTR after any stop, even when no signal came (signal(7)). */
static bool call_never_restarts(unsigned long long number)
{
    switch (number) {
    case SYS_epoll_wait:
    case SYS_epoll_pwait:
    case SYS_epoll_pwait2:
    case SYS_rt_sigtimedwait:
    case SYS_semop:
    case SYS_semtimedop:
    case SYS_io_getevents:
        return true;
    default:
        return false;
    }
}

static bool signal_is_queued(pid_t tid)
{
    siginfo_t signal;
    struct __ptrace_peeksiginfo_args which = {.nr = 1};

    if (raw(SYS_ptrace, PTRACE_PEEKSIGINFO, tid, (long)&which, (long)&signal) > 0) return true;
    which.flags = PTRACE_PEEKSIGINFO_SHARED;
    return raw(SYS_ptrace, PTRACE_PEEKSIGINFO, tid, (long)&which, (long)&signal) > 0;
}

/* Lets the call begin again, so that the program does not see that it stopped. */
static void call_restart(pid_t tid, struct user_regs_struct *registers)
{
    if ((long)registers->rax != -EINTR || !call_never_restarts(registers->orig_rax) ||
        signal_is_queued(tid))
        return;
    registers->rax = registers->orig_rax;
    registers->rip -= 2; /* the length of `syscall` */
    raw(SYS_ptrace, PTRACE_SETREGS, tid, 0, (long)registers);
}

static void registers_keep(struct smt_world_thread *thread, const struct user_regs_struct *from)
{
    const uintptr_t kept[SMT_WORLD_REGISTERS] = {
        from->rax, from->rbx, from->rcx, from->rdx, from->rsi, from->rdi, from->rbp, from->r8,
        from->r9,  from->r10, from->r11, from->r12, from->r13, from->r14, from->r15, from->rsp,
    };

    memcpy(thread->registers, kept, sizeof kept);
    thread->sp = from->rsp;
    thread->thread_base = from->fs_base;
    thread->stopped = true;
}

static bool thread_seize(struct smt_world *world, struct smt_world_thread *thread)
{
    struct user_regs_struct registers;
    long result = raw(SYS_ptrace, PTRACE_SEIZE, thread->tid, 0, 0);
    int status;

    if (result == -ESRCH) return false; /* it ended */
    if (result < 0) {
        if (!thread_is_zombie(thread->tid)) world->error = (int)-result;
        return false;
    }
    if (raw(SYS_ptrace, PTRACE_INTERRUPT, thread->tid, 0, 0) < 0) return true;
    while ((result = raw(SYS_wait4, thread->tid, (long)&status, __WALL, 0)) == -EINTR) continue;
    if (result != thread->tid || !WIFSTOPPED(status)) return true;
    if (raw(SYS_ptrace, PTRACE_GETREGS, thread->tid, 0, (long)&registers) < 0) return true;
    registers_keep(thread, &registers);
    call_restart(thread->tid, &registers);
    return true;
}

static void threads_detach(struct smt_world *world)
{
    for (uint32_t i = 0; i < world->count; i++)
        raw(SYS_ptrace, PTRACE_DETACH, world->threads[i].tid, 0, 0);
}

/* The copy of this process does the job; its id. */
static pid_t snapshot_fork(struct smt_world *world)
{
    long child = raw(SYS_clone, 0, 0, 0, 0);

    if (child != 0) return (pid_t)child;
    world->job(world->context, world);
    raw(SYS_exit_group, 0, 0, 0, 0);
    __builtin_unreachable();
}

static int snapshot_wait(pid_t child)
{
    int status = 0;

    if (child < 0) return -1;
    while (raw(SYS_wait4, child, (long)&status, __WALL, 0) == -EINTR) continue;
    return status;
}

static int helper_main(void *context)
{
    struct smt_world *world = context;
    uint64_t begin_ns;
    pid_t child = -1;
    int fresh;

    step_wait(world, STEP_GO);
    begin_ns = smt_clock_ns();
    do {
        fresh = threads_each_new(world, thread_seize);
    } while (fresh > 0 && !world->error);
    if (!world->error && fresh == 0) child = snapshot_fork(world);
    threads_detach(world);
    world->stopped_ns = smt_clock_ns() - begin_ns;
    step_set(world, STEP_RELEASED);
    if (!world->error && snapshot_wait(child) != 0) world->failure = "the snapshot process failed";
    step_set(world, STEP_DONE);
    return 0;
}

/* False: ptrace is refused, nothing was done. */
static bool snapshot_by_helper(struct smt_world *world)
{
    char *stack = smt_pages_new(HELPER_STACK, 0);
    pid_t helper = -1;

    if (stack)
        helper = clone(helper_main, stack + HELPER_STACK, CLONE_VM | CLONE_FS | CLONE_FILES, world);
    if (helper < 0) {
        world->error = EPERM;
        smt_pages_free(stack, HELPER_STACK);
        return false;
    }
    prctl(PR_SET_PTRACER, (unsigned long)helper, 0, 0, 0);
    step_set(world, STEP_GO);
    step_wait(world, STEP_RELEASED);
    if (!world->error) world->release(world->context);
    while (waitpid(helper, NULL, __WALL) < 0 && errno == EINTR) continue;
    prctl(PR_SET_PTRACER, 0, 0, 0, 0);
    smt_pages_free(stack, HELPER_STACK);
    return world->error == 0;
}

/* --- by signal --- */

static struct smt_world *_Atomic signalled;

static void on_stop_signal(int number, siginfo_t *signal, void *context)
{
    struct smt_world *world = atomic_load(&signalled);
    const greg_t *registers = ((const ucontext_t *)context)->uc_mcontext.gregs;
    pid_t tid = (pid_t)raw(SYS_gettid, 0, 0, 0, 0);
    uint32_t now;

    (void)number;
    (void)signal;
    for (uint32_t i = 0; world && i < world->count; i++) {
        struct smt_world_thread *thread = &world->threads[i];

        if (thread->tid != tid || thread->stopped) continue;
        for (unsigned r = 0; r < SMT_WORLD_REGISTERS; r++)
            thread->registers[r] = (uintptr_t)registers[r];
        thread->sp = (uintptr_t)registers[REG_RSP];
        thread->thread_base = (uintptr_t)__builtin_thread_pointer();
        thread->stopped = true;
        atomic_fetch_add(&world->here, 1);
        while ((now = atomic_load(&world->step)) < STEP_RELEASED)
            raw(SYS_futex, (long)&world->step, FUTEX_WAIT, now, 0);
        atomic_fetch_sub(&world->here, 1);
    }
}

static int stop_signal;

/* A real-time signal nobody handles, or one that was left ours; 0: none. */
static int signal_choose(void)
{
    struct sigaction action;

    if (stop_signal && sigaction(stop_signal, NULL, &action) == 0 &&
        action.sa_sigaction == on_stop_signal)
        return stop_signal;
    for (int number = SIGRTMAX; number >= SIGRTMIN; number--)
        if (sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_DFL) return number;
    return 0;
}

static bool thread_signal(struct smt_world *world, struct smt_world_thread *thread)
{
    (void)world;
    return !thread_is_zombie(thread->tid) &&
           raw(SYS_tgkill, getpid(), thread->tid, stop_signal, 0) == 0;
}

/* Waits until `here` is that many; false when it takes too long. */
static bool threads_await(struct smt_world *world, uint32_t count)
{
    const struct timespec nap = {.tv_nsec = 100000};
    uint64_t end_ns = smt_clock_ns() + PATIENCE_NS;

    while (atomic_load(&world->here) != count) {
        if (smt_clock_ns() > end_ns) return false;
        nanosleep(&nap, NULL);
    }
    return true;
}

static void snapshot_by_signal(struct smt_world *world)
{
    struct sigaction action = {.sa_flags = SA_SIGINFO | SA_RESTART};
    uint64_t begin_ns = smt_clock_ns();
    pid_t child = -1;
    int fresh;

    world->count = 0;
    atomic_store(&world->step, STEP_GO);
    stop_signal = signal_choose();
    action.sa_sigaction = on_stop_signal;
    sigfillset(&action.sa_mask);
    if (!stop_signal || sigaction(stop_signal, &action, NULL) != 0) {
        world->failure = "ptrace is refused, and no real-time signal is free";
        world->release(world->context);
        return;
    }
    atomic_store(&signalled, world);
    do {
        fresh = threads_each_new(world, thread_signal);
    } while (fresh > 0 && threads_await(world, world->count));
    if (fresh == 0)
        child = snapshot_fork(world);
    else
        world->failure = "ptrace is refused, and a thread blocks the signal that would stop it";
    step_set(world, STEP_RELEASED);
    world->stopped_ns = smt_clock_ns() - begin_ns;
    world->release(world->context);
    while (!threads_await(world, 0)) continue; /* nobody looks at `world` any more */
    atomic_store(&signalled, NULL);
    /* A thread that blocks the signal gets it later: that must not end the program. */
    if (!world->failure) signal(stop_signal, SIG_DFL);
    if (!world->failure && snapshot_wait(child) != 0)
        world->failure = "the snapshot process failed";
}

bool smt_world_snapshot(struct smt_world *world)
{
    size_t size = SMT_WORLD_THREADS_MAX * sizeof *world->threads;

    world->caller = (pid_t)raw(SYS_gettid, 0, 0, 0, 0);
    world->threads = smt_pages_new(size, 0);
    world->failure = NULL;
    world->process = getpid();
    /* In the helper, /proc/self is the helper. */
    snprintf(task_folder, sizeof task_folder, "/proc/%d/task", (int)world->process);
    if (!world->threads) {
        world->failure = "no memory";
        world->release(world->context);
        return false;
    }
    if (world->signals_only || !snapshot_by_helper(world)) {
        world->by_signal = true;
        world->error = 0;
        snapshot_by_signal(world);
    }
    smt_pages_free(world->threads, size);
    world->threads = NULL;
    return world->failure == NULL;
}
