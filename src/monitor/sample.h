/* monitor/sample.h - what one look at one process yields, and how the text of
 * /proc is read. Parsing only: source.h says where the text comes from. */
#ifndef SMT_MONITOR_SAMPLE_H
#define SMT_MONITOR_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"

/* X(enum, json key, title): bytes, except for live blocks. */
#define SMT_MONITOR_METRIC_LIST(X)                                                                 \
    X(RSS, "rss", "resident")                                                                      \
    X(PRIVATE, "private", "private")                                                               \
    X(PRIVATE_CLEAN, "private_clean", "private clean")                                             \
    X(PRIVATE_DIRTY, "private_dirty", "private dirty")                                             \
    X(PSS, "pss", "proportional")                                                                  \
    X(SWAP, "swap", "swapped")                                                                     \
    X(ANONYMOUS, "anonymous", "anonymous")                                                         \
    X(HEAP, "heap", "[heap] resident")                                                             \
    X(VM_RSS, "vm_rss", "VmRSS (approximate)")                                                     \
    X(VM_SIZE, "vm_size", "virtual")                                                               \
    X(LIVE_BYTES, "live_bytes", "live bytes (exact)")                                              \
    X(LIVE_BLOCKS, "live_blocks", "live blocks (exact)")

enum smt_monitor_metric {
#define SMT_MONITOR_METRIC_ENUM(name, key, title) SMT_MONITOR_##name,
    SMT_MONITOR_METRIC_LIST(SMT_MONITOR_METRIC_ENUM)
#undef SMT_MONITOR_METRIC_ENUM
        SMT_MONITOR_METRICS
};

const char *smt_monitor_metric_key(enum smt_monitor_metric metric);
const char *smt_monitor_metric_title(enum smt_monitor_metric metric);

/* How a sample came about; X(enum, json key). Only a brief one lacks the figures of the roll-up. */
#define SMT_MONITOR_LOOK_LIST(X)                                                                   \
    X(FULL, "full")   /* the roll-up was read */                                                   \
    X(SAME, "same")   /* nothing had changed since: its figures once more */                       \
    X(BRIEF, "brief") /* from the kernel's counters, which are approximate */

enum smt_monitor_look_kind {
#define SMT_MONITOR_LOOK_ENUM(name, key) SMT_MONITOR_LOOK_##name,
    SMT_MONITOR_LOOK_LIST(SMT_MONITOR_LOOK_ENUM)
#undef SMT_MONITOR_LOOK_ENUM
        SMT_MONITOR_LOOKS
};

const char *smt_monitor_look_key(enum smt_monitor_look_kind look);

/* One look; `value` counts only where `has` bit (1 << metric) is set. */
struct smt_monitor_sample {
    uint64_t round;   /* 0 before the first step; the tick without a step */
    uint64_t time_ms; /* since the start of the test */
    uint32_t has;
    enum smt_monitor_look_kind look;
    uint64_t value[SMT_MONITOR_METRICS];
};

bool smt_monitor_sample_has(const struct smt_monitor_sample *sample,
                            enum smt_monitor_metric metric);
void smt_monitor_sample_set(struct smt_monitor_sample *sample, enum smt_monitor_metric metric,
                            uint64_t value);

/* Adds what /proc/PID/smaps_rollup, status or smaps says to the sample. False
 * when nothing in the text was understood. From smaps come the size of [heap]
 * and, where the roll-up is missing, its sums. */
bool smt_monitor_sample_rollup(struct smt_monitor_sample *sample, const char *text);
bool smt_monitor_sample_status(struct smt_monitor_sample *sample, const char *text);
bool smt_monitor_sample_smaps(struct smt_monitor_sample *sample, const char *text);

/* The same from /proc/PID/statm, which knows the two sizes only. False when the
 * process has no memory any more. */
bool smt_monitor_sample_statm(struct smt_monitor_sample *sample, const char *text);

/* Fills in what the unreadable roll-up would have said, as far as status
 * knows: resident from VmRSS, private from the anonymous part of it. */
void smt_monitor_sample_fallback(struct smt_monitor_sample *sample, const char *status_text);

#define SMT_MONITOR_NAME_ROOM 64

/* A process may call itself anything: what is shown of its name is printable, as
 * smt_buffer_add_escaped() has it. Returns the length. */
size_t smt_monitor_name_escape(const char *raw, size_t length, char *ret_name);

/* One line of /proc/PID/stat. */
struct smt_monitor_stat {
    int pid, parent;
    char name[SMT_MONITOR_NAME_ROOM]; /* escaped; the kernel keeps 15 bytes of a program's */
    char state;                       /* R S D Z T ... */
    uint64_t start;                   /* clock ticks after boot: tells a pid used again */
    uint64_t cpu_ticks;               /* user and system */
    uint64_t size_bytes;              /* virtual */
    uint64_t rss_pages;
    uint64_t faults; /* page faults of all its threads, minor and major */
    uint32_t threads;
};

/* Reads the line at `text`; false when it is none. */
bool smt_monitor_stat_parse(const char *text, struct smt_monitor_stat *ret_stat);

/* A line as `ps` would print it, from stat, status (for the user; "" when
 * unreadable) and cmdline (`cmdline_size` bytes, zero-separated). */
void smt_monitor_ps_line(const struct smt_monitor_stat *stat, const char *status_text,
                         const char *cmdline, size_t cmdline_size, struct smt_buffer *line);

#endif
