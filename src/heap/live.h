/* heap/live.h - the side table: every live block of this process.
 *
 * Blocks belong to whatever malloc the process has and keep their addresses;
 * what is known of them is kept here, in pages of our own:
 *
 *      address ──hash──> shard (lock) ──> buckets: 4 bytes each, number of the
 *                                         first record; two to four a block
 *      record numbers ──> directory ──> chunks of 65536 records of 32 bytes
 *
 * That is 40 to 48 bytes a block. What a record costs is the cache line it lies
 * in: so there is one only, no chain to follow for most, and what a scan alone
 * needs lies elsewhere. Buckets follow the address, so neighbours in memory are
 * neighbours here. Shards are as large as an address range of 64 KiB makes them:
 * threads that allocate from their own arenas seldom meet.
 *
 * Any thread may call; nothing here calls malloc. A thread inside one of these
 * functions must not enter another of them (a signal handler that allocates). */
#ifndef SMT_HEAP_LIVE_H
#define SMT_HEAP_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SMT_LIVE_GREY = 1,     /* never reported, but scanned: not_leak, clear */
    SMT_LIVE_IGNORED = 2,  /* never reported, never scanned */
    SMT_LIVE_NO_SCAN = 4,  /* holds no pointers */
    SMT_LIVE_REPORTED = 8, /* among the suspects of a scan */
    SMT_LIVE_OURS = 16,    /* made by this engine's own thread */
    SMT_LIVE_SUMMED = 32,  /* it has a checksum, of an earlier scan */
    SMT_LIVE_GROWN = 64,   /* the program asked for the usable size */
};

struct smt_live_block {
    uint64_t address : 48;    /* 0: this record is free */
    uint16_t epoch;           /* of the age database it is in; 0: in none */
    uint64_t size_bytes : 40; /* a terabyte and more counts as one */
    uint64_t stack : 24;      /* heap/live_stack.h; 0 unknown */
    uint64_t number : 48;     /* from 1, in order of allocation */
    uint8_t flags;
    uint8_t misses;    /* scans in a row that found no reference */
    uint32_t next;     /* in its bucket */
    uint32_t since_cs; /* hundredths of a second since smt_live_init() */
};

_Static_assert(sizeof(struct smt_live_block) == 32, "two records a cache line");

struct smt_live_totals {
    uint64_t blocks, bytes; /* live */
    uint64_t allocations;   /* ever tracked */
    uint64_t lost;          /* not tracked for want of memory */
    uint64_t book_bytes;    /* what records and buckets occupy */
};

/* Sets the clock; false without memory. Again after a fork is not needed. */
bool smt_live_init(void);

/* Hundredths of a second since smt_live_init(), to 4 ms. */
uint32_t smt_live_now_cs(void);

/* Adds a block; one already there under this address is replaced. */
void smt_live_add(uintptr_t address, size_t size_bytes, uint32_t stack, uint16_t epoch,
                  uint8_t flags);

/* About to be asked for: brings its place into the cache. Any address will do. */
void smt_live_expect(uintptr_t address);

/* Takes a block out; false: it is not here. *ret_block is what was known. */
bool smt_live_remove(uintptr_t address, struct smt_live_block *ret_block);

/* Puts back what smt_live_remove() gave, with the same number and age. */
void smt_live_restore(const struct smt_live_block *block);

bool smt_live_find(uintptr_t address, struct smt_live_block *ret_block);

/* Sets and clears flags; false: no such block. */
bool smt_live_mark(uintptr_t address, uint8_t set, uint8_t cleared);

/* Calls back for each block, its shard locked: the callback must be short, may
 * change all but address, number and next, and must not call back in here.
 * Ends early when it answers false. */
void smt_live_each(bool (*visit)(void *context, struct smt_live_block *block), void *context);

/* The same for one block, found by address. */
bool smt_live_with(uintptr_t address, void (*visit)(void *context, struct smt_live_block *block),
                   void *context);

/* Forgets every block; those added meanwhile may stay. */
void smt_live_clear(void);

void smt_live_totals(struct smt_live_totals *ret_totals);

/* Around fork() and around a snapshot: nothing changes in between. */
void smt_live_lock(void);
void smt_live_unlock(void);

/* Records by number while locked, free ones included: for a snapshot. */
uint32_t smt_live_record_count(void);
const struct smt_live_block *smt_live_record(uint32_t number);

/* Checksum of a record's block when it was last found unreferenced: kept for the
 * scan, which alone may set it; 0 without memory for it. */
uint32_t smt_live_checksum(uint32_t number);
void smt_live_checksum_set(uint32_t number, uint32_t checksum);

#endif
