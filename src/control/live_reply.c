#include "control/live_reply.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "heap/heap.h"

#define FIELDS_MAX  9
#define LINE_FRAMES 6

/* Room for one more in an array; false: no memory. */
static bool array_grow(struct smt_live_reply *reply, void **array, size_t count, size_t size)
{
    void *grown;

    if (count & (count - 1)) return true; /* powers of two */
    grown = realloc(*array, (count ? count * 2 : 1) * size);
    if (!grown) {
        reply->failed = true;
        return false;
    }
    *array = grown;
    return true;
}

static void process_take(struct smt_live_reply *reply, char **fields)
{
    if (!reply->process) reply->process = atoi(fields[1]);
    reply->comm = fields[2];
}

static void pair_take(struct smt_live_reply *reply, struct smt_live_pair **pairs, size_t *count,
                      const char *name, const char *value)
{
    if (!array_grow(reply, (void **)pairs, *count, sizeof **pairs)) return;
    (*pairs)[(*count)++] = (struct smt_live_pair){name, value};
}

static void say_take(struct smt_live_reply *reply, char **fields)
{
    pair_take(reply, &reply->says, &reply->say_count, NULL, fields[1]);
}

static void stat_take(struct smt_live_reply *reply, char **fields)
{
    pair_take(reply, &reply->stats, &reply->stat_count, fields[1], fields[2]);
}

static void list_take(struct smt_live_reply *reply, char **fields)
{
    reply->list = fields[1];
    reply->list_detail = fields[2];
}

static uint64_t decimal(const char *text)
{
    return strtoull(text, NULL, 10);
}

static uintptr_t hexadecimal(const char *text)
{
    return (uintptr_t)strtoull(text, NULL, 16);
}

static void item_add(struct smt_live_reply *reply, const struct smt_live_item *item)
{
    if (!array_grow(reply, (void **)&reply->items, reply->item_count, sizeof *reply->items)) return;
    reply->items[reply->item_count++] = *item;
}

static void block_take(struct smt_live_reply *reply, char **fields)
{
    struct smt_live_item item = {
        .kind = strcmp(fields[0], "leak") == 0 ? SMT_LIVE_LEAK : SMT_LIVE_ENTRY,
        .number = decimal(fields[1]),
        .address = hexadecimal(fields[2]),
        .size_bytes = decimal(fields[3]),
        .age_cs = decimal(fields[4]),
        .stack = (uint32_t)decimal(fields[5]),
        .via = hexadecimal(fields[6]),
        .hex = fields[7],
    };

    item_add(reply, &item);
}

static void bad_free_take(struct smt_live_reply *reply, char **fields)
{
    struct smt_live_item item = {
        .kind = SMT_LIVE_BAD_FREE,
        .what = fields[1],
        .address = hexadecimal(fields[2]),
        .age_cs = decimal(fields[3]),
        .stack = (uint32_t)decimal(fields[4]),
        .via = hexadecimal(fields[5]),
    };

    item_add(reply, &item);
}

static void attempt_take(struct smt_live_reply *reply, char **fields)
{
    struct smt_live_item item = {.kind = SMT_LIVE_ATTEMPT,
                                 .number = decimal(fields[1]),
                                 .stack = (uint32_t)decimal(fields[2])};

    item_add(reply, &item);
}

static void held_take(struct smt_live_reply *reply, char **fields)
{
    struct smt_live_item item = {.kind = SMT_LIVE_HELD,
                                 .number = decimal(fields[1]),
                                 .size_bytes = decimal(fields[2]),
                                 .age_cs = decimal(fields[3]),
                                 .stack = (uint32_t)decimal(fields[4])};

    item_add(reply, &item);
}

static void stack_take(struct smt_live_reply *reply, char **fields)
{
    struct smt_live_reply_stack stack = {.number = (uint32_t)decimal(fields[1]),
                                         .cookie = (uint32_t)hexadecimal(fields[2]),
                                         .frees = decimal(fields[3])};
    const char *at = fields[4];

    while (*at && stack.depth < SMT_LIVE_FRAMES) {
        stack.frames[stack.depth++] = hexadecimal(at);
        at += strcspn(at, ",");
        at += *at == ',';
    }
    if (!array_grow(reply, (void **)&reply->stacks, reply->stack_count, sizeof *reply->stacks))
        return;
    reply->stacks[reply->stack_count++] = stack;
}

static void module_take(struct smt_live_reply *reply, char **fields)
{
    char root[64];

    if (!reply->files) return;
    snprintf(root, sizeof root, "/proc/%d/root", reply->process);
    smt_symbol_files_add(reply->files, hexadecimal(fields[1]), hexadecimal(fields[2]),
                         hexadecimal(fields[3]), fields[5], root);
}

static void end_take(struct smt_live_reply *reply, char **fields)
{
    reply->code = atoi(fields[1]);
    reply->fault = fields[2];
}

