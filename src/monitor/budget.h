/* monitor/budget.h - on the clock, whether a full look at a process is due.
 *
 * A full look reads the roll-up: the kernel visits every page of the process for
 * it, and may keep the process waiting that wants to map memory. Two rules; one is enough:
 *
 *   budget  the full looks at all processes together take `share` of the time
 *   floor   one full look in each of SMT_MONITOR_SLOTS equal parts of the run
 *
 * Within both the moment is left to chance: a process with a rhythm of its own,
 * looked at with nearly the same rhythm, would seem to rise or fall slowly.
 * Pure arithmetic: no clock is read here. */
#ifndef SMT_MONITOR_BUDGET_H
#define SMT_MONITOR_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

/* Looks that a decision needs, whatever they cost. Of simulated leaks in noise
 * that all of 200 looks tell, 99 % are told by 60 of them, 78 % by 30. */
#define SMT_MONITOR_SLOTS 60

/* What full looks may take, of one core, unless the user says otherwise: a look takes 4 ms at
 * most on average, within these two. With the least, ten looks a second at 32 MB in small pages
 * stay, all told, under half a percent, and the mean look under 200 us; with the most, a look a
 * second at 130 MB is always full: a third of the looks would need up to half as many rounds
 * again for the same decision. */
#define SMT_MONITOR_SHARE_LEAST 0.001
#define SMT_MONITOR_SHARE_MOST  0.004
double smt_monitor_budget_share(uint64_t interval_ms);

/* The same for all processes of a run. */
struct smt_monitor_budget {
    double share; /* of one core, for full looks; 0: no limit */
    uint64_t interval_ns;
    uint64_t ticks; /* of the whole run */
};

/* One process: its full looks so far. */
struct smt_monitor_pace {
    double last_ns, mean_ns; /* CPU time of the last one; weighted mean, halved in five */
    uint64_t at_ns, round;   /* of the last one */
    double chance;           /* from 0 to below 1: when the next one falls */
};

/* A full look was taken that cost so much CPU time. */
void smt_monitor_pace_add(struct smt_monitor_pace *pace, double cost_ns, uint64_t now_ns,
                          uint64_t round, double chance);

/* What the next one is taken to cost: as much as the last or the mean, the dearer; 0 before any. */
double smt_monitor_pace_cost(const struct smt_monitor_pace *pace);

/* Is a full look due in tick `round`? `all_ns` is what one at each process costs together. */
bool smt_monitor_budget_due(const struct smt_monitor_budget *budget,
                            const struct smt_monitor_pace *pace, double all_ns, uint64_t now_ns,
                            uint64_t round);

#endif
