/* heap/fault.h - decides which allocation is refused.
 *
 * Counts attempts, never bytes: attempt 1 is the first request after
 * smt_fault_arm(); malloc, calloc and realloc to a size above 0 count one
 * each. Repeatable only while the parser is single-threaded. The one other
 * reason to refuse is the heap limit: live bytes, as on a small device. */
#ifndef SMT_HEAP_FAULT_H
#define SMT_HEAP_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"

#define SMT_FAULT_FOREVER   UINT64_MAX
#define SMT_FAULT_RULES_MAX 8

struct smt_fault_rule {
    uint64_t first;  /* 1-based attempt to refuse */
    uint64_t repeat; /* refusals in a row; SMT_FAULT_FOREVER = every later one too */
};

/* Rules are in rising order and do not overlap. */
struct smt_fault_plan {
    uint32_t rule_count;
    uint64_t limit_bytes; /* refuse what would bring live bytes above this; 0 = no limit */
    struct smt_fault_rule rules[SMT_FAULT_RULES_MAX];
};

/* A plan being carried out. `from`..`to` is the next stretch to refuse. */
struct smt_fault {
    const struct smt_fault_plan *plan; /* borrowed while armed */
    uint64_t from, to;                 /* SMT_FAULT_FOREVER when no rule is left */
    uint32_t next_rule;
};

void smt_fault_arm(struct smt_fault *fault, const struct smt_fault_plan *plan);

/* Is this attempt refused? Attempts must be asked in rising order; only those
 * from fault->from on need asking. */
bool smt_fault_refuses(struct smt_fault *fault, uint64_t attempt);

/* Does the plan refuse anything at all? */
bool smt_fault_plan_is_empty(const struct smt_fault_plan *plan);

/* Text form: `7`, `7-10`, `3,9-12`, `7:persistent`, `limit=4096`; the same that
 * smt_fault_plan_format() writes. SMT_EUSAGE says what is wrong. */
SMT_MUST_USE enum smt_status smt_fault_plan_parse(const char *text,
                                                  struct smt_fault_plan *ret_plan);
void smt_fault_plan_format(const struct smt_fault_plan *plan, struct smt_buffer *text);

#endif