static const struct line {
    const char *name;
    void (*take)(struct smt_live_reply *reply, char **fields);
} lines[] = {
    {"process", process_take}, {"say", say_take},          {"stat", stat_take},
    {"list", list_take},       {"entry", block_take},      {"leak", block_take},
    {"stack", stack_take},     {"badfree", bad_free_take}, {"attempt", attempt_take},
    {"held", held_take},       {"module", module_take},    {"end", end_take},
};

static void line_parse(struct smt_live_reply *reply, char *line)
{
    static char empty[] = "";
    char *fields[FIELDS_MAX];
    size_t count = 0;

    for (size_t i = 0; i < FIELDS_MAX; i++) fields[i] = empty;
    while (line && count < FIELDS_MAX) fields[count++] = strsep(&line, "\t");
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (strcmp(lines[i].name, fields[0]) == 0) {
            lines[i].take(reply, fields);
            return;
        }
}

void smt_live_reply_parse(struct smt_live_reply *reply, char *text, int process)
{
    *reply = (struct smt_live_reply){.code = 500,
                                     .process = process,
                                     .fault = "the answer is not whole",
                                     .comm = "?",
                                     .list = "",
                                     .list_detail = ""};
    reply->files = smt_symbol_files_new();
    for (char *line; (line = strsep(&text, "\n"));) line_parse(reply, line);
    if (!reply->failed) return;
    reply->code = 500;
    reply->fault = "no memory for the answer";
}

void smt_live_reply_clear(struct smt_live_reply *reply)
{
    free(reply->says);
    free(reply->stats);
    free(reply->items);
    free(reply->stacks);
    smt_symbol_files_free(reply->files);
    *reply = (struct smt_live_reply){0};
}

const struct smt_live_reply_stack *smt_live_reply_stack(const struct smt_live_reply *reply,
                                                        uint32_t number)
{
    size_t low = 0, high = reply->stack_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (reply->stacks[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == reply->stack_count || reply->stacks[low].number != number) return NULL;
    return &reply->stacks[low];
}

uint64_t smt_live_reply_stat(const struct smt_live_reply *reply, const char *name)
{
    for (size_t i = 0; i < reply->stat_count; i++)
        if (strcmp(reply->stats[i].name, name) == 0) return decimal(reply->stats[i].value);
    return 0;
}

bool smt_live_reply_has(const struct smt_live_reply *reply, uint32_t number, char *const *globs)
{
    const struct smt_live_reply_stack *stack = smt_live_reply_stack(reply, number);
    struct smt_symbol_place place;

    for (unsigned i = 0; stack && i < stack->depth; i++) {
        smt_symbol_files_place(reply->files, stack->frames[i], &place);
        for (char *const *glob = globs; *glob; glob++)
            if (place.function && fnmatch(*glob, place.function, 0) == 0) return true;
    }
    return false;
}

static const char *module_of(const struct smt_symbol_place *place)
{
    const char *slash = place->module ? strrchr(place->module, '/') : NULL;

    return slash ? slash + 1 : "?";
}

uint64_t smt_live_reply_hash(const struct smt_live_reply *reply, uint32_t number)
{
    const struct smt_live_reply_stack *stack = smt_live_reply_stack(reply, number);
    uint64_t hash = 0;

    for (unsigned i = 0; stack && i < stack->depth; i++) {
        struct smt_symbol_place place;

        smt_symbol_files_place(reply->files, stack->frames[i], &place);
        if (place.function) {
            hash = XXH3_64bits_withSeed(place.function, strlen(place.function), hash);
            continue;
        }
        hash = XXH3_64bits_withSeed(module_of(&place), strlen(module_of(&place)), hash);
        if (place.module) hash = XXH3_64bits_withSeed(&place.offset, sizeof place.offset, hash);
    }
    return hash;
}

void smt_live_reply_line(const struct smt_live_reply *reply, uint32_t number,
                         struct smt_buffer *text)
{
    const struct smt_live_reply_stack *stack = smt_live_reply_stack(reply, number);

    for (unsigned i = 0; stack && i < stack->depth && i < LINE_FRAMES; i++) {
        struct smt_symbol_place place;

        smt_symbol_files_place(reply->files, stack->frames[i], &place);
        smt_buffer_add_text(text, i ? " < " : "");
        if (place.function)
            smt_buffer_add_text(text, place.function);
        else
            smt_buffer_addf(text, "%s+0x%llx", module_of(&place), (unsigned long long)place.offset);
        if (place.file && i == 0) smt_buffer_addf(text, " (%s:%d)", place.file, place.line);
    }
}

size_t smt_live_reply_suppress(struct smt_live_reply *reply, char *const *suppressed)
{
    size_t kept = 0, dropped;

    if (!suppressed || !*suppressed) return 0;
    for (size_t i = 0; i < reply->item_count; i++)
        if (reply->items[i].kind != SMT_LIVE_LEAK ||
            !smt_live_reply_has(reply, reply->items[i].stack, suppressed))
            reply->items[kept++] = reply->items[i];
    dropped = reply->item_count - kept;
    reply->item_count = kept;
    return dropped;
}
