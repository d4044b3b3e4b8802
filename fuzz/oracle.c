#include "oracle.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#if defined(SMT_FUZZ_LIBC_HEAP)
#define LIBC_HEAP true
#else
#define LIBC_HEAP false
#endif

#define REFUSED_MOST 4     /* stacks kept for the report */
#define GUARDED_MOST 20000 /* blocks at inaccessible pages: the system grants no more */
#define POISON_EVERY 16    /* inputs after whose refusals a clean run is done again */

/* Verdicts that end the process in one build or another: refusals that are known
 * to lead there are let through. */
#define DEADLY                                                                                     \
    (SMT_VERDICT_BIT(CRASH) | SMT_VERDICT_BIT(HANG) | SMT_VERDICT_BIT(CORRUPT) |                   \
     SMT_VERDICT_BIT(OVER_READ) | SMT_VERDICT_BIT(USE_AFTER_FREE) | SMT_VERDICT_BIT(BAD_FREE))

const char *smt_fuzz_file;

static struct {
    struct smt_direct *direct;
    struct smt_heap_veto veto;
    bool libc_heap;
    bool pages; /* SMT_FUZZ_PAGES */
    /* of the run in progress */
    uint32_t known_verdicts; /* of all sites refused */
    unsigned refused;
    struct smt_stack refused_at[REFUSED_MOST];
} oracle;

/* --- reporting -------------------------------------------------------------------- */

static void result_describe(enum smt_verdict verdict, const struct smt_run_result *result,
                            struct smt_buffer *text)
{
    const struct smt_parser *parser = smt_fuzz_target.parser;
    int code = result->failed_op < SMT_OP_COUNT ? result->codes[result->failed_op] : 0;
    const char *name = parser->code_name ? parser->code_name(code) : NULL;

    switch (verdict) {
    case SMT_VERDICT_LEAK:
        smt_buffer_addf(text, "%llu blocks left after release",
                        (unsigned long long)result->leak.blocks);
        break;
    case SMT_VERDICT_CORRUPT:
    case SMT_VERDICT_USE_AFTER_FREE:
        if (!result->damage.count) {
            smt_buffer_add_text(text, "the message itself was written to");
            break;
        }
        smt_buffer_addf(text, "allocation %llu of %zu bytes: byte %td changed",
                        (unsigned long long)result->damage.attempt, result->damage.size_bytes,
                        result->damage.offset);
        break;
    case SMT_VERDICT_MISMATCH:
        smt_buffer_addf(text, "%s: %s", smt_op_name(result->contradiction_op),
                        result->contradiction);
        break;
    case SMT_VERDICT_SWALLOWED:
        smt_buffer_addf(text, "the result of %s differs, and success was reported",
                        smt_op_name((enum smt_op)__builtin_ctz(result->differing_ops)));
        break;
    case SMT_VERDICT_WRONG_CODE:
        smt_buffer_addf(text, "%s returned %s (%d)", smt_op_name(result->failed_op),
                        name ? name : "an error", code);
        break;
    default:
        smt_buffer_add_text(text, smt_verdicts[verdict].text);
    }
}

/* The stack of a request, after owner_find(). */
static void owner_describe(struct smt_buffer *text, uint64_t attempt)
{
    const struct smt_stack *stack = smt_direct_site(oracle.direct, attempt);
    struct smt_buffer names;

    if (!stack) return;
    smt_buffer_init(&names);
    fuzz_site_text(&smt_fuzz_target, stack, &names);
    smt_buffer_addf(text, "; allocated in %s", names.data ? names.data : "?");
    smt_buffer_clear(&names);
}

static _Noreturn void finding_report(enum smt_verdict verdict, const struct smt_run_result *result,
                                     const struct smt_fault_plan *plan, const char *signature)
{
    struct smt_buffer text;

    smt_buffer_init(&text);
    smt_buffer_addf(&text, "sipmemtest-fuzz: %s: ", smt_verdicts[verdict].name);
    result_describe(verdict, result, &text);
    if (plan) {
        smt_buffer_add_text(&text, "; --oom-at ");
        smt_fault_plan_format(plan, &text);
    }
    if (signature) smt_buffer_addf(&text, "; %s", signature);
    if (result->leak.blocks && !plan) owner_describe(&text, result->leak.attempts[0]);
    if (result->damage.count && !plan) owner_describe(&text, result->damage.attempt);
    for (unsigned i = 0; i < oracle.refused && i < REFUSED_MOST; i++) {
        struct smt_buffer names;

        smt_buffer_init(&names);
        fuzz_site_text(&smt_fuzz_target, &oracle.refused_at[i], &names);
        smt_buffer_addf(&text, "; refused in %s", names.data ? names.data : "?");
        smt_buffer_clear(&names);
    }
    if (smt_fuzz_file) smt_buffer_addf(&text, "; %s", smt_fuzz_file);
    fprintf(stderr, "%s\n", text.data ? text.data : "sipmemtest-fuzz: out of memory");
    abort();
}

