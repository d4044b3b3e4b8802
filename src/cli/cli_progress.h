/* cli/cli_progress.h - how far a sweep is, on standard error, as a sink of it: a
 * bar, and a note as soon as it is clear that a minute will not do.
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
    bool has_bar, has_note; /* wanted */
};

void smt_cli_progress_init(struct smt_cli_progress *progress, bool bar, bool note);

/* Takes the bar off the screen, if it is there. */
void smt_cli_progress_erase(struct smt_cli_progress *progress);

#endif
