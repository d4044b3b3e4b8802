/* run/worker.c - the parent's side: a worker's life, jobs handed over and done
 * again, and what is asked of them afterwards. Its child is kept.c's. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "run/kept.h"

#define IDLE_MOST 10 /* children in a row that end before they have done anything */

volatile int smt_run_interrupted;

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
        return smt_fail(SMT_EINPUT, "over the limit of %zu bytes", (size_t)MAIL_BYTES);
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

/* --- jobs -------------------------------------------------------------------------- */

/* Feeds the jobs from `start` on; returns how many are done afterwards. */
static enum smt_status jobs_feed(struct smt_worker *worker, size_t start, size_t count,
                                 size_t *ret_done)
{
    struct run_shared *shared = worker->shared;
    enum smt_status status = smt_run_kept_ready(worker);
    struct smt_run_result *result;
    enum child_end end;

    if (status != SMT_OK) return status;
    if (worker->hangs) { /* every run would: none is begun again */
        for (; start < count; start++) shared->results[start] = worker->first_run;
        *ret_done = count;
        return SMT_OK;
    }
    end = smt_run_kept_feed(worker, (uint32_t)start, (uint32_t)count);
    *ret_done = shared->job_current;
    if (end == CHILD_DONE) return SMT_OK;
    result = &shared->results[shared->job_current < count ? shared->job_current : count - 1];
    if (end == CHILD_DIED) {
        if (smt_run_kept_reap(worker, result)) *ret_done = shared->job_current + 1;
    } else if (end == CHILD_HANGS) {
        smt_run_kept_end_hang(worker);
        shared->in_run = 0;
        smt_run_hang_note(result);
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
    enum smt_status status = smt_run_prepare(&worker->context);

    for (size_t i = 0; i < count; i++) ret_results[i].done = false;
    if (status != SMT_OK) return status;
    smt_heap_use(worker->context.heap);
    if (worker->primed_epoch != worker->shared->epoch) {
        worker->primed_epoch = worker->shared->epoch;
        if (!(jobs[0].flags & SMT_JOB_BREAK))
            smt_run_job(&worker->context, &prime, &worker->shared->results[PRIME_SLOT]);
    }
    for (size_t i = 0; i < count; i++) {
        if (smt_run_interrupted) return smt_fail(SMT_EINTERRUPTED, "interrupted");
        smt_run_job(&worker->context, &jobs[i], &ret_results[i]);
    }
    return SMT_OK;
}

/* A refusal that nobody planned: what came of it is not the parser's to answer for. */
static enum smt_status room_check(const struct smt_run_result *results, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (results[i].done && results[i].heap.exhausted)
            return smt_fail(
                SMT_EINPUT,
                "a run needs more memory than there is for it: half of the machine's or of "
                "the cgroup's, or the arena (see ulimit -v)");
    return SMT_OK;
}

enum smt_status smt_worker_run(struct smt_worker *worker, const struct smt_job *jobs, size_t count,
                               struct smt_run_result *ret_results)
{
    struct run_shared *shared = worker->shared;
    size_t done = 0, last_killed = SIZE_MAX;
    enum smt_status status = SMT_OK;

    if (worker->settings.in_process) {
        status = in_process_run(worker, jobs, count, ret_results);
        return status == SMT_OK ? room_check(ret_results, count) : status;
    }
    memcpy(shared->jobs, jobs, count * sizeof *jobs);
    for (size_t i = 0; i < count; i++) smt_run_result_init(&shared->results[i]);
    for (int idle = 0; done < count && status == SMT_OK;) {
        size_t before = done;

        status = jobs_feed(worker, done, count, &done);
        if (done > before && killed_once(worker, &done, &last_killed)) continue;
        idle = done > before ? 0 : idle + 1;
        if (status == SMT_OK && idle > IDLE_MOST)
            status = smt_fail(SMT_ECHILD, "the child ends before it has done anything");
    }
    memcpy(ret_results, shared->results, count * sizeof *ret_results);
    return status == SMT_OK ? room_check(ret_results, count) : status;
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
    return smt_run_stream_fields(
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
