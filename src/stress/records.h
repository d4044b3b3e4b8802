/* stress/records.h - inside stress/bins: the memory of one shard's records.
 *
 *      slab   32 KiB | 16 KiB  8 KiB  4 KiB 4 KiB | 32 KiB | not cut yet ...
 *
 * A piece is 4 KiB << order. The small ones are cut from slabs and halved as
 * needed, larger ones have mappings of their own. Every change of a mapping
 * interrupts all processors that run a thread of this process and makes page
 * faults wait, so there shall be few. Not thread-safe. */
#ifndef SMT_STRESS_RECORDS_H
#define SMT_STRESS_RECORDS_H

#include <stdbool.h>
#include <stddef.h>

#define SMT_RECORDS_LEAST  4096
#define SMT_RECORDS_ORDERS 4 /* in slabs: 4 to 32 KiB */

struct smt_records_slab;
struct smt_records_piece;

struct smt_records {
    struct smt_records_slab *slabs;                     /* the one being cut first */
    struct smt_records_piece *free[SMT_RECORDS_ORDERS]; /* by order */
    size_t used_bytes;                                  /* in slabs, handed out */
    size_t cut_bytes;                                   /* of slabs, used or free */
};

/* Of zeros or of what was there before; NULL when no memory could be mapped. */
void *smt_records_take(struct smt_records *records, unsigned order);

/* A piece of any size back. */
void smt_records_give(struct smt_records *records, void *piece, unsigned order);

/* Nothing of the slabs is handed out. */
bool smt_records_is_unused(const struct smt_records *records);

/* Gives all slabs back to the system, and with them all pieces cut from them. */
void smt_records_clear(struct smt_records *records);

#endif
