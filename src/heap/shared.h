/* heap/shared.h - a heap many threads share, which reuses memory.
 *
 * Not the run arena: this one serves long-lived programs. Every block stands
 * between fences, and which addresses are blocks, how large, and whether they
 * are in use is kept apart from them, so an overflow cannot mislead the heap:
 *
 *      span (64 KiB, aligned)
 *      [header | free indexes | sizes ][slot][slot][slot]...
 *
 *      slot:  [fence 16][payload, 16-aligned][fence >= 8]
 *
 * Slots of one span have one size class; a span belongs to one of several
 * shards, each with its own lock. What fits no class is mapped on its own.
 * Memory comes from mmap only, never from malloc. A fault plan can refuse
 * requests on purpose. Findings (changed fences, double and foreign frees) are
 * counted and told to a callback; the heap goes on. */
#ifndef SMT_HEAP_SHARED_H
#define SMT_HEAP_SHARED_H

#include <stddef.h>
#include <stdint.h>

#include "base/base.h"

struct smt_heap_shared;

/* Which requests are refused: attempts count from 1 after the plan was set;
 * zeros refuse none. Resizing is an attempt like any other. */
struct smt_heap_shared_plan {
    uint64_t nth;         /* this one only */
    uint64_t every;       /* each multiple of this */
    uint64_t limit_bytes; /* what would bring live payload above this */
};

struct smt_heap_shared_damage {
    enum {
        SMT_HEAP_SHARED_FENCE,  /* a byte beside the payload changed */
        SMT_HEAP_SHARED_DOUBLE, /* free of a block that is free already */
        SMT_HEAP_SHARED_FOREIGN /* free of an address that starts no block */
    } kind;
    const void *address; /* payload, or the pointer given */
    size_t size_bytes;   /* payload's; 0 unless kind is FENCE */
    ptrdiff_t offset;    /* first bad byte from payload: negative, or >= size */
};

/* Called without any lock held, on the thread that found it. */
typedef void smt_heap_shared_report(void *context, const struct smt_heap_shared_damage *damage);

SMT_MUST_USE enum smt_status smt_heap_shared_new(struct smt_heap_shared **ret_heap);

/* Unmaps everything; no block may be used any more. Accepts NULL. */
void smt_heap_shared_free(struct smt_heap_shared *heap);

void smt_heap_shared_on_damage(struct smt_heap_shared *heap, smt_heap_shared_report *report,
                               void *context);
void smt_heap_shared_set_plan(struct smt_heap_shared *heap,
                              const struct smt_heap_shared_plan *plan);

/* 16-aligned, content undefined; NULL: refused or no memory. */
void *smt_heap_shared_alloc(struct smt_heap_shared *heap, size_t size_bytes);

/* NULL leaves the block as it was. block NULL allocates. */
void *smt_heap_shared_resize(struct smt_heap_shared *heap, void *block, size_t size_bytes);

void smt_heap_shared_release(struct smt_heap_shared *heap, void *block); /* accepts NULL */

/* Size asked for, 0 when `block` is no block in use. */
size_t smt_heap_shared_size(struct smt_heap_shared *heap, const void *block);

uint64_t smt_heap_shared_live_bytes(struct smt_heap_shared *heap);
uint64_t smt_heap_shared_live_blocks(struct smt_heap_shared *heap);
uint64_t smt_heap_shared_refused(struct smt_heap_shared *heap); /* by plan */
uint64_t smt_heap_shared_damaged(struct smt_heap_shared *heap); /* findings */

#endif
