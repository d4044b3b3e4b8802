#include "stress/stress.h"

#include <string.h>
#include <unistd.h>

#include "stress/reserve.h"

#define SHARDS_MAX 32

/* Twice the processors, as a power of two: threads seldom share a shard. */
static unsigned shards_wanted(void)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned shards = 1;

    while (shards < SHARDS_MAX && (long)shards < 2 * processors) shards *= 2;
    return shards;
}

enum smt_status smt_stress_init(struct smt_stress *stress, const struct smt_stress_options *options)
{
    uint64_t limit = options->limit_bytes;
    enum smt_status status;

    memset(stress, 0, sizeof *stress);
    status =
        smt_stress_backend_find(options->backend ? options->backend : "libc", &stress->backend);
    if (status != SMT_OK) return status;
    if (stress->backend->open) {
        status = stress->backend->open(&stress->heap);
        if (status != SMT_OK) return status;
    }
    if (!limit) limit = smt_memory_allowed() / 10 * 8;
    smt_budget_init(&stress->budget, limit);
    stress->seed = options->seed ? options->seed : smt_random_seed();
    stress->on_damage = options->on_damage;
    stress->damage_context = options->damage_context;
    stress->reserve = smt_stress_reserve_new();
    stress->set = smt_stress_set_new(stress, shards_wanted());
    if (stress->reserve && stress->set) return SMT_OK;
    smt_stress_clear(stress);
    return smt_fail(SMT_ENOMEM, "out of memory while starting the engine");
}

void smt_stress_clear(struct smt_stress *stress)
{
    smt_stress_set_free(stress->set);
    smt_stress_reserve_free(stress->reserve);
    if (stress->backend && stress->backend->close) stress->backend->close(stress->heap);
    memset(stress, 0, sizeof *stress);
}

void smt_stress_cancel(struct smt_stress *stress)
{
    atomic_store(&stress->cancelled, true);
}

void smt_stress_random(struct smt_stress *stress, struct smt_random *ret_random)
{
    smt_random_init(ret_random, stress->seed + atomic_fetch_add(&stress->streams, 1));
}

bool smt_stress_random_step(struct smt_stress_set *set, struct smt_random *random, uint64_t min,
                            uint64_t max, uint64_t left, int64_t *ret_difference)
{
    struct smt_stress *stress = smt_stress_set_engine(set);
    unsigned percent = atomic_load_explicit(&stress->realloc_percent, memory_order_relaxed);
    uint64_t size = smt_random_between(random, min, max);

    if (percent && smt_random_below(random, 100) < percent) {
        enum smt_stress_resized resized =
            smt_stress_realloc(set, random, size, left, ret_difference);

        if (resized != SMT_STRESS_EMPTY) return resized == SMT_STRESS_RESIZED;
    }
    if (size > left) size = left;
    if (!smt_stress_alloc(set, size)) return false;
    *ret_difference = (int64_t)size;
    return true;
}

bool smt_stress_random_alloc(struct smt_stress_set *set, uint64_t min, uint64_t max, uint64_t total)
{
    struct smt_random random;

    smt_stress_random(smt_stress_set_engine(set), &random);
    for (uint64_t left = total; left > 0;) {
        int64_t difference;

        if (!smt_stress_random_step(set, &random, min, max, left, &difference)) return false;
        left -= (uint64_t)difference;
    }
    return true;
}

uint64_t smt_stress_lock_test(struct smt_stress *stress, uint64_t times)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    uint64_t start_ns = smt_clock_ns();

    for (uint64_t i = 0; i < times; i++) {
        if ((i & 0xFFFF) == 0 && atomic_load(&stress->cancelled)) break;
        pthread_mutex_lock(&lock);
        pthread_mutex_unlock(&lock);
    }
    return smt_clock_ns() - start_ns;
}
