/* control/control.h - front door of control/: engine, parameters and commands
 * of one process, the script interpreter, and the server.
 *
 * A smt_control may be used from any thread once it is set up. */
#ifndef SMT_CONTROL_CONTROL_H
#define SMT_CONTROL_CONTROL_H

#include "control/command.h"
#include "control/live_command.h"
#include "control/live_menu.h"
#include "control/live_monitor.h"
#include "control/parameter.h"
#include "control/script.h"
#include "control/server.h"
#include "stress/stress.h"

/* What control/ needs from rooms above it; any may be NULL. */
struct smt_control_hooks {
    void *context;
    /* Runs the message test on these bytes; `name` says where they are from.
     * Adds lines for people to `report`, the last one without its end. For
     * message_data a zero byte follows the bytes. A status says that the test itself
     * could not be made; *ret_findings that it was made and found something. Once
     * *cancelled is set it is not begun. */
    enum smt_status (*message_test)(void *context, const char *name, const void *bytes,
                                    size_t size_bytes, const atomic_bool *cancelled,
                                    struct smt_buffer *report, bool *ret_findings);
    /* Has one that runs give up soon; from a signal handler too. */
    void (*message_cancel)(void);
};

struct smt_control {
    struct smt_stress stress;
    struct smt_stress_tests *tests;
    struct smt_control_hooks hooks;
    struct smt_parameters parameters;
    pid_t attached; /* whose engine memscope, kmemleak, badfrees, live ask; 0: this process's */
};

SMT_MUST_USE enum smt_status smt_control_init(struct smt_control *control,
                                              const struct smt_stress_options *options,
                                              const struct smt_control_hooks *hooks);

/* Has all long work give up soon, for good; from a signal handler too. */
void smt_control_cancel(struct smt_control *control);

/* Ends timed tests and frees (and checks) every chunk. */
void smt_control_clear(struct smt_control *control);

/* Something was found: changed chunks, or a message test's findings. */
bool smt_control_found(const struct smt_control *control);

/* What is allocated now, timed tests' chunks included. */
void smt_control_held(struct smt_control *control, uint64_t *ret_bytes, uint64_t *ret_chunks);

#endif
