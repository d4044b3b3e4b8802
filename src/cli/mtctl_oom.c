/* `mtctl run --oom`: PROGRAM once per refusal. A first run, with no refusal,
 * counts the allocations and tells which stack made which. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <jansson.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "cli/mtctl_run.h"
#include "sweep/sweep.h"

enum outcome { SURVIVED, REPORTED, LEAKED, CRASHED, HUNG, NOT_REFUSED, OUTCOMES };

static const struct {
    char sign;
    const char *name;
    bool finding;
} outcomes[OUTCOMES] = {
    {'s', "survived", false}, {'.', "reported", false}, {'L', "leak", true},
    {'C', "crash", true},     {'H', "hang", true},      {'?', "not refused", false},
};

/* One run with one refusal. */
struct injection {
    const char *mode;
    uint64_t number;
    enum outcome outcome;
    const struct smt_mtctl_ended *ended;
    const struct smt_live_reply *reply; /* of its engine */
    uint32_t leak;                      /* the stack of what leaked, in the reply; 0: none */
};

/* All that have one signature; told of the first. */
struct finding {
    char signature[SMT_SIGNATURE_BYTES];
    uint64_t occurrences;
    struct smt_buffer text;
    json_t *json; /* with --json */
};

struct sweep {
    const struct smt_mtctl_run *run;
    struct smt_live_reply survey; /* of the first run */
    char *survey_text;
    uint64_t from, to; /* allocations to refuse; they are there */
    uint64_t base_suspects, base_bytes;
    int base_status;
    uint64_t counts[OUTCOMES], injections;
    uint64_t untold; /* runs whose scan at the end failed: what they leaked is not known */
    struct finding *findings;
    size_t finding_count;
};

/* `1` (all), `1:FROM-TO`, `FROM-TO`, `N`. */
static bool range_parse(const char *text, uint64_t *ret_from, uint64_t *ret_to)
{
    *ret_from = 1;
    *ret_to = UINT64_MAX;
    if (strcmp(text, "1") == 0) return true;
    if (strncmp(text, "1:", 2) == 0) text += 2;
    if (smt_cli_range_parse(text, ret_from, ret_to)) return true;
    if (!smt_number_parse(text, ret_from) || !*ret_from) return false;
    *ret_to = *ret_from;
    return true;
}

/* The plan that refuses allocation n in this mode; false: no such mode. */
static bool plan_format(char *plan, size_t room, const char *mode, uint64_t number)
{
    unsigned long long n = number;
    uint64_t width;

    if (strcmp(mode, "transient") == 0)
        snprintf(plan, room, "MT_OOM=%llu", n);
    else if (strcmp(mode, "persistent") == 0)
        snprintf(plan, room, "MT_OOM=%llu:persistent", n);
    else if (strncmp(mode, "window:", 7) == 0 && smt_number_parse(mode + 7, &width) && width)
        snprintf(plan, room, "MT_OOM=%llu-%llu", n, (unsigned long long)(n + width - 1));
    else
        return false;
    return true;
}

/* The stack that made an allocation of the first run; 0 unknown. Items are in
 * order of allocation. */
static uint32_t site_of(const struct sweep *sweep, uint64_t number)
{
    const struct smt_live_reply *survey = &sweep->survey;

    if (!number || number > survey->item_count) return 0;
    if (survey->items[number - 1].kind != SMT_LIVE_ATTEMPT) return 0;
    return survey->items[number - 1].stack;
}

static bool site_is_wanted(const struct sweep *sweep, uint64_t number)
{
    char *const globs[] = {(char *)(uintptr_t)sweep->run->only_site, NULL};

    return !*globs || smt_live_reply_has(&sweep->survey, site_of(sweep, number), globs);
}

