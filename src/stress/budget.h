/* stress/budget.h - how much may be allocated before a request is refused.
 *
 * Refusing early matters in a cgroup: there the kernel kills instead of
 * returning NULL. Charges count what an allocator takes for a chunk and what
 * keeping book of it takes, not only its bytes. Each shard draws credit from
 * the common pool in slices, so threads seldom meet. Any thread may call. */
#ifndef SMT_STRESS_BUDGET_H
#define SMT_STRESS_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct smt_budget {
    uint64_t limit_bytes; /* UINT64_MAX: none */
    uint64_t slice_bytes; /* how much credit a shard fetches at once */
    atomic_uint_least64_t drawn_bytes;
};

/* A shard's share of the pool. */
struct smt_credit {
    atomic_int_least64_t left_bytes;
};

void smt_budget_init(struct smt_budget *budget, uint64_t limit_bytes);

bool smt_budget_charge(struct smt_budget *budget, struct smt_credit *credit, uint64_t size_bytes);
void smt_budget_return(struct smt_budget *budget, struct smt_credit *credit, uint64_t size_bytes);

/* Gives all unused credit of a shard that ends back to the pool. */
void smt_credit_clear(struct smt_budget *budget, struct smt_credit *credit);

/* What a chunk of size_bytes is charged. */
uint64_t smt_budget_cost(uint64_t size_bytes);

#endif
