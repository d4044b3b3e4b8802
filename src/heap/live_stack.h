/* heap/live_stack.h - each distinct call stack once.
 *
 * A block's record has a stack's number. Stacks are never forgotten. Per stack,
 * how long its freed blocks lived is learned while an age database collects.
 * Any thread may call; nothing here calls malloc; looking up takes no lock. */
#ifndef SMT_HEAP_LIVE_STACK_H
#define SMT_HEAP_LIVE_STACK_H

#include <stdbool.h>
#include <stdint.h>

#include "heap/unwind.h"

#define SMT_LIFE_CLASSES 16 /* of lifetimes: below 1/100 s, then each 4 times longer */

struct smt_live_stack {
    uint32_t cookie; /* by which it is told from others in print */
    uint8_t depth;
    bool of_linker; /* allocated by the dynamic linker, whose own data we cannot see */
    uint32_t frees; /* lifetimes seen; saturates */
    uint32_t lives[SMT_LIFE_CLASSES]; /* how many fell into each class */
    uintptr_t frames[SMT_UNWIND_MAX]; /* innermost first */
};

/* The number of this stack, from 1; 0 when there is no memory. */
uint32_t smt_live_stack_number(const uintptr_t *frames, unsigned depth);

/* By smt_unwind_hash() of its frames; 0: none is known. `before` is the stack this
 * thread asked for last, or 0: programs repeat themselves, so what came after it
 * then is looked at first. */
uint32_t smt_live_stack_find(uint64_t hash, uint32_t before);

/* NULL for 0 and numbers never given out. */
struct smt_live_stack *smt_live_stack_at(uint32_t number);

uint32_t smt_live_stack_count(void); /* the highest number given out */

/* A block of this stack lived so long. */
void smt_live_stack_learn(uint32_t number, uint32_t life_cs);

/* Where the class of a lifetime ends, in hundredths of a second. */
unsigned smt_life_class(uint32_t life_cs);
uint64_t smt_life_class_end_cs(unsigned class_number);

/* Addresses that the dynamic linker's code occupies; once, early. */
void smt_live_stack_set_linker(uintptr_t from, uintptr_t to);

/* Around fork() and a snapshot. */
void smt_live_stack_lock(void);
void smt_live_stack_unlock(void);

#endif
