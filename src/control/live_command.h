/* control/live_command.h - memscope, kmemleak, badfrees and live, as typed, put to
 * the engine of another process and shown.
 *
 *   memscope create|start|stop|destroy|stats
 *   memscope print AGE|--auto [--by-stack]
 *   kmemleak [scan|clear|off|stack=on|off|scan=on|off|SECS|minage=SECS|scans=N|
 *             stop=ptrace|signal|dump=ADDR] [--by-stack] [--suppress=FILE]
 *   badfrees      live [stacks [COUNT]|sums|frames STACK...]
 *
 * --json anywhere: one line of JSON instead. */
#ifndef SMT_CONTROL_LIVE_COMMAND_H
#define SMT_CONTROL_LIVE_COMMAND_H

#include "control/live_client.h"
#include "control/live_reply.h"

struct smt_live_answer {
    struct smt_buffer text;
    int code;        /* 0; or 400, 500: the text is why not */
    size_t suspects; /* leaks shown */
};

void smt_live_answer_init(struct smt_live_answer *answer);
void smt_live_answer_clear(struct smt_live_answer *answer);

/* One of these commands? By its first word. */
bool smt_live_command_is(const char *name);

/* A status only when the process cannot be asked, or --suppress not be read. */
SMT_MUST_USE enum smt_status smt_live_command(struct smt_live_client *client, char *const *words,
                                              size_t count, struct smt_live_answer *answer);

/* Globs from a suppression file: one a line, `leak:` in front allowed, # begins a
 * comment. Free with smt_live_suppressions_free(). */
SMT_MUST_USE enum smt_status smt_live_suppressions_load(const char *path, char ***ret_globs);
void smt_live_suppressions_free(char **globs);

#endif
