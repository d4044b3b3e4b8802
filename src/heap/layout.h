/* heap/layout.h - inside the instrumented heap; only heap/ includes it.
 *
 *  the range (reserved, filled from the left; never reused within a run)
 *  +-----------+---------+---------+---------+--------------+--------------+
 *  | kept zone | block 0 | block 1 | block 2 | untouched    | inaccessible |
 *  +-----------+---------+---------+---------+--------------+--------------+
 *              ^ mark                        ^ bump         ^ open_end
 *
 *  a block (everything but the payload is fence and is checked)
 *  +-----------------+-------------+----------------+--------+-------------+
 *  | tag             | front fence | payload        | slack  | tail fence  |
 *  | index, size: 8  | 8 bytes     | size_bytes     | 0..15  | 16 bytes    |
 *  +-----------------+-------------+----------------+--------+-------------+
 *                                  ^ 16-aligned, what the parser gets
 *
 *  The tag is a hint to find the block's record quickly; the record, which lies
 *  elsewhere, decides. Slack is fence too. A freed payload is filled with the
 *  fence byte, so that a freed block is one even surface to check.
 *
 *  With decoys there are so many bytes more behind the tail fence, which hold the
 *  content pattern (heap/pattern.h).
 *
 *  a guarded block (page passes), in a second range, the zone
 *  tail:  | fence ............. payload || inaccessible page |
 *  head:  | inaccessible page || payload ............. fence |
 *  Instead of decoys there are as many inaccessible pages more.
 *  Freed guarded blocks become inaccessible. */
#ifndef SMT_HEAP_LAYOUT_H
#define SMT_HEAP_LAYOUT_H

#include <string.h>

#include "heap/arena.h"
#include "heap/pattern.h"

#define HEAP_PAGE      4096u
#define HEAP_ALIGNMENT 16u
#define FRONT_BYTES    16u
#define TAIL_BYTES     16u
#define NO_BLOCK       UINT32_MAX
#define FILL_WORD      0xA5A5A5A5A5A5A5A5u
#define CHUNK_BYTES    65536u      /* eviction gives memory back in these */
#define END_BYTES      (32u << 20) /* of a larger block than two of these, only the ends are filled */

/* Where the first heap of a process goes if nothing is there: the pointers that
 * a report's bytes show are then the same in every process. Their upper halves
 * are no round numbers: two halves of a word of static data, each a small number
 * or a few flags, must not look like a pointer (glibc's malloc keeps such a word,
 * the map of its bins; a leak looked kept once in some hundred sweeps). */
#define RANGE_ADDRESS ((void *)0x2D5B00000000)
#define ZONE_ADDRESS  ((void *)0x3D5B00000000)

struct heap_zone {
    uintptr_t base, bump, end;
    uint32_t *block_of_page; /* +1; 0: none */
};

struct smt_heap {
    /* the hot part: what a plain request touches */
    uintptr_t bump, open_end; /* what lies behind open_end is inaccessible as yet */
    uint64_t attempt;
    uint64_t next_event; /* attempts from here on take the slow path */
    uint64_t hash;
    struct smt_block *blocks;
    uint32_t block_count, block_capacity;
    uint32_t first_block; /* of this run */
    uint64_t fence;       /* eight fence bytes */
    bool check_content;
    bool libc_backend;
    size_t decoy_bytes; /* behind each block */
    bool is_aligning;   /* the request at work wants more than HEAP_ALIGNMENT */
    enum smt_fill fill;
    uint64_t live_blocks, live_bytes, peak_bytes;
    uint64_t freed_bytes, quarantine_bytes; /* freed and not evicted, fences included */
    uint32_t oldest_freed, newest_freed;

    uintptr_t base, end, mark;
    uint64_t resident_most; /* bytes of this process, beyond which no more is opened */
    uintptr_t resident_end; /* pages before it are kept though their blocks are evicted */
    uint64_t kept_blocks, kept_bytes;
    struct smt_heap_settings settings;
    struct smt_fault fault;
    struct smt_fault_plan no_plan;
    struct heap_zone zone;
    uint32_t *evicted_of_chunk; /* bytes of each chunk that left the quarantine */
    uint64_t refusals, first_refused, refused_hash, least_needed;
    enum smt_bad_free bad_free;
    uintptr_t bad_free_address, bad_free_caller;
    uint64_t bad_free_attempt, bad_frees;
    bool exhausted, kept_changed;
    bool evicted_any;
    struct smt_damage evicted_damage; /* found while leaving the quarantine */
    uint64_t evicted_damages;
};

extern struct smt_heap *smt_heap_current;

static inline uintptr_t align_up(uintptr_t value, uintptr_t alignment)
{
    return (value + alignment - 1) & ~(alignment - 1);
}

/* lifetime.c: makes `size_bytes` behind the last block accessible; false at the end of
 * the range, and when the process would take more than half of the memory it may have. Only so much
 * at a time: who writes on and on soon comes to a page he may not write, before he has filled the
 * machine's memory. */
bool smt_heap_open(struct smt_heap *heap, size_t size_bytes);

/* Where the tail fence ends, and decoys begin, in the range. */
static inline uintptr_t fence_end(uintptr_t address, size_t size_bytes)
{
    return address + align_up(size_bytes, HEAP_ALIGNMENT) + TAIL_BYTES;
}

