/* A mutator for each test of a group. */
#ifndef MUTATE_FIXTURE_H
#define MUTATE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mutate/mutate.h"

static struct smt_mutator *mutator;

static inline int setup(void **state)
{
    (void)state;
    mutator = smt_mutator_new();
    return mutator ? 0 : -1;
}

static inline int teardown(void **state)
{
    (void)state;
    smt_mutator_free(mutator);
    return 0;
}

#endif
