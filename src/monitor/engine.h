/* monitor/engine.h - exact figures of a process that has our heap engine in
 * it. Whoever can talk to such an engine gives the monitor one of these; the
 * monitor knows no engine itself. */
#ifndef SMT_MONITOR_ENGINE_H
#define SMT_MONITOR_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"

struct smt_monitor_engine_live {
    uint64_t bytes, blocks;
    const char *trouble; /* why an engine that is there tells nothing; static; else NULL */
};

struct smt_monitor_engine {
    void *context;

    /* What is allocated in process `pid` now, after this round; false when it has
     * no engine, or one in trouble. */
    bool (*live)(void *context, int pid, uint64_t round, struct smt_monitor_engine_live *ret_live);

    /* Adds, as text, the allocation stacks that make up a growth of the live
     * bytes by `bytes_per_round` since `from_round`, the biggest first. Asked once,
     * at the end, when live bytes rise; the process may have ended. NULL when the
     * engine keeps no stacks. */
    void (*stacks)(void *context, int pid, uint64_t from_round, double bytes_per_round,
                   struct smt_buffer *text);
};

#endif
