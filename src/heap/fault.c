#include "heap/fault.h"

#include <string.h>

/* Sets from..to to the next rule, or out of reach. */
static void fault_next(struct smt_fault *fault)
{
    const struct smt_fault_rule *rule;

    if (fault->next_rule >= fault->plan->rule_count) {
        fault->from = fault->to = SMT_FAULT_FOREVER;
        return;
    }
    rule = &fault->plan->rules[fault->next_rule++];
    fault->from = rule->first;
    if (__builtin_add_overflow(rule->first - 1, rule->repeat, &fault->to))
        fault->to = SMT_FAULT_FOREVER;
}

void smt_fault_arm(struct smt_fault *fault, const struct smt_fault_plan *plan)
{
    fault->plan = plan;
    fault->next_rule = 0;
    fault_next(fault);
}

bool smt_fault_refuses(struct smt_fault *fault, uint64_t attempt)
{
    while (attempt > fault->to) fault_next(fault);
    return attempt >= fault->from && fault->from != SMT_FAULT_FOREVER;
}

bool smt_fault_plan_is_empty(const struct smt_fault_plan *plan)
{
    return !plan->rule_count && !plan->limit_bytes;
}

/* Adds the rule `text` (length bytes): a number or a range. */
static bool rule_add(struct smt_fault_plan *plan, const char *text, size_t length)
{
    char copy[64], *dash;
    struct smt_fault_rule rule = {0, 1};
    const struct smt_fault_rule *last =
        plan->rule_count ? &plan->rules[plan->rule_count - 1] : NULL;
    uint64_t end;

    if (length >= sizeof copy || plan->rule_count == SMT_FAULT_RULES_MAX) return false;
    memcpy(copy, text, length);
    copy[length] = '\0';
    dash = strchr(copy, '-');
    if (dash) *dash = '\0';
    if (!smt_number_parse(copy, &rule.first) || !rule.first) return false;
    if (dash) {
        if (!smt_number_parse(dash + 1, &end) || end < rule.first) return false;
        rule.repeat = end - rule.first + 1;
    }
    if (last && (rule.first < last->first || rule.first - last->first < last->repeat)) return false;
    plan->rules[plan->rule_count++] = rule;
    return true;
}

/* The rules between commas; `:persistent` makes the last one endless, which must
 * be a single number: a range has an end. */
static bool rules_add(struct smt_fault_plan *plan, const char *text)
{
    static const char persistent[] = ":persistent";
    size_t length = strlen(text), suffix = strlen(persistent);
    bool forever = length > suffix && strcmp(text + length - suffix, persistent) == 0;
    struct smt_fault_rule *last;

    if (forever) length -= suffix;
    for (size_t at = 0; at <= length;) {
        const char *comma = memchr(text + at, ',', length - at);
        size_t part = comma ? (size_t)(comma - text) - at : length - at;

        if (!rule_add(plan, text + at, part)) return false;
        at += part + 1;
    }
    last = &plan->rules[plan->rule_count - 1];
    if (forever && last->repeat != 1) return false;
    if (forever) last->repeat = SMT_FAULT_FOREVER;
    return true;
}

enum smt_status smt_fault_plan_parse(const char *text, struct smt_fault_plan *ret_plan)
{
    struct smt_fault_plan plan = {0};

    if (strncmp(text, "limit=", 6) == 0) {
        if (!smt_number_parse_size(text + 6, &plan.limit_bytes) || !plan.limit_bytes)
            return smt_fail(SMT_EUSAGE,
                            "bad heap limit '%s': a size above 0 is needed, as limit=64k", text);
    } else if (!rules_add(&plan, text)) {
        return smt_fail(SMT_EUSAGE,
                        "bad allocation list '%s': at most %d rising numbers or ranges from 1 up, "
                        "as 7 or 3,9-12 or 7:persistent",
                        text, SMT_FAULT_RULES_MAX);
    }
    *ret_plan = plan;
    return SMT_OK;
}

void smt_fault_plan_format(const struct smt_fault_plan *plan, struct smt_buffer *text)
{
    if (plan->limit_bytes)
        smt_buffer_addf(text, "limit=%llu", (unsigned long long)plan->limit_bytes);
    for (uint32_t i = 0; i < plan->rule_count; i++) {
        unsigned long long first = plan->rules[i].first, repeat = plan->rules[i].repeat;

        smt_buffer_addf(text, "%s%llu", i ? "," : "", first);
        if (plan->rules[i].repeat == SMT_FAULT_FOREVER)
            smt_buffer_add_text(text, ":persistent");
        else if (repeat > 1)
            smt_buffer_addf(text, "-%llu", first + repeat - 1);
    }
}
