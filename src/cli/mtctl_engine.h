/* cli/mtctl_engine.h - the options every way to start an engine has, and the
 * engine itself. */
#ifndef SMT_CLI_MTCTL_ENGINE_H
#define SMT_CLI_MTCTL_ENGINE_H

#include <argp.h>

#include "control/control.h"
#include "parser/parser.h"

#define SMT_MTCTL_PARAMETERS_MAX 64

struct smt_mtctl_engine {
    struct smt_stress_options options;
    const char *parameters[SMT_MTCTL_PARAMETERS_MAX]; /* NAME=VALUE */
    size_t parameter_count;
    const struct smt_parser *parser; /* of the message test; NULL: the first */
    bool quiet;                      /* no warning */
    bool live;                       /* watched by the engine of `mtctl run` */
};

/* For an argp_child; the child's input is a struct smt_mtctl_engine. */
extern const struct argp smt_mtctl_engine_argp;

/* Whether an option was given that matters to an engine only. */
bool smt_mtctl_engine_is_changed(const struct smt_mtctl_engine *engine);

/* Warns that this is a debugging tool, makes the engine, sets parameters.
 * Returns the exit status of a failure, told on standard error, or 0. */
int smt_mtctl_engine_start(const struct smt_mtctl_engine *engine, struct smt_control *ret_control);

/* Frees everything; 1 when something was found, else `status`. */
int smt_mtctl_engine_stop(struct smt_control *control, int status);

/* Tells the last failure on standard error; its exit status. */
int smt_mtctl_fail(enum smt_status status);

#endif
