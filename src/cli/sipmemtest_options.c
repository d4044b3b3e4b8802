/* cli/sipmemtest_options.c - defaults, the command line, and what of it does
 * not go together. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/sipmemtest.h"

#define JOBS_MOST                256u
#define REPEAT_DEFAULT           1000u
#define TIMEOUT_DEFAULT_NS       10000000000u
#define QUARANTINE_DEFAULT_BYTES (64u << 20)

enum smt_status smt_sipmemtest_input_add(struct smt_sipmemtest_options *options,
                                         enum smt_sipmemtest_source source, const char *text)
{
    struct smt_sipmemtest_input *inputs =
        reallocarray(options->inputs, options->input_count + 1, sizeof *inputs);

    if (!inputs) return smt_fail(SMT_ENOMEM, "out of memory for messages");
    options->inputs = inputs;
    options->inputs[options->input_count++] = (struct smt_sipmemtest_input){source, text};
    return SMT_OK;
}

static enum smt_status defaults_set(struct smt_sipmemtest_options *options)
{
    *options = (struct smt_sipmemtest_options){
        .quarantine_bytes = QUARANTINE_DEFAULT_BYTES,
        .sweep =
            {
                .worker = {.parser = smt_parsers[0], .timeout_ns = TIMEOUT_DEFAULT_NS},
                .checks = SMT_CHECK_ALL,
                .repeat = REPEAT_DEFAULT,
                .modes = 1u << SMT_MODE_TRANSIENT | 1u << SMT_MODE_PERSISTENT,
                .range = {1, UINT64_MAX},
            },
    };
    smt_buffer_init(&options->replay_words);
    return smt_op_parse_list("all", &options->sweep.worker.ops);
}

/* What would be without effect is said: a test that does less than it seems
 * to is worse than none. */
static enum smt_status together_check(const struct smt_sipmemtest_options *options)
{
    const struct smt_sweep_settings *sweep = &options->sweep;
    bool injects = sweep->oom || sweep->has_plan;
    const struct {
        bool is_wrong;
        const char *sentence;
    } rules[] = {
        {!options->input_count, "no message: name a FILE or DIR, or use --message-data"},
        {options->replay && injects, "--replay: repeats one run; leave out --oom and --oom-at"},
        {sweep->oom && sweep->has_plan, "--oom-at: is one run; leave out --oom"},
        {options->has_modes && !sweep->oom, "--oom-mode: refuses nothing by itself; add --oom"},
        {options->trace && !injects, "--oom-trace: there is nothing to trace; add --oom"},
        {(sweep->budget_injections || sweep->budget_ns) && !sweep->oom,
         "--oom-budget: limits a sweep; add --oom"},
        {options->has_seed && !sweep->budget_injections && !sweep->budget_ns,
         "--seed: decides what a budget picks; add --oom-budget"},
        {options->only_sites.count && !sweep->oom, "--only-site: chooses in a sweep; add --oom"},
        {options->skip_sites.count && !sweep->oom, "--skip-site: chooses in a sweep; add --oom"},
        {sweep->shards && !sweep->oom, "--shard: divides a sweep; add --oom"},
        {options->do_break && !options->replay,
         "--break: stops at the refused call of one run; add --replay TOKEN"},
        {options->heap && options->has_checks,
         "--check: the C library's heap has no checks of ours; leave out --heap=libc"},
        {sweep->worker.decoys && options->heap,
         "--decoys: need a heap of ours; leave out --heap=libc"},
        {sweep->worker.decoys && (options->no_content || !(sweep->checks & SMT_CHECK_FENCES)),
         "--decoys: are checked with the fences; leave fences in --check"},
        {options->update_known && !options->known.count,
         "--update-known: which file? add --known FILE"},
        {options->update_known && options->known.count > 1,
         "--update-known: writes one file; give one --known"},
        {options->minimize && !options->save_findings,
         "--minimize: where to? add --save-findings DIR"},
        {options->known.count && options->replay, "--known: has no part in --replay; leave it out"},
        {options->jobs > JOBS_MOST, "--jobs: more than 256 processes are of no use"},
        {(options->jobs > 1 || options->resume) && options->replay,
         "--jobs, --resume: --replay is one run; leave them out"},
        {(options->jobs > 1 || options->resume) && sweep->worker.in_process,
         "--jobs, --resume: need processes of their own; leave out --in-process"},
        {(options->jobs > 1 || options->resume) && options->trace,
         "--oom-trace: prints as it goes; leave out --jobs and --resume"},
        {options->resume && (sweep->budget_injections || sweep->budget_ns),
         "--resume: continues to the end; leave out --oom-budget"},
        {options->quiet && options->verbose, "--quiet, --verbose: take one of them"},
    };

    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (rules[i].is_wrong) return smt_fail(SMT_EUSAGE, "%s", rules[i].sentence);
    return SMT_OK;
}

