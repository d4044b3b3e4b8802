/* base/clock.h - time, in nanoseconds. Async-signal-safe. */
#ifndef SMT_BASE_CLOCK_H
#define SMT_BASE_CLOCK_H

#include <stdint.h>

uint64_t smt_clock_ns(void);     /* monotonic */
uint64_t smt_clock_cpu_ns(void); /* CPU time of this process */

#endif
