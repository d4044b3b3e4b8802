/* cli/cli_progress.h - a progress bar on standard error, as a sink of the sweep.
 *
 * Must be the first of the sinks: it takes the bar away before another one
 * writes its lines. */
#ifndef SMT_CLI_PROGRESS_H
#define SMT_CLI_PROGRESS_H

#include "sweep/sweep.h"

struct smt_cli_progress {
    struct smt_sink sink; /* first: a sink is turned back into the whole */
    uint64_t drawn_ns;    /* when last; 0: no bar on the screen */
    uint64_t started_ns;
    bool is_drawn;
};

void smt_cli_progress_init(struct smt_cli_progress *progress);

/* Takes the bar off the screen, if it is there. */
void smt_cli_progress_erase(struct smt_cli_progress *progress);

#endif
