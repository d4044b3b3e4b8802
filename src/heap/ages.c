#include "heap/ages.h"

#include <stdatomic.h>
#include <string.h>

#include "heap/live_stack.h"

#define FREES_ENOUGH 8   /* lifetimes to judge by */
#define TIMES_LONGER 4   /* than the 99th percentile */
#define OUTLIER_CS   100 /* nothing younger is one */

static struct {
    enum smt_ages_state state;
    uint16_t epoch; /* of the present or last database; never 0 once created */
    uint32_t started_cs;
    _Atomic uint16_t collecting;             /* epoch, or 0 */
    uint64_t lives[SMT_LIFE_CLASSES], frees; /* of all stacks */
} ages;

enum smt_ages_state smt_ages_state(void)
{
    return ages.state;
}

bool smt_ages_create(void)
{
    if (ages.state != SMT_AGES_NONE) return false;
    if (++ages.epoch == 0) ages.epoch = 1;
    ages.state = SMT_AGES_CREATED;
    ages.started_cs = 0;
    return true;
}

bool smt_ages_start(void)
{
    if (ages.state != SMT_AGES_CREATED && ages.state != SMT_AGES_STOPPED) return false;
    ages.state = SMT_AGES_COLLECTING;
    ages.started_cs = smt_live_now_cs();
    atomic_store(&ages.collecting, ages.epoch);
    return true;
}

bool smt_ages_stop(void)
{
    if (ages.state != SMT_AGES_COLLECTING) return false;
    atomic_store(&ages.collecting, 0);
    ages.state = SMT_AGES_STOPPED;
    return true;
}

bool smt_ages_destroy(void)
{
    if (ages.state == SMT_AGES_NONE) return false;
    atomic_store(&ages.collecting, 0);
    ages.state = SMT_AGES_NONE;
    return true;
}

uint32_t smt_ages_running_s(void)
{
    return ages.started_cs ? (smt_live_now_cs() - ages.started_cs) / 100 : 0;
}

uint16_t smt_ages_epoch(void)
{
    return atomic_load_explicit(&ages.collecting, memory_order_relaxed);
}

void smt_ages_learn(const struct smt_live_block *block)
{
    if (!block->epoch || block->epoch != smt_ages_epoch()) return;
    smt_live_stack_learn(block->stack, smt_live_now_cs() - block->since_cs);
}

bool smt_ages_has(const struct smt_live_block *block)
{
    return ages.state != SMT_AGES_NONE && block->epoch == ages.epoch &&
           !(block->flags & SMT_LIVE_OURS);
}

void smt_ages_weigh(void)
{
    memset(ages.lives, 0, sizeof ages.lives);
    ages.frees = 0;
    for (uint32_t number = smt_live_stack_count(); number; number--) {
        const struct smt_live_stack *stack = smt_live_stack_at(number);

        ages.frees += stack->frees;
        for (unsigned i = 0; i < SMT_LIFE_CLASSES; i++) ages.lives[i] += stack->lives[i];
    }
}

bool smt_ages_is_outlier(const struct smt_live_block *block, uint32_t now_cs)
{
    const struct smt_live_stack *stack = smt_live_stack_at(block->stack);
    bool own = stack && stack->frees >= FREES_ENOUGH;
    uint64_t frees = own ? stack->frees : ages.frees, above = 0;
    uint64_t age_cs = now_cs - block->since_cs;
    unsigned i = SMT_LIFE_CLASSES;

    if (frees < FREES_ENOUGH || age_cs < OUTLIER_CS) return false;
    /* From the top: the first class that more than one in a hundred reached. */
    while (i-- > 0) {
        above += own ? stack->lives[i] : ages.lives[i];
        if (above * 100 > frees) break;
    }
    return age_cs > TIMES_LONGER * smt_life_class_end_cs(i);
}
