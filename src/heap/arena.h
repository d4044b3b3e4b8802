/* heap/arena.h - the instrumented heap a parser run is given.
 *
 * Memory comes from one large reserved range, handed out by bumping a pointer:
 * no address is used twice in a run, so a stale pointer can never meet a new
 * block. Freed blocks are poisoned and kept; once they exceed the quarantine
 * limit the oldest are checked, and watched no more. Their pages stay for the
 * next run, up to eight times the limit; beyond that they are given back. The
 * next run starts with smt_heap_begin(), which costs no more than the last run
 * touched. Nothing is unwound, protected or looked up on the way, unless the
 * settings of a run ask for it: see struct smt_heap_settings.
 *
 * Of a block of more than 64 MiB (no message is larger) only the first and the last
 * 32 MiB are filled, poisoned and checked; what lies between is as it comes.
 *
 * All book-keeping lies outside the range, so that no overflow can steer it.
 *
 * A parser's hooks carry no context, so they serve the heap made current by
 * smt_heap_use(). One thread at a time. */
#ifndef SMT_HEAP_ARENA_H
#define SMT_HEAP_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "heap/fault.h"

struct smt_heap;

/* What a fresh block is filled with. */
enum smt_fill {
    SMT_FILL_BYTE,    /* 0xA5 */
    SMT_FILL_ZERO,    /* 0x00 */
    SMT_FILL_ADDRESS, /* each word the complement of its own address (Kamailio's misctest) */
};

/* Where a block meets an inaccessible page. */
enum smt_guard_mode {
    SMT_GUARD_NONE,
    SMT_GUARD_TAIL, /* the block ends at one */
    SMT_GUARD_HEAD, /* the block begins after one */
};

#define SMT_GUARD_SKIP_MAX 32

/* Blocks of attempts first..last are guarded, but for those in skip. */
struct smt_guard_plan {
    enum smt_guard_mode mode;
    uint64_t first, last;
    size_t least_alignment; /* what the parser expects at least; 0 and 1: nothing */
    uint32_t skip_count;
    uint64_t skip[SMT_GUARD_SKIP_MAX];
};

enum smt_heap_event {
    SMT_EVENT_ALLOCATED, /* block is the new one */
    SMT_EVENT_REFUSED,   /* block is NULL */
    SMT_EVENT_FREED,
    SMT_EVENT_BAD_FREE, /* block is the one the pointer lies in, or NULL */
};

/* A block's record. Live and freed blocks have one until the next run. */
struct smt_block {
    uintptr_t address;   /* of the payload */
    size_t size_bytes;   /* as asked for */
    uint64_t attempt;    /* the allocation attempt that made it; 1-based */
    uintptr_t caller;    /* return address of that request */
    uintptr_t freed_by;  /* return address of the release; 0 while live */
    uint32_t flags;      /* SMT_BLOCK_* */
    uint32_t next_freed; /* index of the block freed after this one */
};

#define SMT_BLOCK_FREED   1u
#define SMT_BLOCK_GUARDED 2u
#define SMT_BLOCK_EVICTED 4u /* left the quarantine: checked for the last time */
#define SMT_BLOCK_REACHED 8u /* static data leads to it (smt_reach_mark) */

/* Called in the middle of the parser's request: must not use the hooks. */
struct smt_heap_observer {
    void (*event)(struct smt_heap_observer *observer, enum smt_heap_event event, uint64_t attempt,
                  const struct smt_block *block, uintptr_t caller);
};

/* Asked before attempt `next` is decided, which may set a later one; a plan it
 * returns is armed from this attempt on (borrowed), NULL changes nothing. */
struct smt_heap_turn {
    uint64_t next;
    const struct smt_fault_plan *(*before)(struct smt_heap_turn *turn, uint64_t attempt);
};

/* Asked in the middle of a request that the plan or the limit refuses: false lets
 * the request through. Must not use the hooks. */
struct smt_heap_veto {
    bool (*refuse)(struct smt_heap_veto *veto, uint64_t attempt, uintptr_t caller);
};

/* How one run is done. Zero is a plain clean run without checks. */
struct smt_heap_settings {
    bool check_content; /* fences, fill, poison */
    enum smt_fill fill;
    enum smt_fill other_fill;          /* for attempts other_first..other_last */
    uint64_t other_first, other_last;  /* 0, 0: none */
    const struct smt_fault_plan *plan; /* NULL refuses nothing; borrowed for the run */
    struct smt_guard_plan guard;
    struct smt_heap_observer *observer; /* NULL: nobody watches */
    struct smt_heap_turn *turn;         /* NULL: the plan stays */
    struct smt_heap_veto *veto;         /* NULL: what is planned is refused */
    uint64_t *prefix_hashes;            /* [n-1] receives the sequence hash before attempt n */
    uint64_t prefix_capacity;
};

enum smt_bad_free {
    SMT_BAD_FREE_NONE,
    SMT_BAD_FREE_DOUBLE,
    SMT_BAD_FREE_FOREIGN,
    SMT_BAD_FREE_INTERIOR,
};

