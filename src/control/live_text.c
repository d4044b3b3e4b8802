/* Answers of the engine in another process as people read them: MemScope's and
 * kmemleak's forms. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/live_reply.h"
#include "heap/heap.h"

static void frame_text(struct smt_live_reply *reply, uintptr_t address, struct smt_buffer *text)
{
    struct smt_symbol_place place;
    const char *slash;

    smt_symbol_files_place(reply->files, address, &place);
    slash = place.module ? strrchr(place.module, '/') : NULL;
    smt_buffer_addf(text, "0x%08lx: ", (unsigned long)address);
    if (place.function)
        smt_buffer_addf(text, "%s + 0x%llx", place.function, (unsigned long long)place.from_start);
    else
        smt_buffer_addf(text, "%s + 0x%llx",
                        slash          ? slash + 1
                        : place.module ? place.module
                                       : "?",
                        (unsigned long long)place.offset);
    if (place.file) smt_buffer_addf(text, " (%s:%d)", place.file, place.line);
    smt_buffer_add_text(text, "\n");
}

void smt_live_reply_frames(struct smt_live_reply *reply, uint32_t number, const char *indent,
                           struct smt_buffer *text)
{
    const struct smt_live_reply_stack *stack = smt_live_reply_stack(reply, number);

    for (unsigned i = 0; stack && i < stack->depth; i++) {
        smt_buffer_add_text(text, indent);
        frame_text(reply, stack->frames[i], text);
    }
}

static uint32_t cookie_of(const struct smt_live_reply *reply, uint32_t number)
{
    const struct smt_live_reply_stack *stack = smt_live_reply_stack(reply, number);

    return stack ? stack->cookie : 0;
}

/* --- ages --- */

static void entry_text(struct smt_live_reply *reply, const struct smt_live_item *item,
                       struct smt_buffer *text)
{
    smt_buffer_addf(text, "entry:%llu address:0x%lx size:0x%llx cookie:0x%08x age:%llu\n",
                    (unsigned long long)item->number, (unsigned long)item->address,
                    (unsigned long long)item->size_bytes, cookie_of(reply, item->stack),
                    (unsigned long long)item->age_cs / 100);
    smt_live_reply_frames(reply, item->stack, "", text);
}

static int by_number(const void *left, const void *right)
{
    const struct smt_live_item *a = left, *b = right;

    return (a->number > b->number) - (a->number < b->number);
}

/* Items of one stack, summed. */
struct group {
    uint32_t stack;
    uint64_t count, bytes, oldest_cs, youngest_cs, indirect;
};

static int by_stack(const void *left, const void *right)
{
    const struct smt_live_item *a = left, *b = right;

    return (a->stack > b->stack) - (a->stack < b->stack);
}

static int by_bytes(const void *left, const void *right)
{
    const struct group *a = left, *b = right;

    if (a->bytes != b->bytes) return a->bytes < b->bytes ? 1 : -1;
    return (a->stack > b->stack) - (a->stack < b->stack);
}

/* The groups, largest first; NULL: no memory, or none. The caller frees them. */
static struct group *groups_make(struct smt_live_reply *reply, size_t *ret_count)
{
    struct group *groups = calloc(reply->item_count + 1, sizeof *groups), *group = NULL;

    *ret_count = 0;
    if (!groups) return NULL;
    qsort(reply->items, reply->item_count, sizeof *reply->items, by_stack);
    for (size_t i = 0; i < reply->item_count; i++) {
        const struct smt_live_item *item = &reply->items[i];

        if (!group || group->stack != item->stack) {
            group = &groups[(*ret_count)++];
            group->stack = item->stack;
            group->youngest_cs = item->age_cs;
        }
        group->count++;
        group->bytes += item->size_bytes;
        if (item->kind == SMT_LIVE_LEAK && item->via) group->indirect++;
        if (item->age_cs > group->oldest_cs) group->oldest_cs = item->age_cs;
        if (item->age_cs < group->youngest_cs) group->youngest_cs = item->age_cs;
    }
    qsort(groups, *ret_count, sizeof *groups, by_bytes);
    return groups;
}

static void groups_text(struct smt_live_reply *reply, struct smt_buffer *text)
{
    size_t count;
    struct group *groups = groups_make(reply, &count);

    for (size_t i = 0; groups && i < count; i++) {
        const struct group *group = &groups[i];

        smt_buffer_addf(text, "stack cookie:0x%08x entries:%llu bytes:%llu ages:%llu..%llu",
                        cookie_of(reply, group->stack), (unsigned long long)group->count,
                        (unsigned long long)group->bytes,
                        (unsigned long long)group->youngest_cs / 100,
                        (unsigned long long)group->oldest_cs / 100);
        if (group->indirect)
            smt_buffer_addf(text, " indirect:%llu", (unsigned long long)group->indirect);
        smt_buffer_add_text(text, "\n");
        smt_live_reply_frames(reply, group->stack, "", text);
    }
    free(groups);
}

