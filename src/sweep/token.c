/* sweep/token.c - replay tokens: short text from which a run is found again,
 * also after the message was edited or the library rebuilt.
 *
 *   osip:transient:EXACT.LOOSE.OCCURRENCE.NUMBER[+DISTANCE]
 *   osip:window4:...      osip:limit:4096
 *   osip:clean   osip:zero   osip:address   osip:tail.FIRST   osip:head.FIRST
 *   osip/parse,clone:...  when not all operations ran
 *   osip@32:...           with 32 decoys behind each block
 *
 * EXACT is a hash of modules and offsets, LOOSE one of function names; the
 * OCCURRENCE-th allocation of that site is refused, or at last NUMBER. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sweep/inside.h"

static const char *const clean_names[] = {"clean", "zero", "address", "tail", "head"};
enum clean_kind { CLEAN_PLAIN, CLEAN_ZERO, CLEAN_ADDRESS, CLEAN_TAIL, CLEAN_HEAD, CLEAN_KINDS };

static enum clean_kind clean_kind_of(const struct smt_job *job)
{
    if (job->guard.mode == SMT_GUARD_TAIL) return CLEAN_TAIL;
    if (job->guard.mode == SMT_GUARD_HEAD) return CLEAN_HEAD;
    return job->fill == SMT_FILL_ZERO      ? CLEAN_ZERO
           : job->fill == SMT_FILL_ADDRESS ? CLEAN_ADDRESS
                                           : CLEAN_PLAIN;
}

/* Which of its site's allocations is this one? Counted from 1. */
static uint64_t occurrence_of(const struct smt_sweep *sweep, uint64_t number)
{
    const struct survey *survey = &sweep->survey;
    uint64_t count = 0;

    for (uint64_t n = 1; n <= number; n++)
        if (survey->site_of[n - 1] == survey->site_of[number - 1]) count++;
    return count;
}

static void clean_format(const struct group *group, struct smt_buffer *text)
{
    enum clean_kind kind = clean_kind_of(&group->job);

    smt_buffer_add_text(text, clean_names[kind]);
    if (kind != CLEAN_TAIL && kind != CLEAN_HEAD) return;
    smt_buffer_addf(text, ".%llu", (unsigned long long)group->job.guard.first);
    for (uint32_t i = 0; i < group->job.guard.skip_count; i++)
        smt_buffer_addf(text, ",%llu", (unsigned long long)group->job.guard.skip[i]);
}

enum smt_status smt_sweep_token_format(struct smt_sweep *sweep, const struct group *group,
                                       struct smt_buffer *text)
{
    const struct smt_fault_plan *plan = &group->job.plan;
    const struct site *site = smt_sweep_site_of(sweep, group->allocation);

    smt_buffer_add_text(text, sweep->settings.worker.parser->name);
    if (sweep->settings.ops_text) smt_buffer_addf(text, "/%s", sweep->settings.ops_text);
    if (sweep->settings.worker.decoys)
        smt_buffer_addf(text, "@%llu", (unsigned long long)sweep->settings.worker.decoys);
    smt_buffer_add_text(text, ":");
    if (group->is_clean_run) {
        clean_format(group, text);
        return SMT_OK;
    }
    if (plan->limit_bytes) {
        smt_buffer_addf(text, "limit:%llu", (unsigned long long)plan->limit_bytes);
        return SMT_OK;
    }
    if (!site || plan->rule_count > 2 || (plan->rule_count == 2 && plan->rules[0].repeat != 1)) {
        smt_buffer_add_text(text, "at:");
        smt_fault_plan_format(plan, text);
        return SMT_OK;
    }
    if (plan->rules[0].repeat == SMT_FAULT_FOREVER)
        smt_buffer_add_text(text, "persistent:");
    else if (plan->rules[0].repeat > 1)
        smt_buffer_addf(text, "window%llu:", (unsigned long long)plan->rules[0].repeat);
    else
        smt_buffer_addf(text, "%s:", plan->rule_count == 2 ? "double" : "transient");
    smt_buffer_addf(text, "%016llx.%016llx.%llu.%llu", (unsigned long long)site->hash,
                    (unsigned long long)smt_sweep_stack_loose_hash(sweep, &site->stack),
                    (unsigned long long)occurrence_of(sweep, group->allocation),
                    (unsigned long long)group->allocation);
    if (plan->rule_count == 2)
        smt_buffer_addf(text, "+%llu",
                        (unsigned long long)(plan->rules[1].first - plan->rules[0].first));
    return SMT_OK;
}

