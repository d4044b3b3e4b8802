/* fuzz/refusal.c - from an input's tail to a fault plan; see oracle.h. */
#include <stdio.h>
#include <stdlib.h>

#include "oracle.h"

#define PLACES_MOST 4
#define PLACE_RANGE 4096u /* twelve bits */

enum refusal_mode { MODE_ALONE, MODE_PERSISTENT, MODE_WINDOW, MODE_LIMIT };

static unsigned tail_place(const uint8_t *tail, unsigned n)
{
    const uint8_t *pair = tail + 2 + n / 2 * 3;

    return n % 2 ? pair[1] >> 4 | (unsigned)pair[2] << 4 : pair[0] | (pair[1] & 15u) << 8;
}

/* Long messages make more requests than twelve bits can name. */
static uint64_t place_attempt(unsigned place, uint64_t attempts)
{
    if (attempts > PLACE_RANGE) return 1 + place * attempts / PLACE_RANGE;
    return 1 + place % attempts;
}

/* Keeps the rules in rising order; one that would overlap is left out. */
static void rule_insert(struct smt_fault_plan *plan, uint64_t first, uint64_t repeat)
{
    uint32_t at = plan->rule_count;

    for (uint32_t i = 0; i < plan->rule_count; i++)
        if (first < plan->rules[i].first + repeat && plan->rules[i].first < first + repeat) return;
    for (; at && plan->rules[at - 1].first > first; at--) plan->rules[at] = plan->rules[at - 1];
    plan->rules[at] = (struct smt_fault_rule){first, repeat};
    plan->rule_count++;
}

void fuzz_plan_build(const uint8_t *tail, const struct smt_run_result *clean, bool has_limit,
                     struct smt_fault_plan *ret_plan)
{
    enum refusal_mode mode = (enum refusal_mode)(tail[0] & 3);
    unsigned count = 1 + (tail[0] >> 2 & 3);
    uint64_t repeat = mode == MODE_WINDOW ? 2 + (tail[1] & 15u) : 1;

    *ret_plan = (struct smt_fault_plan){0};
    if (!clean->heap.attempts) return;
    if (mode == MODE_LIMIT && has_limit) {
        ret_plan->limit_bytes = 1 + clean->heap.peak_bytes * tail_place(tail, 0) / PLACE_RANGE;
        return;
    }
    for (unsigned n = 0; n < count && n < PLACES_MOST; n++)
        rule_insert(ret_plan, place_attempt(tail_place(tail, n), clean->heap.attempts), repeat);
    if (mode == MODE_PERSISTENT)
        ret_plan->rules[ret_plan->rule_count - 1].repeat = SMT_FAULT_FOREVER;
}

static bool is_shown(void)
{
    static int shown = -1;

    if (shown < 0) shown = getenv("SMT_FUZZ_SHOW_PLAN") != NULL;
    return shown;
}

void fuzz_plan_show(const struct smt_fault_plan *plan)
{
    struct smt_buffer text;

    if (!is_shown()) return;
    smt_buffer_init(&text);
    smt_fault_plan_format(plan, &text);
    fprintf(stderr, "sipmemtest-fuzz: plan: %s\n", text.data ? text.data : "");
    smt_buffer_clear(&text);
}

void fuzz_refusal_show(uint64_t attempt, bool is_refused)
{
    if (!is_shown()) return;
    fprintf(stderr, "sipmemtest-fuzz: %s: %llu\n", is_refused ? "refused" : "let through",
            (unsigned long long)attempt);
}
