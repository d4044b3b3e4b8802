/* run/child.c - the process that does the runs. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "run/shared.h"

static struct smt_parser_hooks heap_hooks = {smt_heap_malloc, smt_heap_calloc, smt_heap_realloc,
                                             smt_heap_release};

/* Pointers into messages are to be the same in every process, see heap/. */
#define AREA_ADDRESS ((void *)0x400000000000)

#define STACK_BYTES (8u << 20) /* as most systems have it */

/* An area with an inaccessible page on both sides. */
static char *area_new(size_t area_bytes)
{
    char *area = mmap(AREA_ADDRESS, area_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (area == MAP_FAILED) return NULL;
    if (mprotect(area + PAGE_BYTES, area_bytes - 2 * PAGE_BYTES, PROT_READ | PROT_WRITE) == 0)
        return area;
    munmap(area, area_bytes);
    return NULL;
}

static void message_drop(struct run_message *message)
{
    if (message->tail_area) munmap(message->tail_area, message->area_bytes);
    if (message->head_area) munmap(message->head_area, message->area_bytes);
    *message = (struct run_message){0};
}

/* Lays the mail out twice, ending at and beginning after a guard, read-only. */
static enum smt_status message_place(struct run_context *context)
{
    struct run_message *message = &context->message;
    size_t size = context->shared->mail_bytes;
    size_t pages = (size + PAGE_BYTES - 1) / PAGE_BYTES;

    message_drop(message);
    message->area_bytes = (pages + 2) * PAGE_BYTES;
    message->tail_area = area_new(message->area_bytes);
    message->head_area = area_new(message->area_bytes);
    if (!message->tail_area || !message->head_area) {
        message_drop(message);
        return smt_fail(SMT_ENOMEM, "out of memory for a message of %zu bytes", size);
    }
    message->at_tail = message->tail_area + message->area_bytes - PAGE_BYTES - size;
    message->at_head = message->head_area + PAGE_BYTES;
    memcpy((char *)message->at_tail, context->shared->mail, size);
    memcpy((char *)message->at_head, context->shared->mail, size);
    mprotect(message->tail_area + PAGE_BYTES, pages * PAGE_BYTES, PROT_READ);
    mprotect(message->head_area + PAGE_BYTES, pages * PAGE_BYTES, PROT_READ);
    message->size_bytes = size;
    message->epoch = context->shared->epoch;
    return SMT_OK;
}

/* What the parser allocates in init() is there for good. */
static enum smt_status parser_ready(struct run_context *context)
{
    const struct smt_parser *parser = context->settings->parser;
    int code;

    context->initialised = true;
    smt_stack_warm_up();
    smt_heap_use(context->heap);
    smt_heap_begin(context->heap,
                   &(struct smt_heap_settings){.check_content = context->settings->check_content});
    code = parser->init(&heap_hooks);
    if (code)
        return smt_fail(SMT_EUNSUPPORTED, "parser %s cannot be initialised: code %d", parser->name,
                        code);
    smt_heap_keep(context->heap);
    return SMT_OK;
}

enum smt_status smt_run_prepare(struct run_context *context)
{
    enum smt_status status = SMT_OK;

    if (!context->initialised) status = parser_ready(context);
    if (status == SMT_OK && context->message.epoch != context->shared->epoch)
        status = message_place(context);
    return status;
}

/* The parser's standard output must not mix with ours. */
static void output_redirect(bool show)
{
    int sink;

    if (show) {
        dup2(STDERR_FILENO, STDOUT_FILENO);
        return;
    }
    sink = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (sink >= 0) dup2(sink, STDOUT_FILENO);
    if (sink > STDERR_FILENO) close(sink);
}

/* The jobs up to job_end; false when this process should be replaced. */
static bool jobs_do(struct run_context *context)
{
    static const struct smt_job check = {.flags = SMT_JOB_CHECK};
    struct run_shared *shared = context->shared;

    while (shared->job_current < shared->job_end) {
        struct smt_run_result *result = &shared->results[shared->job_current], after;
        uint32_t end;

        if (smt_run_branches_pay(context, shared->job_current, &end)) {
            smt_run_branches(context, shared->job_current, end);
            continue;
        }

        smt_run_job(context, &shared->jobs[shared->job_current], result);
        if (result->fault.signal && !result->left_state && shared->has_baseline) {
            smt_run_job(context, &check, &after);
            if (after.verdicts & ~shared->baseline.verdicts || !after.matches_baseline)
                result->left_state = true;
        }
        shared->job_current++;
        if (result->left_state) return false;
    }
    return true;
}

/* What our caller ignores or blocks must not change what a run does. The terminal's
 * signals stay as they are: they are for the program, not for the parser. */
static void signals_reset(void)
{
    static const int kept[] = {SIGHUP, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU};
    sigset_t ignored, none;

    sigfillset(&ignored);
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) sigdelset(&ignored, kept[i]);
    for (int number = 1; number < NSIG; number++) {
        struct sigaction action;

        if (sigismember(&ignored, number) == 1 && sigaction(number, NULL, &action) == 0 &&
            action.sa_handler == SIG_IGN)
            signal(number, SIG_DFL);
    }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
}

/* Where no limit is set, a recursion without end would take all memory first. */
static void stack_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_STACK, &limit) != 0 || limit.rlim_cur != RLIM_INFINITY) return;
    limit.rlim_cur = STACK_BYTES;
    setrlimit(RLIMIT_STACK, &limit);
}

_Noreturn void smt_run_child(struct run_context *context, int socket)
{
    char command;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signals_reset();
    stack_limit();
    output_redirect(context->settings->show_parser_output);
    smt_run_catch_install(context);
    for (;;) {
        ssize_t got = read(socket, &command, 1);
        char answer = 'D';

        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) _exit(0);
        if (smt_run_prepare(context) != SMT_OK)
            answer = 'F';
        else if (!jobs_do(context))
            answer = 'X';
        if (write(socket, &answer, 1) != 1) _exit(0);
    }
}
