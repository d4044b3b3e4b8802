#include "stress/records.h"

#include <sys/mman.h>

#include "base/base.h"

#define LARGEST_BYTES ((size_t)SMT_RECORDS_LEAST << (SMT_RECORDS_ORDERS - 1))
#define HEADER_BYTES  SMT_RECORDS_LEAST
#define SLAB_BYTES    ((size_t)2 << 20) /* what one page table maps, on x86-64 */
#define SLAB_PIECES   ((SLAB_BYTES - HEADER_BYTES) / LARGEST_BYTES)

struct smt_records_slab {
    struct smt_records_slab *older;
    size_t cut_bytes; /* the header included */
};

struct smt_records_piece {
    struct smt_records_piece *next;
};

/* At a multiple of its size: two threads whose records lie in the same page table, or
 * in mappings that the kernel joined, wait for each other at every page fault. Not as
 * one huge page, which would be most of what a small set takes. */
static struct smt_records_slab *slab_map(void)
{
    struct smt_records_slab *slab = smt_pages_map_aligned(SLAB_BYTES, 0);

    if (slab) (void)madvise(slab, SLAB_BYTES, MADV_NOHUGEPAGE);
    return slab;
}

static size_t order_bytes(unsigned order)
{
    return (size_t)SMT_RECORDS_LEAST << order;
}

static void piece_put(struct smt_records *records, void *address, unsigned order)
{
    struct smt_records_piece *piece = address;

    piece->next = records->free[order];
    records->free[order] = piece;
}

static void *slab_cut(struct smt_records *records)
{
    struct smt_records_slab *slab = records->slabs;
    char *piece;

    if (!slab || slab->cut_bytes == HEADER_BYTES + SLAB_PIECES * LARGEST_BYTES) {
        slab = slab_map();
        if (!slab) return NULL;
        slab->older = records->slabs;
        slab->cut_bytes = HEADER_BYTES;
        records->slabs = slab;
    }
    piece = (char *)slab + slab->cut_bytes;
    slab->cut_bytes += LARGEST_BYTES;
    records->cut_bytes += LARGEST_BYTES;
    return piece;
}

/* The smallest free piece that is large enough, what is too much of it cut off. */
static void *piece_cut(struct smt_records *records, unsigned order)
{
    unsigned larger = order;
    char *piece;

    while (larger < SMT_RECORDS_ORDERS && !records->free[larger]) larger++;
    if (larger == SMT_RECORDS_ORDERS) {
        larger--;
        piece = slab_cut(records);
    } else {
        piece = (char *)records->free[larger];
        records->free[larger] = records->free[larger]->next;
    }
    if (!piece) return NULL;
    while (larger-- > order) piece_put(records, piece + order_bytes(larger), larger);
    return piece;
}

void *smt_records_take(struct smt_records *records, unsigned order)
{
    void *piece;

    if (order >= SMT_RECORDS_ORDERS) return smt_pages_map(order_bytes(order), 0);
    piece = piece_cut(records, order);
    if (piece) records->used_bytes += order_bytes(order);
    return piece;
}

void smt_records_give(struct smt_records *records, void *piece, unsigned order)
{
    if (order >= SMT_RECORDS_ORDERS) {
        munmap(piece, order_bytes(order));
        return;
    }
    piece_put(records, piece, order);
    records->used_bytes -= order_bytes(order);
}

bool smt_records_is_unused(const struct smt_records *records)
{
    return records->used_bytes == 0;
}

void smt_records_clear(struct smt_records *records)
{
    struct smt_records_slab *slab = records->slabs;

    while (slab) {
        struct smt_records_slab *older = slab->older;

        munmap(slab, SLAB_BYTES);
        slab = older;
    }
    *records = (struct smt_records){0};
}
