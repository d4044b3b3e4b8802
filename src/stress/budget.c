#include "stress/budget.h"

#define SLICE_MAX_BYTES ((uint64_t)1 << 20)

void smt_budget_init(struct smt_budget *budget, uint64_t limit_bytes)
{
    budget->limit_bytes = limit_bytes;
    budget->slice_bytes = limit_bytes / 256 < SLICE_MAX_BYTES ? limit_bytes / 256 : SLICE_MAX_BYTES;
    atomic_init(&budget->drawn_bytes, 0);
}

/* glibc's least chunk is 32 bytes with an 8-byte header, in steps of 16; a
 * record is 16 bytes in an array up to half empty. */
uint64_t smt_budget_cost(uint64_t size_bytes)
{
    uint64_t taken = (size_bytes + 8 + 15) & ~(uint64_t)15;

    return (taken < 32 ? 32 : taken) + 32;
}

static bool pool_draw(struct smt_budget *budget, uint64_t size_bytes)
{
    uint64_t drawn = atomic_load_explicit(&budget->drawn_bytes, memory_order_relaxed);

    do {
        if (size_bytes > budget->limit_bytes || drawn > budget->limit_bytes - size_bytes)
            return false;
    } while (!atomic_compare_exchange_weak(&budget->drawn_bytes, &drawn, drawn + size_bytes));
    return true;
}

bool smt_budget_charge(struct smt_budget *budget, struct smt_credit *credit, uint64_t size_bytes)
{
    int64_t size = (int64_t)size_bytes;

    if (atomic_fetch_sub_explicit(&credit->left_bytes, size, memory_order_relaxed) >= size)
        return true;
    atomic_fetch_add_explicit(&credit->left_bytes, size, memory_order_relaxed);
    if (pool_draw(budget, size_bytes + budget->slice_bytes)) {
        atomic_fetch_add_explicit(&credit->left_bytes, (int64_t)budget->slice_bytes,
                                  memory_order_relaxed);
        return true;
    }
    return pool_draw(budget, size_bytes);
}

void smt_budget_return(struct smt_budget *budget, struct smt_credit *credit, uint64_t size_bytes)
{
    int64_t slice = (int64_t)budget->slice_bytes, size = (int64_t)size_bytes;
    int64_t left =
        atomic_fetch_add_explicit(&credit->left_bytes, size, memory_order_relaxed) + size;

    if (left > 2 * slice && atomic_compare_exchange_strong(&credit->left_bytes, &left, slice))
        atomic_fetch_sub(&budget->drawn_bytes, (uint64_t)(left - slice));
}

void smt_credit_clear(struct smt_budget *budget, struct smt_credit *credit)
{
    int64_t left = atomic_exchange(&credit->left_bytes, 0);

    atomic_fetch_sub(&budget->drawn_bytes, (uint64_t)left);
}
