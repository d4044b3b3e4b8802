#include "control/parameter.h"

#include <stdlib.h>
#include <string.h>

#include "control/control.h"

#define MESSAGE_MAX ((size_t)16 << 20)

const struct smt_parameter smt_parameters[] = {
    {"memory", "memory commands are served (1) or refused (0)", false, 0, 1},
    {"mem_check_content", "fill chunks with a pattern and check it when they are freed", false, 0,
     1},
    {"mem_realloc_p", "percentage (0 to 90) of random allocations that resize a chunk instead",
     false, 0, 90},
    {"message", "1: run the message test on message_data or message_file", false, 0, 1},
    {"message_data", "the message itself", true, 0, 0},
    {"message_file", "file with the message", true, 0, 0},
    {"fault_nth", "backend heap: refuse this allocation, counted from now", false, 0, INT64_MAX},
    {"fault_every", "backend heap: refuse each n-th allocation", false, 0, INT64_MAX},
    {"fault_limit", "backend heap: refuse what would pass so many bytes", false, 0, INT64_MAX},
    {.name = NULL},
};

const struct smt_parameter *smt_parameter_find(const char *name)
{
    for (const struct smt_parameter *row = smt_parameters; row->name; row++)
        if (strcmp(row->name, name) == 0) return row;
    return NULL;
}

void smt_parameters_init(struct smt_parameters *parameters)
{
    *parameters = (struct smt_parameters){.memory = 1};
    pthread_mutex_init(&parameters->lock, NULL);
}

void smt_parameters_clear(struct smt_parameters *parameters)
{
    free(parameters->message_data);
    free(parameters->message_file);
    pthread_mutex_destroy(&parameters->lock);
    *parameters = (struct smt_parameters){0};
}

static bool named(const struct smt_parameter *parameter, const char *name)
{
    return strcmp(parameter->name, name) == 0;
}

/* Where a number is kept that only the lock guards; NULL for the others. */
static uint64_t *number_place(struct smt_parameters *parameters,
                              const struct smt_parameter *parameter)
{
    return named(parameter, "memory")        ? &parameters->memory
           : named(parameter, "message")     ? &parameters->message
           : named(parameter, "fault_nth")   ? &parameters->fault_nth
           : named(parameter, "fault_every") ? &parameters->fault_every
           : named(parameter, "fault_limit") ? &parameters->fault_limit
                                             : NULL;
}

static char **text_place(struct smt_parameters *parameters, const struct smt_parameter *parameter)
{
    return named(parameter, "message_data") ? &parameters->message_data : &parameters->message_file;
}

void smt_parameter_get(struct smt_control *control, const struct smt_parameter *parameter,
                       struct smt_wire_items *results)
{
    struct smt_parameters *parameters = &control->parameters;

    pthread_mutex_lock(&parameters->lock);
    if (parameter->is_text) {
        const char *text = *text_place(parameters, parameter);

        smt_wire_add_string(results, text ? text : "");
    } else if (named(parameter, "mem_check_content")) {
        smt_wire_add_integer(results, atomic_load(&control->stress.check_content));
    } else if (named(parameter, "mem_realloc_p")) {
        smt_wire_add_integer(results, atomic_load(&control->stress.realloc_percent));
    } else {
        smt_wire_add_integer(results, (int64_t)*number_place(parameters, parameter));
    }
    pthread_mutex_unlock(&parameters->lock);
}

static void message_test(struct smt_control *control, const char *name, const char *bytes,
                         size_t size_bytes, struct smt_wire_reply *reply)
{
    const struct smt_control_hooks *hooks = &control->hooks;
    const atomic_bool *cancelled = &control->stress.cancelled;
    struct smt_buffer report;
    bool findings = false;

    if (!hooks->message_test) {
        smt_wire_fault(reply, 400, "message test not available in this build");
        return;
    }
    smt_buffer_init(&report);
    if (hooks->message_test(hooks->context, name, bytes, size_bytes, cancelled, &report,
                            &findings) == SMT_OK)
        smt_wire_add_bytes(&reply->results, SMT_WIRE_STRING, report.data ? report.data : "",
                           report.size);
    else if (!smt_fault_interrupted(control, reply))
        smt_wire_fault(reply, 400, "%s", smt_fail_text());
    smt_buffer_clear(&report);
    pthread_mutex_lock(&control->parameters.lock);
    control->parameters.message_findings += findings;
    pthread_mutex_unlock(&control->parameters.lock);
}