const char *fuzz_difference(char *text, size_t text_bytes, const char *what, const char *where,
                            unsigned char byte)
{
    if (isalnum(byte))
        snprintf(text, text_bytes, "%s: %s in a word", what, where);
    else if (isprint(byte))
        snprintf(text, text_bytes, "%s: %s at '%c'", what, where, byte);
    else
        snprintf(text, text_bytes, "%s: %s at 0x%02x", what, where, byte);
    return text;
}

/* --- runs ------------------------------------------------------------------------- */

/* Called for each request about to be refused. */
static bool refusal_agree(struct smt_heap_veto *veto, uint64_t attempt, uintptr_t caller)
{
    struct smt_stack *stack = &oracle.refused_at[oracle.refused % REFUSED_MOST], passing;
    uint32_t verdicts;

    (void)veto;
    if (oracle.refused >= REFUSED_MOST) stack = &passing;
    smt_direct_stack(oracle.direct, caller, stack);
    verdicts = fuzz_known_site(&smt_fuzz_target, stack);
    fuzz_refusal_show(attempt, !(verdicts & DEADLY));
    if (verdicts & DEADLY) return false;
    oracle.known_verdicts |= verdicts;
    oracle.refused++;
    return true;
}

static bool leaks_are_wanted(void)
{
    return !((oracle.known_verdicts | fuzz_ignored()) & SMT_VERDICT_BIT(LEAK));
}

static const struct smt_run_result *job_run(const struct smt_job *job)
{
    oracle.refused = 0;
    oracle.known_verdicts = 0;
    return smt_direct_run(oracle.direct, job);
}

/* Who asked for the block in question; NULL: nobody is known. The run is done once
 * more for it, so only where something was found. */
static const char *owner_find(enum smt_verdict verdict, const struct smt_run_result *result)
{
    static const struct smt_job survey = {.flags = SMT_JOB_SURVEY};
    uint64_t attempt = verdict == SMT_VERDICT_LEAK       ? result->leak.attempts[0]
                       : verdict == SMT_VERDICT_BAD_FREE ? 0
                                                         : result->damage.attempt;
    const struct smt_stack *stack;
    struct smt_frame frame;

    if (!attempt) return NULL;
    smt_direct_run(oracle.direct, &survey);
    stack = smt_direct_site(oracle.direct, attempt);
    if (!stack || !stack->depth) return NULL;
    smt_symbol_frame(stack->frames[0], false, &frame);
    return frame.identity;
}

/* What a run in which nothing was refused must not show. False: it did, but that
 * is known; contradictions do not count. */
static bool clean_judge(const struct smt_run_result *last)
{
    uint32_t defects = smt_verdict_defects(last->verdicts) & ~fuzz_ignored();
    struct smt_run_result result;
    char signature[SMT_SIGNATURE_BYTES];

    if (last->heap.exhausted) return false;
    if (!defects) return true;
    result = *last;
    for (unsigned n = 0; n < SMT_VERDICT_COUNT; n++) {
        enum smt_verdict verdict = (enum smt_verdict)n;
        const char *place = verdict == SMT_VERDICT_MISMATCH ? result.contradiction : "";

        if (!(defects & (1u << n))) continue;
        if (!fuzz_known_place(&smt_fuzz_target, verdict, place, owner_find(verdict, &result),
                              signature))
            finding_report(verdict, &result, NULL, signature);
    }
    return !(defects & ~SMT_VERDICT_BIT(MISMATCH));
}

static void refused_judge(const struct smt_run_result *result, const struct smt_fault_plan *plan)
{
    uint32_t unknown =
        smt_verdict_defects(result->verdicts) & ~fuzz_ignored() & ~oracle.known_verdicts;

    if (result->heap.exhausted || !oracle.refused || !unknown) return;
    finding_report(smt_verdict_naming(unknown), result, plan, NULL);
}

/* After a refusal everything must be as before; asked now and then, and of the
 * same input always or never. */