/* A leak that the first run, in which nothing was refused, does not show; 0: none. */
static uint32_t leak_of(const struct sweep *sweep, const struct smt_live_reply *reply)
{
    for (size_t i = 0; i < reply->item_count; i++) {
        const struct smt_live_item *item = &reply->items[i];
        bool is_new = item->kind == SMT_LIVE_LEAK && !item->via;

        for (size_t k = 0; is_new && k < sweep->survey.item_count; k++)
            is_new = sweep->survey.items[k].kind != SMT_LIVE_LEAK ||
                     smt_live_reply_hash(&sweep->survey, sweep->survey.items[k].stack) !=
                         smt_live_reply_hash(reply, item->stack);
        if (is_new) return item->stack;
    }
    return 0;
}

/* PROGRAM/OUTCOME/HASH, as sweeps of parsers have it: names, no offsets, no mode. */
static void finding_sign(const struct sweep *sweep, const struct injection *injection,
                         char *ret_signature)
{
    const char *program = sweep->run->program[0], *slash = strrchr(program, '/');
    const uint64_t places[] = {
        smt_live_reply_hash(&sweep->survey, site_of(sweep, injection->number)),
        injection->leak ? smt_live_reply_hash(injection->reply, injection->leak) : 0,
        injection->outcome == CRASHED ? (uint64_t)WTERMSIG(injection->ended->status) : 0};

    snprintf(ret_signature, SMT_SIGNATURE_BYTES, "%.40s/%s/%016llx", slash ? slash + 1 : program,
             outcomes[injection->outcome].name,
             (unsigned long long)XXH3_64bits(places, sizeof places));
}

static void repeat_format(const struct sweep *sweep, const struct injection *injection,
                          struct smt_buffer *text)
{
    unsigned long long number = injection->number;

    /* Not N alone: 1 means all. */
    smt_buffer_addf(text, "mtctl run --oom=%llu-%llu --oom-mode=%s --", number, number,
                    injection->mode);
    for (char **word = sweep->run->program; *word; word++) {
        smt_buffer_add_text(text, " ");
        smt_buffer_add_shell_word(text, *word);
    }
}

static uint64_t leaked_bytes(const struct sweep *sweep, const struct injection *injection)
{
    return smt_live_reply_stat(injection->reply, "suspected bytes") - sweep->base_bytes;
}

static void finding_text(const struct sweep *sweep, const struct injection *injection,
                         struct smt_buffer *text)
{
    smt_buffer_add_text(text, outcomes[injection->outcome].name);
    if (injection->outcome == CRASHED)
        smt_buffer_addf(text, " (SIG%s)", sigabbrev_np(WTERMSIG(injection->ended->status)));
    if (injection->outcome == LEAKED)
        smt_buffer_addf(text, " (%llu byte%s)", (unsigned long long)leaked_bytes(sweep, injection),
                        smt_number_ending(leaked_bytes(sweep, injection)));
    smt_buffer_addf(text, ", allocation %llu refused, %s\n  refused: ",
                    (unsigned long long)injection->number, injection->mode);
    smt_live_reply_line(&sweep->survey, site_of(sweep, injection->number), text);
    if (injection->leak) {
        smt_buffer_add_text(text, "\n  leaked:  ");
        smt_live_reply_line(injection->reply, injection->leak, text);
    }
    smt_buffer_add_text(text, "\n  repeat:  ");
    repeat_format(sweep, injection, text);
    smt_buffer_add_text(text, "\n");
}

/* The same names as the findings of sipmemtest have. */
static json_t *finding_json(const struct sweep *sweep, const struct injection *injection,
                            const char *signature)
{
    json_t *line = json_pack("{ss ss ss ss sI}", "type", "finding", "signature", signature,
                             "verdict", outcomes[injection->outcome].name, "mode", injection->mode,
                             "allocation", (json_int_t)injection->number);
    struct smt_buffer repeat;

    smt_buffer_init(&repeat);
    repeat_format(sweep, injection, &repeat);
    if (injection->outcome == CRASHED)
        json_object_set_new(
            line, "signal",
            json_sprintf("SIG%s", sigabbrev_np(WTERMSIG(injection->ended->status))));
    if (injection->outcome == LEAKED)
        json_object_set_new(line, "leaked_bytes",
                            json_integer((json_int_t)leaked_bytes(sweep, injection)));
    json_object_set_new(line, "repeat", json_string(repeat.data));
    json_object_set_new(
        line, "injected_at",
        smt_live_reply_stack_json(&sweep->survey, site_of(sweep, injection->number)));
    if (injection->leak)
        json_object_set_new(line, "leaked_at",
                            smt_live_reply_stack_json(injection->reply, injection->leak));
    smt_buffer_clear(&repeat);
    return line;
}

