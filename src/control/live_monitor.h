/* control/live_monitor.h - exact figures for monitor/: asks the engines inside
 * the processes that are watched (preload/), by process id, here only.
 *
 * A connection stays open per process. A process without an engine is asked again
 * at its 1st, 2nd, 4th, 8th, ... look: a forked child has one from its first
 * allocation on. What each stack holds is read along with the totals, but for at
 * most one part in fifty of the time; in the first rounds, and once a second, in
 * any case. The names of the stacks that grow are fetched
 * now and then, too, so that a process that ends early leaves them behind. */
#ifndef SMT_CONTROL_LIVE_MONITOR_H
#define SMT_CONTROL_LIVE_MONITOR_H

#include "monitor/monitor.h"

struct smt_live_monitor;

/* NULL without memory. */
struct smt_live_monitor *smt_live_monitor_new(void);
void smt_live_monitor_free(struct smt_live_monitor *monitor); /* accepts NULL */

/* As the monitor wants it; lives as long. */
const struct smt_monitor_engine *smt_live_monitor_engine(struct smt_live_monitor *monitor);

#endif
