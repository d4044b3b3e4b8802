/* Linked with -s for test_symbol.c: two exported functions and, in between,
 * two that stripping leaves without a name. Each calls back, so that the test
 * learns an address inside it. */
#include "stripped_library.h"

static volatile int after_call; /* work after the call: no tail calls */

static int first_helper(void (*visit)(void));
static int second_helper(void (*visit)(void));

int stripped_alpha(void (*visit)(void))
{
    visit();
    return after_call++ + first_helper(visit) + second_helper(visit);
}

__attribute__((noinline)) static int first_helper(void (*visit)(void))
{
    visit();
    return after_call++;
}

__attribute__((noinline)) static int second_helper(void (*visit)(void))
{
    visit();
    return after_call-- + 7;
}

int stripped_omega(void (*visit)(void))
{
    visit();
    return after_call++;
}

int stripped_alias(void (*visit)(void)) __attribute__((weak, alias("stripped_omega")));
