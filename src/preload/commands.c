#include "preload/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "heap/heap.h"
#include "preload/commands_inside.h"
#include "preload/preload.h"
#include "preload/system.h"

#define WORDS_MAX  8
#define HEX_BYTES  32
#define MIN_AGE_CS 500
#define MISSES     2

struct command {
    const char *group, *name;
    void (*run)(struct mt_answer *answer, char **words, size_t count); /* words after the name */
};

static struct {
    bool skip_stacks, signals_only;
    unsigned misses;
    uint32_t min_age_cs;
    uint64_t next_scan_ns;
    uint64_t scans;
} scanning = {.misses = MISSES, .min_age_cs = MIN_AGE_CS};

void mt_answer_refuse(struct mt_answer *answer, int code, const char *text)
{
    answer->code = code;
    snprintf(answer->text, sizeof answer->text, "%s", text);
}

void mt_answer_say(struct mt_answer *answer, const char *text)
{
    mt_out_add(answer->out, "say\t%s\n", text);
}

void mt_answer_stat(struct mt_answer *answer, const char *name, uint64_t value)
{
    mt_out_add(answer->out, "stat\t%s\t%llu\n", name, (unsigned long long)value);
}

/* --- kmemleak --- */

static bool kmemleak_is_on(struct mt_answer *answer)
{
    if (atomic_load(&mt_complete)) return true;
    mt_answer_refuse(answer, 400, "kmemleak is off in this program");
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

static void result_tell(struct mt_answer *answer, const struct smt_scan_result *result)
{
    if (result->failure) {
        mt_answer_refuse(answer, 500, result->failure);
        return;
    }
    mt_answer_stat(answer, "suspects", result->suspects);
    mt_answer_stat(answer, "new suspects", result->fresh);
    mt_answer_stat(answer, "direct", result->direct);
    mt_answer_stat(answer, "suspected bytes", result->suspect_bytes);
    mt_answer_stat(answer, "unreferenced", result->unreferenced);
    mt_answer_stat(answer, "blocks", result->blocks);
    mt_answer_stat(answer, "bytes", result->bytes);
    mt_answer_stat(answer, "threads", result->threads);
    mt_answer_stat(answer, "stopped (us)", result->stopped_ns / 1000);
    mt_answer_stat(answer, "took (us)", result->took_ns / 1000);
    if (result->by_signal)
        mt_answer_say(answer,
                      "threads were stopped by signals: blocking calls may have returned EINTR");
}

static void leaks_scan(struct mt_answer *answer, char **words, size_t count)
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

static void leaks_list(struct mt_answer *answer, char **words, size_t count)
{
    (void)words;
    (void)count;
    if (!kmemleak_is_on(answer)) return;
    leaks_tell(answer->out);
}

static void leaks_clear(struct mt_answer *answer, char **words, size_t count)
{
    (void)words;
    (void)count;
    if (!kmemleak_is_on(answer)) return;
    mt_answer_stat(answer, "cleared", smt_scan_clear());
}

static void leaks_off(struct mt_answer *answer, char **words, size_t count)
{
    (void)words;
    (void)count;
    mt_settings.kmemleak_off = true;
    smt_scan_forget();
    mt_mode_update();
    mt_answer_say(answer, "kmemleak is off until the program ends");
}

static uint64_t interval_ns(void)
{
    return (uint64_t)mt_settings.scan_interval_s * 1000000000u;
}

static void scan_schedule(uint64_t seconds)
{
    mt_settings.scan_interval_s = seconds > MT_SCAN_MOST_S ? MT_SCAN_MOST_S : (uint32_t)seconds;
    scanning.next_scan_ns = smt_clock_ns() + interval_ns();
}

static void set_stack(struct mt_answer *answer, const char *value)
{
    if (strcmp(value, "on") != 0 && strcmp(value, "off") != 0) {
        mt_answer_refuse(answer, 400, "stack=on or stack=off");
        return;
    }
    scanning.skip_stacks = strcmp(value, "off") == 0;
}

static void set_scan(struct mt_answer *answer, const char *value)
{
    uint64_t seconds = 600;

    if (strcmp(value, "off") == 0)
        seconds = 0;
    else if (strcmp(value, "on") != 0 && !smt_number_parse(value, &seconds)) {
        mt_answer_refuse(answer, 400, "scan=on, scan=off or scan=SECONDS");
        return;
    }
    scan_schedule(seconds);
}

static void set_min_age(struct mt_answer *answer, const char *value)
{
    uint64_t seconds;

    if (!smt_number_parse(value, &seconds) || seconds > 1000000)
        mt_answer_refuse(answer, 400, "minage=SECONDS");
    else
        scanning.min_age_cs = (uint32_t)seconds * 100;
}

static void set_misses(struct mt_answer *answer, const char *value)
{
    uint64_t misses;

    if (!smt_number_parse(value, &misses) || misses < 1 || misses > 100)
        mt_answer_refuse(answer, 400, "scans=N, from 1 to 100");
    else
        scanning.misses = (unsigned)misses;
}

static void set_stop(struct mt_answer *answer, const char *value)
{
    if (strcmp(value, "ptrace") != 0 && strcmp(value, "signal") != 0)
        mt_answer_refuse(answer, 400, "stop=ptrace or stop=signal");
    else
        scanning.signals_only = strcmp(value, "signal") == 0;
}

struct dump {
    struct mt_answer *answer;
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

static void set_dump(struct mt_answer *answer, const char *value)
{
    struct dump dump = {.answer = answer, .now_cs = smt_live_now_cs()};
    char *end;

    dump.address = strtoul(value, &end, 16);
    if (end == value || *end) {
        mt_answer_refuse(answer, 400, "dump=ADDRESS, hexadecimal");
        return;
    }
    smt_live_each(dump_one, &dump);
    if (!dump.found) mt_answer_refuse(answer, 400, "no live block has this address");
}

static const struct setting {
    const char *name;
    void (*set)(struct mt_answer *answer, const char *value);
} kmemleak_settings[] = {
    {"stack", set_stack},  {"scan", set_scan}, {"dump", set_dump}, {"minage", set_min_age},
    {"scans", set_misses}, {"stop", set_stop}, {NULL, NULL},
};

static void leaks_set(struct mt_answer *answer, char **words, size_t count)
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
    mt_answer_refuse(answer, 400,
                     "kmemleak [scan|clear|off|stack=|scan=|minage=|scans=|stop=|dump=]");
}

/* --- the rest --- */

static void bad_frees(struct mt_answer *answer, char **words, size_t count)
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

static void report_tell(struct mt_answer *answer)
{
    struct smt_scan_result result;

    mt_answer_stat(answer, "attempts", mt_fault_attempts());
    mt_answer_stat(answer, "refused", mt_fault_refused());
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
static void report(struct mt_answer *answer, char **words, size_t count)
{
    struct mt_answer told = {.out = answer->out};
    int fd = mt_system_open(mt_settings.report, O_WRONLY | O_CREAT | O_APPEND);

    (void)words;
    (void)count;
    if (fd < 0) return;
    report_tell(&told);
    mt_out_finish(answer->out, told.code, told.text);
    for (size_t at = 0; at < answer->out->size;) {
        ssize_t size = mt_system_write(fd, answer->out->text + at, answer->out->size - at);

        if (size <= 0) break;
        at += (size_t)size;
    }
    mt_system_close(fd);
    mt_out_clear(answer->out);
}

static const struct command commands[] = {
    {"memscope", "create", mt_ages_create},
    {"memscope", "start", mt_ages_start},
    {"memscope", "print", mt_ages_print},
    {"memscope", "stats", mt_ages_stats},
    {"memscope", "stop", mt_ages_stop},
    {"memscope", "destroy", mt_ages_destroy},
    {"kmemleak", "scan", leaks_scan},
    {"kmemleak", "clear", leaks_clear},
    {"kmemleak", "off", leaks_off},
    {"kmemleak", "list", leaks_list},
    {"kmemleak", NULL, leaks_set},
    {"badfrees", "list", bad_frees},
    {"live", "list", mt_live_list},
    {"live", "stacks", mt_live_stacks},
    {"live", "sums", mt_live_sums},
    {"live", "frames", mt_live_frames},
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

/* Names what was asked, or what its group knows. */
static void unknown_refuse(struct mt_answer *answer, char **words, size_t count)
{
    size_t used = 0;
    char text[sizeof answer->text];

    text[0] = '\0';
    for (const struct command *row = commands; row->group && count; row++)
        if (strcmp(row->group, words[0]) == 0 && row->name && used < sizeof text)
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%s",
                                     used ? "|" : ": expected ", row->name);
    if (used)
        snprintf(answer->text, sizeof answer->text, "%.20s%.100s", words[0], text);
    else
        snprintf(answer->text, sizeof answer->text,
                 "command %.40s not found; known: memscope kmemleak badfrees live",
                 count ? words[0] : "");
    answer->code = 500;
}

static void header_add(struct mt_out *out)
{
    char comm[64] = "?";
    int fd = mt_system_open("/proc/self/comm", O_RDONLY);
    ssize_t size = fd < 0 ? -1 : mt_system_read(fd, comm, sizeof comm - 1);

    if (fd >= 0) mt_system_close(fd);
    if (size > 0) comm[size - 1] = '\0';
    mt_out_add(out, "process\t%d\t%s\n", (int)getpid(), comm);
}

void mt_command(const char *line, struct mt_out *out)
{
    char copy[MT_REQUEST_MAX], *words[WORDS_MAX], *save = NULL;
    struct mt_answer answer = {.out = out};
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
        unknown_refuse(&answer, words, count);
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
