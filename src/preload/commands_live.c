/* Live bytes and blocks, exact: what `mtctl monitor` samples. */
#include <string.h>

#include "base/base.h"
#include "heap/heap.h"
#include "preload/commands_inside.h"
#include "preload/preload.h"

#define STACKS_TOLD 100
#define STACKS_MAX  1000

void mt_live_list(struct mt_answer *answer, char **words, size_t count)
{
    struct smt_live_totals totals;

    (void)words;
    (void)count;
    smt_live_totals(&totals);
    mt_answer_stat(answer, "live blocks", totals.blocks);
    mt_answer_stat(answer, "live bytes", totals.bytes);
    mt_answer_stat(answer, "allocations", totals.allocations);
    mt_answer_stat(answer, "complete", atomic_load(&mt_complete));
}

/* --- by stack --- */

struct held {
    uint64_t blocks, bytes;
    uint32_t stack, oldest_cs; /* since when */
};

struct held_sum {
    struct held *all; /* by stack's number; 0 unknown */
    uint32_t stacks;  /* highest number; those that come meanwhile are unknown */
};

static bool held_sum_one(void *context, struct smt_live_block *block)
{
    const struct held_sum *sum = context;
    struct held *held = &sum->all[block->stack <= sum->stacks ? block->stack : 0];

    if (!held->blocks++ || block->since_cs < held->oldest_cs) held->oldest_cs = block->since_cs;
    held->bytes += block->size_bytes;
    return true;
}

/* Into a list of the largest, which has room for `max`. */
static size_t held_insert(struct held *largest, size_t count, size_t max, const struct held *held)
{
    size_t at = count < max ? count++ : max - 1;

    for (; at && largest[at - 1].bytes < held->bytes; at--) largest[at] = largest[at - 1];
    largest[at] = *held;
    return count;
}

static void held_tell(struct mt_answer *answer, const struct held_sum *sum, size_t max)
{
    static struct held largest[STACKS_MAX];
    uint32_t now_cs = smt_live_now_cs();
    size_t count = 0, stacks = 0;

    for (uint32_t i = 0; i <= sum->stacks; i++) {
        struct held *held = &sum->all[i];

        if (!held->blocks) continue;
        stacks++;
        held->stack = i;
        if (count == max && held->bytes <= largest[max - 1].bytes) continue;
        count = held_insert(largest, count, max, held);
    }
    mt_answer_stat(answer, "stacks", stacks);
    for (size_t i = 0; i < count; i++) {
        mt_out_add(answer->out, "held\t%llu\t%llu\t%u\t%u\n", (unsigned long long)largest[i].blocks,
                   (unsigned long long)largest[i].bytes, now_cs - largest[i].oldest_cs,
                   largest[i].stack);
        mt_out_stack(answer->out, largest[i].stack);
    }
}

void mt_live_stacks(struct mt_answer *answer, char **words, size_t count)
{
    struct held_sum sum = {.stacks = smt_live_stack_count()};
    size_t bytes = ((size_t)sum.stacks + 1) * sizeof *sum.all;
    uint64_t max = STACKS_TOLD;

    if (count && (!smt_number_parse(words[0], &max) || !max || max > STACKS_MAX)) {
        mt_answer_refuse(answer, 400, "live stacks [N], from 1 to 1000");
        return;
    }
    sum.all = smt_pages_new(bytes, 0);
    if (!sum.all) {
        mt_answer_refuse(answer, 500, "no memory for the sums");
        return;
    }
    mt_out_add(answer->out, "list\theld\n");
    mt_live_list(answer, NULL, 0);
    smt_live_each(held_sum_one, &sum);
    held_tell(answer, &sum, (size_t)max);
    smt_pages_free(sum.all, bytes);
}
