/* Live bytes and blocks, exact: what `mtctl monitor` samples. */
#include "preload/commands_inside.h"

#include "base/base.h"
#include "heap/heap.h"
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
    mt_answer_stat(answer, "all blocks known", atomic_load(&mt_complete));
}

/* --- by stack --- */

struct held {
    uint64_t blocks, bytes;
    uint32_t stack, oldest_cs; /* since when */
};

struct held_sum {
    struct held *all; /* by stack's number; 0 unknown */
    size_t bytes;     /* of it */
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

static void held_add(struct mt_answer *answer, const struct held *held, uint32_t now_cs)
{
    mt_out_add(answer->out, "held\t%llu\t%llu\t%u\t%u\n", (unsigned long long)held->blocks,
               (unsigned long long)held->bytes, now_cs - held->oldest_cs, held->stack);
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
        if (count == max && held->bytes <= largest[max - 1].bytes) continue;
        count = held_insert(largest, count, max, held);
    }
    mt_answer_stat(answer, "stacks", stacks);
    for (size_t i = 0; i < count; i++) {
        held_add(answer, &largest[i], now_cs);
        mt_out_stack(answer->out, largest[i].stack);
    }
}

/* Totals, and the sums; false: refused. */
static bool held_sum_make(struct mt_answer *answer, struct held_sum *ret_sum)
{
    ret_sum->stacks = smt_live_stack_count();
    ret_sum->bytes = ((size_t)ret_sum->stacks + 1) * sizeof *ret_sum->all;
    ret_sum->all = smt_pages_new(ret_sum->bytes, 0);
    if (!ret_sum->all) {
        mt_answer_refuse(answer, 500, "no memory for the sums");
        return false;
    }
    mt_live_list(answer, NULL, 0);
    for (uint32_t i = 0; i <= ret_sum->stacks; i++) ret_sum->all[i].stack = i;
    smt_live_each(held_sum_one, ret_sum);
    return true;
}

void mt_live_stacks(struct mt_answer *answer, char **words, size_t count)
{
    struct held_sum sum;
    uint64_t max = STACKS_TOLD;

    if (count && (!smt_number_parse(words[0], &max) || !max || max > STACKS_MAX)) {
        mt_answer_refuse(answer, 400, "live stacks [N], from 1 to 1000");
        return;
    }
    mt_out_add(answer->out, "list\theld\n");
    if (!held_sum_make(answer, &sum)) return;
    held_tell(answer, &sum, (size_t)max);
    smt_pages_free(sum.all, sum.bytes);
}

void mt_live_sums(struct mt_answer *answer, char **words, size_t count)
{
    uint32_t now_cs = smt_live_now_cs();
    struct held_sum sum;

    (void)words;
    (void)count;
    mt_out_add(answer->out, "list\tsums\n");
    if (!held_sum_make(answer, &sum)) return;
    for (uint32_t i = 0; i <= sum.stacks; i++)
        if (sum.all[i].blocks) held_add(answer, &sum.all[i], now_cs);
    smt_pages_free(sum.all, sum.bytes);
}

void mt_live_frames(struct mt_answer *answer, char **words, size_t count)
{
    uint64_t number;

    for (size_t i = 0; i < count; i++) {
        if (!smt_number_parse(words[i], &number) || number > smt_live_stack_count()) {
            mt_answer_refuse(answer, 400, "live frames STACK..., numbers of `live sums'");
            return;
        }
        mt_out_stack(answer->out, (uint32_t)number);
    }
}
