#include "monitor/maps.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void smt_monitor_maps_clear(struct smt_monitor_maps *maps)
{
    for (size_t i = 0; i < maps->count; i++) free(maps->list[i].name);
    free(maps->list);
    *maps = (struct smt_monitor_maps){0};
}

void smt_monitor_changes_clear(struct smt_monitor_changes *changes)
{
    for (size_t i = 0; i < changes->count; i++) free(changes->list[i].name);
    free(changes->list);
    *changes = (struct smt_monitor_changes){0};
}

/* Room for one more element of `size` bytes at list[count]; doubles at powers
 * of two. */
static void *list_grow(void *list, size_t count, size_t size)
{
    if (count & (count - 1)) return list;
    return realloc(list, (count ? count * 2 : 1) * size);
}

/* Reads "55d0-55d8 rw-p 00000000 00:00 0   name". */
static bool map_parse(const char *line, size_t length, struct smt_monitor_map *ret_map)
{
    struct smt_monitor_map map = {0};
    int at = 0;

    if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %*x %*s %*u%n", &map.start, &map.end, map.rights,
               &at) != 3 ||
        !at || (size_t)at > length)
        return false;
    while ((size_t)at < length && line[at] == ' ') at++;
    map.name = (size_t)at == length ? strdup("[anon]") : strndup(line + at, length - (size_t)at);
    if (!map.name) return false;
    *ret_map = map;
    return true;
}

enum smt_status smt_monitor_maps_parse(const char *text, struct smt_monitor_maps *ret_maps)
{
    struct smt_monitor_maps maps = {0};

    for (const char *line = text; line && *line;) {
        const char *end = strchr(line, '\n');
        size_t length = end ? (size_t)(end - line) : strlen(line);
        struct smt_monitor_map map;
        unsigned long long kilobytes;

        if (maps.count && sscanf(line, "Rss: %llu", &kilobytes) == 1)
            maps.list[maps.count - 1].rss = kilobytes * 1024;
        else if (!isupper((unsigned char)*line) && map_parse(line, length, &map)) {
            void *grown = list_grow(maps.list, maps.count, sizeof(map));

            if (!grown) {
                free(map.name);
                smt_monitor_maps_clear(&maps);
                return smt_fail(SMT_ENOMEM, "out of memory for the mappings of a process");
            }
            maps.list = grown;
            maps.list[maps.count++] = map;
        }
        line = end ? end + 1 : NULL;
    }
    *ret_maps = maps;
    return SMT_OK;
}

static bool map_is_alike(const struct smt_monitor_map *a, const struct smt_monitor_map *b)
{
    return strcmp(a->rights, b->rights) == 0 && strcmp(a->name, b->name) == 0;
}

/* The not yet taken mapping of `maps` that `map` continues, or its count. */
static size_t map_find(const struct smt_monitor_maps *maps, const bool *taken,
                       const struct smt_monitor_map *map)
{
    for (size_t i = 0; i < maps->count; i++) {
        const struct smt_monitor_map *other = &maps->list[i];

        if (other->start >= map->end) break; /* sorted by address */
        if (!taken[i] && other->end > map->start && map_is_alike(other, map)) return i;
    }
    return maps->count;
}

static bool change_add(struct smt_monitor_changes *changes, enum smt_monitor_change_kind kind,
                       const struct smt_monitor_map *map, int64_t size_delta, int64_t rss_delta)
{
    uint64_t size = map->end - map->start;
    struct smt_monitor_change *change;
    void *grown;

    for (size_t i = 0; kind != SMT_MONITOR_GROWN && i < changes->count; i++) {
        change = &changes->list[i];
        if (change->kind != kind || change->size != size || strcmp(change->name, map->name) ||
            strcmp(change->rights, map->rights))
            continue;
        change->count++;
        change->size_delta += size_delta;
        change->rss_delta += rss_delta;
        return true;
    }
    grown = list_grow(changes->list, changes->count, sizeof(*changes->list));
    if (!grown) return false;
    changes->list = grown;
    change = &changes->list[changes->count];
    *change = (struct smt_monitor_change){.kind = kind,
                                          .count = 1,
                                          .size = size,
                                          .size_delta = size_delta,
                                          .rss_delta = rss_delta,
                                          .name = strdup(map->name)};
    if (!change->name) return false;
    memcpy(change->rights, map->rights, sizeof(change->rights));
    changes->count++;
    return true;
}

