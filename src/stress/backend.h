/* stress/backend.h - the allocators that can be stressed, one row each.
 *
 * `libc` is whatever malloc this process has (LD_PRELOAD chooses), `heap` the
 * product's own shared heap, whose fault plan provokes errors. Functions are
 * called from any thread; size 0 is never asked for. */
#ifndef SMT_STRESS_BACKEND_H
#define SMT_STRESS_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"

/* Which requests are refused on purpose; zeros refuse none. */
struct smt_stress_faults {
    uint64_t nth;         /* only this attempt, counted from 1 after it is set */
    uint64_t every;       /* each attempt whose number is a multiple of this */
    uint64_t limit_bytes; /* whatever would pass this many live bytes */
};

struct smt_stress_backend {
    const char *name;
    const char *summary;
    /* NULL: needs nothing. *ret_heap is passed to the others. */
    enum smt_status (*open)(void **ret_heap);
    void (*close)(void *heap);
    void *(*alloc)(void *heap, size_t size_bytes);
    void *(*realloc)(void *heap, void *chunk, size_t size_bytes);
    void (*free)(void *heap, void *chunk);
    /* NULL: this backend cannot refuse on purpose. */
    void (*set_faults)(void *heap, const struct smt_stress_faults *faults);
};

extern const struct smt_stress_backend smt_stress_backends[]; /* ended by a row without name */

/* SMT_ENOTFOUND lists the known names. */
SMT_MUST_USE enum smt_status smt_stress_backend_find(const char *name,
                                                     const struct smt_stress_backend **ret_backend);

#endif