static enum smt_status token_bad(const char *text)
{
    return smt_fail(SMT_EINPUT,
                    "--replay: '%s' is no replay token (a finding's `replay` line has one)", text);
}

static bool clean_parse(const char *text, struct token *token)
{
    for (unsigned kind = 0; kind < CLEAN_KINDS; kind++) {
        size_t length = strlen(clean_names[kind]);
        char *end = (char *)text + length;

        if (strncmp(text, clean_names[kind], length) != 0 || (*end && *end != '.')) continue;
        token->is_clean = true;
        token->job = (struct smt_job){.flags = SMT_JOB_CHECK};
        if (kind == CLEAN_ZERO) token->job.fill = SMT_FILL_ZERO;
        if (kind == CLEAN_ADDRESS) token->job.fill = SMT_FILL_ADDRESS;
        if (kind != CLEAN_TAIL && kind != CLEAN_HEAD) return !*end;
        token->job.guard.mode = kind == CLEAN_TAIL ? SMT_GUARD_TAIL : SMT_GUARD_HEAD;
        if (*end != '.') return false;
        token->job.guard.first = strtoull(end + 1, &end, 10);
        token->job.guard.last = token->job.guard.first + PAGE_WINDOW - 1;
        while (*end == ',' && token->job.guard.skip_count < SMT_GUARD_SKIP_MAX)
            token->job.guard.skip[token->job.guard.skip_count++] = strtoull(end + 1, &end, 10);
        return token->job.guard.first && !*end;
    }
    return false;
}

static bool site_parse(const char *text, struct token *token)
{
    unsigned long long exact, loose, occurrence, number, distance = 0;
    int used = 0;

    if (sscanf(text, "%16llx.%16llx.%llu.%llu%n", &exact, &loose, &occurrence, &number, &used) !=
            4 ||
        !number)
        return false;
    if (text[used] == '+') {
        int more = 0;

        if (sscanf(text + used, "+%llu%n", &distance, &more) != 1 || !distance) return false;
        used += more;
    }
    token->exact = exact;
    token->loose = loose;
    token->occurrence = occurrence;
    token->number = number;
    token->distance = distance;
    return !text[used];
}

static bool plan_parse(const char *text, struct token *token)
{
    struct smt_buffer limit;
    bool good;

    if (strncmp(text, "at:", 3) == 0) {
        token->number = 0;
        return smt_fault_plan_parse(text + 3, &token->job.plan) == SMT_OK;
    }
    if (strncmp(text, "limit:", 6) == 0) {
        token->mode = SMT_MODE_LIMIT;
        smt_buffer_init(&limit);
        smt_buffer_addf(&limit, "limit=%s", text + 6);
        good = limit.data && smt_fault_plan_parse(limit.data, &token->job.plan) == SMT_OK;
        smt_buffer_clear(&limit);
        return good;
    }
    if (strncmp(text, "window", 6) == 0) {
        char *end;

        token->mode = SMT_MODE_WINDOW;
        token->window = strtoull(text + 6, &end, 10);
        return token->window && *end == ':' && site_parse(end + 1, token);
    }
    for (unsigned mode = 0; mode < SMT_MODE_COUNT; mode++) {
        size_t length = strlen(smt_mode_name((enum smt_mode)mode));

        if (strncmp(text, smt_mode_name((enum smt_mode)mode), length) != 0 || text[length] != ':')
            continue;
        token->mode = (enum smt_mode)mode;
        return site_parse(text + length + 1, token) &&
               (mode == SMT_MODE_DOUBLE) == !!token->distance;
    }
    return false;
}

static bool decoys_parse(const char *text, const char *colon, uint64_t *ret_decoys)
{
    char *end;

    *ret_decoys = strtoull(text, &end, 10);
    return end == colon && *ret_decoys <= SMT_DECOYS_MAX;
}

enum smt_status smt_sweep_token_parse(const char *text, struct token *ret_token)
{
    const char *colon = strchr(text, ':');
    size_t name = strcspn(text, "/@:"), ops_end;
    struct token token = {0};

