/* cli/mtctl_engine.h - the options every way to start an engine has, and the
 * engine itself. */
#ifndef SMT_CLI_MTCTL_ENGINE_H
#define SMT_CLI_MTCTL_ENGINE_H

#include "cli/cli.h"
#include "control/control.h"
#include "parser/parser.h"

struct smt_mtctl_engine {
    struct smt_stress_options options;
    struct smt_cli_texts parameters; /* NAME=VALUE */
    const struct smt_parser *parser; /* of the message test; NULL: the first */
    bool quiet;                      /* no warning */
    bool json;                       /* answers in JSON */
    bool live;                       /* watched by the engine of `mtctl run` */
};

/* Rows of a program whose options begin with a struct smt_mtctl_engine. */
#define SMT_MTCTL_ENGINE_ROWS                                                                      \
    {0, NULL, NULL, 0, "Engine:", NULL, NULL, NULL, 0},                                            \
        {0,                                                                                        \
         "backend",                                                                                \
         "NAME",                                                                                   \
         0,                                                                                        \
         "Whose memory: libc (this process's malloc) or heap",                                     \
         NULL,                                                                                     \
         smt_mtctl_add_backends,                                                                   \
         smt_mtctl_set_backend,                                                                    \
         0},                                                                                       \
        {0,                                                                                        \
         "live",                                                                                   \
         NULL,                                                                                     \
         0,                                                                                        \
         "Watch this process too: memscope, kmemleak and live answer about its own blocks",        \
         NULL,                                                                                     \
         NULL,                                                                                     \
         smt_cli_set_true,                                                                         \
         offsetof(struct smt_mtctl_engine, live)},                                                 \
        {0,                                                                                        \
         "memory-limit",                                                                           \
         "SIZE",                                                                                   \
         0,                                                                                        \
         "Refuse beyond SIZE, as 512m; default 80 % of what is allowed",                           \
         NULL,                                                                                     \
         NULL,                                                                                     \
         smt_mtctl_set_limit,                                                                      \
         0},                                                                                       \
        {'p',                                                                                      \
         "param",                                                                                  \
         "NAME=VALUE",                                                                             \
         0,                                                                                        \
         "Set a misctest parameter; repeatable",                                                   \
         NULL,                                                                                     \
         smt_mtctl_add_parameters,                                                                 \
         smt_mtctl_set_parameter,                                                                  \
         0},                                                                                       \
        {0,                                                                                        \
         "parser",                                                                                 \
         "NAME",                                                                                   \
         0,                                                                                        \
         "Whose parser the message test runs; default osip",                                       \
         NULL,                                                                                     \
         smt_mtctl_add_parsers,                                                                    \
         smt_mtctl_set_parser,                                                                     \
         0},                                                                                       \
        {'q',                                                                                      \
         "quiet",                                                                                  \
         NULL,                                                                                     \
         0,                                                                                        \
         "No warning that this is a debugging tool",                                               \
         NULL,                                                                                     \
         NULL,                                                                                     \
         smt_cli_set_true,                                                                         \
         offsetof(struct smt_mtctl_engine, quiet)},                                                \
    {                                                                                              \
        0, "seed", "N", 0, "Draw the same random sizes each time", NULL, NULL, smt_cli_set_number, \
            offsetof(struct smt_mtctl_engine, options.seed)                                        \
    }

void smt_mtctl_add_backends(struct smt_buffer *words);
void smt_mtctl_add_parameters(struct smt_buffer *words);
void smt_mtctl_add_parsers(struct smt_buffer *words);
SMT_CLI_SETTER(smt_mtctl_set_backend);
SMT_CLI_SETTER(smt_mtctl_set_limit);
SMT_CLI_SETTER(smt_mtctl_set_parameter);
SMT_CLI_SETTER(smt_mtctl_set_parser);

/* Whether an option was given that matters to an engine only. */
bool smt_mtctl_engine_is_changed(const struct smt_mtctl_engine *engine);

/* Warns that this is a debugging tool, makes the engine, sets parameters.
 * Returns the exit status of a failure, told on standard error, or 0. */
int smt_mtctl_engine_start(const struct smt_mtctl_engine *engine, struct smt_control *ret_control);

/* Frees everything; 1 when something was found, else `status`. */
int smt_mtctl_engine_stop(struct smt_control *control, int status);

/* An answer on standard output, a fault on standard error unless in JSON; false
 * when it could not be written. */
bool smt_mtctl_show(const struct smt_wire_reply *reply, bool json);

/* Tells the last failure on standard error; its exit status. */
int smt_mtctl_fail(enum smt_status status);

#endif
