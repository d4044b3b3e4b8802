/* run/catch.c - faults of the parser, caught in the child.
 *
 * A synchronous fault inside a run is noted and left by siglongjmp: all memory
 * of the parser is ours to throw away. exit() cannot be left that way; the
 * child says what happened and ends. The hang signal only writes down where
 * the run is; the parent ends the process. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "run/catch.h"
#include "run/checkpoint.h"
#include "run/shared.h"

#define ALTERNATE_STACK_BYTES (256u << 10)

static struct run_context *catching; /* one per process that does runs */

#if defined(__x86_64__)
static uintptr_t context_pc(const ucontext_t *at)
{
    return (uintptr_t)at->uc_mcontext.gregs[REG_RIP];
}
static bool context_is_write(const ucontext_t *at)
{
    return at->uc_mcontext.gregs[REG_ERR] & 2;
}
static bool context_holds(const ucontext_t *at, uint64_t word)
{
    for (int i = REG_R8; i <= REG_RCX; i++)
        if ((uint64_t)at->uc_mcontext.gregs[i] == word) return true;
    return false;
}
#elif defined(__aarch64__)
static uintptr_t context_pc(const ucontext_t *at)
{
    return (uintptr_t)at->uc_mcontext.pc;
}
static bool context_is_write(const ucontext_t *at) /* ESR_EL1.WnR, in the esr_context record */
{
    const struct _aarch64_ctx *record = (const struct _aarch64_ctx *)at->uc_mcontext.__reserved;

    for (; record->magic; record = (const void *)((const char *)record + record->size))
        if (record->magic == 0x45535201) return *(const uint64_t *)(record + 1) & 0x40;
    return false;
}
static bool context_holds(const ucontext_t *at, uint64_t word)
{
    for (int i = 0; i < 31; i++)
        if (at->uc_mcontext.regs[i] == word) return true;
    return false;
}
#else
#error "this processor's signal context is not known to run/catch.c"
#endif

/* Did a fresh block's contents serve as a pointer? Zero is in too many registers
 * to mean anything. */
static bool fill_was_followed(const ucontext_t *at, enum smt_fill fill, const siginfo_t *info)
{
    if (fill == SMT_FILL_BYTE)
        return info->si_code == SI_KERNEL && context_holds(at, 0xA5A5A5A5A5A5A5A5u);
    return fill == SMT_FILL_ADDRESS && smt_heap_owns(catching->heap, ~(uintptr_t)info->si_addr);
}

static void fault_note(struct smt_run_fault *fault, int signal, const siginfo_t *info,
                       const ucontext_t *at)
{
    bool has_address = signal == SIGSEGV || signal == SIGBUS;
    bool is_wild = info->si_code == SI_KERNEL; /* no address at all: told as 0 */
    enum smt_fill fill = catching->job->fill;

    *fault = (struct smt_run_fault){
        .signal = signal,
        .code = info->si_code,
        .address = has_address ? (uintptr_t)info->si_addr : 0,
        .pc = context_pc(at),
        .is_write = has_address && context_is_write(at),
        .holds_poison = has_address && is_wild && context_holds(at, smt_heap_poison(fill)),
        .holds_fill = has_address && fill_was_followed(at, fill, info),
    };
}

/* Which way the parser got there: the same instruction of a library may be
 * reached from many places. */
static uint64_t stack_hash(const ucontext_t *at)
{
    static struct smt_stack stack;

    smt_stack_capture_context(&stack, at, catching->boundary);
    return smt_stack_hash(&stack);
}

static void evidence_note(const ucontext_t *at)
{
    struct smt_evidence *evidence = &catching->shared->evidence;

    if (evidence->has_failed_at) return;
    smt_stack_capture_context(&evidence->failed_at, at, catching->boundary);
    evidence->has_failed_at = true;
}

static void fault_caught(int signal, siginfo_t *info, void *context)
{
    if (!catching || !catching->shared->in_run) { /* our own fault: die of it */
        struct sigaction usual = {.sa_handler = SIG_DFL};

        sigaction(signal, &usual, NULL);
        raise(signal);
        return;
    }
    if (signal == SIGSEGV && catching->branch.checkpoint &&
        smt_run_checkpoint_writes(catching->branch.checkpoint, (uintptr_t)info->si_addr))
        return;
    if (catching->result->fault.signal)
        siglongjmp(catching->escape, ESCAPE_FAULT); /* in evidence */
    fault_note(&catching->result->fault, signal, info, context);
    catching->result->fault.stack_hash = stack_hash(context);
    if (catching->job->flags & SMT_JOB_EXPLAIN) evidence_note(context);
    siglongjmp(catching->escape, ESCAPE_FAULT);
}

static void hang_caught(int signal, siginfo_t *info, void *context)
{
    int saved = errno;

    (void)info;
    if (!catching || !catching->shared->in_run) return;
    catching->result->fault.signal = signal;
    catching->result->fault.pc = context_pc(context);
    catching->shared->evidence.has_failed_at = false;
    evidence_note(context);
    catching->shared->hang_noted = 1;
    errno = saved;
}

static void exit_caught(int status, void *unused)
{
    struct smt_evidence *evidence;

    (void)unused;
    if (!catching || !catching->shared->in_run) return;
    evidence = &catching->shared->evidence;
    catching->result->fault = (struct smt_run_fault){.exited = true, .code = status};
    smt_stack_capture_from(&evidence->failed_at, __builtin_return_address(0), catching->boundary);
    evidence->has_failed_at = true;
    catching->result->fault.stack_hash = smt_stack_hash(&evidence->failed_at);
    _exit(EXIT_INSIDE_RUN);
}

static uintptr_t stack_lowest(void)
{
    pthread_attr_t attributes;
    void *low = NULL;
    size_t size;

    if (pthread_getattr_np(pthread_self(), &attributes) != 0) return 0;
    pthread_attr_getstack(&attributes, &low, &size);
    pthread_attr_destroy(&attributes);
    return (uintptr_t)low;
}

void smt_run_catch_install(struct run_context *context)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS, SIGTRAP};
    struct sigaction action = {.sa_sigaction = fault_caught,
                               .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    struct sigaction on_hang = {.sa_sigaction = hang_caught,
                                .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};
    void *stack = mmap(NULL, ALTERNATE_STACK_BYTES, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);

    catching = context;
    context->stack_low = stack_lowest();
    if (stack != MAP_FAILED) {
        stack_t alternate = {.ss_sp = stack, .ss_size = ALTERNATE_STACK_BYTES};

        sigaltstack(&alternate, NULL);
    }
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        sigaction(signals[i], &action, NULL);
    sigemptyset(&on_hang.sa_mask);
    sigaction(SMT_HANG_SIGNAL, &on_hang, NULL);
    on_exit(exit_caught, NULL);
}
