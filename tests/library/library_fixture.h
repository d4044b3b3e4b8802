/* What a sweep told, and two functions to sweep. */
#ifndef LIBRARY_FIXTURE_H
#define LIBRARY_FIXTURE_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "memtest.h"

struct told {
    char verdicts[1024]; /* "leak:add<call crash:..." */
    unsigned count;
    struct smt_sweep_result result;
};

static inline void tell(void *context, const struct smt_sweep_finding *finding)
{
    struct told *told = context;
    size_t used = strlen(told->verdicts);

    snprintf(told->verdicts + used, sizeof told->verdicts - used, "%s ", finding->verdict);
    told->count++;
}

static inline int sweep(const struct smt_sweep_subject *subject, struct told *ret_told)
{
    struct smt_sweep_options options = {.quiet = true, .finding = tell, .context = ret_told};
    int count;

    memset(ret_told, 0, sizeof *ret_told);
    count = smt_sweep(subject, &options, &ret_told->result);
    if (count < 0) print_message("%s\n", smt_sweep_error());
    return count;
}

/* Sweeps `call` as the only thing in need of telling; *ret_result is freed. */
static inline int sweep_call(int (*call)(void *, void **), void *context, struct told *ret_told)
{
    struct smt_sweep_subject subject = {
        .name = "f", .call = call, .context = context, .release = free, .out_of_memory = ENOMEM};

    return sweep(&subject, ret_told);
}

static inline void assert_only(const struct told *told, const char *verdict)
{
    char one[64];

    snprintf(one, sizeof one, "%s ", verdict);
    assert_true(told->count > 0);
    for (const char *at = told->verdicts; *at; at += strlen(one))
        if (strncmp(at, one, strlen(one)) != 0)
            fail_msg("not only %s: %s", verdict, told->verdicts);
}

static inline int healthy(void *context, void **ret_result)
{
    char *one = malloc(10), *two = calloc(2, 8), *three;

    (void)context;
    three = one && two ? realloc(one, 100) : NULL;
    if (three) {
        memset(three, 'x', 100);
        *ret_result = three;
    } else {
        free(one);
    }
    free(two);
    return three ? 0 : ENOMEM;
}

static inline int leaks_on_failure(void *context, void **ret_result)
{
    char *one = malloc(10), *two;

    (void)context;
    if (!one) return ENOMEM;
    two = malloc(20);
    if (!two) return ENOMEM;
    free(two);
    *ret_result = one;
    return 0;
}

#endif
