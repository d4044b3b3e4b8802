/* heap/scan.h - which live blocks does nothing point to any more? (kmemleak)
 *
 * Mark and sweep over heap/live.h's blocks in a snapshot (heap/world.h). Roots:
 * data and bss of loaded objects, stacks from their stack pointers, registers,
 * thread-local storage, memory the program mapped itself; then what those reach.
 * A pointer to any byte of a block counts. A block is a suspect only after
 * `misses` scans in a row without a reference, when it is old enough, and when
 * its contents are what they were at the scan before; else it counts as reached.
 *
 * Of the suspects, one that no other suspect points to is direct; the others
 * are indirect, via a suspect that points to them. Of a ring one is direct.
 *
 * One thread scans; others allocate meanwhile. What blocks contain is never
 * changed. Allocates pages only. */
#ifndef SMT_HEAP_SCAN_H
#define SMT_HEAP_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct smt_scan_range {
    uintptr_t from, to;
};

struct smt_scan_options {
    uint32_t min_age_cs;
    unsigned misses;                    /* scans in a row, from 1 */
    bool skip_stacks;                   /* stacks, registers are no roots */
    bool signals_only;                  /* see heap/world.h */
    const struct smt_scan_range *extra; /* more roots */
    size_t extra_count;
    uintptr_t allocator_base; /* load address of the malloc's object; 0: not known */
    uintptr_t own_base;       /* load address of the object whose data is no root; 0: none */
};

struct smt_scan_suspect {
    uintptr_t address;
    uint64_t size_bytes;
    uint64_t number; /* of the block: another may have its address by now */
    uintptr_t via;   /* 0: direct */
};

struct smt_scan_result {
    const char *failure;              /* NULL: the scan was done */
    uint64_t blocks, bytes;           /* scanned for */
    uint64_t suspects, suspect_bytes; /* direct ones first, then by size */
    uint64_t direct, fresh;           /* of them; fresh: not among earlier ones */
    uint64_t unreferenced;            /* suspects and those to be seen again */
    uint64_t stopped_ns, took_ns;
    uint32_t threads;
    bool by_signal;
};

/* Finds what a scan needs to know of the C library; once, early. */
void smt_scan_prepare(void);

/* Scans; the suspects stay until the next scan. */
void smt_scan_run(const struct smt_scan_options *options, struct smt_scan_result *ret_result);

/* The suspects of the last scan; some may have been freed since. */
const struct smt_scan_suspect *smt_scan_suspects(size_t *ret_count);

/* Makes every present suspect grey: it, and what only it reaches, is reported no
 * more. Returns how many. */
size_t smt_scan_clear(void);

/* Forgets the suspects (in a forked child: they are the parent's). */
void smt_scan_forget(void);

#endif