static int change_compare(const void *a, const void *b)
{
    const struct smt_monitor_change *left = a, *right = b;

    if (left->rss_delta != right->rss_delta) return left->rss_delta < right->rss_delta ? 1 : -1;
    if (left->size_delta != right->size_delta) return left->size_delta < right->size_delta ? 1 : -1;
    return strcmp(left->name, right->name);
}

/* Compares one mapping of the end with those of the start. */
static bool map_compare(const struct smt_monitor_maps *before, bool *taken,
                        const struct smt_monitor_map *map, struct smt_monitor_changes *changes)
{
    size_t at = map_find(before, taken, map);
    int64_t size = (int64_t)(map->end - map->start), rss = (int64_t)map->rss;
    const struct smt_monitor_map *old;

    if (at == before->count) return change_add(changes, SMT_MONITOR_NEW, map, size, rss);
    taken[at] = true;
    old = &before->list[at];
    size -= (int64_t)(old->end - old->start);
    rss -= (int64_t)old->rss;
    if (!size && !rss) return true;
    return change_add(changes, SMT_MONITOR_GROWN, map, size, rss);
}

enum smt_status smt_monitor_maps_compare(const struct smt_monitor_maps *before,
                                         const struct smt_monitor_maps *after,
                                         struct smt_monitor_changes *ret_changes)
{
    struct smt_monitor_changes changes = {0};
    bool *taken = calloc(before->count + 1, sizeof(*taken));
    bool good = taken != NULL;

    for (size_t i = 0; good && i < after->count; i++)
        good = map_compare(before, taken, &after->list[i], &changes);
    for (size_t i = 0; good && i < before->count; i++) {
        const struct smt_monitor_map *map = &before->list[i];

        if (!taken[i])
            good = change_add(&changes, SMT_MONITOR_GONE, map, -(int64_t)(map->end - map->start),
                              -(int64_t)map->rss);
    }
    free(taken);
    if (!good) {
        smt_monitor_changes_clear(&changes);
        return smt_fail(SMT_ENOMEM, "out of memory for comparing mappings");
    }
    if (changes.count) qsort(changes.list, changes.count, sizeof(*changes.list), change_compare);
    *ret_changes = changes;
    return SMT_OK;
}

void smt_monitor_size_text(double bytes, struct smt_buffer *text)
{
    static const char units[] = "KMGT";
    double size = fabs(bytes);
    const char *sign = bytes < 0 ? "-" : "";
    size_t unit = 0;

    if (size < 1024) {
        smt_buffer_addf(text, size < 10 && size != floor(size) ? "%s%.2f" : "%s%.0f", sign, size);
        return;
    }
    for (size /= 1024; size >= 1023.95 && units[unit + 1]; unit++) size /= 1024;
    smt_buffer_addf(text, size < 100 && fabs(size - round(size)) > 0.049 ? "%s%.1f%c" : "%s%.0f%c",
                    sign, size, units[unit]);
}

void smt_monitor_change_text(const struct smt_monitor_change *change, struct smt_buffer *text)
{
    if (change->kind == SMT_MONITOR_GROWN) {
        smt_buffer_add_text(text, "   ");
        smt_monitor_size_text((double)change->size - (double)change->size_delta, text);
        smt_buffer_add_text(text, " -> ");
    } else {
        smt_buffer_addf(text, "%s%zu x ", change->kind == SMT_MONITOR_NEW ? "+" : "-",
                        change->count);
    }
    smt_monitor_size_text((double)change->size, text);
    smt_buffer_addf(text, " %s ", change->rights);
    smt_buffer_add_escaped(text, change->name, strlen(change->name));
    smt_buffer_add_text(text, change->rss_delta < 0 ? " (resident " : " (resident +");
    smt_monitor_size_text((double)change->rss_delta, text);
    smt_buffer_add_text(text, ")");
}
