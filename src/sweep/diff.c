/* sweep/diff.c - what differs between two shown results, in SIP terms.
 *
 * Fields come in groups (Via[0], From, SDP[1] ...). Groups of one name are
 * aligned by what they hold, not by their index, so that a lost Route[1] is one
 * loss and not a change of every Route behind it. */
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "sweep/inside.h"

#define ALIGN_CELLS_MOST 1000000u
#define SHOWN_BYTES      200u /* of a value */
#define DIFFS_MOST       200u

struct part {
    const struct smt_field *fields;
    size_t count;
    size_t name_bytes; /* of the name in front of its index */
    uint64_t hash;
    bool is_matched;
};

struct part_list {
    struct part *items;
    size_t count;
};

/* What each loss weighs: 3 breaks routing, dialogs or the body; 1 is decoration. */
static const struct {
    const char *text;
    int weight;
} weights[] = {
    {"Request-URI", 3},
    {"method", 3},
    {"status code", 3},
    {"Route", 3},
    {"Record-Route", 3},
    {"Via", 3},
    {";tag", 3},
    {";branch", 3},
    {"Call-ID", 3},
    {"CSeq", 3},
    {"From", 3},
    {"To", 3},
    {"Contact", 3},
    {"body", 3},
    {"SDP", 3},
    {"Content-Length", 3},
    {"Content-Type", 3},
    {"Authorization", 3},
    {"Proxy-Authorization", 3},
    {"Subject", 1},
    {"User-Agent", 1},
    {"Server", 1},
    {"Organization", 1},
    {"reason phrase", 1},
    {"display name", 1},
    {"Date", 1},
    {"Call-Info", 1},
    {"Alert-Info", 1},
};

static int where_weight(const char *where)
{
    int weight = 2, last = 0;

    for (size_t i = 0; i < sizeof weights / sizeof weights[0]; i++) {
        size_t length = strlen(weights[i].text);
        bool starts = strncmp(where, weights[i].text, length) == 0 &&
                      (!where[length] || strchr(" [", where[length]));

        if (starts) weight = weights[i].weight;
        if (!starts && strlen(where) > length &&
            strcmp(where + strlen(where) - length, weights[i].text) == 0)
            last = weights[i].weight;
    }
    return last ? last : weight;
}

int smt_diff_weight(const struct smt_diff_list *diff)
{
    int most = 0;

    for (size_t i = 0; i < diff->count; i++)
        if (diff->items[i].weight > most) most = diff->items[i].weight;
    return most;
}

void smt_sweep_diff_clear(struct smt_diff_list *diff)
{
    for (size_t i = 0; i < diff->count; i++) {
        free(diff->items[i].where);
        free(diff->items[i].was);
        free(diff->items[i].now);
    }
    free(diff->items);
    *diff = (struct smt_diff_list){0};
}

static char *shown_value(const struct smt_field *field)
{
    struct smt_buffer text;
    size_t size = field->size_bytes < SHOWN_BYTES ? field->size_bytes : SHOWN_BYTES;

    smt_buffer_init(&text);
    smt_buffer_add_escaped(&text, field->bytes, size);
    if (size < field->size_bytes) smt_buffer_addf(&text, "... (%zu bytes)", field->size_bytes);
    return smt_buffer_take(&text);
}

static void diff_add(struct smt_diff_list *diff, enum smt_diff_kind kind, const char *where,
                     size_t where_bytes, const struct smt_field *was, const struct smt_field *now)
{
    struct smt_diff *item;

    if (diff->count >= DIFFS_MOST) return;
    if (diff->count == diff->capacity) {
        size_t capacity = diff->capacity ? 2 * diff->capacity : 8;
        struct smt_diff *items = realloc(diff->items, capacity * sizeof *items);

        if (!items) return;
        diff->items = items;
        diff->capacity = capacity;
    }
    while (where_bytes && where[where_bytes - 1] == ' ') where_bytes--;
    item = &diff->items[diff->count];
    *item = (struct smt_diff){kind, strndup(where, where_bytes), was ? shown_value(was) : NULL,
                              now ? shown_value(now) : NULL, 0};
    if (!item->where) return;
    item->weight = where_weight(item->where);
    diff->count++;
}

/* The group's own name: "Via[0]" of "Via[0] host". */
static size_t group_name(const struct smt_field *field)
{
    const char *end = strchr(field->path, ']');
    const char *blank = strchr(field->path, ' ');

    if (end && (!blank || end < blank || strchr(field->path, '[') < blank))
        return (size_t)(end + 1 - field->path);
    return blank ? (size_t)(blank - field->path) : strlen(field->path);
}

static struct part_list parts_new(const struct smt_field_list *fields, enum smt_op op)
{
    struct part_list list = {calloc(fields->count + 1, sizeof *list.items), 0};

    for (size_t i = 0; list.items && i < fields->count; i++) {
        const struct smt_field *field = &fields->items[i];
        struct part *part;
        size_t skip;

        if (field->op != op) continue;
        if (!list.count || list.items[list.count - 1].fields[0].group != field->group) {
            list.items[list.count++] =
                (struct part){.fields = field, .name_bytes = strcspn(field->path, "[")};
            if (list.items[list.count - 1].name_bytes > group_name(field))
                list.items[list.count - 1].name_bytes = group_name(field);
        }
        part = &list.items[list.count - 1];
        part->count++;
        skip = group_name(field);
        part->hash =
            XXH3_64bits_withSeed(field->path + skip, strlen(field->path + skip), part->hash);
        part->hash = XXH3_64bits_withSeed(field->bytes, field->size_bytes, part->hash + 1);
    }
    return list;
}