static void poison_judge(const uint8_t *data, size_t size_bytes, const struct smt_fault_plan *plan)
{
    static const struct smt_job check = {.flags = SMT_JOB_CHECK};
    const struct smt_run_result *result;

    if (XXH3_64bits(data, size_bytes) % POISON_EVERY) return;
    result = smt_direct_run(oracle.direct, &check);
    if (result->matches_baseline ||
        (oracle.known_verdicts | fuzz_ignored()) & SMT_VERDICT_BIT(POISONED))
        return;
    finding_report(SMT_VERDICT_POISONED, result, plan, NULL);
}

static void refusals_run(const uint8_t *data, size_t size_bytes)
{
    static const struct smt_job baseline = {.flags = SMT_JOB_BASELINE | SMT_JOB_DIGESTS};
    static struct smt_job job;
    const struct smt_run_result *result;

    result = job_run(&baseline);
    if (!clean_judge(result)) return;
    fuzz_plan_build(data + size_bytes - SMT_FUZZ_TAIL_BYTES, result, !oracle.libc_heap, &job.plan);
    if (smt_fault_plan_is_empty(&job.plan)) return;
    fuzz_plan_show(&job.plan);
    refused_judge(job_run(&job), &job.plan);
    if (oracle.refused) poison_judge(data, size_bytes, &job.plan);
}

/* Once more in ways that show reads where nothing was written, or nothing is. */
static void closely_run(void)
{
    static const struct smt_job jobs[] = {
        {.flags = SMT_JOB_BASELINE | SMT_JOB_DIGESTS},
        {.flags = SMT_JOB_CHECK, .fill = SMT_FILL_ZERO},
        {.flags = SMT_JOB_CHECK, .fill = SMT_FILL_ADDRESS},
        {.guard = {.mode = SMT_GUARD_TAIL, .first = 1, .last = GUARDED_MOST}},
        {.guard = {.mode = SMT_GUARD_HEAD, .first = 1, .last = GUARDED_MOST}},
    };

    for (size_t i = 0; i < sizeof jobs / sizeof jobs[0]; i++)
        if (!clean_judge(job_run(&jobs[i]))) return;
}

int smt_fuzz_one(const uint8_t *data, size_t size_bytes)
{
    static const struct smt_job clean;
    uint8_t *counters;
    size_t counter_count;
    size_t tail_bytes =
        smt_fuzz_target.refuses && size_bytes >= SMT_FUZZ_TAIL_BYTES ? SMT_FUZZ_TAIL_BYTES : 0;

    if (!oracle.direct) LLVMFuzzerInitialize(NULL, NULL);
    if (size_bytes > SMT_FUZZ_BYTES_MOST) return 0;
    counters = fuzz_site_counters(&counter_count);
    if (counters) smt_direct_count_sites(oracle.direct, counters, counter_count);
    smt_direct_load(oracle.direct, data, size_bytes - tail_bytes, smt_fuzz_target.is_text);
    if (tail_bytes)
        refusals_run(data, size_bytes);
    else if (oracle.pages)
        closely_run();
    else
        clean_judge(job_run(&clean));
    return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    const char *heap = getenv("SMT_FUZZ_HEAP");
    struct smt_worker_settings settings = {
        .parser = smt_fuzz_target.parser,
        .ops = smt_fuzz_target.ops,
        .check_content = true,
        .quarantine_bytes = SMT_QUARANTINE_BYTES,
        .are_leaks_wanted = leaks_are_wanted,
        .libc_backend = heap ? strcmp(heap, "libc") == 0 : LIBC_HEAP,
    };
    struct smt_frame frame;

    (void)argc;
    (void)argv;
    if (oracle.direct) return 0;
    oracle.libc_heap = settings.libc_backend;
    oracle.pages = getenv("SMT_FUZZ_PAGES") != NULL;
    if (oracle.pages && oracle.libc_heap) {
        fprintf(stderr, "sipmemtest-fuzz: SMT_FUZZ_PAGES: not with the sanitizer's heap, which "
                        "sees reads beside blocks itself; SMT_FUZZ_HEAP=arena takes ours\n");
        exit(2);
    }
    oracle.veto.refuse = refusal_agree;
    fuzz_known_load(&smt_fuzz_target);
    if (smt_direct_new(&settings, &oracle.veto, &oracle.direct) != SMT_OK) {
        fprintf(stderr, "sipmemtest-fuzz: %s\n", smt_fail_text());
        exit(3);
    }
    /* symbols are read now: AFL++ forks afterwards */
    if (smt_fuzz_target.refuses) smt_symbol_frame((uintptr_t)LLVMFuzzerTestOneInput, true, &frame);
    return 0;
}
