/* monitor/maps.h - what happened to a process's mappings between two looks.
 *
 * Two mappings are the same when name and rights agree and their addresses
 * overlap: the kernel joins neighbouring anonymous mappings, and those grow
 * downwards. What is new or gone is counted by size and name, so that the
 * reader sees `+12 x 4K [anon]`. */
#ifndef SMT_MONITOR_MAPS_H
#define SMT_MONITOR_MAPS_H

#include <stddef.h>
#include <stdint.h>

#include "base/base.h"

struct smt_monitor_map {
    uint64_t start, end;
    uint64_t rss; /* bytes */
    char rights[5];
    char *name; /* path, [heap], [stack]...; [anon] where the kernel gives none */
};

struct smt_monitor_maps {
    struct smt_monitor_map *list;
    size_t count;
};

enum smt_monitor_change_kind { SMT_MONITOR_NEW, SMT_MONITOR_GROWN, SMT_MONITOR_GONE };

struct smt_monitor_change {
    enum smt_monitor_change_kind kind;
    size_t count;       /* mappings alike */
    uint64_t size;      /* of each; for grown ones the size at the end */
    int64_t size_delta; /* bytes, all together */
    int64_t rss_delta;  /* bytes, all together */
    char rights[5];
    char *name;
};

struct smt_monitor_changes {
    struct smt_monitor_change *list; /* the most added resident memory first */
    size_t count;
};

/* Reads smaps text (or maps: then rss is 0); empty text gives no mappings. */
SMT_MUST_USE enum smt_status smt_monitor_maps_parse(const char *text,
                                                    struct smt_monitor_maps *ret_maps);
void smt_monitor_maps_clear(struct smt_monitor_maps *maps);

SMT_MUST_USE enum smt_status smt_monitor_maps_compare(const struct smt_monitor_maps *before,
                                                      const struct smt_monitor_maps *after,
                                                      struct smt_monitor_changes *ret_changes);
void smt_monitor_changes_clear(struct smt_monitor_changes *changes);

/* `+12 x 4K rw-p [anon]`, `+64K -> 1.2M rw-p [heap]` and so on. */
void smt_monitor_change_text(const struct smt_monitor_change *change, struct smt_buffer *text);

/* Bytes as people write them: 512, 4K, 1.5M; 1024-based. */
void smt_monitor_size_text(double bytes, struct smt_buffer *text);

#endif
