/* heap/scan_mark.h - inside heap/: mark and sweep, in the snapshot. */
#ifndef SMT_HEAP_SCAN_MARK_H
#define SMT_HEAP_SCAN_MARK_H

#include "heap/scan.h"
#include "heap/world.h"

#define SMT_SCAN_ALLOCATOR_MAX 8

/* What a scan found out of one unreferenced block; in shared memory. */
struct smt_scan_found {
    uint32_t record;   /* its record in heap/live.h */
    uint32_t checksum; /* of its contents now */
    uint64_t number;
    uintptr_t via; /* 0: direct */
    bool suspect;  /* else: to be seen again */
};

struct smt_scan_work {
    const struct smt_scan_options *options;
    const struct smt_scan_range *roots;
    size_t root_count;
    struct smt_scan_range allocator[SMT_SCAN_ALLOCATOR_MAX]; /* roots with care */
    size_t allocator_count;
    size_t thread_storage_below, thread_storage_above; /* around a thread's base */
    uint32_t now_cs;

    /* shared with the snapshot */
    struct smt_scan_found *found;
    size_t found_max;
    struct smt_scan_answer {
        size_t found_count;
        uint64_t blocks, bytes;
        bool done;
    } * answer;
};

/* The job of the snapshot; context is a struct smt_scan_work. */
void smt_scan_mark(void *context, const struct smt_world *world);

#endif
