/* monitor/engine.h - exact figures of a process that has our heap engine in
 * it. Whoever can talk to such an engine gives the monitor one of these; the
 * monitor knows no engine itself. */
#ifndef SMT_MONITOR_ENGINE_H
#define SMT_MONITOR_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"

struct smt_monitor_engine {
    void *context;

    /* What is allocated in process `pid` now; false when it has no engine. */
    bool (*live)(void *context, int pid, uint64_t *ret_bytes, uint64_t *ret_blocks);

    /* Adds, as text, the allocation stacks whose live bytes grew by about
     * `bytes_per_round` a round, the biggest first. Asked only when the
     * process is suspected. NULL when the engine keeps no stacks. */
    void (*stacks)(void *context, int pid, double bytes_per_round, struct smt_buffer *text);
};

#endif
