#include "base/clock.h"

#include <time.h>

static uint64_t clock_read(clockid_t id)
{
    struct timespec now;

    clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t smt_clock_ns(void)
{
    return clock_read(CLOCK_MONOTONIC);
}

uint64_t smt_clock_cpu_ns(void)
{
    return clock_read(CLOCK_PROCESS_CPUTIME_ID);
}
