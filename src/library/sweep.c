/* library/sweep.c - smt_sweep(): a subject in, findings out. */
#include <stdlib.h>
#include <string.h>

#include "library/inside.h"

#define REPEAT_DEFAULT     100u
#define TIMEOUT_DEFAULT_NS 10000000000u
#define NAME_MOST          60u /* what a replay token has room for */

/* One call of smt_sweep(). */
struct sweeping {
    struct smt_sink sink;
    const struct smt_sweep_subject *subject;
    const struct smt_sweep_options *options;
    struct smt_sweep_settings settings;
    struct smt_parser row;
    struct smt_known known;
    struct smt_sweep_result result;
    char name[NAME_MOST + 1];
    bool was_accepted, was_defective;
    int code; /* of the baseline */
    enum smt_status status;
    bool is_replay;
};

static FILE *text_out(const struct smt_sweep_options *options)
{
    return options->out ? options->out : stderr;
}

/* --- results as they come ------------------------------------------------------- */

static struct sweeping *sweeping_of(struct smt_sink *sink)
{
    return (struct sweeping *)sink;
}

static void message_take(struct smt_sink *sink, const struct smt_message_report *report)
{
    struct sweeping *sweeping = sweeping_of(sink);

    sweeping->result.allocations = report->baseline->heap.attempts;
    sweeping->result.kept_blocks = report->cached_blocks;
    sweeping->was_accepted = report->accepted;
    sweeping->was_defective = smt_verdict_defects(report->verdicts);
    sweeping->code = smt_library_function_value(report->baseline->codes[SMT_OP_PARSE]);
}

static void finding_tell(struct sweeping *sweeping, const struct smt_finding *finding,
                         const char *text)
{
    struct smt_buffer refused_at, failed_at;
    struct smt_sweep_finding told = {
        .verdict = smt_verdicts[finding->verdict].name,
        .signature = finding->signature,
        .summary = finding->summary ? finding->summary : "",
        .text = text,
        .mode = finding->mode,
        .allocation = finding->allocation,
        .occurrences = finding->occurrences,
        .replay = finding->replay ? finding->replay : "",
        .is_known = finding->is_known,
    };

    smt_buffer_init(&refused_at);
    smt_buffer_init(&failed_at);
    smt_trace_format(&finding->injected_at, 0, &refused_at);
    smt_trace_format(&finding->failed_at, 0, &failed_at);
    told.refused_at = refused_at.data ? refused_at.data : "";
    told.failed_at = failed_at.data ? failed_at.data : "";
    sweeping->options->finding(sweeping->options->context, &told);
    smt_buffer_clear(&refused_at);
    smt_buffer_clear(&failed_at);
}

static void finding_take(struct smt_sink *sink, const struct smt_finding *finding)
{
    struct sweeping *sweeping = sweeping_of(sink);
    const struct smt_sweep_options *options = sweeping->options;
    bool is_defect = smt_verdicts[finding->verdict].is_defect;
    struct smt_buffer text;

    if (is_defect && finding->is_known) sweeping->result.known_findings++;
    if (is_defect && !finding->is_known) sweeping->result.findings++;
    if (!is_defect && !sweeping->is_replay) return;
    smt_buffer_init(&text);
    smt_library_text_finding_add(finding, options->verbose || sweeping->is_replay, &text);
    if (!options->quiet && (options->verbose || !finding->is_known) && text.data)
        fputs(text.data, text_out(options));
    if (options->finding) finding_tell(sweeping, finding, text.data ? text.data : "");
    smt_buffer_clear(&text);
}

static void end_take(struct smt_sink *sink, const struct smt_summary *summary)
{
    struct sweeping *sweeping = sweeping_of(sink);
    const struct smt_sweep_result *result = &sweeping->result;
    FILE *out = text_out(sweeping->options);

    sweeping->result.refusals = summary->injections;
    sweeping->result.clean_runs = summary->clean_runs;
    if (sweeping->options->quiet || sweeping->is_replay) return;
    if (!result->findings && !sweeping->options->verbose) return;
    fprintf(out, "%s: %llu allocation%s, %llu run%s with one refused: ", sweeping->name,
            (unsigned long long)result->allocations, smt_number_ending(result->allocations),
            (unsigned long long)result->refusals, smt_number_ending(result->refusals));
    if (result->findings)
        fprintf(out, "%u finding%s\n", result->findings, smt_number_ending(result->findings));
    else
        fputs("no findings\n", out);
    fflush(out);
}

/* --- settings -------------------------------------------------------------------- */

/* Names end up in signatures and tokens, which have their own punctuation. */
static void name_set(struct sweeping *sweeping, const char *name)
{
    snprintf(sweeping->name, sizeof sweeping->name, "%s", name);
    for (char *c = sweeping->name; *c; c++)
        if (*c == '/' || *c == ':' || (unsigned char)*c <= ' ' || *c == '\'') *c = '_';
}

static enum smt_status settings_make(struct sweeping *sweeping)
{
    const struct smt_sweep_options *options = sweeping->options;
    struct smt_sweep_settings *settings = &sweeping->settings;
    enum smt_status status;