/* "--oom 7-10" looks right, but what an option may have stands behind a =. */
static enum smt_status misplaced_check(const struct smt_sipmemtest_options *options)
{
    for (size_t i = 0; i < options->input_count; i++) {
        const char *text = options->inputs[i].text;
        const char *range = strncmp(text, "1:", 2) == 0 ? text + 2 : text;
        uint64_t first, last;
        const char *option = !smt_number_parse(text, &first) ? "oom"
                             : options->trace                ? "oom-trace"
                                                             : "oom";

        if (options->inputs[i].source != SMT_SOURCE_PATH || access(text, F_OK) == 0) continue;
        if (!options->sweep.oom && !options->trace) continue;
        if (!smt_number_parse(text, &first) && !smt_cli_range_parse(range, &first, &last)) continue;
        return smt_fail(SMT_EUSAGE, "%s: no such file; for the option type --%s=%s", text, option,
                        text);
    }
    return SMT_OK;
}

/* What alters what a run can show, and stands in no token. */
static void replay_words_add(struct smt_sipmemtest_options *options)
{
    struct smt_sweep_settings *sweep = &options->sweep;
    struct smt_buffer *words = &options->replay_words;

    if (options->heap)
        smt_buffer_add_text(words, " --heap=libc");
    else if (!sweep->worker.check_content)
        smt_buffer_add_text(words, " --mem-check-content=0");
    if (options->quarantine_bytes != QUARANTINE_DEFAULT_BYTES)
        smt_buffer_addf(words, " --quarantine=%llu", (unsigned long long)options->quarantine_bytes);
    if (sweep->worker.timeout_ns != TIMEOUT_DEFAULT_NS)
        smt_buffer_addf(words, " --timeout=%.9g", (double)sweep->worker.timeout_ns / 1e9);
    if (words->size) sweep->replay_words = words->data + 1;
}

/* What one option means for another. */
static void settings_derive(struct smt_sipmemtest_options *options)
{
    struct smt_sweep_settings *sweep = &options->sweep;

    if (options->no_content) sweep->checks &= ~(unsigned)SMT_CHECK_FENCES;
    if (options->heap) sweep->checks = 0;
    sweep->worker.libc_backend = options->heap;
    sweep->worker.check_content = sweep->checks & SMT_CHECK_FENCES;
    sweep->worker.quarantine_bytes = options->quarantine_bytes;
    sweep->worker.show_parser_output = sweep->texts = options->debug;
    sweep->only_sites = options->only_sites.items;
    sweep->skip_sites = options->skip_sites.items;
    replay_words_add(options);
    if (!options->jobs) options->jobs = 1;
    if (!options->has_seed && (sweep->budget_injections || sweep->budget_ns))
        sweep->seed = smt_random_seed();
}

/* A token knows its parser and operations: what the report printed is enough. */
static enum smt_status replay_derive(struct smt_sipmemtest_options *options)
{
    struct smt_sweep_settings *sweep = &options->sweep;
    struct smt_token_subject *replayed = &options->replayed;
    enum smt_status status;

    if (!options->replay) return SMT_OK;
    status = smt_token_subject_parse(options->replay, replayed);
    if (status == SMT_OK && !options->has_parser)
        status = smt_parser_find(replayed->parser, &sweep->worker.parser);
    if (status == SMT_OK && !options->has_decoys) sweep->worker.decoys = replayed->decoys;
    if (status != SMT_OK || sweep->ops_text || !*replayed->ops) return status;
    sweep->ops_text = replayed->ops;
    return smt_op_parse_list(replayed->ops, &sweep->worker.ops);
}

enum smt_status smt_sipmemtest_options_load(struct smt_sipmemtest_options *options, int argc,
                                            char **argv)
{
    enum smt_status status = defaults_set(options);

    if (status == SMT_OK) status = smt_cli_parse(&smt_sipmemtest_program, argc, argv, options);
    if (status != SMT_OK || options->action) return status;
    status = misplaced_check(options);
    if (status == SMT_OK) status = together_check(options);
    if (status == SMT_OK) settings_derive(options);
    if (status == SMT_OK) status = replay_derive(options);
    return status;
}

void smt_sipmemtest_options_clear(struct smt_sipmemtest_options *options)
{
    free(options->inputs);
    free(options->spans);
    smt_buffer_clear(&options->replay_words);
    smt_cli_texts_clear(&options->only_sites);
    smt_cli_texts_clear(&options->skip_sites);
    smt_cli_texts_clear(&options->formats);
    smt_cli_texts_clear(&options->known);
}