/* One more of a kind that is known already, or the first. NULL: no memory. */
static const struct finding *finding_note(struct sweep *sweep, const struct injection *injection)
{
    struct finding *finding, *grown;
    char signature[SMT_SIGNATURE_BYTES];

    finding_sign(sweep, injection, signature);
    for (size_t i = 0; i < sweep->finding_count; i++)
        if (strcmp(sweep->findings[i].signature, signature) == 0) {
            sweep->findings[i].occurrences++;
            return &sweep->findings[i];
        }
    grown = reallocarray(sweep->findings, sweep->finding_count + 1, sizeof *grown);
    if (!grown) return NULL;
    sweep->findings = grown;
    finding = &grown[sweep->finding_count++];
    *finding = (struct finding){.occurrences = 1};
    memcpy(finding->signature, signature, sizeof signature);
    smt_buffer_init(&finding->text);
    if (sweep->run->json)
        finding->json = finding_json(sweep, injection, signature);
    else
        finding_text(sweep, injection, &finding->text);
    return finding;
}

static void findings_clear(struct sweep *sweep)
{
    for (size_t i = 0; i < sweep->finding_count; i++) {
        smt_buffer_clear(&sweep->findings[i].text);
        json_decref(sweep->findings[i].json);
    }
    free(sweep->findings);
}

static enum outcome outcome_of(const struct sweep *sweep, const struct smt_mtctl_ended *ended,
                               const struct smt_live_reply *reply)
{
    if (ended->hung) return HUNG;
    if (WIFSIGNALED(ended->status)) return CRASHED;
    if (ended->report && !smt_live_reply_stat(reply, "refused")) return NOT_REFUSED;
    if (ended->report && !sweep->survey.code &&
        smt_live_reply_stat(reply, "suspects") > sweep->base_suspects)
        return LEAKED;
    return ended->status == sweep->base_status ? SURVIVED : REPORTED;
}

/* Takes the value. */
static void json_print(const char *before, json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_ENCODE_ANY);

    printf("%s%s", before, text ? text : "null");
    free(text);
    json_decref(value);
}

static void injection_json(const struct injection *injection, const struct finding *finding)
{
    int status = injection->ended->status;

    printf("{\"type\":\"injection\",\"mode\":\"%s\",\"allocation\":%llu,\"outcome\":\"%s\"",
           injection->mode, (unsigned long long)injection->number,
           outcomes[injection->outcome].name);
    if (finding) json_print(",\"signature\":", json_string(finding->signature));
    if (WIFSIGNALED(status))
        printf(",\"signal\":\"SIG%s\"}\n", sigabbrev_np(WTERMSIG(status)));
    else
        printf(",\"exit\":%d}\n", WEXITSTATUS(status));
}

static enum smt_status program_run(const struct sweep *sweep, const char *const *variables,
                                   uint64_t timeout_s, struct smt_mtctl_ended *ret_ended)
{
    struct smt_mtctl_ended ended;
    enum smt_status status =
        smt_mtctl_run_once(sweep->run, variables, !sweep->run->verbose, timeout_s, &ended);

    if (status != SMT_OK) return status;
    if (ended.stopped) {
        free(ended.report);
        return smt_fail(SMT_EINTERRUPTED, "stopped by SIG%s", sigabbrev_np(ended.stopped));
    }
    *ret_ended = ended;
    return SMT_OK;
}