static bool parts_named_alike(const struct part *a, const struct part *b)
{
    return a->name_bytes == b->name_bytes &&
           memcmp(a->fields[0].path, b->fields[0].path, a->name_bytes) == 0;
}

/* Two groups that stand for the same thing: their fields by path. */
static void part_compare(const struct part *was, const struct part *now, struct smt_diff_list *diff)
{
    size_t j = 0;

    for (size_t i = 0; i < was->count; i++) {
        const struct smt_field *a = &was->fields[i], *b = NULL;
        const char *name = a->path + group_name(a);
        size_t at = j;

        for (; at < now->count; at++)
            if (strcmp(now->fields[at].path + group_name(&now->fields[at]), name) == 0) break;
        if (at == now->count) {
            diff_add(diff, SMT_DIFF_LOST, a->path, strlen(a->path), a, NULL);
            continue;
        }
        for (; j < at; j++)
            diff_add(diff, SMT_DIFF_GAINED, now->fields[j].path, strlen(now->fields[j].path), NULL,
                     &now->fields[j]);
        b = &now->fields[j++];
        if (a->size_bytes != b->size_bytes || memcmp(a->bytes, b->bytes, a->size_bytes) != 0)
            diff_add(diff, SMT_DIFF_CHANGED, a->path, strlen(a->path), a, b);
    }
    for (; j < now->count; j++)
        diff_add(diff, SMT_DIFF_GAINED, now->fields[j].path, strlen(now->fields[j].path), NULL,
                 &now->fields[j]);
}

/* Marks the longest common subsequence of was[] and now[] (all of one name). */
static void parts_align(struct part **was, size_t was_count, struct part **now, size_t now_count)
{
    uint32_t *best;
    size_t width = now_count + 1, i = 0, j = 0;

    if ((was_count + 1) * width > ALIGN_CELLS_MOST ||
        !(best = calloc((was_count + 1) * width, sizeof *best))) {
        for (; i < was_count && i < now_count && was[i]->hash == now[i]->hash; i++)
            was[i]->is_matched = now[i]->is_matched = true;
        return;
    }
    for (size_t a = was_count; a-- > 0;)
        for (size_t b = now_count; b-- > 0;) {
            uint32_t down = best[(a + 1) * width + b], right = best[a * width + b + 1];

            best[a * width + b] = was[a]->hash == now[b]->hash ? best[(a + 1) * width + b + 1] + 1
                                  : down > right               ? down
                                                               : right;
        }
    while (i < was_count && j < now_count) {
        if (was[i]->hash == now[j]->hash) {
            was[i++]->is_matched = now[j++]->is_matched = true;
        } else if (best[(i + 1) * width + j] >= best[i * width + j + 1]) {
            i++;
        } else {
            j++;
        }
    }
    free(best);
}

/* Unmatched ones between the same matches pair up as changed. */
static void parts_report(struct part **was, size_t was_count, struct part **now, size_t now_count,
                         struct smt_diff_list *diff)
{
    size_t i = 0, j = 0;

    while (i < was_count || j < now_count) {
        bool was_open = i < was_count && !was[i]->is_matched,
             now_open = j < now_count && !now[j]->is_matched;

        if (was_open && now_open) {
            part_compare(was[i++], now[j++], diff);
        } else if (was_open) {
            diff_add(diff, SMT_DIFF_LOST, was[i]->fields[0].path, group_name(&was[i]->fields[0]),
                     was[i]->count == 1 ? &was[i]->fields[0] : NULL, NULL);
            i++;
        } else if (now_open) {
            diff_add(diff, SMT_DIFF_GAINED, now[j]->fields[0].path, group_name(&now[j]->fields[0]),
                     NULL, now[j]->count == 1 ? &now[j]->fields[0] : NULL);
            j++;
        } else {
            i++;
            j++;
        }
    }
}

/* All parts of the list that are named like `model`, in order. */
static size_t parts_select(struct part_list *list, const struct part *model,
                           struct part **ret_parts)
{
    size_t count = 0;

    for (size_t i = 0; i < list->count; i++)
        if (parts_named_alike(&list->items[i], model)) ret_parts[count++] = &list->items[i];
    return count;
}

static bool name_was_seen(const struct part_list *list, size_t upto, const struct part *part)
{
    for (size_t i = 0; i < upto; i++)
        if (parts_named_alike(&list->items[i], part)) return true;
    return false;
}

enum smt_status smt_sweep_diff_fields(const struct smt_field_list *was,
                                      const struct smt_field_list *now, enum smt_op op,
                                      struct smt_diff_list *ret_diff)
{
    struct part_list a = parts_new(was, op), b = parts_new(now, op);
    struct part **left = calloc(a.count + 1, sizeof *left),
                **right = calloc(b.count + 1, sizeof *right);
    enum smt_status status = SMT_OK;

    if (!a.items || !b.items || !left || !right) {
        status = smt_fail(SMT_ENOMEM, "out of memory while comparing results");
    } else {
        for (int side = 0; side < 2; side++) {
            struct part_list *list = side ? &b : &a;

            for (size_t i = 0; i < list->count; i++) {
                size_t left_count, right_count;

                if (name_was_seen(list, i, &list->items[i])) continue;
                if (side && name_was_seen(&a, a.count, &list->items[i])) continue;
                left_count = parts_select(&a, &list->items[i], left);
                right_count = parts_select(&b, &list->items[i], right);
                parts_align(left, left_count, right, right_count);
                parts_report(left, left_count, right, right_count, ret_diff);
            }
        }
    }
    free(a.items);
    free(b.items);
    free(left);
    free(right);
    return status;
}
