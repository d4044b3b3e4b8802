#include "preload/commands.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/base.h"
#include "heap/heap.h"
#include "preload/preload.h"

#define WORDS_MAX  8
#define HEX_BYTES  32
#define MIN_AGE_CS 500
#define MISSES     2

struct answer {
    struct mt_out *out;
    int code; /* 0: done */
    char text[128];
};

struct command {
    const char *group, *name;
    void (*run)(struct answer *answer, char **words, size_t count); /* words after the name */
};

static struct {
    bool skip_stacks, signals_only;
    unsigned misses;
    uint32_t min_age_cs;
    uint64_t next_scan_ns;
    uint64_t scans;
} scanning = {.misses = MISSES, .min_age_cs = MIN_AGE_CS};

static void refuse(struct answer *answer, int code, const char *text)
{
    answer->code = code;
    snprintf(answer->text, sizeof answer->text, "%s", text);
}

static void say(struct answer *answer, const char *text)
{
    mt_out_add(answer->out, "say\t%s\n", text);
}

/* --- memscope --- */

static void ages_create(struct answer *answer, char **words, size_t count)
{
    (void)words;
    (void)count;
    if (!smt_ages_create()) {
        refuse(answer, 400, "MemScope database exists already");
        return;
    }
    mt_mode_update();
    say(answer, "Creating Memory Scope database");
}

static void ages_start(struct answer *answer, char **words, size_t count)
{
    (void)words;
    (void)count;
    if (smt_ages_state() == SMT_AGES_NONE)
        say(answer, "MemScope database does not exist");
    else if (!smt_ages_start())
        refuse(answer, 400, "Memory scope data collection runs already");
    else
        say(answer, "Memory scope data collection started");
}

static void ages_stop(struct answer *answer, char **words, size_t count)
{
    (void)words;
    (void)count;
    if (smt_ages_state() == SMT_AGES_NONE)
        say(answer, "MemScope database does not exist");
    else if (!smt_ages_stop())
        refuse(answer, 400, "Memory scope data collection does not run");
    else
        say(answer, "Memory scope data collection stopped");
}

static void ages_destroy(struct answer *answer, char **words, size_t count)
{
    (void)words;
    (void)count;
    if (!smt_ages_destroy()) {
        say(answer, "MemScope database does not exist");
        return;
    }
    mt_mode_update();
    say(answer, "Memory scope database destroyed, disabling data collection");
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

static void ages_print(struct answer *answer, char **words, size_t count)
{
    struct ages_print print = {.out = answer->out};
    uint64_t age_s = 0;

    if (count == 1 && strcmp(words[0], "auto") == 0) {
        print.outliers = true;
        smt_ages_weigh();
    } else if (count != 1 || !smt_number_parse(words[0], &age_s)) {
        refuse(answer, 400, "an age in seconds is needed, or auto");
        return;
    }
    if (smt_ages_state() == SMT_AGES_NONE) {
        say(answer, "MemScope database does not exist");
        return;
    }
    if (smt_ages_running_s() < 60)
        say(answer, "Warning: collecting for less than 60 seconds, this is of little value");
    mt_out_add(answer->out, "list\tages\t%llu\n", (unsigned long long)age_s);
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

static void stat_add(struct answer *answer, const char *name, uint64_t value)
{
    mt_out_add(answer->out, "stat\t%s\t%llu\n", name, (unsigned long long)value);
}

static void ages_histograms(struct answer *answer, const struct ages_sum *sum)
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

static void ages_stats(struct answer *answer, char **words, size_t count)
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
        stat_add(answer, "collecting since (s)", smt_ages_running_s());
        stat_add(answer, "entries", sum.entries);
        stat_add(answer, "bytes", sum.bytes);
        ages_histograms(answer, &sum);
    }
    stat_add(answer, "tracked blocks", totals.blocks);
    stat_add(answer, "tracked bytes", totals.bytes);
    stat_add(answer, "tracked allocations", totals.allocations);
    stat_add(answer, "stacks", smt_live_stack_count());
    stat_add(answer, "book-keeping bytes", totals.book_bytes);
    stat_add(answer, "book-keeping bytes a block",
             totals.blocks ? totals.book_bytes / totals.blocks : 0);
    stat_add(answer, "bad frees", mt_bad_free_count());
    if (totals.lost) stat_add(answer, "not tracked for want of memory", totals.lost);
}

/* --- kmemleak --- */

static bool kmemleak_is_on(struct answer *answer)
{
    if (atomic_load(&mt_complete)) return true;
    refuse(answer, 400, "kmemleak is off in this program");
    return false;
}