static enum smt_status injection_run(struct sweep *sweep, const char *mode, uint64_t number)
{
    char plan[96];
    const char *variables[] = {plan, NULL};
    struct smt_live_reply reply = {0};
    struct smt_mtctl_ended ended;
    struct injection injection = {.mode = mode, .number = number, .ended = &ended, .reply = &reply};
    const struct finding *finding = NULL;
    enum smt_status status;

    plan_format(plan, sizeof plan, mode, number);
    status = program_run(sweep, variables, sweep->run->timeout_s, &ended);
    if (status != SMT_OK) return status;
    if (ended.report) smt_live_reply_parse(&reply, ended.report, 0);
    injection.outcome = outcome_of(sweep, &ended, &reply);
    if (injection.outcome == LEAKED) injection.leak = leak_of(sweep, &reply);
    sweep->untold += ended.report && (reply.code || sweep->survey.code);
    sweep->counts[injection.outcome]++;
    sweep->injections++;
    if (outcomes[injection.outcome].finding) {
        finding = finding_note(sweep, &injection);
        if (!finding) status = smt_fail(SMT_ENOMEM, "out of memory for findings");
    }
    if (sweep->run->json)
        injection_json(&injection, finding);
    else
        putchar(outcomes[injection.outcome].sign);
    fflush(stdout);
    smt_live_reply_clear(&reply);
    free(ended.report);
    return status;
}

static enum smt_status mode_run(struct sweep *sweep, const char *mode)
{
    enum smt_status status = SMT_OK;

    if (!sweep->run->json)
        printf("OOM %s, %llu allocation%s ", mode,
               (unsigned long long)(sweep->to - sweep->from + 1),
               smt_number_ending(sweep->to - sweep->from + 1));
    for (uint64_t number = sweep->from; status == SMT_OK && number <= sweep->to; number++)
        if (site_is_wanted(sweep, number)) status = injection_run(sweep, mode, number);
    if (!sweep->run->json) putchar('\n');
    return status;
}

static enum smt_status survey_run(struct sweep *sweep)
{
    static const char *const variables[] = {"MT_SURVEY=1", NULL};
    struct smt_mtctl_ended ended;
    enum smt_status status = program_run(sweep, variables, 0, &ended);
    uint64_t attempts;

    if (status != SMT_OK) return status;
    if (!ended.report && WIFEXITED(ended.status) &&
        WEXITSTATUS(ended.status) >= 126) /* a shell's */
        return smt_fail(SMT_EINPUT, "%s: cannot be started", sweep->run->program[0]);
    if (!ended.report)
        return smt_fail(SMT_ECHILD, "%s did not end by exit, or has no engine in it",
                        sweep->run->program[0]);
    sweep->survey_text = ended.report;
    sweep->base_status = ended.status;
    smt_live_reply_parse(&sweep->survey, ended.report, 0);
    sweep->base_suspects = smt_live_reply_stat(&sweep->survey, "suspects");
    sweep->base_bytes = smt_live_reply_stat(&sweep->survey, "suspected bytes");
    attempts = smt_live_reply_stat(&sweep->survey, "attempts");
    if (!attempts)
        return smt_fail(SMT_EINPUT, "%s allocates no memory: there is nothing to refuse",
                        sweep->run->program[0]);
    if (sweep->to > attempts) sweep->to = attempts;
    if (sweep->from > attempts)
        return smt_fail(SMT_EUSAGE, "--oom: the program allocates only %llu time%s",
                        (unsigned long long)attempts, smt_number_ending(attempts));
    if (!sweep->run->json)
        printf("%s: %llu allocation%s, exit %d, %llu leak%s\n", sweep->run->program[0],
               (unsigned long long)attempts, smt_number_ending(attempts), WEXITSTATUS(ended.status),
               (unsigned long long)sweep->base_suspects, smt_number_ending(sweep->base_suspects));
    return SMT_OK;
}

static enum smt_status mode_check(struct sweep *sweep, const char *mode)
{
    char plan[96];

    (void)sweep;
    if (plan_format(plan, sizeof plan, mode, 1)) return SMT_OK;
    return smt_fail(SMT_EUSAGE, "--oom-mode: %s: expected transient, persistent or window:K", mode);
}

