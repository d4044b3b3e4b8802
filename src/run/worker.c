/* run/worker.c - the parent's side: starts, feeds, watches and replaces the
 * child.
 *
 *          start           feed           'D'
 *   none ---------> up ----------> busy --------> up
 *    ^              ^ primed first  | 'X', death, hang
 *    +--------------+---------------+
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "run/catch.h"
#include "run/shared.h"

#define POLL_MS        20
#define LIMIT_LEAST_NS 1000000000u
#define LIMIT_FACTOR   100u
#define WALL_FACTOR    5u /* a child that waits for something hangs too */
#define HANG_NOTE_MS   300

volatile int smt_run_interrupted;

struct smt_worker {
    struct smt_worker_settings settings;
    struct run_shared *shared;
    struct run_context context;
    pid_t child; /* 0: none */
    int socket;
    bool bad_prime_hurts;            /* the failing priming run of this message is left out */
    bool hangs;                      /* the first run of this message did not end */
    struct smt_run_result first_run; /* of a message that hangs */
    uint32_t primed_epoch;
    uint64_t children;
    uint64_t kept_blocks; /* caches found by priming for this message */
};

/* How the child came to a stop. */
enum child_end {
    CHILD_DONE,
    CHILD_REPLACE,
    CHILD_DIED,
    CHILD_HANGS,
    CHILD_FAILED,
    CHILD_INTERRUPTED
};

enum smt_status smt_worker_new(const struct smt_worker_settings *settings,
                               struct smt_worker **ret_worker)
{
    struct smt_worker *worker = calloc(1, sizeof *worker);
    enum smt_status status;
    void *shared;

    if (!worker) return smt_fail(SMT_ENOMEM, "out of memory for a worker");
    worker->settings = *settings;
    worker->socket = -1;
    shared = mmap(NULL, sizeof *worker->shared, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    worker->shared = shared == MAP_FAILED ? NULL : shared;
    worker->context.settings = &worker->settings;
    worker->context.shared = worker->shared;
    worker->context.state = calloc(1, settings->parser->state_size_bytes);
    if (!worker->shared || !worker->context.state) {
        smt_worker_free(worker);
        return smt_fail(SMT_ENOMEM, "cannot map %zu bytes for a worker (see ulimit -v)",
                        sizeof *worker->shared);
    }
    status =
        smt_heap_new(settings->quarantine_bytes, settings->libc_backend, &worker->context.heap);
    if (status != SMT_OK) {
        smt_worker_free(worker);
        return status;
    }
    smt_heap_place_decoys(worker->context.heap, (unsigned)settings->decoys);
    smt_stack_warm_up();
    *ret_worker = worker;
    return SMT_OK;
}

/* Ends the child, if it has not ended, and returns its wait status. */
static int child_end_now(struct smt_worker *worker)
{
    pid_t runner = worker->shared->runner;
    int wait_status = 0;

    kill(worker->child, SIGKILL); /* first: it would start its branch again */
    if (runner) kill(runner, SIGKILL);
    while (waitpid(worker->child, &wait_status, 0) < 0 && errno == EINTR) continue;
    close(worker->socket);
    worker->shared->runner = 0;
    worker->socket = -1;
    worker->child = 0;
    return wait_status;
}

void smt_worker_replace(struct smt_worker *worker)
{
    if (worker->child) child_end_now(worker);
}

void smt_worker_free(struct smt_worker *worker)
{
    if (!worker) return;
    smt_worker_replace(worker);
    smt_heap_free(worker->context.heap);
    if (worker->shared) munmap(worker->shared, sizeof *worker->shared);
    free(worker->context.state);
    free(worker);
}

enum smt_status smt_worker_load(struct smt_worker *worker, const struct smt_message *message)
{
    struct run_shared *shared = worker->shared;