static void scan_run(struct smt_scan_result *ret_result, unsigned misses, uint32_t min_age_cs)
{
    size_t bytes = MT_REGIONS_MAX * sizeof(struct smt_scan_range);
    struct smt_scan_range *regions = smt_pages_new(bytes, 0);
    struct smt_scan_options options = {
        .min_age_cs = min_age_cs,
        .misses = misses,
        .skip_stacks = scanning.skip_stacks,
        .signals_only = scanning.signals_only,
        .own_base = mt_own_base(),
        .allocator_base = mt_allocator_base(),
        .extra = regions,
    };

    if (regions) options.extra_count = mt_regions_copy(regions, MT_REGIONS_MAX);
    smt_scan_run(&options, ret_result);
    smt_pages_free(regions, bytes);
    scanning.scans++;
}

static void result_tell(struct answer *answer, const struct smt_scan_result *result)
{
    if (result->failure) {
        refuse(answer, 500, result->failure);
        return;
    }
    stat_add(answer, "suspects", result->suspects);
    stat_add(answer, "new suspects", result->fresh);
    stat_add(answer, "direct", result->direct);
    stat_add(answer, "suspected bytes", result->suspect_bytes);
    stat_add(answer, "unreferenced", result->unreferenced);
    stat_add(answer, "blocks", result->blocks);
    stat_add(answer, "bytes", result->bytes);
    stat_add(answer, "threads", result->threads);
    stat_add(answer, "stopped (us)", result->stopped_ns / 1000);
    stat_add(answer, "took (us)", result->took_ns / 1000);
    if (result->by_signal)
        say(answer, "threads were stopped by signals: blocking calls may have returned EINTR");
}

static void leaks_scan(struct answer *answer, char **words, size_t count)
{
    struct smt_scan_result result;

    (void)words;
    (void)count;
    if (!kmemleak_is_on(answer)) return;
    scan_run(&result, scanning.misses, scanning.min_age_cs);
    mt_out_add(answer->out, "list\tscan\n");
    result_tell(answer, &result);
}

struct leak_tell {
    struct mt_out *out;
    const struct smt_scan_suspect *suspect;
    uint32_t now_cs;
};

/* Bytes are copied by system call: the block may be unreadable. */
static void hex_add(struct mt_out *out, uintptr_t address, size_t size)
{
    uint8_t bytes[HEX_BYTES];
    struct {
        void *base;
        size_t size;
    } to = {bytes, size < HEX_BYTES ? size : HEX_BYTES}, from = {(void *)address, to.size};
    long copied = syscall(SYS_process_vm_readv, getpid(), &to, 1L, &from, 1L, 0L);

    if (copied < 0) { /* refused in some containers */
        memcpy(bytes, (void *)address, to.size);
        copied = (long)to.size;
    }
    for (long i = 0; i < copied; i++) mt_out_add(out, "%02x", bytes[i]);
    if (!copied) mt_out_add(out, "-");
}

static void leak_add(struct mt_out *out, const struct smt_live_block *block, uintptr_t via,
                     uint32_t now_cs)
{
    mt_out_add(out, "leak\t%llu\t%lx\t%llu\t%u\t%u\t%lx\t", (unsigned long long)block->number,
               (unsigned long)block->address, (unsigned long long)block->size_bytes,
               now_cs - block->since_cs, block->stack, (unsigned long)via);
    hex_add(out, block->address, block->size_bytes);
    mt_out_add(out, "\n");
    mt_out_stack(out, block->stack);
}

static void leak_tell(void *context, struct smt_live_block *block)
{
    struct leak_tell *tell = context;

    if (block->number == tell->suspect->number && !(block->flags & SMT_LIVE_IGNORED))
        leak_add(tell->out, block, tell->suspect->via, tell->now_cs);
}

static void leaks_tell(struct mt_out *out)
{
    size_t count;
    const struct smt_scan_suspect *suspects = smt_scan_suspects(&count);
    struct leak_tell tell = {.out = out, .now_cs = smt_live_now_cs()};

    mt_out_add(out, "list\tleaks\n");
    for (size_t i = 0; i < count; i++) {
        tell.suspect = &suspects[i];
        smt_live_with(suspects[i].address, leak_tell, &tell);
    }
}

static void leaks_list(struct answer *answer, char **words, size_t count)
{
    (void)words;
    (void)count;
    if (!kmemleak_is_on(answer)) return;
    leaks_tell(answer->out);
}

static void leaks_clear(struct answer *answer, char **words, size_t count)
{
    (void)words;
    (void)count;
    if (!kmemleak_is_on(answer)) return;
    stat_add(answer, "cleared", smt_scan_clear());
}

static void leaks_off(struct answer *answer, char **words, size_t count)
{
    (void)words;
    (void)count;
    mt_settings.kmemleak_off = true;
    smt_scan_forget();
    mt_mode_update();
    say(answer, "kmemleak is off until the program ends");
}

