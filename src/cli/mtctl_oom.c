/* `mtctl run --oom`: PROGRAM once per refusal. A first run, with no refusal,
 * counts the allocations and tells which stack made which. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "cli/mtctl_run.h"

enum outcome { SURVIVED, REPORTED, LEAKED, CRASHED, HUNG, NOT_REFUSED, OUTCOMES };

static const struct {
    char sign;
    const char *name;
    bool finding;
} outcomes[OUTCOMES] = {
    {'s', "survived", false}, {'.', "reported", false}, {'L', "leak", true},
    {'C', "crash", true},     {'H', "hang", true},      {'?', "not refused", false},
};

struct sweep {
    const struct smt_mtctl_run *run;
    struct smt_live_reply survey; /* of the first run */
    char *survey_text;
    uint64_t from, to; /* allocations to refuse; they are there */
    uint64_t base_suspects, base_bytes;
    int base_status;
    uint64_t counts[OUTCOMES], injections;
    struct smt_buffer findings;
};

/* `1`, `1:FROM-TO`, `FROM-TO`, `N`. */
static bool range_parse(const char *text, uint64_t *ret_from, uint64_t *ret_to)
{
    char first[24];
    const char *dash;

    *ret_from = 1;
    *ret_to = UINT64_MAX;
    if (strcmp(text, "1") == 0) return true;
    if (strncmp(text, "1:", 2) == 0) text += 2;
    dash = strchr(text, '-');
    if (!dash) {
        if (!smt_number_parse(text, ret_from) || !*ret_from) return false;
        *ret_to = *ret_from;
        return true;
    }
    if ((size_t)(dash - text) >= sizeof first) return false;
    memcpy(first, text, (size_t)(dash - text));
    first[dash - text] = '\0';
    return smt_number_parse(first, ret_from) && *ret_from && smt_number_parse(dash + 1, ret_to) &&
           *ret_from <= *ret_to;
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

static void finding_add(struct sweep *sweep, const char *mode, uint64_t number,
                        enum outcome outcome, const struct smt_mtctl_ended *ended,
                        struct smt_live_reply *reply)
{
    struct smt_buffer *text = &sweep->findings;

    smt_buffer_addf(text, "%s", outcomes[outcome].name);
    if (outcome == CRASHED)
        smt_buffer_addf(text, " (SIG%s)", sigabbrev_np(WTERMSIG(ended->status)));
    if (outcome == LEAKED)
        smt_buffer_addf(text, " (%llu bytes)",
                        (unsigned long long)(smt_live_reply_stat(reply, "suspected bytes") -
                                             sweep->base_bytes));
    smt_buffer_addf(text, ", allocation %llu refused, %s\n  refused: ", (unsigned long long)number,
                    mode);
    smt_live_reply_line(&sweep->survey, site_of(sweep, number), text);
    for (size_t i = 0; outcome == LEAKED && i < reply->item_count; i++) {
        if (reply->items[i].kind != SMT_LIVE_LEAK || reply->items[i].via) continue;
        smt_buffer_add_text(text, "\n  leaked:  ");
        smt_live_reply_line(reply, reply->items[i].stack, text);
        break;
    }
    smt_buffer_addf(text, "\n  repeat:  mtctl run --oom=%llu --oom-mode=%s --",
                    (unsigned long long)number, mode);
    for (char **word = sweep->run->program; *word; word++) {
        smt_buffer_add_text(text, " ");
        smt_buffer_add_shell_word(text, *word);
    }
    smt_buffer_add_text(text, "\n");
}

static enum outcome outcome_of(const struct sweep *sweep, const struct smt_mtctl_ended *ended,
                               const struct smt_live_reply *reply)
{
    if (ended->hung) return HUNG;
    if (WIFSIGNALED(ended->status)) return CRASHED;
    if (ended->report && !smt_live_reply_stat(reply, "refused")) return NOT_REFUSED;
    if (ended->report && smt_live_reply_stat(reply, "suspects") > sweep->base_suspects)
        return LEAKED;
    return ended->status == sweep->base_status ? SURVIVED : REPORTED;
}

static void finding_json(const struct sweep *sweep, const char *mode, uint64_t number,
                         enum outcome outcome, const struct smt_mtctl_ended *ended)
{
    (void)sweep;
    printf("{\"type\":\"injection\",\"mode\":\"%s\",\"allocation\":%llu,\"outcome\":\"%s\"", mode,
           (unsigned long long)number, outcomes[outcome].name);
    if (WIFSIGNALED(ended->status))
        printf(",\"signal\":\"SIG%s\"}\n", sigabbrev_np(WTERMSIG(ended->status)));
    else
        printf(",\"exit\":%d}\n", WEXITSTATUS(ended->status));
}

static enum smt_status injection_run(struct sweep *sweep, const char *mode, uint64_t number)
{
    char plan[96];
    const char *variables[] = {plan, NULL};
    struct smt_live_reply reply = {0};
    struct smt_mtctl_ended ended;
    enum smt_status status;
    enum outcome outcome;

    plan_format(plan, sizeof plan, mode, number);
    status = smt_mtctl_run_once(sweep->run, variables, !sweep->run->verbose, sweep->run->timeout_s,
                                &ended);
    if (status != SMT_OK) return status;
    if (ended.report) smt_live_reply_parse(&reply, ended.report, 0);
    outcome = outcome_of(sweep, &ended, &reply);
    sweep->counts[outcome]++;
    sweep->injections++;
    if (sweep->run->json)
        finding_json(sweep, mode, number, outcome, &ended);
    else
        putchar(outcomes[outcome].sign);
    fflush(stdout);
    if (outcomes[outcome].finding) finding_add(sweep, mode, number, outcome, &ended, &reply);
    smt_live_reply_clear(&reply);
    free(ended.report);
    return SMT_OK;
}

static enum smt_status mode_run(struct sweep *sweep, const char *mode)
{
    enum smt_status status = SMT_OK;

    if (!sweep->run->json)
        printf("OOM %s, %llu allocations ", mode,
               (unsigned long long)(sweep->to - sweep->from + 1));
    for (uint64_t number = sweep->from; status == SMT_OK && number <= sweep->to; number++)
        if (site_is_wanted(sweep, number)) status = injection_run(sweep, mode, number);
    if (!sweep->run->json) putchar('\n');
    return status;
}

static enum smt_status survey_run(struct sweep *sweep)
{
    static const char *const variables[] = {"MT_SURVEY=1", NULL};
    struct smt_mtctl_ended ended;
    enum smt_status status =
        smt_mtctl_run_once(sweep->run, variables, !sweep->run->verbose, 0, &ended);
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
    if (sweep->to > attempts) sweep->to = attempts;
    if (sweep->from > attempts)
        return smt_fail(SMT_EUSAGE, "--oom: the program allocates only %llu times",
                        (unsigned long long)attempts);
    if (!sweep->run->json)
        printf("%s: %llu allocations, exit %d, %llu leaks\n", sweep->run->program[0],
               (unsigned long long)attempts, WEXITSTATUS(ended.status),
               (unsigned long long)sweep->base_suspects);
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

static void summary_print(const struct sweep *sweep)
{
    const char *between = "";

    if (sweep->run->json) {
        printf("{\"type\":\"summary\",\"injections\":%llu,\"outcomes\":{",
               (unsigned long long)sweep->injections);
        for (int i = 0; i < OUTCOMES; i++)
            printf("%s\"%s\":%llu", i ? "," : "", outcomes[i].name,
                   (unsigned long long)sweep->counts[i]);
        printf("}}\n");
        return;
    }
    if (sweep->findings.size) fwrite(sweep->findings.data, 1, sweep->findings.size, stdout);
    printf("%llu refusals: ", (unsigned long long)sweep->injections);
    for (int i = 0; i < OUTCOMES; i++) {
        if (!sweep->counts[i]) continue;
        printf("%s%llu %s", between, (unsigned long long)sweep->counts[i], outcomes[i].name);
        between = ", ";
    }
    printf("\n");
}

int smt_mtctl_run_oom(const struct smt_mtctl_run *run)
{
    struct sweep sweep = {.run = run};
    enum smt_status status = SMT_OK;
    bool found = false;

    smt_buffer_init(&sweep.findings);
    if (!range_parse(run->oom ? run->oom : "1", &sweep.from, &sweep.to))
        status = smt_fail(SMT_EUSAGE, "--oom: %s: expected N or FROM-TO, counted from 1", run->oom);
    if (status == SMT_OK) status = modes_each(&sweep, mode_check);
    if (status == SMT_OK) status = survey_run(&sweep);
    if (status == SMT_OK) status = modes_each(&sweep, mode_run);
    if (status == SMT_OK && !sweep.injections)
        status = smt_fail(SMT_EUSAGE, "no allocation of the program is under %s", run->only_site);
    if (status == SMT_OK)
        summary_print(&sweep);
    else
        fprintf(stderr, "mtctl: %s\n", smt_fail_text());
    for (int i = 0; i < OUTCOMES; i++) found |= outcomes[i].finding && sweep.counts[i];
    smt_live_reply_clear(&sweep.survey);
    free(sweep.survey_text);
    smt_buffer_clear(&sweep.findings);
    if (status != SMT_OK) return smt_status_exit(status);
    return found;
}