    *settings = (struct smt_sweep_settings){
        .worker =
            {
                .parser = &sweeping->row,
                .ops = 1u << SMT_OP_PARSE,
                .check_content = true,
                .in_process = options->in_this_process,
                .show_parser_output = options->keep_output,
                .quarantine_bytes = SMT_QUARANTINE_BYTES,
                .timeout_ns = options->timeout_ms ? options->timeout_ms * (uint64_t)1000000
                                                  : TIMEOUT_DEFAULT_NS,
                .is_opaque = true,
                .on_escape = smt_library_function_escaped,
            },
        .checks = SMT_CHECK_ALL & ~(options->without_pages ? SMT_CHECK_PAGES : 0u) &
                  ~(options->without_fill ? SMT_CHECK_UNINIT : 0u),
        .repeat = options->repeat ? options->repeat : REPEAT_DEFAULT,
        .oom = true,
        .range = {1, UINT64_MAX},
        .seed = 1,
        .function = sweeping->name,
    };
    status = smt_mode_parse_list(options->modes ? options->modes : "transient,persistent",
                                 &settings->modes, &settings->window);
    if (status == SMT_OK && options->known) {
        status = smt_known_load(options->known, &sweeping->known);
        settings->known = &sweeping->known;
    }
    return status;
}

/* --- the sweep -------------------------------------------------------------------- */

/* The token of the environment, when it is about this subject. */
static const char *replay_wanted(const struct sweeping *sweeping)
{
    const char *token = getenv("MEMTEST_REPLAY");
    struct smt_token_subject subject;

    if (!token || smt_token_subject_parse(token, &subject) != SMT_OK) return NULL;
    return strcmp(subject.parser, sweeping->name) == 0 ? token : NULL;
}

static enum smt_status run(struct sweeping *sweeping)
{
    struct smt_message message = {.name = sweeping->name, .data = (char *)""};
    struct smt_message_list messages = {.items = &message, .count = 1};
    struct smt_sink *const sinks[] = {&sweeping->sink};
    const char *token = replay_wanted(sweeping);
    bool do_break = token && getenv("MEMTEST_BREAK");
    struct smt_sweep *sweep;
    enum smt_status status;

    sweeping->is_replay = token;
    if (do_break) sweeping->settings.worker.in_process = true;
    status = smt_sweep_new(&sweeping->settings, &messages, sinks, 1, &sweep);
    if (status != SMT_OK) return status;
    status = token ? smt_sweep_replay(sweep, token, do_break) : smt_sweep_run(sweep);
    /* in this process caches of the function stay where they are: in the heap */
    if (!sweeping->settings.worker.in_process) smt_sweep_free(sweep);
    return status;
}

/* Nothing found must not mean that nothing was looked at. */
static enum smt_status soundness_check(const struct sweeping *sweeping, enum smt_status status)
{
    if (sweeping->is_replay || sweeping->was_defective) return status;
    if (!sweeping->result.allocations && (status == SMT_OK || status == SMT_EINPUT))
        return smt_fail(SMT_EINPUT,
                        "%s makes no allocation that is caught: there is nothing to refuse",
                        sweeping->name);
    if (status != SMT_OK) return status;
    if (!sweeping->was_accepted && !sweeping->subject->fails)
        return smt_fail(SMT_EINPUT, "%s returns %d though nothing is refused", sweeping->name,
                        sweeping->code);
    if (sweeping->was_accepted && sweeping->subject->fails)
        return smt_fail(SMT_EINPUT, "%s succeeds, but is said to fail", sweeping->name);
    return SMT_OK;
}

static enum smt_status subject_check(const struct smt_sweep_subject *subject)
{
    if (!subject || !subject->call) return smt_fail(SMT_EUSAGE, "smt_sweep: no function to call");
    if (!subject->name || !*subject->name) return smt_fail(SMT_EUSAGE, "smt_sweep: no name");
    if (!smt_library_function_is_caught())
        return smt_fail(SMT_EUNSUPPORTED,
                        "smt_sweep: nothing catches allocations: link with libmemtest_malloc "
                        "(pkg-config memtest-malloc) or preload it; see libmemtest(3)");
    return SMT_OK;
}

static enum smt_status sweep_subject(struct sweeping *sweeping)
{
    struct smt_sweep_subject subject = *sweeping->subject;
    enum smt_status status;

    name_set(sweeping, subject.name);
    subject.name = sweeping->name;
    if (!smt_library_function_begin(&subject, &sweeping->row))
        return smt_fail(SMT_EUNSUPPORTED, "smt_sweep: one sweep at a time in a process");
    status = settings_make(sweeping);
    if (status == SMT_OK) status = soundness_check(sweeping, run(sweeping));
    smt_library_function_end();
    smt_known_clear(&sweeping->known);
    smt_symbol_clear();
    return status;
}

int smt_sweep(const struct smt_sweep_subject *subject, const struct smt_sweep_options *options,
              struct smt_sweep_result *ret_result)
{
    static const struct smt_sweep_options usual;
    struct sweeping sweeping = {
        .sink = {.message = message_take, .finding = finding_take, .end = end_take},
        .subject = subject,
        .options = options ? options : &usual,
    };
    enum smt_status status = subject_check(subject);

    if (status == SMT_OK) status = sweep_subject(&sweeping);
    if (status != SMT_OK) {
        if (!sweeping.options->quiet)
            fprintf(text_out(sweeping.options), "memtest: %s\n", smt_fail_text());
        return -1;
    }
    if (ret_result) *ret_result = sweeping.result;
    return (int)sweeping.result.findings;
}

const char *smt_sweep_error(void)
{
    return smt_fail_text();
}

const char *smt_sweep_version(void)
{
    return SMT_VERSION;
}
