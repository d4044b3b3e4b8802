/* The commands of one engine, run as lines of text. */
#ifndef CONTROL_FIXTURE_H
#define CONTROL_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "control/control.h"

static struct smt_control control;
static struct smt_wire_reply reply;
static struct smt_buffer printed;

/* Runs a line; the answer as printed. */
static inline const char *run(const char *line)
{
    struct smt_wire_request request = {0};

    smt_buffer_empty(&printed);
    if (smt_text_decode_request(line, strlen(line), &request) != SMT_OK) return smt_fail_text();
    smt_command_execute(&control, &request, &reply);
    smt_text_encode_reply(&printed, &reply, "\n");
    smt_wire_request_clear(&request);
    return printed.data ? printed.data : "";
}

static inline int control_open(const char *backend, const struct smt_control_hooks *hooks)
{
    const struct smt_stress_options options = {
        .backend = backend, .limit_bytes = (uint64_t)16 << 30, .seed = 3};

    return smt_control_init(&control, &options, hooks) == SMT_OK ? 0 : -1;
}

static inline int setup(void **state)
{
    (void)state;
    return control_open("libc", NULL);
}

static inline int teardown(void **state)
{
    (void)state;
    smt_control_clear(&control);
    smt_wire_reply_clear(&reply);
    smt_buffer_clear(&printed);
    return 0;
}

#define VALUES "error: 400 - invalid parameter values\n"
#define UNITS  "error: 500 - bad param use b|k|m|g\n"
#define FAILED "error: 400 - memory allocation failed\n"

#define WITH_CONTROL(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

#endif
