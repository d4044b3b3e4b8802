/* heap/reach.h - which left blocks does static data still lead to?
 *
 * Mark and sweep over the blocks of one run: roots are the writable data of
 * every loaded object and the calling thread's thread-local storage; interior
 * pointers count; what a reached block points to is reached too, and kept blocks
 * lead on: a cache may have grown. Stacks are no roots: the run is over. */
#ifndef SMT_HEAP_REACH_H
#define SMT_HEAP_REACH_H

#include "heap/arena.h"

/* Sets SMT_BLOCK_REACHED on every live block of this run that is reachable,
 * clears it on the others; returns how many are reachable. */
uint64_t smt_reach_mark(struct smt_heap *heap);

#endif
