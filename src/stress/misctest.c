#include "stress/misctest.h"

#include "stress/stress.h"

static struct smt_stress engine;
static bool engine_ready;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void engine_start(void)
{
    const struct smt_stress_options options = {0};

    engine_ready = smt_stress_init(&engine, &options) == SMT_OK;
}

int mt_mem_alloc(size_t size)
{
    pthread_once(&once, engine_start);
    return engine_ready && smt_stress_alloc(engine.set, size) ? 0 : -1;
}

void mt_mem_free(void)
{
    pthread_once(&once, engine_start);
    if (engine_ready) (void)smt_stress_free(engine.set, UINT64_MAX);
}