/* What is to be tested; NULL: nothing, or no memory for it, which is a fault. */
static char *text_copy(struct smt_parameters *parameters, char *const *place,
                       struct smt_wire_reply *reply)
{
    bool wanted;
    char *copy;

    pthread_mutex_lock(&parameters->lock);
    wanted = parameters->message && *place;
    copy = wanted ? strdup(*place) : NULL;
    pthread_mutex_unlock(&parameters->lock);
    if (wanted && !copy) smt_fault_memory(reply);
    return copy;
}

static void message_data_test(struct smt_control *control, struct smt_wire_reply *reply)
{
    char *text = text_copy(&control->parameters, &control->parameters.message_data, reply);

    if (text) message_test(control, "message_data", text, strlen(text), reply);
    free(text);
}

static void message_file_test(struct smt_control *control, struct smt_wire_reply *reply)
{
    char *path = text_copy(&control->parameters, &control->parameters.message_file, reply);
    struct smt_buffer content;

    if (!path) return;
    smt_buffer_init(&content);
    if (smt_buffer_load(&content, path, MESSAGE_MAX) != SMT_OK)
        smt_wire_fault(reply, 400, "%s", smt_fail_text());
    else
        message_test(control, path, content.data ? content.data : "", content.size, reply);
    smt_buffer_clear(&content);
    free(path);
}

static void faults_apply(struct smt_control *control)
{
    const struct smt_parameters *parameters = &control->parameters;
    const struct smt_stress_faults faults = {.nth = parameters->fault_nth,
                                             .every = parameters->fault_every,
                                             .limit_bytes = parameters->fault_limit};

    control->stress.backend->set_faults(control->stress.heap, &faults);
}

void smt_parameter_set_number(struct smt_control *control, const struct smt_parameter *parameter,
                              int64_t value, struct smt_wire_reply *reply)
{
    struct smt_parameters *parameters = &control->parameters;
    bool plans = strncmp(parameter->name, "fault_", 6) == 0;

    if (parameter->is_text || value < parameter->min || value > parameter->max) {
        smt_fault_values(reply);
        return;
    }
    if (plans && !control->stress.backend->set_faults) {
        smt_wire_fault(reply, 400, "backend %s cannot refuse on purpose; use --backend heap",
                       control->stress.backend->name);
        return;
    }
    if (named(parameter, "mem_check_content")) {
        atomic_store(&control->stress.check_content, value != 0);
    } else if (named(parameter, "mem_realloc_p")) {
        atomic_store(&control->stress.realloc_percent, (unsigned)value);
    } else {
        pthread_mutex_lock(&parameters->lock);
        *number_place(parameters, parameter) = (uint64_t)value;
        if (plans) faults_apply(control);
        pthread_mutex_unlock(&parameters->lock);
    }
    if (!named(parameter, "message")) return;
    message_data_test(control, reply);
    if (!reply->code) message_file_test(control, reply);
}

void smt_parameter_set_text(struct smt_control *control, const struct smt_parameter *parameter,
                            const char *text, struct smt_wire_reply *reply)
{
    struct smt_parameters *parameters = &control->parameters;
    char *copy, **place;

    if (!parameter->is_text) {
        smt_fault_values(reply);
        return;
    }
    copy = strdup(text);
    if (!copy) {
        smt_fault_memory(reply);
        return;
    }
    pthread_mutex_lock(&parameters->lock);
    place = text_place(parameters, parameter);
    free(*place);
    *place = copy;
    pthread_mutex_unlock(&parameters->lock);
    if (named(parameter, "message_data"))
        message_data_test(control, reply);
    else
        message_file_test(control, reply);
}
