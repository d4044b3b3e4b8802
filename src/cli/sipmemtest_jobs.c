#include "cli/sipmemtest_jobs.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOOK_NS 20000000 /* how often the processes are looked after */

/* What a process tells the parent; in shared memory. */
struct slot {
    pid_t pid;
    volatile uint64_t done; /* messages */
    bool is_up;
    int status;           /* enum smt_status of its sweep */
    char sentence[512];   /* of its smt_fail() */
    int signal;           /* it died of; 0: it ended by itself */
    struct smt_sink sink; /* takes its progress */
};

struct jobs {
    struct session *session;
    const struct smt_sweep_settings *settings;
    const struct smt_message_list *messages;
    struct smt_journal *journal;
    struct slot *slots;
    size_t count;
    int interrupts_passed_on;
};

/* --- a process ------------------------------------------------------------------------------- */

static void progress_note(struct smt_sink *sink, const struct smt_progress *progress)
{
    struct slot *slot = (struct slot *)((char *)sink - offsetof(struct slot, sink));

    slot->done = progress->messages_done;
}

/* The share of a budget or shard that process n of `count` has. */
static struct smt_sweep_settings share_of(const struct jobs *jobs, size_t n)
{
    struct smt_sweep_settings settings = *jobs->settings;
    uint32_t shards = settings.shards ? settings.shards : 1;
    uint32_t shard = settings.shards ? settings.shard : 1;

    /* one shard of I/M divided by N: those of I, I+M, I+2M ... of M*N */
    settings.shards = shards * (uint32_t)jobs->count;
    settings.shard = shard + shards * (uint32_t)n;
    settings.known = NULL;
    settings.done = smt_journal_done(jobs->journal, n);
    if (settings.budget_injections)
        settings.budget_injections = settings.budget_injections / jobs->count +
                                     (n < settings.budget_injections % jobs->count);
    return settings;
}

static void process_run(struct jobs *jobs, size_t n, pid_t parent)
{
    struct slot *slot = &jobs->slots[n];
    struct smt_sweep_settings settings = share_of(jobs, n);
    struct smt_sink *sinks[2] = {smt_journal_sink(jobs->journal, n), &slot->sink};
    struct smt_sweep *sweep = NULL;
    enum smt_status status, kept;

    setpgid(0, 0); /* the terminal's interrupt goes to the parent, who passes it on once */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(0);
    slot->sink.progress = progress_note;
    status = smt_sweep_new(&settings, jobs->messages, sinks, 2, &sweep);
    if (status == SMT_OK) status = smt_sweep_run(sweep);
    snprintf(slot->sentence, sizeof slot->sentence, "%s", smt_fail_text());
    kept = smt_journal_flush(jobs->journal);
    if (kept != SMT_OK) {
        status = kept;
        snprintf(slot->sentence, sizeof slot->sentence, "%s", smt_fail_text());
    }
    slot->status = status;
    smt_sweep_free(sweep);
    _exit(0);
}

/* --- the parent ------------------------------------------------------------------------------- */

static enum smt_status processes_start(struct jobs *jobs)
{
    pid_t parent = getpid();

    for (size_t n = 0; n < jobs->count; n++) {
        struct slot *slot = &jobs->slots[n];

        pid_t pid = fork(); /* not right into the slot, which the child shares */

        if (pid == 0) process_run(jobs, n, parent);
        if (pid < 0)
            return smt_fail(SMT_ECHILD, "cannot start process %zu of %zu: %s", n + 1, jobs->count,
                            strerror(errno));
        slot->pid = pid;
        slot->is_up = true;
    }
    return SMT_OK;
}

static void interrupt_pass_on(struct jobs *jobs)
{
    for (; jobs->interrupts_passed_on < smt_cli_session_interrupts; jobs->interrupts_passed_on++)
        for (size_t n = 0; n < jobs->count; n++)
            if (jobs->slots[n].is_up) kill(jobs->slots[n].pid, SIGINT);
}

/* Reaps who has ended; how many are still up. */
static size_t processes_look(struct jobs *jobs)
{
    size_t up = 0;

    for (size_t n = 0; n < jobs->count; n++) {
        struct slot *slot = &jobs->slots[n];
        int wait_status;

        if (!slot->is_up) continue;
        if (waitpid(slot->pid, &wait_status, WNOHANG) == slot->pid) {
            slot->is_up = false;
            if (WIFSIGNALED(wait_status)) slot->signal = WTERMSIG(wait_status);
        }
        up += slot->is_up;
    }
    return up;
}

static void progress_tell(const struct jobs *jobs)
{
    const struct session *session = jobs->session;
    struct smt_progress progress = {.messages = jobs->messages->count};
    uint64_t done = 0;

    for (size_t n = 0; n < jobs->count; n++)
        done += jobs->slots[n].is_up ? jobs->slots[n].done : jobs->messages->count;
    progress.messages_done = done / jobs->count;
    for (size_t i = 0; i < session->sink_count; i++)
        if (session->sinks[i]->progress) session->sinks[i]->progress(session->sinks[i], &progress);
}

static void processes_wait(struct jobs *jobs)
{
    struct timespec pause = {0, LOOK_NS};

    while (processes_look(jobs)) {
        interrupt_pass_on(jobs);
        progress_tell(jobs);
        nanosleep(&pause, NULL);
    }
    smt_cli_progress_erase(&jobs->session->progress);
}

/* The worst of all of them, and its sentence. */
static enum smt_status processes_judge(const struct jobs *jobs)
{
    enum smt_status worst = SMT_OK;

    for (size_t n = 0; n < jobs->count; n++) {
        const struct slot *slot = &jobs->slots[n];

        if (slot->signal)
            return smt_fail(SMT_ECHILD,
                            "process %zu of %zu died of signal %d; what was found is reported",
                            n + 1, jobs->count, slot->signal);
        if (smt_status_exit((enum smt_status)slot->status) > smt_status_exit(worst))
            worst = smt_fail((enum smt_status)slot->status, "%s", slot->sentence);
    }
    return worst;
}

enum smt_status smt_cli_jobs_run(struct session *session, const struct smt_sweep_settings *settings,
                                 const struct smt_message_list *messages,
                                 struct smt_journal *journal, struct smt_results **ret_results)
{
    struct jobs jobs = {.session = session,
                        .settings = settings,
                        .messages = messages,
                        .journal = journal,
                        .count = session->options->jobs};
    uint64_t started_ns = smt_clock_ns();
    struct smt_summary *summary;
    enum smt_status status, started;

    jobs.slots = mmap(NULL, jobs.count * sizeof *jobs.slots, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (jobs.slots == MAP_FAILED) return smt_fail(SMT_ENOMEM, "out of memory for processes");
    fflush(NULL);
    started = processes_start(&jobs);
    processes_wait(&jobs);
    status = processes_judge(&jobs);
    munmap(jobs.slots, jobs.count * sizeof *jobs.slots);
    if (started != SMT_OK) status = started;
    if (smt_journal_results(journal, ret_results) != SMT_OK) return SMT_EIO;
    summary = smt_results_summary(*ret_results);
    summary->unusable_inputs += settings->unusable_inputs;
    summary->seconds = (double)(smt_clock_ns() - started_ns) / 1e9;
    if (status != SMT_OK) {
        summary->truncated = true;
        summary->truncated_by =
            status == SMT_EINTERRUPTED ? "interrupted" : "a failure of the tool";
        return status;
    }
    return smt_sweep_check_done(settings, summary, true);
}
