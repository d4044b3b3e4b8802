#include "cli/mtctl_message.h"

#include <inttypes.h>
#include <string.h>

#include "sweep/sweep.h"

#define CLEAN_RUNS       1000
#define TIMEOUT_NS       UINT64_C(10000000000)
#define QUARANTINE_BYTES ((size_t)64 << 20)
#define FRAMES_SHOWN     4

/* Lines for people, as results come. */
struct message_sink {
    struct smt_sink sink;
    struct smt_buffer *report;
    bool found;
};

static void message_add(struct smt_sink *sink, const struct smt_message_report *message)
{
    struct smt_buffer *report = ((struct message_sink *)sink)->report;
    uint64_t allocations = message->baseline->heap.attempts;

    smt_buffer_addf(
        report, "%s: %zu byte%s, %s, %" PRIu64 " allocation%s, %" PRIu64 " clean run%s\n",
        message->name, message->bytes, smt_number_ending(message->bytes),
        message->accepted ? "accepted" : "not accepted", allocations,
        smt_number_ending(allocations), message->runs, smt_number_ending(message->runs));
}

static void trace_add(struct smt_buffer *report, const char *what, const struct smt_trace *trace)
{
    if (!trace->count) return;
    smt_buffer_addf(report, "  %s ", what);
    smt_trace_format(trace, FRAMES_SHOWN, report);
    smt_buffer_add_text(report, "\n");
}

static void finding_add(struct smt_sink *sink, const struct smt_finding *finding)
{
    struct message_sink *self = (struct message_sink *)sink;

    if (smt_verdicts[finding->verdict].is_defect) self->found = true;
    smt_buffer_addf(self->report, "%s: %s\n", smt_verdicts[finding->verdict].name,
                    finding->summary);
    trace_add(self->report, "failed in", &finding->failed_at);
    for (size_t i = 0; i < finding->block_count; i++)
        trace_add(self->report, "allocated in", &finding->blocks[i].allocated_at);
    smt_buffer_addf(self->report, "  replay: sipmemtest --replay '%s' ", finding->replay);
    if (finding->message_words)
        smt_buffer_add_text(self->report, finding->message_words);
    else
        smt_buffer_add_shell_word(self->report, finding->message);
    smt_buffer_add_text(self->report, "\n");
}

static void end_add(struct smt_sink *sink, const struct smt_summary *summary)
{
    struct smt_buffer *report = ((struct message_sink *)sink)->report;

    if (summary->findings)
        smt_buffer_addf(report, "%zu finding%s", summary->findings,
                        smt_number_ending(summary->findings));
    else
        smt_buffer_add_text(report, "no findings");
}

static enum smt_status sweep_run(const struct smt_parser *parser,
                                 const struct smt_message_list *messages, struct message_sink *sink)
{
    struct smt_sweep_settings settings = {
        .worker = {.parser = parser,
                   .is_alone = true, /* a server's clients are not its business */
                   .timeout_ns = TIMEOUT_NS,
                   .check_content = true,
                   .quarantine_bytes = QUARANTINE_BYTES},
        .checks = SMT_CHECK_ALL,
        .repeat = CLEAN_RUNS,
        .range = {1, UINT64_MAX},
    };
    struct smt_sink *const sinks[] = {&sink->sink};
    struct smt_sweep *sweep = NULL;
    enum smt_status status = smt_op_parse_list("all", &settings.worker.ops);

    if (status == SMT_OK) status = smt_sweep_new(&settings, messages, sinks, 1, &sweep);
    if (status == SMT_OK) status = smt_sweep_run(sweep);
    smt_sweep_free(sweep);
    return status;
}

/* Not every way in can carry line ends: a message_data without one is read with
 * its escapes, as sipmemtest --message-data is. */
static enum smt_status message_take(struct smt_message_list *messages, const char *name,
                                    const void *bytes, size_t size_bytes)
{
    if (strcmp(name, "message_data") == 0 && !memchr(bytes, '\n', size_bytes))
        return smt_message_add_data(messages, name, bytes);
    return smt_message_add_bytes(messages, name, bytes, size_bytes);
}

void smt_mtctl_message_cancel(void)
{
    smt_run_interrupted = 1;
}

enum smt_status smt_mtctl_message_test(void *context, const char *name, const void *bytes,
                                       size_t size_bytes, const atomic_bool *cancelled,
                                       struct smt_buffer *report, bool *ret_findings)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* the sweep is one thread's */
    struct message_sink sink = {
        .sink = {.message = message_add, .finding = finding_add, .end = end_add},
        .report = report,
    };
    struct smt_message_list messages;
    enum smt_status status;

    smt_message_list_init(&messages);
    status = message_take(&messages, name, bytes, size_bytes);
    if (status == SMT_OK) {
        pthread_mutex_lock(&lock);
        smt_run_interrupted = 0; /* who cancels from now on sets it again */
        status = atomic_load(cancelled)
                     ? smt_fail(SMT_EINTERRUPTED, "interrupted")
                     : sweep_run(context ? context : smt_parsers[0], &messages, &sink);
        pthread_mutex_unlock(&lock);
    }
    smt_message_list_clear(&messages);
    if (status == SMT_OK) *ret_findings = sink.found;
    return status;
}
