/* The age database's commands. */
#include "preload/commands_inside.h"

#include <string.h>

#include "base/base.h"
#include "heap/heap.h"
#include "preload/preload.h"

void mt_ages_create(struct mt_answer *answer, char **words, size_t count)
{
    (void)words;
    (void)count;
    if (!smt_ages_create()) {
        mt_answer_refuse(answer, 400, "MemScope database exists already");
        return;
    }
    mt_mode_update();
    mt_answer_say(answer, "Creating Memory Scope database");
}

void mt_ages_start(struct mt_answer *answer, char **words, size_t count)
{
    (void)words;
    (void)count;
    if (smt_ages_state() == SMT_AGES_NONE)
        mt_answer_say(answer, "MemScope database does not exist");
    else if (!smt_ages_start())
        mt_answer_refuse(answer, 400, "Memory scope data collection runs already");
    else
        mt_answer_say(answer, "Memory scope data collection started");
}

void mt_ages_stop(struct mt_answer *answer, char **words, size_t count)
{
    (void)words;
    (void)count;
    if (smt_ages_state() == SMT_AGES_NONE)
        mt_answer_say(answer, "MemScope database does not exist");
    else if (!smt_ages_stop())
        mt_answer_refuse(answer, 400, "Memory scope data collection does not run");
    else
        mt_answer_say(answer, "Memory scope data collection stopped");
}

void mt_ages_destroy(struct mt_answer *answer, char **words, size_t count)
{
    (void)words;
    (void)count;
    if (!smt_ages_destroy()) {
        mt_answer_say(answer, "MemScope database does not exist");
        return;
    }
    mt_mode_update();
    mt_answer_say(answer, "Memory scope database destroyed, disabling data collection");
}

struct ages_print {
    struct mt_out *out;
    uint64_t age_cs;
    bool outliers; /* instead of by age */
    uint32_t now_cs;
};

static bool ages_print_one(void *context, struct smt_live_block *block)
{
    const struct ages_print *print = context;
    uint32_t age_cs = print->now_cs - block->since_cs;

    if (!smt_ages_has(block) || block->since_cs > print->now_cs) return true;
    if (print->outliers ? !smt_ages_is_outlier(block, print->now_cs) : age_cs < print->age_cs)
        return true;
    mt_out_add(print->out, "entry\t%llu\t%lx\t%llu\t%u\t%u\n", (unsigned long long)block->number,
               (unsigned long)block->address, (unsigned long long)block->size_bytes, age_cs,
               block->stack);
    mt_out_stack(print->out, block->stack);
    return true;
}

void mt_ages_print(struct mt_answer *answer, char **words, size_t count)
{
    struct ages_print print = {.out = answer->out};
    uint64_t age_s = 0;

    if (count == 1 && strcmp(words[0], "auto") == 0) {
        print.outliers = true;
        smt_ages_weigh();
    } else if (count != 1 || !smt_number_parse(words[0], &age_s)) {
        mt_answer_refuse(answer, 400, "an age in seconds is needed, or auto");
        return;
    }
    if (smt_ages_state() == SMT_AGES_NONE) {
        mt_answer_say(answer, "MemScope database does not exist");
        return;
    }
    if (smt_ages_running_s() < 60)
        mt_answer_say(answer,
                      "Warning: collecting for less than 60 seconds, this is of little value");
    mt_out_add(answer->out, "list\tages\t%s\n", words[0]);
    print.age_cs = age_s > UINT32_MAX / 100 ? UINT64_MAX : age_s * 100;
    print.now_cs = smt_live_now_cs();
    smt_live_each(ages_print_one, &print);
}

struct ages_sum {
    uint32_t now_cs;
    uint64_t entries, bytes, ages[SMT_LIFE_CLASSES], sizes[65];
};

static bool ages_sum_one(void *context, struct smt_live_block *block)
{
    struct ages_sum *sum = context;
    uint64_t size = block->size_bytes;

    if (!smt_ages_has(block)) return true;
    sum->entries++;
    sum->bytes += size;
    sum->ages[smt_life_class(sum->now_cs - block->since_cs)]++;
    sum->sizes[size > 1 ? 64 - __builtin_clzll(size - 1) : 0]++;
    return true;
}

static void ages_histograms(struct mt_answer *answer, const struct ages_sum *sum)
{
    for (unsigned i = 0; i < SMT_LIFE_CLASSES; i++)
        if (sum->ages[i])
            mt_out_add(answer->out, "stat\tage below %.2f s\t%llu\n",
                       (double)smt_life_class_end_cs(i) / 100, (unsigned long long)sum->ages[i]);
    for (unsigned i = 0; i < 65; i++)
        if (sum->sizes[i])
            mt_out_add(answer->out, "stat\tsize up to %llu\t%llu\n", i < 64 ? 1ull << i : ~0ull,
                       (unsigned long long)sum->sizes[i]);
}

void mt_ages_stats(struct mt_answer *answer, char **words, size_t count)
{
    static const char *const states[] = {"none", "created", "collecting", "stopped"};
    struct ages_sum sum = {.now_cs = smt_live_now_cs()};
    struct smt_live_totals totals;

    (void)words;
    (void)count;
    smt_live_totals(&totals);
    mt_out_add(answer->out, "stat\tdatabase\t%s\n", states[smt_ages_state()]);
    if (smt_ages_state() != SMT_AGES_NONE) {
        smt_live_each(ages_sum_one, &sum);
        mt_answer_stat(answer, "collecting since (s)", smt_ages_running_s());
        mt_answer_stat(answer, "entries", sum.entries);
        mt_answer_stat(answer, "bytes", sum.bytes);
        ages_histograms(answer, &sum);
    }
    mt_answer_stat(answer, "tracked blocks", totals.blocks);
    mt_answer_stat(answer, "tracked bytes", totals.bytes);
    mt_answer_stat(answer, "tracked allocations", totals.allocations);
    mt_answer_stat(answer, "stacks", smt_live_stack_count());
    mt_answer_stat(answer, "book-keeping bytes", totals.book_bytes);
    mt_answer_stat(answer, "book-keeping bytes a block",
                   totals.blocks ? totals.book_bytes / totals.blocks : 0);
    mt_answer_stat(answer, "bad frees", mt_bad_free_count());
    if (totals.lost) mt_answer_stat(answer, "not tracked for want of memory", totals.lost);
}