static uint64_t interval_ns(void)
{
    return (uint64_t)mt_settings.scan_interval_s * 1000000000u;
}

static void scan_schedule(uint64_t seconds)
{
    mt_settings.scan_interval_s = seconds > 1000000 ? 1000000 : (uint32_t)seconds;
    scanning.next_scan_ns = smt_clock_ns() + interval_ns();
}

static void set_stack(struct answer *answer, const char *value)
{
    if (strcmp(value, "on") != 0 && strcmp(value, "off") != 0) {
        refuse(answer, 400, "stack=on or stack=off");
        return;
    }
    scanning.skip_stacks = strcmp(value, "off") == 0;
}

static void set_scan(struct answer *answer, const char *value)
{
    uint64_t seconds = 600;

    if (strcmp(value, "off") == 0)
        seconds = 0;
    else if (strcmp(value, "on") != 0 && !smt_number_parse(value, &seconds)) {
        refuse(answer, 400, "scan=on, scan=off or scan=SECONDS");
        return;
    }
    scan_schedule(seconds);
}

static void set_min_age(struct answer *answer, const char *value)
{
    uint64_t seconds;

    if (!smt_number_parse(value, &seconds) || seconds > 1000000)
        refuse(answer, 400, "minage=SECONDS");
    else
        scanning.min_age_cs = (uint32_t)seconds * 100;
}

static void set_misses(struct answer *answer, const char *value)
{
    uint64_t misses;

    if (!smt_number_parse(value, &misses) || misses < 1 || misses > 100)
        refuse(answer, 400, "scans=N, from 1 to 100");
    else
        scanning.misses = (unsigned)misses;
}

static void set_stop(struct answer *answer, const char *value)
{
    if (strcmp(value, "ptrace") != 0 && strcmp(value, "signal") != 0)
        refuse(answer, 400, "stop=ptrace or stop=signal");
    else
        scanning.signals_only = strcmp(value, "signal") == 0;
}

struct dump {
    struct answer *answer;
    uintptr_t address;
    bool found;
    uint32_t now_cs;
};

static bool dump_one(void *context, struct smt_live_block *block)
{
    struct dump *dump = context;
    uint64_t size = block->size_bytes ? block->size_bytes : 1;

    if (dump->address - block->address >= size) return true;
    dump->found = true;
    mt_out_add(dump->answer->out, "list\tdump\t%s%s%s%s\t%u\n",
               block->flags & SMT_LIVE_GREY ? " not-leak" : "",
               block->flags & SMT_LIVE_IGNORED ? " ignored" : "",
               block->flags & SMT_LIVE_NO_SCAN ? " no-scan" : "",
               block->flags & SMT_LIVE_REPORTED ? " reported" : "", block->misses);
    leak_add(dump->answer->out, block, 0, dump->now_cs);
    return false;
}

static void set_dump(struct answer *answer, const char *value)
{
    struct dump dump = {.answer = answer, .now_cs = smt_live_now_cs()};
    char *end;

    dump.address = strtoul(value, &end, 16);
    if (end == value || *end) {
        refuse(answer, 400, "dump=ADDRESS, hexadecimal");
        return;
    }
    smt_live_each(dump_one, &dump);
    if (!dump.found) refuse(answer, 400, "no live block has this address");
}

static const struct setting {
    const char *name;
    void (*set)(struct answer *answer, const char *value);
} kmemleak_settings[] = {
    {"stack", set_stack},  {"scan", set_scan}, {"dump", set_dump}, {"minage", set_min_age},
    {"scans", set_misses}, {"stop", set_stop}, {NULL, NULL},
};

static void leaks_set(struct answer *answer, char **words, size_t count)
{
    char *equals = count ? strchr(words[0], '=') : NULL;

    if (!kmemleak_is_on(answer)) return;
    if (equals) {
        *equals = '\0';
        for (const struct setting *row = kmemleak_settings; row->name; row++)
            if (strcmp(row->name, words[0]) == 0) {
                row->set(answer, equals + 1);
                return;
            }
    }
    refuse(answer, 400, "kmemleak [scan|clear|off|stack=|scan=|minage=|scans=|stop=|dump=]");
}

/* --- the rest --- */

static void bad_frees(struct answer *answer, char **words, size_t count)
{
    static const char *const kinds[] = {"foreign", "double"};
    const struct mt_bad_free *bad;

    (void)words;
    (void)count;
    mt_out_add(answer->out, "list\tbadfrees\t%llu\n", (unsigned long long)mt_bad_free_count());
    for (uint64_t i = 0; (bad = mt_bad_free_at(i)); i++) {
        mt_out_add(answer->out, "badfree\t%s\t%lx\t%u\t%u\t%lx\n", kinds[bad->kind],
                   (unsigned long)bad->address, smt_live_now_cs() - bad->since_cs, bad->stack,
                   (unsigned long)bad->freed_pc);
        mt_out_stack(answer->out, bad->stack);
    }
}

