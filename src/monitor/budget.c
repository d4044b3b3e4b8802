#include "monitor/budget.h"

#include <math.h>

/* Of each new cost in the mean: an old one counts half after five more. */
#define MEAN_SHARE 0.125

double smt_monitor_budget_share(uint64_t interval_ms)
{
    double share = SMT_MONITOR_SHARE_MOST * (double)interval_ms / 1000;

    return fmin(fmax(share, SMT_MONITOR_SHARE_LEAST), SMT_MONITOR_SHARE_MOST);
}

void smt_monitor_pace_add(struct smt_monitor_pace *pace, double cost_ns, uint64_t now_ns,
                          uint64_t round, double chance)
{
    double mean_ns = pace->at_ns ? pace->mean_ns + (cost_ns - pace->mean_ns) * MEAN_SHARE : cost_ns;

    *pace = (struct smt_monitor_pace){
        .last_ns = cost_ns, .mean_ns = mean_ns, .at_ns = now_ns, .round = round, .chance = chance};
}

double smt_monitor_pace_cost(const struct smt_monitor_pace *pace)
{
    return fmax(pace->last_ns, pace->mean_ns);
}

/* Half to one and a half times as long as the cost asks for, to the nearest tick. What fits
 * into each tick is taken in each. */
static bool budget_allows(const struct smt_monitor_budget *budget,
                          const struct smt_monitor_pace *pace, double all_ns, uint64_t now_ns)
{
    double wait_ns = all_ns / budget->share, interval_ns = (double)budget->interval_ns;

    if (wait_ns <= interval_ns) return true;
    return (double)(now_ns - pace->at_ns) + interval_ns / 2 >= wait_ns * (0.5 + pace->chance);
}

/* In the slot after that of the last look, at a moment that leaves one more tick in it. */
static bool floor_asks(const struct smt_monitor_budget *budget, const struct smt_monitor_pace *pace,
                       uint64_t round)
{
    double slots = (double)SMT_MONITOR_SLOTS / (double)budget->ticks; /* that a tick is worth */

    if (slots >= 1) return true;
    return (double)round * slots >=
           floor((double)pace->round * slots) + 1 + pace->chance * (1 - slots);
}

bool smt_monitor_budget_due(const struct smt_monitor_budget *budget,
                            const struct smt_monitor_pace *pace, double all_ns, uint64_t now_ns,
                            uint64_t round)
{
    if (budget->share <= 0 || !pace->at_ns) return true;
    return budget_allows(budget, pace, all_ns, now_ns) || floor_asks(budget, pace, round);
}
