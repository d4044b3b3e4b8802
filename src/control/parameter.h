/* control/parameter.h - misctest's parameters, and where a fault plan is set.
 *
 * One table row each: name, bounds, how to read and write it. They can be set
 * before the start (options, modparam) and at run time (cfg.*), which is more
 * than Kamailio allows for some. Setting `message` to 1 with data or a file
 * there, or either of those while it is 1, runs the message test. */
#ifndef SMT_CONTROL_PARAMETER_H
#define SMT_CONTROL_PARAMETER_H

#include <pthread.h>

#include "base/base.h"
#include "wire/wire.h"

struct smt_control;

struct smt_parameters {
    pthread_mutex_t lock; /* guards all below */
    uint64_t memory;
    uint64_t message;
    char *message_data, *message_file; /* NULL: not set */
    uint64_t fault_nth, fault_every, fault_limit;
    uint64_t message_findings; /* message tests that found something */
};

struct smt_parameter {
    const char *name;
    const char *summary;
    bool is_text;
    int64_t min, max; /* of a number */
};

extern const struct smt_parameter smt_parameters[]; /* ended by a row without name */

const struct smt_parameter *smt_parameter_find(const char *name);

void smt_parameters_init(struct smt_parameters *parameters);
void smt_parameters_clear(struct smt_parameters *parameters);

/* The value is added to `results`. */
void smt_parameter_get(struct smt_control *control, const struct smt_parameter *parameter,
                       struct smt_wire_items *results);

/* Both make the reply a fault when the value will not do. */
void smt_parameter_set_number(struct smt_control *control, const struct smt_parameter *parameter,
                              int64_t value, struct smt_wire_reply *reply);
void smt_parameter_set_text(struct smt_control *control, const struct smt_parameter *parameter,
                            const char *text, struct smt_wire_reply *reply);

#endif