    if (message->size_bytes > MAIL_BYTES)
        return smt_fail(SMT_EINPUT, "%s: over the limit of %zu bytes", message->name,
                        (size_t)MAIL_BYTES);
    memcpy(shared->mail, message->data, message->size_bytes);
    shared->mail_bytes = message->size_bytes;
    shared->epoch++;
    shared->has_baseline = false;
    shared->baseline.cpu_ns = 0;
    shared->prefix_count = 0;
    memset(&shared->evidence, 0, sizeof shared->evidence);
    worker->bad_prime_hurts = worker->hangs = false;
    worker->kept_blocks = 0;
    return SMT_OK;
}

uint64_t smt_worker_limit_ns(const struct smt_worker *worker)
{
    uint64_t limit = worker->shared->baseline.cpu_ns * LIMIT_FACTOR;

    if (!worker->shared->has_baseline) return worker->settings.timeout_ns;
    return limit > LIMIT_LEAST_NS ? limit : LIMIT_LEAST_NS;
}

/* --- the child ---------------------------------------------------------------- */

static enum smt_status child_start(struct smt_worker *worker)
{
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return smt_fail(SMT_ECHILD, "cannot talk to a child: %s", strerror(errno));
    worker->child = fork();
    if (worker->child < 0) {
        worker->child = 0;
        close(ends[0]);
        close(ends[1]);
        return smt_fail(SMT_ECHILD, "cannot start a child: %s", strerror(errno));
    }
    if (worker->child == 0) {
        close(ends[0]);
        run_child(&worker->context, ends[1]);
    }
    close(ends[1]);
    worker->socket = ends[0];
    worker->children++;
    worker->primed_epoch = worker->shared->epoch - 1;
    return SMT_OK;
}

/* Who is doing the run: the child, or the branch it waits for. */
static pid_t runner_pid(const struct smt_worker *worker)
{
    pid_t runner = worker->shared->runner;

    return runner ? runner : worker->child;
}

/* CPU time of a process; 0 when it is gone. */
static uint64_t child_cpu_ns(pid_t child)
{
    struct timespec used;
    clockid_t clock;

    if (clock_getcpuclockid(child, &clock) != 0 || clock_gettime(clock, &used) != 0) return 0;
    return (uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec;
}

/* Asks the child to write down where it is, then ends it. */
static void child_end_hang(struct smt_worker *worker)
{
    struct timespec pause = {0, 5000000};
    pid_t runner = runner_pid(worker);

    worker->shared->hang_noted = 0;
    kill(runner, SMT_HANG_SIGNAL);
    for (int waited = 0; waited < HANG_NOTE_MS && !worker->shared->hang_noted; waited += 5)
        nanosleep(&pause, NULL);
    smt_worker_replace(worker);
}

/* False when the child is gone; it must not take us along by SIGPIPE. */
static bool jobs_hand_over(struct smt_worker *worker)
{
    return send(worker->socket, "R", 1, MSG_NOSIGNAL) == 1;
}

/* A process that the parser started may keep the socket open. */
static bool child_has_ended(const struct smt_worker *worker)
{
    siginfo_t ended = {0};

    return waitid(P_PID, (id_t)worker->child, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           ended.si_pid == worker->child;
}

/* Waits until the child answers, dies or exceeds its limit. */
static enum child_end child_wait(struct smt_worker *worker)
{
    uint64_t progress = worker->shared->progress, cpu_start = child_cpu_ns(runner_pid(worker));
    uint64_t wall_start = smt_clock_ns(), limit = smt_worker_limit_ns(worker);
    struct pollfd wait = {.fd = worker->socket, .events = POLLIN};
    char answer;

    for (;;) {
        int ready = poll(&wait, 1, POLL_MS);

        if (smt_run_interrupted) return CHILD_INTERRUPTED;
        if (ready > 0) {
            if (read(worker->socket, &answer, 1) != 1) return CHILD_DIED;
            return answer == 'D' ? CHILD_DONE : answer == 'X' ? CHILD_REPLACE : CHILD_FAILED;
        }
        if (worker->shared->progress != progress) {
            progress = worker->shared->progress;
            cpu_start = child_cpu_ns(runner_pid(worker));
            wall_start = smt_clock_ns();
        } else if (child_cpu_ns(runner_pid(worker)) > cpu_start + limit ||
                   smt_clock_ns() - wall_start > WALL_FACTOR * limit) {
            return CHILD_HANGS;
        }
        if (child_has_ended(worker)) return CHILD_DIED;
    }
}

void run_death_note(struct smt_run_result *result, int wait_status)
{
    result->done = true;
    result->left_state = true;
    if (WIFSIGNALED(wait_status)) {
        result->fault.signal = WTERMSIG(wait_status);
        result->killed_from_outside =
            WTERMSIG(wait_status) == SIGKILL || WTERMSIG(wait_status) == SIGTERM;
    } else if (WEXITSTATUS(wait_status) != EXIT_INSIDE_RUN) { /* _exit() asks nobody */
        result->fault.code = WEXITSTATUS(wait_status);
    }
    if (WIFEXITED(wait_status)) result->fault.exited = true;
    result->verdicts |= SMT_VERDICT_BIT(CRASH);
}

static void hang_note(struct smt_run_result *result)
{
    result->done = true;
    result->left_state = true;
    result->fault.signal = 0;
    result->verdicts |= SMT_VERDICT_BIT(HANG);
}

/* Reaps a child that closed its socket; false when it could not be one of the
 * parser's doings (it died between runs). */
static bool child_reap(struct smt_worker *worker, struct smt_run_result *result)
{
    int wait_status = child_end_now(worker);

    if (!worker->shared->in_run) return false;
    worker->shared->in_run = 0;
    run_death_note(result, wait_status);
    return true;
}

/* --- priming --------------------------------------------------------------------- */

static enum child_end slot_run(struct smt_worker *worker, const struct smt_job *job)
{
    struct run_shared *shared = worker->shared;
    enum child_end end;

    shared->jobs[PRIME_SLOT] = *job;
    memset(&shared->results[PRIME_SLOT], 0, sizeof shared->results[PRIME_SLOT]);
    shared->job_current = PRIME_SLOT;
    shared->job_end = PRIME_SLOT + 1;
    end = jobs_hand_over(worker) ? child_wait(worker) : CHILD_DIED;
    if (end == CHILD_DIED)
        child_reap(worker, &shared->results[PRIME_SLOT]);
    else if (end == CHILD_HANGS)
        child_end_hang(worker);
    else if (end != CHILD_DONE)
        smt_worker_replace(worker);
    shared->in_run = 0;
    return end;
}

static bool primed_alike(const struct smt_run_result *a, const struct smt_run_result *b)
{
    return memcmp(a->codes, b->codes, sizeof a->codes) == 0 &&
           memcmp(a->digests, b->digests, sizeof a->digests) == 0 &&
           a->heap.sequence_hash == b->heap.sequence_hash;
}

/* Lets the parser fill its caches: clean runs and, unless that does harm, one
 * that fails; what stays reachable is kept out of the arena's resets. A message
 * that cannot be primed is left for the baseline to report. */
static enum smt_status child_prime(struct smt_worker *worker)
{
    static const struct smt_job good = {.flags = SMT_JOB_KEEP | SMT_JOB_CHECK};
    static const struct smt_job bad = {.flags = SMT_JOB_KEEP,
                                       .plan = {.rule_count = 1, .rules = {{1, 1}}}};
    const struct smt_run_result *result = &worker->shared->results[PRIME_SLOT];
    struct smt_run_result before;
    enum child_end end;

    worker->primed_epoch = worker->shared->epoch;
    end = slot_run(worker, &good);
    if (end == CHILD_DONE) {
        worker->kept_blocks += result->leak.cached_blocks;
        end = slot_run(worker, &good);
    }
    if (end == CHILD_HANGS) {
        worker->hangs = true;
        worker->first_run = *result;
        hang_note(&worker->first_run);
    }
    before = *result;
    if (end == CHILD_DONE && !result->verdicts && !worker->bad_prime_hurts) {
        end = slot_run(worker, &bad);
        if (end == CHILD_DONE) end = slot_run(worker, &good);
        if (end == CHILD_DONE && !primed_alike(&before, result)) {
            smt_worker_replace(worker);
            end = CHILD_REPLACE;
        }
        if (end != CHILD_DONE) worker->bad_prime_hurts = true;
    }
    if (end == CHILD_INTERRUPTED) return smt_fail(SMT_EINTERRUPTED, "interrupted");
    if (end == CHILD_FAILED)
        return smt_fail(SMT_EUNSUPPORTED, "parser %s could not be prepared in the child",
                        worker->settings.parser->name);
    return SMT_OK;
}

/* A child that is up and primed for the message in place. */
static enum smt_status child_ready(struct smt_worker *worker)
{
    enum smt_status status = SMT_OK;

    for (int tries = 0; tries < 3 && status == SMT_OK; tries++) {
        if (!worker->child) status = child_start(worker);
        if (status == SMT_OK && worker->primed_epoch != worker->shared->epoch)
            status = child_prime(worker);
        if (worker->child || worker->hangs) return status;
    }
    if (status == SMT_OK) { /* priming ends the child each time: run without */
        status = child_start(worker);
        worker->primed_epoch = worker->shared->epoch;
    }
    return status;
}

/* --- jobs -------------------------------------------------------------------------- */

/* Feeds the jobs from `start` on; returns how many are done afterwards. */
static enum smt_status jobs_feed(struct smt_worker *worker, size_t start, size_t count,
                                 size_t *ret_done)
{
    struct run_shared *shared = worker->shared;
    enum smt_status status = child_ready(worker);
    struct smt_run_result *result;
    enum child_end end;

    if (status != SMT_OK) return status;
    if (worker->hangs) { /* every run would: none is begun again */
        for (; start < count; start++) shared->results[start] = worker->first_run;
        *ret_done = count;
        return SMT_OK;
    }
    shared->job_current = (uint32_t)start;
    shared->job_end = (uint32_t)count;
    end = jobs_hand_over(worker) ? child_wait(worker) : CHILD_DIED;
    *ret_done = shared->job_current;
    if (end == CHILD_DONE) return SMT_OK;
    result = &shared->results[shared->job_current < count ? shared->job_current : count - 1];
    if (end == CHILD_DIED) {
        if (child_reap(worker, result)) *ret_done = shared->job_current + 1;
    } else if (end == CHILD_HANGS) {
        child_end_hang(worker);
        shared->in_run = 0;
        hang_note(result);
        *ret_done = shared->job_current + 1;
    } else {
        smt_worker_replace(worker);
        shared->in_run = 0;
        if (end == CHILD_INTERRUPTED) return smt_fail(SMT_EINTERRUPTED, "interrupted");
        if (end == CHILD_FAILED)
            return smt_fail(SMT_ECHILD, "parser %s could not be prepared in the child",
                            worker->settings.parser->name);
    }
    return SMT_OK;
}

/* A SIGKILL from outside says nothing about the message: once more. */
static bool killed_once(struct smt_worker *worker, size_t *done, size_t *last_killed)
{
    size_t at = *done - 1;

    if (!worker->shared->results[at].killed_from_outside || *last_killed == at) return false;
    *last_killed = at;
    *done = at;
    memset(&worker->shared->results[at], 0, sizeof worker->shared->results[at]);
    return true;
}

static enum smt_status in_process_run(struct smt_worker *worker, const struct smt_job *jobs,
                                      size_t count, struct smt_run_result *ret_results)
{
    static const struct smt_job prime = {.flags = SMT_JOB_KEEP};
    enum smt_status status = run_prepare(&worker->context);

    for (size_t i = 0; i < count; i++) ret_results[i].done = false;
    if (status != SMT_OK) return status;
    smt_heap_use(worker->context.heap);
    if (worker->primed_epoch != worker->shared->epoch) {
        worker->primed_epoch = worker->shared->epoch;
        if (!(jobs[0].flags & SMT_JOB_BREAK))
            run_job(&worker->context, &prime, &worker->shared->results[PRIME_SLOT]);
    }
    for (size_t i = 0; i < count; i++) {
        if (smt_run_interrupted) return smt_fail(SMT_EINTERRUPTED, "interrupted");
        run_job(&worker->context, &jobs[i], &ret_results[i]);
    }
    return SMT_OK;
}

enum smt_status smt_worker_run(struct smt_worker *worker, const struct smt_job *jobs, size_t count,
                               struct smt_run_result *ret_results)
{
    struct run_shared *shared = worker->shared;
    size_t done = 0, last_killed = SIZE_MAX;
    enum smt_status status = SMT_OK;

    if (worker->settings.in_process) return in_process_run(worker, jobs, count, ret_results);
    memcpy(shared->jobs, jobs, count * sizeof *jobs);
    for (size_t i = 0; i < count; i++) shared->results[i].done = false;
    for (int idle = 0; done < count && status == SMT_OK;) {
        size_t before = done;

        status = jobs_feed(worker, done, count, &done);
        if (done > before && killed_once(worker, &done, &last_killed)) continue;
        idle = done > before ? 0 : idle + 1;
        if (status == SMT_OK && idle > 10)
            status = smt_fail(SMT_ECHILD, "the child ends before it has done anything");
    }
    memcpy(ret_results, shared->results, count * sizeof *ret_results);
    return status;
}

/* --- asking --------------------------------------------------------------------------- */

uint64_t smt_worker_kept_blocks(const struct smt_worker *worker)
{
    return worker->kept_blocks;
}

uint64_t smt_worker_children(const struct smt_worker *worker)
{
    return worker->children;
}

pid_t smt_worker_pid(const struct smt_worker *worker)
{
    return worker->child;
}

const struct smt_run_result *smt_worker_baseline(const struct smt_worker *worker)
{
    return &worker->shared->baseline;
}

const struct smt_evidence *smt_worker_evidence(const struct smt_worker *worker)
{
    return &worker->shared->evidence;
}

enum smt_status smt_worker_fields(const struct smt_worker *worker, bool baseline,
                                  struct smt_field_list *ret_fields)
{
    return run_stream_fields(
        baseline ? &worker->shared->baseline_stream : &worker->shared->record_stream, ret_fields);
}

void smt_field_list_clear(struct smt_field_list *fields)
{
    free(fields->items);
    *fields = (struct smt_field_list){0};
}

uint32_t smt_worker_site_of(const struct smt_worker *worker, uint64_t attempt)
{
    if (!attempt || attempt > worker->shared->survey_attempts) return UINT32_MAX;
    return worker->shared->site_of[attempt - 1];
}

const struct smt_stack *smt_worker_site(const struct smt_worker *worker, uint32_t site)
{
    return site < worker->shared->site_count ? &worker->shared->sites[site] : NULL;
}

uint32_t smt_worker_site_count(const struct smt_worker *worker)
{
    return worker->shared->site_count;
}
