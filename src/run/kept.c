/* run/kept.c - the child is started, primed, watched and replaced.
 *
 *          start           feed           'D'
 *   none ---------> up ----------> busy --------> up
 *    ^              ^ primed first  | 'X', death, hang
 *    +--------------+---------------+
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "run/catch.h"
#include "run/kept.h"

#define POLL_MS        20
#define POLL_NS        (POLL_MS * 1000000u)
#define LIMIT_LEAST_NS 1000000000u
#define LIMIT_FACTOR   100u
#define WAIT_FACTOR    5u /* a child that waits for something hangs too */
#define HANG_NOTE_NS   300000000u
#define NOTE_LOOK_NS   5000000u

/* Of CPU time, for one run. */
static uint64_t run_limit_ns(const struct smt_worker *worker)
{
    uint64_t limit = worker->shared->baseline.cpu_ns * LIMIT_FACTOR;

    if (!worker->shared->has_baseline) return worker->settings.timeout_ns;
    return limit > LIMIT_LEAST_NS ? limit : LIMIT_LEAST_NS;
}

/* --- up and down ---------------------------------------------------------------- */

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

/* A copy of a connection would keep it open after its owner has closed it. */
static void others_close(int socket)
{
    if (socket > 3) close_range(3, (unsigned)socket - 1, 0);
    close_range((unsigned)(socket < 3 ? 2 : socket) + 1, ~0u, 0);
}

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
        if (worker->settings.is_alone) others_close(ends[1]);
        smt_run_child(&worker->context, ends[1]);
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

/* Whether it has or wants a processor or a disk, or was stopped. */
static bool is_busy_or_held(pid_t process)
{
    char path[40], text[128] = "";
    const char *name_end;
    int fd;

    snprintf(path, sizeof path, "/proc/%d/stat", (int)process);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    if (read(fd, text, sizeof text - 1) < 0) *text = '\0';
    close(fd);
    name_end = strrchr(text, ')');
    return name_end && strncmp(name_end, ") ", 2) == 0 && name_end[2] &&
           strchr("RDTt", name_end[2]);
}

/* What a run has had: processor time, and time in which it was seen to wait for
 * something. Time in which it could not go on does not count: others had the
 * processor or the disk, or somebody stopped it, perhaps together with us. */
struct effort {
    uint64_t cpu_start_ns, waited_ns;
};

static struct effort effort_begin(pid_t process)
{
    return (struct effort){.cpu_start_ns = child_cpu_ns(process)};
}

static bool effort_exceeds(struct effort *effort, pid_t process, uint64_t look_ns,
                           uint64_t cpu_limit_ns, uint64_t wait_limit_ns)
{
    if (!is_busy_or_held(process)) effort->waited_ns += look_ns;
    return effort->waited_ns > wait_limit_ns ||
           child_cpu_ns(process) > effort->cpu_start_ns + cpu_limit_ns;
}

void smt_run_kept_end_hang(struct smt_worker *worker)
{
    struct timespec pause = {0, NOTE_LOOK_NS};
    pid_t runner = runner_pid(worker);
    struct effort effort = effort_begin(runner);

    worker->shared->hang_noted = 0;
    kill(runner, SMT_HANG_SIGNAL);
    while (!worker->shared->hang_noted && !smt_run_interrupted &&
           !effort_exceeds(&effort, runner, NOTE_LOOK_NS, HANG_NOTE_NS, HANG_NOTE_NS))
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
    uint64_t progress = worker->shared->progress, limit = run_limit_ns(worker);
    struct effort effort = effort_begin(runner_pid(worker));
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
            effort = effort_begin(runner_pid(worker));
        } else if (effort_exceeds(&effort, runner_pid(worker), POLL_NS, limit,
                                  WAIT_FACTOR * limit)) {
            return CHILD_HANGS;
        }
        if (child_has_ended(worker)) return CHILD_DIED;
    }
}

enum child_end smt_run_kept_feed(struct smt_worker *worker, uint32_t from, uint32_t end)
{
    worker->shared->job_current = from;
    worker->shared->job_end = end;
    return jobs_hand_over(worker) ? child_wait(worker) : CHILD_DIED;
}

void smt_run_death_note(struct smt_run_result *result, int wait_status)
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

void smt_run_hang_note(struct smt_run_result *result)
{
    result->done = true;
    result->left_state = true;
    result->fault.signal = 0;
    result->verdicts |= SMT_VERDICT_BIT(HANG);
}

bool smt_run_kept_reap(struct smt_worker *worker, struct smt_run_result *result)
{
    int wait_status = child_end_now(worker);

    if (!worker->shared->in_run) return false;
    worker->shared->in_run = 0;
    smt_run_death_note(result, wait_status);
    return true;
}

/* --- priming --------------------------------------------------------------------- */

static enum child_end slot_run(struct smt_worker *worker, const struct smt_job *job)
{
    struct run_shared *shared = worker->shared;
    enum child_end end;

    shared->jobs[PRIME_SLOT] = *job;
    memset(&shared->results[PRIME_SLOT], 0, sizeof shared->results[PRIME_SLOT]);
    end = smt_run_kept_feed(worker, PRIME_SLOT, PRIME_SLOT + 1);
    if (end == CHILD_DIED)
        smt_run_kept_reap(worker, &shared->results[PRIME_SLOT]);
    else if (end == CHILD_HANGS)
        smt_run_kept_end_hang(worker);
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
        smt_run_hang_note(&worker->first_run);
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

enum smt_status smt_run_kept_ready(struct smt_worker *worker)
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