static enum smt_status modes_each(struct sweep *sweep,
                                  enum smt_status (*visit)(struct sweep *, const char *mode))
{
    char *modes = strdup(sweep->run->oom_mode), *at = modes, *mode;
    enum smt_status status = SMT_OK;

    while (status == SMT_OK && (mode = strsep(&at, ","))) status = visit(sweep, mode);
    free(modes);
    return status;
}

static void findings_print(const struct sweep *sweep)
{
    for (size_t i = 0; i < sweep->finding_count; i++) {
        const struct finding *finding = &sweep->findings[i];

        if (finding->json) {
            json_object_set_new(finding->json, "occurrences",
                                json_integer((json_int_t)finding->occurrences));
            json_print("", json_incref(finding->json));
            putchar('\n');
            continue;
        }
        fwrite(finding->text.data, 1, finding->text.size, stdout);
        if (finding->occurrences > 1)
            printf("  and %llu more refusal%s under the same functions\n",
                   (unsigned long long)finding->occurrences - 1,
                   smt_number_ending(finding->occurrences - 1));
    }
}

static void summary_print(const struct sweep *sweep, bool truncated)
{
    const char *between = "";

    findings_print(sweep);
    if (sweep->run->json) {
        printf("{\"type\":\"summary\",\"injections\":%llu,\"unique_findings\":%zu,\"outcomes\":{",
               (unsigned long long)sweep->injections, sweep->finding_count);
        for (int i = 0; i < OUTCOMES; i++)
            printf("%s\"%s\":%llu", i ? "," : "", outcomes[i].name,
                   (unsigned long long)sweep->counts[i]);
        printf("},\"truncated\":%s}\n", truncated ? "true" : "false");
        return;
    }
    printf("%s%llu refusal%s: ", truncated ? "TRUNCATED " : "",
           (unsigned long long)sweep->injections, smt_number_ending(sweep->injections));
    for (int i = 0; i < OUTCOMES; i++) {
        if (!sweep->counts[i]) continue;
        printf("%s%llu %s", between, (unsigned long long)sweep->counts[i], outcomes[i].name);
        between = ", ";
    }
    printf("; %zu unique finding%s\n", sweep->finding_count,
           smt_number_ending(sweep->finding_count));
}

static bool run_is_usable(struct sweep *sweep)
{
    const struct smt_mtctl_run *run = sweep->run;

    if (!range_parse(run->oom ? run->oom : "1", &sweep->from, &sweep->to)) {
        (void)smt_fail(SMT_EUSAGE, "--oom: %s: expected N or FROM-TO, counted from 1", run->oom);
        return false;
    }
    return modes_each(sweep, mode_check) == SMT_OK;
}

int smt_mtctl_run_oom(const struct smt_mtctl_run *run)
{
    struct sweep sweep = {.run = run};
    enum smt_status status = SMT_EUSAGE;
    int exit_status;

    smt_mtctl_signals_take(true);
    if (run_is_usable(&sweep)) status = survey_run(&sweep);
    if (status == SMT_OK) {
        status = modes_each(&sweep, mode_run);
        if (status == SMT_OK && !sweep.injections)
            status =
                smt_fail(SMT_EUSAGE, "no allocation of the program is under %s", run->only_site);
        if (sweep.injections) summary_print(&sweep, status != SMT_OK);
    }
    fflush(stdout);
    if (sweep.untold)
        fprintf(stderr, "mtctl: what %llu run%s leaked is not known: the scan at the end failed\n",
                (unsigned long long)sweep.untold, smt_number_ending(sweep.untold));
    smt_mtctl_signals_give_back();
    exit_status = sweep.finding_count != 0;
    if (status != SMT_OK) {
        fprintf(stderr, "mtctl: %s\n", smt_fail_text());
        exit_status = smt_status_exit(status);
    }
    smt_live_reply_clear(&sweep.survey);
    free(sweep.survey_text);
    findings_clear(&sweep);
    return exit_status;
}
