#include "stress/reserve.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define PIECES      16
#define PIECE_BYTES 65536

struct smt_stress_reserve {
    pthread_mutex_t lock;
    atomic_bool ready;
    void *pieces[PIECES];
};

static void pieces_drop(struct smt_stress_reserve *reserve)
{
    for (int i = 0; i < PIECES; i++) {
        free(reserve->pieces[i]);
        reserve->pieces[i] = NULL;
    }
}

/* Written to, so that they are there and not only promised. */
static bool pieces_take(struct smt_stress_reserve *reserve)
{
    for (int i = 0; i < PIECES; i++) {
        reserve->pieces[i] = malloc(PIECE_BYTES);
        if (!reserve->pieces[i]) {
            pieces_drop(reserve);
            return false;
        }
        memset(reserve->pieces[i], 1, PIECE_BYTES);
    }
    return true;
}

struct smt_stress_reserve *smt_stress_reserve_new(void)
{
    struct smt_stress_reserve *reserve = calloc(1, sizeof *reserve);

    if (!reserve) return NULL;
    pthread_mutex_init(&reserve->lock, NULL);
    atomic_init(&reserve->ready, pieces_take(reserve));
    return reserve;
}

void smt_stress_reserve_free(struct smt_stress_reserve *reserve)
{
    if (!reserve) return;
    pieces_drop(reserve);
    pthread_mutex_destroy(&reserve->lock);
    free(reserve);
}

bool smt_stress_reserve_ready(struct smt_stress_reserve *reserve)
{
    bool ready = atomic_load_explicit(&reserve->ready, memory_order_relaxed);

    if (ready) return true;
    pthread_mutex_lock(&reserve->lock);
    ready = atomic_load(&reserve->ready);
    if (!ready) {
        ready = pieces_take(reserve);
        atomic_store(&reserve->ready, ready);
    }
    pthread_mutex_unlock(&reserve->lock);
    return ready;
}

void smt_stress_reserve_spend(struct smt_stress_reserve *reserve)
{
    pthread_mutex_lock(&reserve->lock);
    if (atomic_exchange(&reserve->ready, false)) pieces_drop(reserve);
    pthread_mutex_unlock(&reserve->lock);
}
