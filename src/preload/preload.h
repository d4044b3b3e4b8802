/* preload/preload.h - libmtpreload.so: heap/'s live tables in a program that
 * knows nothing of them.
 *
 *      program ── malloc ──> entry point ──jump──> first_*    until set up, after fork
 *                            (entry.c)             direct: the next malloc itself
 *                                                  tracked_*  (track.c)
 *
 *      control thread (control.c) ── command (commands.c) ──> heap/ages, heap/scan
 *
 * Blocks are the next malloc's, with its addresses; records lie in pages of our
 * own. The object depends on the C library only, exports only the allocation
 * functions and the annotations of memtest_live.h, and answers in addresses and
 * modules: names are mtctl's business.
 *
 * Environment, read once at the start:
 *   MT_IDLE=1         nothing is tracked until a command asks for it
 *   MT_KMEMLEAK=off   no reachability scans; ages only on command
 *   MT_SOCKET=off     no control thread, but at the end for MT_REPORT
 *   MT_SCAN=SECS      scan by itself so often (0: never; default 600; at most
 *                     MT_SCAN_MOST_S)
 *   MT_REPORT=PATH    at the end of this process, scan and write what leaked
 *   MT_OOM=PLAN       refuse these allocations (heap/fault.h's text form)
 *   MT_SURVEY=1       with MT_REPORT: which stack made which allocation
 * The last three count only in the process MT_PID: its children start without. */
#ifndef SMT_PRELOAD_PRELOAD_H
#define SMT_PRELOAD_PRELOAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "heap/heap.h"

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* --- the malloc behind us (next.c) --- */

struct mt_functions {
    void *(*malloc)(size_t size);
    void *(*calloc)(size_t count, size_t size);
    void *(*realloc)(void *block, size_t size);
    void (*free)(void *block);
    int (*posix_memalign)(void **ret_block, size_t alignment, size_t size);
    void *(*aligned_alloc)(size_t alignment, size_t size);
    void *(*memalign)(size_t alignment, size_t size);
    void *(*valloc)(size_t size);
    void *(*pvalloc)(size_t size);
    size_t (*malloc_usable_size)(void *block);
};

extern struct mt_functions mt_next;

/* Finds it. While it is looked for, requests are served from a small buffer
 * whose blocks are never freed. */
void mt_next_find(void);
extern const struct mt_functions mt_early;
bool mt_early_has(const void *block);
extern bool mt_early_given;                    /* there are such blocks */
void *mt_early_move(void *block, size_t size); /* realloc out of the buffer */

/* --- where entry points jump to (entry.c) --- */

extern struct mt_functions mt_current;

void mt_current_set(const struct mt_functions *functions);
void mt_current_set_first(void); /* mt_start() at the next call */

/* --- tracking (track.c) --- */

extern const struct mt_functions mt_tracked;

/* A thread's own; `busy`: inside our tables, so that a signal handler above
 * must not go there. */
struct mt_thread {
    uint8_t busy, ours, pending_count;
    struct smt_unwind_trace *trace; /* of its stack; NULL at first */
};

extern _Thread_local struct mt_thread mt_thread __attribute__((tls_model("initial-exec")));

void mt_track_init(void);

/* All blocks since the start are known, so a free of another is wrong. */
extern _Atomic bool mt_complete;

/* --- refused allocations (refuse.c) --- */

extern bool mt_fault_armed;
bool mt_fault_refuses(void); /* counts an attempt */
void mt_fault_arm(const char *text);
void mt_fault_forget(void); /* in the child: no plan, no survey */
uint64_t mt_fault_attempts(void);
uint64_t mt_fault_refused(void);
void mt_survey_begin(void);
void mt_survey_note(uint32_t stack);
uint32_t mt_survey_stack(uint64_t attempt); /* 1-based; 0 unknown */
extern bool mt_survey;

/* --- frees of what is no live block (bad_free.c) --- */

struct mt_bad_free {
    enum { MT_FOREIGN_FREE, MT_DOUBLE_FREE } kind;
    uintptr_t address;
    uint32_t stack;
    uintptr_t freed_pc; /* of a double one: who freed it before */
    uint32_t since_cs;
};

#define MT_BAD_FREES_MAX 256

void mt_freed_note(uintptr_t address, uintptr_t pc); /* a proper free, by this caller */
void mt_bad_free_note(uintptr_t address, uint32_t stack);
uint64_t mt_bad_free_count(void);
const struct mt_bad_free *mt_bad_free_at(uint64_t number); /* from 0; the first MT_BAD_FREES_MAX */

/* --- memory the program mapped (regions.c) --- */

/* Copies the list into `ranges`; how many. */
size_t mt_regions_copy(struct smt_scan_range *ranges, size_t max);
void mt_regions_lock(void);
void mt_regions_unlock(void);
#define MT_REGIONS_MAX 16384

/* --- modules, also those that are gone (modules.c) --- */

struct mt_module {
    uintptr_t from, to, bias;
    bool gone;
    char path[232];
};

void mt_modules_note(void); /* looks which are there now */
size_t mt_module_count(void);
const struct mt_module *mt_module_at(size_t i);
void mt_modules_lock(void); /* around fork() */
void mt_modules_unlock(void);
uintptr_t mt_own_base(void);       /* of this object */
uintptr_t mt_allocator_base(void); /* of the next malloc's */

/* --- the control thread (control.c) --- */

/* Starts it if this process has none. */
void mt_control_start(void);
void mt_control_forked(void);          /* in the child: it has none */
bool mt_control_ask(const char *line); /* from another thread; waits for the answer */

/* --- set-up (start.c) --- */

#define MT_SCAN_MOST_S 1000000u

struct mt_settings {
    bool idle, kmemleak_off, socket_off;
    uint32_t scan_interval_s;
    char report[512]; /* "": none */
    pid_t report_pid;
};

extern struct mt_settings mt_settings;

void mt_start(void); /* sets everything up once; again after fork */

/* Tracks, or not any more: by what kmemleak and the age database need. */
void mt_mode_update(void);

#endif
