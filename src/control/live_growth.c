#include "control/live_growth.h"

#include <stdlib.h>
#include <string.h>

#include "monitor/monitor.h"

/* Stacks that gained most between the ends are looked at in all rounds. */
#define CANDIDATES 64

struct candidate {
    uint32_t stack;
    uint64_t gain;
};

void smt_live_growth_clear(struct smt_live_growth *growth)
{
    for (size_t i = 0; i < growth->count; i++) free(growth->rounds[i].held);
    *growth = (struct smt_live_growth){0};
}

bool smt_live_growth_wants(const struct smt_live_growth *growth, uint64_t round)
{
    uint64_t stride = growth->stride ? growth->stride : 1;

    return !growth->count || round >= growth->rounds[growth->count - 1].round + stride;
}

/* Forgets every second round. */
static void growth_thin(struct smt_live_growth *growth)
{
    size_t kept = 0;

    for (size_t i = 0; i < growth->count; i++)
        if (i % 2)
            free(growth->rounds[i].held);
        else
            growth->rounds[kept++] = growth->rounds[i];
    growth->count = kept;
    growth->stride = growth->stride ? growth->stride * 2 : 2;
}

enum smt_status smt_live_growth_add(struct smt_live_growth *growth, uint64_t round,
                                    const struct smt_live_item *items, size_t count)
{
    struct smt_live_held *held = malloc((count + 1) * sizeof *held);
    size_t used = 0;

    if (!held) return smt_fail(SMT_ENOMEM, "no memory for the figures of %zu stacks", count);
    for (size_t i = 0; i < count; i++)
        if (items[i].kind == SMT_LIVE_HELD)
            held[used++] =
                (struct smt_live_held){items[i].stack, items[i].size_bytes, items[i].number};
    if (growth->count == SMT_LIVE_GROWTH_ROUNDS) growth_thin(growth);
    growth->rounds[growth->count].round = round;
    growth->rounds[growth->count].held = held;
    growth->rounds[growth->count++].count = used;
    return SMT_OK;
}

static int by_stack(const void *key, const void *element)
{
    uint32_t stack = *(const uint32_t *)key;
    const struct smt_live_held *held = element;

    return (stack > held->stack) - (stack < held->stack);
}

/* What the stack held in the round; zeros when nothing. */
static struct smt_live_held held_in(const struct smt_live_growth *growth, size_t round,
                                    uint32_t stack)
{
    const struct smt_live_held *held = bsearch(&stack, growth->rounds[round].held,
                                               growth->rounds[round].count, sizeof *held, by_stack);

    return held ? *held : (struct smt_live_held){.stack = stack};
}

/* Those that gained most; how many. */
static size_t candidates_find(const struct smt_live_growth *growth, size_t from,
                              struct candidate *candidates)
{
    size_t last = growth->count - 1, count = 0;

    for (size_t i = 0; i < growth->rounds[last].count; i++) {
        const struct smt_live_held *held = &growth->rounds[last].held[i];
        uint64_t before = held_in(growth, from, held->stack).bytes, gain, at;

        if (held->bytes <= before) continue;
        gain = held->bytes - before;
        if (count == CANDIDATES && candidates[count - 1].gain >= gain) continue;
        at = count < CANDIDATES ? count++ : CANDIDATES - 1;
        for (; at && candidates[at - 1].gain < gain; at--) candidates[at] = candidates[at - 1];
        candidates[at] = (struct candidate){held->stack, gain};
    }
    return count;
}

/* The median of the slopes of all pairs of rounds. */
static double slope_of(const struct smt_live_growth *growth, size_t from, const double *values)
{
    static double slopes[SMT_LIVE_GROWTH_ROUNDS * SMT_LIVE_GROWTH_ROUNDS / 2];
    size_t pairs = 0;

    for (size_t i = from; i < growth->count; i++)
        for (size_t j = i + 1; j < growth->count; j++)
            slopes[pairs++] = (values[j] - values[i]) /
                              (double)(growth->rounds[j].round - growth->rounds[i].round);
    return smt_monitor_median(slopes, pairs);
}

static struct smt_live_grower grower_make(const struct smt_live_growth *growth, size_t from,
                                          uint32_t stack)
{
    double bytes[SMT_LIVE_GROWTH_ROUNDS] = {0}, blocks[SMT_LIVE_GROWTH_ROUNDS] = {0};
    struct smt_live_held held = {0};

    for (size_t i = from; i < growth->count; i++) {
        held = held_in(growth, i, stack);
        bytes[i] = (double)held.bytes;
        blocks[i] = (double)held.blocks;
    }
    return (struct smt_live_grower){.stack = stack,
                                    .bytes_per_round = slope_of(growth, from, bytes),
                                    .blocks_per_round = slope_of(growth, from, blocks),
                                    .bytes = held.bytes,
                                    .blocks = held.blocks};
}

static int by_slope(const void *left, const void *right)
{
    const struct smt_live_grower *a = left, *b = right;

    if (a->bytes_per_round != b->bytes_per_round)
        return a->bytes_per_round < b->bytes_per_round ? 1 : -1;
    return (a->stack > b->stack) - (a->stack < b->stack);
}

size_t smt_live_growth_find(const struct smt_live_growth *growth, uint64_t from_round,
                            struct smt_live_grower *ret_growers, size_t max)
{
    struct smt_live_grower growers[CANDIDATES];
    struct candidate candidates[CANDIDATES];
    size_t from = 0, found, count = 0;

    if (growth->count < 2) return 0;
    while (from + 2 < growth->count && growth->rounds[from].round < from_round) from++;
    found = candidates_find(growth, from, candidates);
    for (size_t i = 0; i < found; i++) {
        growers[count] = grower_make(growth, from, candidates[i].stack);
        count += growers[count].bytes_per_round > 0;
    }
    qsort(growers, count, sizeof *growers, by_slope);
    if (count > max) count = max;
    memcpy(ret_growers, growers, count * sizeof *growers);
    return count;
}
