/* heap/scan_index.h - inside heap/: which block is an address in?
 *
 * Blocks sorted by address, in regions (blocks with less than 16 MiB between
 * them); each region has a table of 512-byte granules:
 *
 *      address ──> region ──> granule ──> first block that ends beyond the
 *                                         granule's begin ──> a few steps on */
#ifndef SMT_HEAP_SCAN_INDEX_H
#define SMT_HEAP_SCAN_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SMT_SCAN_REGIONS 4096
#define SMT_SCAN_NOWHERE UINT32_MAX

enum smt_scan_state {
    SMT_SCAN_UNSEEN,
    SMT_SCAN_REACHED,
    SMT_SCAN_LOST,    /* unreferenced, leads its group */
    SMT_SCAN_LOST_BY, /* unreferenced, but by another such */
};

struct smt_scan_entry {
    uintptr_t from, to; /* of at least one byte */
};

struct smt_scan_index {
    struct smt_scan_entry *entries; /* ascending, disjoint */
    uint32_t *records;              /* beside entries: their records in heap/live.h */
    uint8_t *states;                /* enum smt_scan_state */
    uint8_t *flags;                 /* SMT_LIVE_* */
    uint32_t count;
    uintptr_t from, to; /* all regions are inside */
    struct smt_scan_region {
        uintptr_t from, to;
        uint32_t *granules;
    } regions[SMT_SCAN_REGIONS];
    size_t region_count, last_region;
};

/* From all records of heap/live.h; false without memory. Nothing is ever freed:
 * the process ends. */
bool smt_scan_index_build(struct smt_scan_index *index);

/* The entry that has this address, or SMT_SCAN_NOWHERE. */
uint32_t smt_scan_index_find(struct smt_scan_index *index, uintptr_t address);

#endif
