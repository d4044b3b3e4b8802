/* heap/ages.h - the age database (MemScope): blocks allocated while it collects,
 * and how old they are.
 *
 *            create          start            stop
 *      none ───────> created ─────> collecting ─────> stopped
 *        ^               └─────────────┬──┴──────────────┘
 *        └────────────destroy──────────┘   (start again from stopped)
 *
 * An entry is no record of its own: heap/live.h's record says in which database
 * it is. So the database costs nothing more, and destroying it is one store.
 * One thread gives orders; any may allocate meanwhile. */
#ifndef SMT_HEAP_AGES_H
#define SMT_HEAP_AGES_H

#include "heap/live.h"

enum smt_ages_state { SMT_AGES_NONE, SMT_AGES_CREATED, SMT_AGES_COLLECTING, SMT_AGES_STOPPED };

enum smt_ages_state smt_ages_state(void);

/* Each answers false when the state does not allow it. */
bool smt_ages_create(void);
bool smt_ages_start(void);
bool smt_ages_stop(void);
bool smt_ages_destroy(void);

/* Seconds since the last start; 0 before. */
uint32_t smt_ages_running_s(void);

/* Which database a block allocated now is in; 0: none. For the hooks. */
uint16_t smt_ages_epoch(void);

/* A block was freed: its lifetime is learned. For the hooks. */
void smt_ages_learn(const struct smt_live_block *block);

/* Is this block in the database? */
bool smt_ages_has(const struct smt_live_block *block);

/* Has it lived four times longer than 99 of 100 blocks of its stack did? A stack
 * that freed fewer than 8 is held against all stacks together. */
bool smt_ages_is_outlier(const struct smt_live_block *block, uint32_t now_cs);

/* Learns nothing new; sums all stacks for smt_ages_is_outlier(). */
void smt_ages_weigh(void);

#endif
