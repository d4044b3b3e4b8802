/* fuzz/mutator_tail.h - bytes at the end of an input that are no message.
 *
 * A target may take its last bytes as instructions (which allocations to
 * refuse). Both engines' faces keep them out of the SIP mutator, where a longer
 * message would cut them off, and change them as the plain bytes they are. */
#ifndef SMT_FUZZ_MUTATOR_TAIL_H
#define SMT_FUZZ_MUTATOR_TAIL_H

#include <string.h>

#include "mutate/mutate.h"

#define SMT_TAIL_MAX 64u

/* Bytes of an input of this size that are the tail. */
static inline size_t tail_bytes_of(size_t size_bytes, size_t tail_bytes)
{
    return size_bytes >= tail_bytes ? tail_bytes : 0;
}

/* Now and then another byte: mostly small ones, since they count allocations. */
static inline void tail_change(uint8_t *tail, size_t tail_bytes, struct smt_random *random)
{
    uint64_t drawn = smt_random_next(random);

    if (tail_bytes == 0 || drawn % 4 != 0) return;
    tail += (drawn >> 8) % tail_bytes;
    switch ((drawn >> 16) % 4) {
    case 0:
        *tail = (uint8_t)(drawn >> 24);
        break;
    case 1:
        *tail ^= (uint8_t)(1u << ((drawn >> 24) % 8));
        break;
    case 2:
        ++*tail;
        break;
    default:
        --*tail;
        break;
    }
}

#endif