    if (!colon || !name || name >= sizeof token.parser) return token_bad(text);
    memcpy(token.parser, text, name);
    ops_end = strcspn(text, "@:");
    if (text[ops_end] == '@' && !decoys_parse(text + ops_end + 1, colon, &token.decoys))
        return token_bad(text);
    if (text[name] == '/') {
        char *list = strndup(text + name + 1, ops_end - name - 1);
        enum smt_status status = list ? smt_op_parse_list(list, &token.ops) : SMT_ENOMEM;

        free(list);
        if (status != SMT_OK) return token_bad(text);
    }
    if (!clean_parse(colon + 1, &token) && !plan_parse(colon + 1, &token)) return token_bad(text);
    *ret_token = token;
    return SMT_OK;
}

enum smt_status smt_token_subject_parse(const char *text, struct smt_token_subject *ret_subject)
{
    struct smt_token_subject subject = {.ops = ""};
    struct token token;
    enum smt_status status = smt_sweep_token_parse(text, &token);
    const char *ops = text + strcspn(text, "/@:");

    if (status != SMT_OK) return status;
    memcpy(subject.parser, token.parser, sizeof subject.parser);
    subject.decoys = token.decoys;
    if (*ops == '/') {
        size_t length = strcspn(++ops, "@:");

        if (length >= sizeof subject.ops) return token_bad(text);
        memcpy(subject.ops, ops, length);
    }
    *ret_subject = subject;
    return SMT_OK;
}

/* The occurrence-th allocation whose site has this hash; the last such when
 * there are fewer; 0 when there is none. */
static uint64_t number_find(struct smt_sweep *sweep, uint64_t hash, bool loose, uint64_t occurrence)
{
    const struct survey *survey = &sweep->survey;
    bool *hit = calloc(survey->site_count + 1, sizeof *hit);
    uint64_t found = 0, seen = 0;

    for (uint32_t i = 0; hit && i < survey->site_count; i++)
        hit[i] = loose ? smt_sweep_stack_loose_hash(sweep, &survey->sites[i]->stack) == hash
                       : survey->sites[i]->hash == hash;
    for (uint64_t n = 1; hit && n <= survey->attempts && seen < occurrence; n++)
        if (survey->site_of[n - 1] < survey->site_count && hit[survey->site_of[n - 1]]) {
            found = n;
            seen++;
        }
    free(hit);
    return found;
}

enum smt_status smt_sweep_token_resolve(struct smt_sweep *sweep, const struct token *token,
                                        struct smt_job *ret_job)
{
    uint64_t number;

    *ret_job = token->job;
    if (token->is_clean) return SMT_OK;
    if (!token->number && smt_sweep_plan_is_reached(sweep, &token->job.plan)) return SMT_OK;
    if (!token->number)
        return smt_fail(
            SMT_EINPUT, "--replay: nothing would be refused: %s makes only %llu allocation%s",
            sweep->messages->items[sweep->message].name, (unsigned long long)sweep->survey.attempts,
            smt_number_ending(sweep->survey.attempts));
    number = number_find(sweep, token->exact, false, token->occurrence);
    if (!number) number = number_find(sweep, token->loose, true, token->occurrence);
    if (!number) {
        number = token->number;
        sweep->summary.replayed_by_number = true;
    }
    if (number > sweep->survey.attempts)
        return smt_fail(
            SMT_EINPUT,
            "--replay: the token's site is not in %s, and allocation %llu is past its last, %llu",
            sweep->messages->items[sweep->message].name, (unsigned long long)number,
            (unsigned long long)sweep->survey.attempts);
    ret_job->plan = (struct smt_fault_plan){.rule_count = 1, .rules = {{number, 1}}};
    if (token->mode == SMT_MODE_PERSISTENT) ret_job->plan.rules[0].repeat = SMT_FAULT_FOREVER;
    if (token->mode == SMT_MODE_WINDOW) ret_job->plan.rules[0].repeat = token->window;
    if (token->mode == SMT_MODE_DOUBLE) {
        ret_job->plan.rule_count = 2;
        ret_job->plan.rules[1] = (struct smt_fault_rule){number + token->distance, 1};
    }
    return SMT_OK;
}