/* What the heap saw of the current run. */
struct smt_heap_stats {
    uint64_t attempts;      /* requests so far */
    uint64_t refusals;      /* by the plan or its limit */
    uint64_t first_refused; /* attempt number; 0 = none */
    uint64_t refused_hash;  /* sequence hash before the first refusal */
    uint64_t least_needed;  /* smallest limit that would have granted a request the limit refused */
    uint64_t sequence_hash; /* over sizes, callers and releases, in order */
    uint64_t live_blocks, live_bytes;
    uint64_t peak_bytes;        /* most live bytes at once */
    uint64_t used_bytes;        /* of the range, fences included */
    enum smt_bad_free bad_free; /* the first one */
    uintptr_t bad_free_address, bad_free_caller;
    uint64_t bad_free_attempt; /* of the block it meant; 0 = none */
    uint64_t bad_frees;        /* how many */
    bool exhausted;            /* the range was too small: the run says nothing */
    bool kept_changed;         /* a block of the kept zone was released */
};

/* Bytes that are not as they were left. */
struct smt_damage {
    const struct smt_block *block; /* NULL: nothing damaged */
    ptrdiff_t offset;              /* of the first bad byte, from the payload's start */
    ptrdiff_t last_offset;         /* of the last bad byte near it */
    unsigned char expected, found;
    bool after_free; /* the payload of a freed block, not a fence */
};

#define SMT_QUARANTINE_BYTES (64u << 20)

/* Reserves the range (as large as the system grants, from 64 GiB down). */
SMT_MUST_USE enum smt_status smt_heap_new(size_t quarantine_bytes, bool libc_backend,
                                          struct smt_heap **ret_heap);
void smt_heap_free(struct smt_heap *heap);

/* Eight bytes of what fences and freed blocks hold in a run with that fill. No
 * valid pointer looks like them. */
uint64_t smt_heap_poison(enum smt_fill fill);

/* Puts `count` decoys behind each block from now on: pattern-checked chunks of
 * SMT_DECOY_BYTES that nobody is given, so that a write far beyond a block meets
 * checked memory. They count as part of the fence behind it; a guarded block
 * has as much inaccessible space instead. Before the first run only. */
#define SMT_DECOY_BYTES 256u
#define SMT_DECOYS_MAX  4096u
void smt_heap_place_decoys(struct smt_heap *heap, unsigned count);

/* Makes `heap` the one the hooks serve. */
void smt_heap_use(struct smt_heap *heap);

/* Forgets the last run's blocks (the kept zone stays) and arms the next one. */
void smt_heap_begin(struct smt_heap *heap, const struct smt_heap_settings *settings);

/* From now on what is allocated at this moment stays: caches of the library. */
void smt_heap_keep(struct smt_heap *heap);

void smt_heap_stats(const struct smt_heap *heap, struct smt_heap_stats *ret_stats);

/* Checks every fence and every freed block since begin, in order of
 * allocation; ret_damage gets the first damage (block NULL when none). The
 * count of damaged blocks is returned. */
uint64_t smt_heap_check(struct smt_heap *heap, struct smt_damage *ret_damage);

/* Blocks of this run (not of the kept zone), oldest first; NULL past the end. */
const struct smt_block *smt_heap_block(const struct smt_heap *heap, uint64_t index);

/* The block made by attempt n of this run, or NULL. */
const struct smt_block *smt_heap_block_of_attempt(const struct smt_heap *heap, uint64_t attempt);

/* The block whose payload, fences or guard pages cover `address`, or NULL;
 * ret_guard_page tells whether the address lies in an inaccessible page. */
const struct smt_block *smt_heap_block_at(const struct smt_heap *heap, uintptr_t address,
                                          bool *ret_guard_page);

/* Is `address` anywhere in the heap's range or its guarded zone? */
bool smt_heap_owns(const struct smt_heap *heap, uintptr_t address);

/* Reads what the block and its fences hold now, without touching inaccessible
 * pages: bytes from payload offset `from` (may be negative), at most count;
 * returns how many were readable. */
size_t smt_heap_peek(const struct smt_heap *heap, const struct smt_block *block, ptrdiff_t from,
                     unsigned char *ret_bytes, size_t count);

/* Allocator hooks for the current heap; C library contracts. */
void *smt_heap_malloc(size_t size_bytes);
void *smt_heap_calloc(size_t count, size_t size_bytes);
void *smt_heap_realloc(void *block, size_t size_bytes);
void smt_heap_release(void *block);

/* The same for who catches malloc() itself: the caller is named, the alignment
 * (a power of two) may be any. A block aligned to more than 16 bytes is fenced
 * like the others but never put against a guard page, and realloc() does not
 * keep the alignment, as in C. The heap in use must not be the libc backend
 * when more than 16 is asked for. */
void *smt_heap_allocate_for(uintptr_t caller, size_t alignment, size_t size_bytes, bool zeroed);
void *smt_heap_reallocate_for(uintptr_t caller, void *block, size_t size_bytes);
void smt_heap_release_for(uintptr_t caller, void *block);

/* Of the heap in use: is the address its own (false when none is in use), and
 * how large is the live block that begins there (0: none does)? */
bool smt_heap_owns_in_use(const void *address);
size_t smt_heap_size_in_use(const void *block);

#endif
