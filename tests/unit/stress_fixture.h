/* An engine on a backend that tells what it handed out, and refuses on demand. */
#ifndef STRESS_FIXTURE_H
#define STRESS_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "stress/stress.h"

#define LIMIT ((uint64_t)256 << 20)

static struct smt_stress_damage damage_seen;

static inline void on_damage(void *context, const struct smt_stress_damage *damage)
{
    (void)context;
    damage_seen = *damage;
}

/* The last address a recording backend handed out. */
static void *_Atomic last_chunk;
static atomic_uint refuse_after; /* allocations until refusals begin; 0 never */

static inline void *recording_alloc(void *heap, size_t size_bytes)
{
    (void)heap;
    if (refuse_after == 1) return NULL;
    if (refuse_after) refuse_after--;
    void *fresh = malloc(size_bytes);

    last_chunk = fresh;
    return fresh;
}

static inline void *recording_realloc(void *heap, void *chunk, size_t size_bytes)
{
    (void)heap;
    void *moved = realloc(chunk, size_bytes);

    last_chunk = moved;
    return moved;
}

static inline void recording_free(void *heap, void *chunk)
{
    (void)heap;
    free(chunk);
}

static const struct smt_stress_backend recording = {.name = "recording",
                                                    .alloc = recording_alloc,
                                                    .realloc = recording_realloc,
                                                    .free = recording_free};

static inline int engine_setup(void **state)
{
    static struct smt_stress stress;
    const struct smt_stress_options options = {
        .limit_bytes = LIMIT, .seed = 7, .on_damage = on_damage};

    memset(&damage_seen, 0, sizeof damage_seen);
    refuse_after = 0;
    if (smt_stress_init(&stress, &options) != SMT_OK) return -1;
    stress.backend = &recording;
    *state = &stress;
    return 0;
}

static inline int engine_teardown(void **state)
{
    smt_stress_clear(*state);
    return 0;
}

#define WITH_ENGINE(test) cmocka_unit_test_setup_teardown(test, engine_setup, engine_teardown)

#endif