/* Live bytes and blocks, exact: what `mtctl monitor` samples. */
static void live(struct answer *answer, char **words, size_t count)
{
    struct smt_live_totals totals;

    (void)words;
    (void)count;
    smt_live_totals(&totals);
    stat_add(answer, "live blocks", totals.blocks);
    stat_add(answer, "live bytes", totals.bytes);
    stat_add(answer, "allocations", totals.allocations);
    stat_add(answer, "complete", atomic_load(&mt_complete));
}

static void report_tell(struct answer *answer)
{
    struct smt_scan_result result;

    stat_add(answer, "attempts", mt_fault_attempts());
    stat_add(answer, "refused", mt_fault_refused());
    for (uint64_t i = 1; mt_survey && i <= mt_fault_attempts(); i++) {
        mt_out_add(answer->out, "attempt\t%llu\t%u\n", (unsigned long long)i, mt_survey_stack(i));
        mt_out_stack(answer->out, mt_survey_stack(i));
    }
    if (!atomic_load(&mt_complete)) return;
    scan_run(&result, 1, 0);
    result_tell(answer, &result);
    leaks_tell(answer->out);
}

/* The end of the program: all that is known goes to a file. */
static void report(struct answer *answer, char **words, size_t count)
{
    struct answer told = {.out = answer->out};
    int fd = open(mt_settings.report, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

    (void)words;
    (void)count;
    if (fd < 0) return;
    report_tell(&told);
    mt_out_finish(answer->out, told.code, told.text);
    for (size_t at = 0; at < answer->out->size;) {
        ssize_t size = write(fd, answer->out->text + at, answer->out->size - at);

        if (size <= 0) break;
        at += (size_t)size;
    }
    close(fd);
    mt_out_clear(answer->out);
}

static const struct command commands[] = {
    {"memscope", "create", ages_create},
    {"memscope", "start", ages_start},
    {"memscope", "print", ages_print},
    {"memscope", "stats", ages_stats},
    {"memscope", "stop", ages_stop},
    {"memscope", "destroy", ages_destroy},
    {"kmemleak", "scan", leaks_scan},
    {"kmemleak", "clear", leaks_clear},
    {"kmemleak", "off", leaks_off},
    {"kmemleak", "list", leaks_list},
    {"kmemleak", NULL, leaks_set},
    {"badfrees", "list", bad_frees},
    {"live", "list", live},
    {"report", "list", report},
    {NULL, NULL, NULL},
};

/* A group alone is its `list`; a row without name takes what is left. */
static const struct command *command_find(char **words, size_t count, size_t *ret_used)
{
    const char *name = count > 1 ? words[1] : "list";

    *ret_used = count > 1 ? 2 : 1;
    for (const struct command *row = commands; row->group && count; row++) {
        if (strcmp(row->group, words[0]) != 0) continue;
        if (!row->name) {
            *ret_used = 1;
            return row;
        }
        if (strcmp(row->name, name) == 0) return row;
    }
    return NULL;
}

static void header_add(struct mt_out *out)
{
    char comm[64] = "?";
    int fd = open("/proc/self/comm", O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, comm, sizeof comm - 1);

    if (fd >= 0) close(fd);
    if (size > 0) comm[size - 1] = '\0';
    mt_out_add(out, "process\t%d\t%s\n", (int)getpid(), comm);
}

void mt_command(const char *line, struct mt_out *out)
{
    char copy[512], *words[WORDS_MAX], *save = NULL;
    struct answer answer = {.out = out};
    const struct command *command;
    size_t count = 0, used;

    snprintf(copy, sizeof copy, "%s", line);
    for (char *word = strtok_r(copy, " \r\n", &save); word && count < WORDS_MAX;
         word = strtok_r(NULL, " \r\n", &save))
        words[count++] = word;
    command = command_find(words, count, &used);
    header_add(out);
    if (command)
        command->run(&answer, words + used, count - used);
    else
        refuse(&answer, 500, "command not found");
    mt_out_finish(out, answer.code, answer.text);
}

int mt_scan_due(void)
{
    struct smt_scan_result result;
    uint64_t now_ns = smt_clock_ns();

    if (!mt_settings.scan_interval_s || !atomic_load(&mt_complete)) return -1;
    if (!scanning.next_scan_ns) scanning.next_scan_ns = now_ns + interval_ns();
    if (now_ns >= scanning.next_scan_ns) {
        scan_run(&result, scanning.misses, scanning.min_age_cs);
        scanning.next_scan_ns = smt_clock_ns() + interval_ns();
        now_ns = smt_clock_ns();
    }
    return (int)((scanning.next_scan_ns - now_ns) / 1000000 + 1);
}