static void ages_text(struct smt_live_reply *reply, bool grouped, struct smt_buffer *text)
{
    struct timespec now;
    struct tm local;
    char clock[16];

    clock_gettime(CLOCK_REALTIME, &now);
    localtime_r(&now.tv_sec, &local);
    strftime(clock, sizeof clock, "%H:%M:%S", &local);
    smt_buffer_addf(text, "%s.%03ld MemScope list of entries ", clock, now.tv_nsec / 1000000);
    if (strcmp(reply->list_detail, "auto") == 0)
        smt_buffer_add_text(text, "older than others of their stack get\n");
    else
        smt_buffer_addf(text, "at least %s second%s old\n", reply->list_detail,
                        strcmp(reply->list_detail, "1") == 0 ? "" : "s");
    if (grouped) {
        groups_text(reply, text);
    } else {
        qsort(reply->items, reply->item_count, sizeof *reply->items, by_number);
        for (size_t i = 0; i < reply->item_count; i++) entry_text(reply, &reply->items[i], text);
    }
    smt_buffer_addf(text, "MemScope printed %zu entries\n", reply->item_count);
}

/* --- leaks --- */

static int nibble(char c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

static void hex_text(const char *hex, struct smt_buffer *text)
{
    size_t count = strcmp(hex, "-") == 0 ? 0 : strlen(hex) / 2;

    smt_buffer_addf(text, "  hex dump (first %zu bytes):\n", count);
    for (size_t line = 0; line < count; line += 16) {
        char letters[17] = "";

        smt_buffer_add_text(text, "    ");
        for (size_t i = line; i < line + 16; i++) {
            int byte = i < count ? nibble(hex[2 * i]) << 4 | nibble(hex[2 * i + 1]) : 0;

            if (i >= count) {
                smt_buffer_add_text(text, "   ");
                continue;
            }
            smt_buffer_addf(text, "%02x ", byte);
            letters[i - line] = (char)(byte >= ' ' && byte < 127 ? byte : '.');
        }
        smt_buffer_addf(text, " %s\n", letters);
    }
}

static void backtrace_text(struct smt_live_reply *reply, uint32_t number, struct smt_buffer *text)
{
    const struct smt_live_reply_stack *stack = smt_live_reply_stack(reply, number);
    struct smt_symbol_place place;

    smt_buffer_add_text(text, "  backtrace:\n");
    for (unsigned i = 0; stack && i < stack->depth; i++) {
        const char *slash, *module;

        smt_symbol_files_place(reply->files, stack->frames[i], &place);
        slash = place.module ? strrchr(place.module, '/') : NULL;
        module = slash ? slash + 1 : place.module ? place.module : "?";
        smt_buffer_addf(text, "    [<%lx>] ", (unsigned long)stack->frames[i]);
        if (place.function)
            smt_buffer_addf(text, "%s+0x%llx/0x%llx [%s]", place.function,
                            (unsigned long long)place.from_start, (unsigned long long)place.size,
                            module);
        else
            smt_buffer_addf(text, "%s+0x%llx", module, (unsigned long long)place.offset);
        if (place.file) smt_buffer_addf(text, " %s:%d", place.file, place.line);
        smt_buffer_add_text(text, "\n");
    }
}

static void leak_text(struct smt_live_reply *reply, const struct smt_live_item *item,
                      const char *title, struct smt_buffer *text)
{
    time_t made = time(NULL) - (time_t)(item->age_cs / 100);
    struct tm local;
    char stamp[32];

    localtime_r(&made, &local);
    strftime(stamp, sizeof stamp, "%Y-%m-%d %H:%M:%S", &local);
    smt_buffer_addf(text, "%s 0x%lx (size %llu):", title, (unsigned long)item->address,
                    (unsigned long long)item->size_bytes);
    if (item->via) smt_buffer_addf(text, " (indirect, via 0x%lx)", (unsigned long)item->via);
    smt_buffer_addf(text, "\n  comm \"%s\", pid %d, %s (age %llu.%02llus)\n", reply->comm,
                    reply->process, stamp, (unsigned long long)item->age_cs / 100,
                    (unsigned long long)item->age_cs % 100);
    hex_text(item->hex, text);
    backtrace_text(reply, item->stack, text);
}

static void leaks_text(struct smt_live_reply *reply, bool grouped, struct smt_buffer *text)
{
    uint64_t bytes[2] = {0, 0}, count[2] = {0, 0};

    for (size_t i = 0; i < reply->item_count; i++) {
        const struct smt_live_item *item = &reply->items[i];

        count[item->via != 0]++;
        bytes[item->via != 0] += item->size_bytes;
        if (!grouped) leak_text(reply, item, "unreferenced object", text);
    }
    if (grouped) groups_text(reply, text);
    if (reply->item_count)
        smt_buffer_addf(text, "%llu direct (%llu byte%s), %llu indirect (%llu byte%s)\n",
                        (unsigned long long)count[0], (unsigned long long)bytes[0],
                        smt_number_ending(bytes[0]), (unsigned long long)count[1],
                        (unsigned long long)bytes[1], smt_number_ending(bytes[1]));
}

/* "3 blocks": the stat's value, and what it counts. */
static void stat_add(const struct smt_live_reply *reply, const char *stat, const char *noun,
                     struct smt_buffer *text)
{
    uint64_t count = smt_live_reply_stat(reply, stat);

    smt_buffer_addf(text, "%llu %s%s", (unsigned long long)count, noun, smt_number_ending(count));
}

static void scan_text(struct smt_live_reply *reply, struct smt_buffer *text)
{
    uint64_t stopped_us = smt_live_reply_stat(reply, "stopped (us)");
    uint64_t took_us = smt_live_reply_stat(reply, "took (us)");

    stat_add(reply, "new suspects", "new suspected memory leak", text);
    smt_buffer_addf(text, ", %s suspected in all (", reply->stats[0].value);
    stat_add(reply, "suspected bytes", "byte", text);
    smt_buffer_add_text(text, "); ");
    stat_add(reply, "unreferenced", "block", text);
    smt_buffer_add_text(text, " unreferenced in this scan\nscanned ");
    stat_add(reply, "blocks", "block", text);
    smt_buffer_add_text(text, " (");
    stat_add(reply, "bytes", "byte", text);
    smt_buffer_addf(text, ") in %llu.%03llu ms; ", (unsigned long long)took_us / 1000,
                    (unsigned long long)took_us % 1000);
    stat_add(reply, "threads", "thread", text);
    smt_buffer_addf(text, " stood still for %llu.%03llu ms\n",
                    (unsigned long long)stopped_us / 1000, (unsigned long long)stopped_us % 1000);
}

/* --- bad frees, dump --- */

static void bad_frees_text(struct smt_live_reply *reply, struct smt_buffer *text)
{
    for (size_t i = 0; i < reply->item_count; i++) {
        const struct smt_live_item *item = &reply->items[i];

        smt_buffer_addf(text, "%s free of 0x%lx, %llu s ago\n", item->what,
                        (unsigned long)item->address, (unsigned long long)item->age_cs / 100);
        smt_live_reply_frames(reply, item->stack, "  ", text);
        if (!item->via) continue;
        smt_buffer_add_text(text, "  freed before at\n  ");
        frame_text(reply, item->via, text);
    }
    smt_buffer_addf(text, "%s bad free%s\n", reply->list_detail,
                    strcmp(reply->list_detail, "1") == 0 ? "" : "s");
}

static void dump_text(struct smt_live_reply *reply, struct smt_buffer *text)
{
    for (size_t i = 0; i < reply->item_count; i++)
        leak_text(reply, &reply->items[i], "object", text);
    if (*reply->list_detail) smt_buffer_addf(text, "  flags:%s\n", reply->list_detail);
}

/* Largest first, as they come. */
static void held_text(struct smt_live_reply *reply, struct smt_buffer *text)
{
    for (size_t i = 0; i < reply->item_count; i++) {
        const struct smt_live_item *item = &reply->items[i];

        smt_buffer_addf(text, "stack cookie:0x%08x blocks:%llu bytes:%llu oldest:%llu\n",
                        cookie_of(reply, item->stack), (unsigned long long)item->number,
                        (unsigned long long)item->size_bytes,
                        (unsigned long long)item->age_cs / 100);
        smt_live_reply_frames(reply, item->stack, "", text);
    }
}

static void stats_text(const struct smt_live_reply *reply, struct smt_buffer *text)
{
    for (size_t i = 0; i < reply->stat_count; i++)
        smt_buffer_addf(text, "%s: %s\n", reply->stats[i].name, reply->stats[i].value);
}

void smt_live_reply_text(struct smt_live_reply *reply, bool grouped, struct smt_buffer *text)
{
    for (size_t i = 0; i < reply->say_count; i++)
        smt_buffer_addf(text, "%s\n", reply->says[i].value);
    if (strcmp(reply->list, "ages") == 0)
        ages_text(reply, grouped, text);
    else if (strcmp(reply->list, "leaks") == 0)
        leaks_text(reply, grouped, text);
    else if (strcmp(reply->list, "scan") == 0 && reply->stat_count)
        scan_text(reply, text);
    else if (strcmp(reply->list, "badfrees") == 0)
        bad_frees_text(reply, text);
    else if (strcmp(reply->list, "dump") == 0)
        dump_text(reply, text);
    else
        stats_text(reply, text);
    if (strcmp(reply->list, "held") == 0) held_text(reply, text);
}
