/* sweep/budget.c - which attempts to refuse, in which order.
 *
 * Without a budget: all that are wanted, in order. With one: sites that this
 * mode never refused come first, one attempt each; what is left of the budget
 * is shared among the mode sweeps to come and spent on attempts drawn by the
 * seed. */
#include <stdlib.h>

#include "sweep/inside.h"

bool smt_sweep_budget_is_spent(struct smt_sweep *sweep)
{
    const struct smt_sweep_settings *settings = &sweep->settings;
    bool spent =
        (settings->budget_injections && sweep->summary.injections >= settings->budget_injections) ||
        (settings->budget_ns && smt_clock_ns() - sweep->started_ns >= settings->budget_ns);

    if (spent) sweep->summary.budget_spent = true;
    return spent;
}

static bool has_budget(const struct smt_sweep *sweep)
{
    return sweep->settings.budget_injections || sweep->settings.budget_ns;
}

/* What is left of the budget, in injections. For a time budget the pace so far is
 * taken as the pace to come. */
static uint64_t budget_left(const struct smt_sweep *sweep)
{
    const struct smt_sweep_settings *settings = &sweep->settings;
    uint64_t left = UINT64_MAX, done = sweep->summary.injections;

    if (settings->budget_injections)
        left = settings->budget_injections > done ? settings->budget_injections - done : 0;
    if (settings->budget_ns) {
        uint64_t used = smt_clock_ns() - sweep->started_ns;
        double pace = used ? (double)(done + 1) / (double)used : 1;
        double by_time =
            used < settings->budget_ns ? (double)(settings->budget_ns - used) * pace : 0;

        if (by_time < (double)left) left = (uint64_t)by_time;
    }
    return left;
}

/* Fisher and Yates' shuffle of the items from `from` on. */
static void attempts_shuffle(struct smt_sweep *sweep, struct attempt_list *list, size_t from)
{
    for (size_t i = list->count; i > from + 1; i--) {
        size_t j = from + (size_t)smt_random_below(&sweep->random, i - from);
        uint64_t swap = list->items[i - 1];

        list->items[i - 1] = list->items[j];
        list->items[j] = swap;
    }
}

/* Moves one attempt of each site that this mode never refused to the front. */
static size_t fresh_first(struct smt_sweep *sweep, enum smt_mode mode, struct attempt_list *list)
{
    bool *taken = calloc(sweep->survey.site_count + 1, sizeof *taken);
    size_t front = 0;

    for (size_t i = 0; taken && i < list->count; i++) {
        uint32_t site = sweep->survey.site_of[list->items[i] - 1];
        uint64_t swap = list->items[i];

        if (site >= sweep->survey.site_count || taken[site] ||
            sweep->survey.sites[site]->refused[mode])
            continue;
        taken[site] = true;
        list->items[i] = list->items[front];
        list->items[front++] = swap;
    }
    free(taken);
    return front;
}

enum smt_status smt_sweep_attempts_choose(struct smt_sweep *sweep, enum smt_mode mode,
                                          uint64_t first, uint64_t last,
                                          struct attempt_list *ret_list)
{
    struct attempt_list list = {calloc(last - first + 2, sizeof *list.items), 0};
    uint64_t share, left;
    size_t front;

    if (!list.items) return smt_fail(SMT_ENOMEM, "out of memory for a list of allocations");
    for (uint64_t n = first; n <= last; n++)
        if (smt_sweep_attempt_is_wanted(sweep, n)) list.items[list.count++] = n;
    if (has_budget(sweep)) {
        front = fresh_first(sweep, mode, &list);
        attempts_shuffle(sweep, &list, front);
        left = budget_left(sweep);
        share = left / (sweep->modes_left + 1);
        if (share < front) share = front;
        if (share > left) share = left;
        if (list.count > share) {
            sweep->summary.budget_spent = true;
            list.count = (size_t)share;
        }
    }
    *ret_list = list;
    return SMT_OK;
}
