/* fuzz/sites.c - coverage of a parser that is not instrumented: allocation sites.
 *
 * Built into a target when the parser is the installed library. libFuzzer reads
 * counters of its own section as it reads its own; of AFL++'s map a stretch is
 * claimed as a module's guards would claim it. */
#include "oracle.h"

#if defined(SMT_FUZZ_COUNT_SITES)
#define SITES (1u << 14)

#if defined(SMT_FUZZ_AFL)
extern uint8_t *__afl_area_ptr;
void __sanitizer_cov_trace_pc_guard_init(uint32_t *start, uint32_t *stop);

static uint32_t guards[SITES];

__attribute__((constructor)) static void guards_claim(void)
{
    __sanitizer_cov_trace_pc_guard_init(guards, guards + SITES);
}

/* The guards are numbered one after the other. */
uint8_t *fuzz_site_counters(size_t *ret_count)
{
    *ret_count = SITES;
    return __afl_area_ptr + guards[0];
}
#else
__attribute__((used, section("__libfuzzer_extra_counters"))) static uint8_t counters[SITES];

uint8_t *fuzz_site_counters(size_t *ret_count)
{
    *ret_count = SITES;
    return counters;
}
#endif

#else
uint8_t *fuzz_site_counters(size_t *ret_count)
{
    *ret_count = 0;
    return NULL;
}
#endif