/* Bytes from the front fence to the end of the tail fence or of the decoys, in
 * the range. */
static inline size_t block_span(const struct smt_heap *heap, size_t size_bytes)
{
    return FRONT_BYTES + fence_end(0, size_bytes) + heap->decoy_bytes;
}

static inline uint64_t block_tag(uint32_t index, size_t size_bytes)
{
    return (uint64_t)index | ((uint64_t)(uint32_t)size_bytes << 32);
}

static inline void word_store(uintptr_t address, uint64_t word)
{
    memcpy((void *)address, &word, sizeof word);
}

static inline uint64_t word_load(uintptr_t address)
{
    uint64_t word;

    memcpy(&word, (const void *)address, sizeof word);
    return word;
}

/* Most blocks are small, and a run sets and compares each of them: that is most
 * of what the checks cost. So it goes by lines of sixteen bytes, and up to four
 * of them without a branch on the size, which no processor could foretell: a
 * line past the last one is the last one again. */
typedef uint64_t heap_line __attribute__((vector_size(16), aligned(1), may_alias));

#define LINE_BYTES 16u
#define FEW_LINES  (3 * LINE_BYTES)

static inline void line_store(uintptr_t address, uint64_t word)
{
    *(heap_line *)address = (heap_line){word, word};
}

static inline heap_line line_load(uintptr_t address)
{
    return *(const heap_line *)address;
}

static inline uintptr_t line_clamp(uintptr_t address, uintptr_t last)
{
    return address < last ? address : last;
}

/* The long way: all of it, or both ends. */
__attribute__((noinline, unused)) static void bytes_set(uintptr_t from, uintptr_t to,
                                                        unsigned char byte)
{
    if (to - from > 2 * END_BYTES) {
        memset((void *)(to - END_BYTES), byte, END_BYTES);
        to = from + END_BYTES;
    }
    memset((void *)from, byte, to - from);
}

/* Sets the lines from `first` to `last`, which may overlap the one before it. */
static inline void lines_set(uintptr_t first, uintptr_t last, uint64_t word)
{
    line_store(first, word);
    line_store(line_clamp(first + LINE_BYTES, last), word);
    line_store(line_clamp(first + 2 * LINE_BYTES, last), word);
    line_store(last, word);
    if (last - first > FEW_LINES) bytes_set(first + FEW_LINES, last, (unsigned char)word);
}

/* The long way: what differs from the line `even` in from..last. */
static inline heap_line lines_difference(uintptr_t from, uintptr_t last, heap_line even)
{
    heap_line a = {0, 0}, b = {0, 0};

    for (; from + 2 * LINE_BYTES <= last; from += 2 * LINE_BYTES) {
        a |= line_load(from) ^ even;
        b |= line_load(from + LINE_BYTES) ^ even;
    }
    for (; from < last; from += LINE_BYTES) a |= line_load(from) ^ even;
    return a | b;
}

/* Do the lines from `first` to `last` hold nothing but the word? */
static inline bool lines_are_even(uintptr_t first, uintptr_t last, uint64_t word)
{
    heap_line even = {word, word}, difference;

    difference =
        (line_load(first) ^ even) | (line_load(line_clamp(first + LINE_BYTES, last)) ^ even) |
        (line_load(line_clamp(first + 2 * LINE_BYTES, last)) ^ even) | (line_load(last) ^ even);
    if (last - first > FEW_LINES) {
        first += FEW_LINES;
        if (last - first > 2 * END_BYTES) {
            difference |= lines_difference(first, first + END_BYTES, even);
            first = last - END_BYTES;
        }
        difference |= lines_difference(first, last, even);
    }
    return !(difference[0] | difference[1]);
}

/* The first attempt that anything special may happen to, as things stand; for a
 * run that nobody watches. */
static inline uint64_t event_next(const struct smt_heap *heap)
{
    const struct smt_heap_turn *turn = heap->settings.turn;

    if (heap->fault.plan->limit_bytes) return 0;
    return turn && turn->next < heap->fault.from ? turn->next : heap->fault.from;
}

static inline unsigned char fence_byte(const struct smt_heap *heap)
{
    return (unsigned char)heap->fence;
}

/* guard.c */
/* Inaccessible bytes between guarded blocks. */
static inline size_t smt_zone_gap(const struct smt_heap *heap)
{
    return HEAP_PAGE + align_up(heap->decoy_bytes, HEAP_PAGE);
}

bool smt_zone_new(struct heap_zone *zone);
void smt_zone_free(struct heap_zone *zone);
void smt_zone_reset(struct heap_zone *zone, size_t gap);
/* Places a guarded block; 0 when the system has no more mappings. */
uintptr_t smt_zone_place(struct smt_heap *heap, size_t size_bytes, uint32_t index);
void smt_zone_protect(struct smt_heap *heap, const struct smt_block *block);
uint32_t smt_zone_find(const struct smt_heap *heap, uintptr_t address);
/* First and end address of the accessible pages of a guarded block. */
void smt_zone_pages(const struct smt_heap *heap, const struct smt_block *block,
                    uintptr_t *ret_first, uintptr_t *ret_end);

/* check.c: checks one block of the range or zone; true when it is whole. */
bool smt_block_check(const struct smt_heap *heap, const struct smt_block *block, uint32_t index,
                     struct smt_damage *ret_damage);

#endif
