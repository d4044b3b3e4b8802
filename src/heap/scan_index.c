#include "heap/scan_index.h"

#include "heap/live.h"
#include "heap/live_memory.h"

#define GRANULE_BITS 9
#define REGION_GAP   ((uintptr_t)16 << 20)
#define DIGIT_BITS   12
#define DIGITS       4 /* 48 bits of address */

struct key {
    uintptr_t address;
    uint32_t record;
};

/* By address, one digit of 12 bits after the other. */
static struct key *keys_sort(struct key *keys, struct key *spare, uint32_t count)
{
    for (unsigned digit = 0; digit < DIGITS; digit++) {
        uint32_t starts[(1 << DIGIT_BITS) + 1] = {0};
        unsigned shift = digit * DIGIT_BITS;
        struct key *swap;

        for (uint32_t i = 0; i < count; i++)
            starts[(keys[i].address >> shift & ((1 << DIGIT_BITS) - 1)) + 1]++;
        if (count && starts[(keys[0].address >> shift & ((1 << DIGIT_BITS) - 1)) + 1] == count)
            continue; /* all alike */
        for (unsigned i = 0; i < 1 << DIGIT_BITS; i++) starts[i + 1] += starts[i];
        for (uint32_t i = 0; i < count; i++)
            spare[starts[keys[i].address >> shift & ((1 << DIGIT_BITS) - 1)]++] = keys[i];
        swap = keys;
        keys = spare;
        spare = swap;
    }
    return keys;
}

static uint32_t records_live(void)
{
    uint32_t live = 0;

    for (uint32_t number = smt_live_record_count(); number-- > 0;) {
        const struct smt_live_block *block = smt_live_record(number);

        if (block && block->address) live++;
    }
    return live;
}

static bool entries_fill(struct smt_scan_index *index)
{
    uint32_t live = records_live(), count = 0;
    struct key *keys = smt_pages_new((live + 1) * sizeof *keys, 0);
    struct key *spare = smt_pages_new((live + 1) * sizeof *spare, 0);

    index->entries = smt_pages_new((live + 1) * sizeof *index->entries, 0);
    index->records = smt_pages_new((live + 1) * sizeof *index->records, 0);
    index->states = smt_pages_new(live + 1, 0);
    index->flags = smt_pages_new(live + 1, 0);
    if (!keys || !spare || !index->entries || !index->records || !index->states || !index->flags)
        return false;
    for (uint32_t number = smt_live_record_count(); number-- > 0;) {
        const struct smt_live_block *block = smt_live_record(number);

        if (block && block->address) keys[count++] = (struct key){block->address, number};
    }
    keys = keys_sort(keys, spare, count);
    for (uint32_t i = 0; i < count; i++) {
        const struct smt_live_block *block = smt_live_record(keys[i].record);
        uintptr_t end = block->address + (block->size_bytes ? block->size_bytes : 1);

        /* Usable to the end of the last 16 bytes but 8, with every malloc there is. */
        if (block->flags & SMT_LIVE_GROWN) end = ((end + 23) & ~(uintptr_t)15) - 8;
        /* A record left over from a block freed behind our back may overlap. */
        if (i + 1 < count && end > keys[i + 1].address) end = keys[i + 1].address;
        index->entries[i] = (struct smt_scan_entry){block->address, end};
        index->records[i] = keys[i].record;
        index->flags[i] = block->flags;
    }
    index->count = count;
    return true;
}

/* Entries first..last make one region. */
static bool region_add(struct smt_scan_index *index, uint32_t first, uint32_t last)
{
    struct smt_scan_region *region = &index->regions[index->region_count++];
    size_t granules;
    uint32_t at = first;

    region->from = index->entries[first].from & ~(((uintptr_t)1 << GRANULE_BITS) - 1);
    region->to = index->entries[last].to;
    granules = ((region->to - region->from) >> GRANULE_BITS) + 1;
    region->granules = smt_pages_new(granules * sizeof *region->granules, 0);
    if (!region->granules) return false;
    for (size_t i = 0; i < granules; i++) {
        while (at < last && index->entries[at].to <= region->from + (i << GRANULE_BITS)) at++;
        region->granules[i] = at;
    }
    return true;
}

bool smt_scan_index_build(struct smt_scan_index *index)
{
    uint32_t first = 0;

    if (!entries_fill(index)) return false;
    for (uint32_t i = 0; i < index->count; i++) {
        bool last = i + 1 == index->count ||
                    (index->entries[i + 1].from - index->entries[i].to > REGION_GAP &&
                     index->region_count + 1 < SMT_SCAN_REGIONS);

        if (!last) continue;
        if (!region_add(index, first, i)) return false;
        first = i + 1;
    }
    if (index->count) {
        index->from = index->regions[0].from;
        index->to = index->regions[index->region_count - 1].to;
    }
    return true;
}

static struct smt_scan_region *region_find(struct smt_scan_index *index, uintptr_t address)
{
    size_t low = 0, high = index->region_count;

    if (address - index->regions[index->last_region].from <
        index->regions[index->last_region].to - index->regions[index->last_region].from)
        return &index->regions[index->last_region];
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (address >= index->regions[middle].to)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == index->region_count || address < index->regions[low].from) return NULL;
    index->last_region = low;
    return &index->regions[low];
}

uint32_t smt_scan_index_find(struct smt_scan_index *index, uintptr_t address)
{
    const struct smt_scan_region *region;
    uint32_t at;

    if (address - index->from >= index->to - index->from) return SMT_SCAN_NOWHERE;
    region = region_find(index, address);
    if (!region) return SMT_SCAN_NOWHERE;
    at = region->granules[(address - region->from) >> GRANULE_BITS];
    while (at + 1 < index->count && index->entries[at].to <= address) at++;
    if (address < index->entries[at].from || address >= index->entries[at].to)
        return SMT_SCAN_NOWHERE;
    return at;
}
