/* stress/stress.h - front door of stress/: what misctest's commands do.
 *
 * An engine ties a backend (whose memory), parameters and a budget to sets of
 * watched chunks: one main set that commands and functions share, and one set
 * for each timed test. Everything here may be called from any thread. The
 * engine's own records are mapped directly, never taken from the backend.
 *
 * When chunk content is checked and found changed, that is a finding about
 * whoever wrote there: it is reported through `on_damage`, counted, and work
 * goes on. */
#ifndef SMT_STRESS_STRESS_H
#define SMT_STRESS_STRESS_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/base.h"
#include "heap/heap.h"
#include "stress/backend.h"
#include "stress/bins.h"
#include "stress/budget.h"

struct smt_stress_damage {
    const void *address;
    uint64_t size_bytes;
    uint64_t offset; /* first bad byte */
    unsigned char expected, found;
};

struct smt_stress {
    const struct smt_stress_backend *backend;
    void *heap; /* the backend's own */
    struct smt_budget budget;
    atomic_bool check_content;     /* fill new chunks with the pattern */
    atomic_uint realloc_percent;   /* 0..90: random allocations that resize instead */
    atomic_bool cancelled;         /* long work gives up soon, see smt_stress_cancel() */
    atomic_uint_least64_t damaged; /* chunks found changed */
    void (*on_damage)(void *context, const struct smt_stress_damage *damage);
    void *damage_context;
    uint64_t seed;
    atomic_uint_least64_t streams; /* random generators handed out */
    struct smt_stress_reserve *reserve;
    struct smt_stress_set *set; /* the main set */
};

struct smt_stress_options {
    const char *backend;  /* NULL: libc */
    uint64_t limit_bytes; /* 0: 80 % of smt_memory_allowed() */
    uint64_t seed;        /* 0: from the operating system */
    void (*on_damage)(void *context, const struct smt_stress_damage *damage);
    void *damage_context;
};

SMT_MUST_USE enum smt_status smt_stress_init(struct smt_stress *stress,
                                             const struct smt_stress_options *options);

/* Frees the main set's chunks (checking them) and everything else. */
void smt_stress_clear(struct smt_stress *stress);

/* Makes running and later random allocations end early; other threads' calls
 * answer as if memory had run out. For stopping a process. */
void smt_stress_cancel(struct smt_stress *stress);

/* A generator of its own for the caller; repeatable in the order of calls. */
void smt_stress_random(struct smt_stress *stress, struct smt_random *ret_random);

/* --- sets of chunks --- */

/* shards: how many threads can work without meeting; a power of two. */
struct smt_stress_set *smt_stress_set_new(struct smt_stress *stress, unsigned shards);
void smt_stress_set_free(struct smt_stress_set *set); /* chunks too */
struct smt_stress *smt_stress_set_engine(const struct smt_stress_set *set);

/* One chunk of size_bytes; false: refused. */
SMT_MUST_USE bool smt_stress_alloc(struct smt_stress_set *set, uint64_t size_bytes);

/* Frees at least size_bytes, smaller chunks first, as far as there are any;
 * returns how much it was. UINT64_MAX frees everything. */
uint64_t smt_stress_free(struct smt_stress_set *set, uint64_t size_bytes);

enum smt_stress_resized { SMT_STRESS_RESIZED, SMT_STRESS_REFUSED, SMT_STRESS_EMPTY };

/* Resizes a chunk chosen evenly to size_bytes, but lets it grow by at most
 * growth_max bytes, and fills it anew. The difference may be negative. */
SMT_MUST_USE enum smt_stress_resized smt_stress_realloc(struct smt_stress_set *set,
                                                        struct smt_random *random,
                                                        uint64_t size_bytes, uint64_t growth_max,
                                                        int64_t *ret_difference);

/* One step of random allocation: a chunk of min..max bytes, cut to `left`, or,
 * by realloc_percent, a resize that grows by no more than `left`. False:
 * refused. */
SMT_MUST_USE bool smt_stress_random_step(struct smt_stress_set *set, struct smt_random *random,
                                         uint64_t min, uint64_t max, uint64_t left,
                                         int64_t *ret_difference);

/* Exactly `total` bytes in chunks of min..max (both included), the last one cut
 * to fit. 0 < max, min <= max. False: refused; what was allocated before stays. */
SMT_MUST_USE bool smt_stress_random_alloc(struct smt_stress_set *set, uint64_t min, uint64_t max,
                                          uint64_t total);

uint64_t smt_stress_used(const struct smt_stress_set *set);   /* bytes allocated */
uint64_t smt_stress_chunks(const struct smt_stress_set *set); /* chunks allocated */
uint64_t smt_stress_overhead(struct smt_stress_set *set);     /* bytes mapped for records */

/* Takes and releases one lock `times` times; how long that took, in ns. Ends
 * early when cancelled. */
uint64_t smt_stress_lock_test(struct smt_stress *stress, uint64_t times);

#include "stress/tests.h"

#endif
