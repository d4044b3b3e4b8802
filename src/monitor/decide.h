/* monitor/decide.h - from the samples of one process to a verdict with its
 * reasons.
 *
 * Resident and private dirty memory both rise: suspected. One of them, or ever more slowly: look
 * further. Neither: steady. Private clean pages are not judged: a page of a
 * library turns from shared to private when another program that mapped it
 * ends, which says nothing about the process we watch. Swapped-out bytes count as resident and
 * private. Exact figures of an engine, where there are any, decide instead, with no tolerance after
 * the warm-up. */
#ifndef SMT_MONITOR_DECIDE_H
#define SMT_MONITOR_DECIDE_H

#include "base/base.h"
#include "monitor/sample.h"
#include "monitor/trend.h"

/* The later outweighs the earlier when several processes are summed up, except
 * that one steady process makes undecided others steady. */
enum smt_monitor_verdict {
    SMT_MONITOR_UNDECIDED,
    SMT_MONITOR_STEADY,
    SMT_MONITOR_LOOK_FURTHER,
    SMT_MONITOR_SUSPECTED,
};

/* `steady`, `look further`, `leak suspected`, `undecided`; static. */
const char *smt_monitor_verdict_text(enum smt_monitor_verdict verdict);

/* The figures that are judged, in this order. */
enum smt_monitor_judged_figure {
    SMT_MONITOR_JUDGED_RSS,
    SMT_MONITOR_JUDGED_PRIVATE,
    SMT_MONITOR_JUDGED_LIVE,
    SMT_MONITOR_JUDGED_COUNT
};

struct smt_monitor_judged {
    bool present;
    struct smt_monitor_trend trend;
    enum smt_monitor_rise rise;
};

/* Slopes of an earlier run that count as known; zero when there are none. */
struct smt_monitor_known {
    bool present;
    double high[SMT_MONITOR_JUDGED_COUNT]; /* upper end of the interval, bytes a round */
    double seconds_per_round; /* of the earlier run on the clock; 0 where rounds are steps */
};

struct smt_monitor_decision {
    enum smt_monitor_verdict verdict;
    struct smt_monitor_judged figures[SMT_MONITOR_JUDGED_COUNT];
    bool swap_counted;
    bool known;               /* rises, but no faster than in the earlier run */
    double bytes_per_round;   /* of what decided; 0 unless it rises */
    double seconds_per_round; /* mean; 0 when unknown */
    double seconds_to_limit;  /* at this rate; negative when never or no limit */
    uint64_t rounds_to_limit;
    char reason[500]; /* sentences */
};

/* Bytes of the figure in one sample, as it is judged (with what is swapped). */
double smt_monitor_judged_value(const struct smt_monitor_sample *sample,
                                enum smt_monitor_judged_figure figure);

/* Has the sample this figure? An engine may come late and leave early. */
bool smt_monitor_judged_has(const struct smt_monitor_sample *sample,
                            enum smt_monitor_judged_figure figure);

/* From where to where a picture of the figure reaches: all its values and a tenth of
 * room on both sides, but at least `least_range` bytes, and none below 0. */
void smt_monitor_judged_range(const struct smt_monitor_sample *samples, size_t count,
                              enum smt_monitor_judged_figure figure, double least_range,
                              double *ret_low, double *ret_high);

/* The nth sample, from 0, that has the figure; there are
 * figures[figure].trend.samples of them. NULL: fewer. */
const struct smt_monitor_sample *smt_monitor_judged_sample(const struct smt_monitor_sample *samples,
                                                           size_t count,
                                                           enum smt_monitor_judged_figure figure,
                                                           size_t nth);

/* The figure in the last `most` samples that have it, oldest first; returns how many. */
size_t smt_monitor_judged_tail(const struct smt_monitor_sample *samples, size_t count,
                               enum smt_monitor_judged_figure figure, double *ret_values,
                               size_t most);

/* Judges the samples of one process; limit_bytes 0 for none. */
SMT_MUST_USE enum smt_status smt_monitor_decide(const struct smt_monitor_sample *samples,
                                                size_t count, uint64_t limit_bytes,
                                                const struct smt_monitor_known *known,
                                                struct smt_monitor_decision *ret_decision);

#endif
