/* control/live_growth.h - which stacks of a process hold ever more bytes.
 *
 * Fed with what each stack holds after a round (the engine's `live sums`). Only so
 * many rounds are kept: when there is no room, every second one is forgotten, and
 * from then on every second one is wanted. Pure arithmetic; not for several
 * threads. */
#ifndef SMT_CONTROL_LIVE_GROWTH_H
#define SMT_CONTROL_LIVE_GROWTH_H

#include "control/live_reply.h"

#define SMT_LIVE_GROWTH_ROUNDS 64

struct smt_live_held {
    uint32_t stack;
    uint64_t bytes, blocks;
};

struct smt_live_growth {
    struct {
        uint64_t round;
        struct smt_live_held *held; /* by stack, ascending */
        size_t count;
    } rounds[SMT_LIVE_GROWTH_ROUNDS];
    size_t count;
    uint64_t stride; /* rounds between two that are wanted; 0 counts as 1 */
};

/* A stack that grew, by so many bytes and blocks a round (Theil-Sen). */
struct smt_live_grower {
    uint32_t stack;
    double bytes_per_round, blocks_per_round;
    uint64_t bytes, blocks; /* when last looked at */
};

/* Is this round's figure wanted? */
bool smt_live_growth_wants(const struct smt_live_growth *growth, uint64_t round);

/* Takes the items of kind SMT_LIVE_HELD, which come by ascending stack. */
SMT_MUST_USE enum smt_status smt_live_growth_add(struct smt_live_growth *growth, uint64_t round,
                                                 const struct smt_live_item *items, size_t count);

/* The stacks that grow fastest since `from_round`, the fastest first; how many. */
size_t smt_live_growth_find(const struct smt_live_growth *growth, uint64_t from_round,
                            struct smt_live_grower *ret_growers, size_t max);

void smt_live_growth_clear(struct smt_live_growth *growth);

#endif
