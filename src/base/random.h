/* base/random.h - repeatable random numbers: same seed, same numbers, on every
 * machine. xoshiro256** by Blackman and Vigna, seeded with splitmix64; not for
 * secrets. One generator a thread. */
#ifndef SMT_BASE_RANDOM_H
#define SMT_BASE_RANDOM_H

#include <stdint.h>

struct smt_random {
    uint64_t state[4];
};

void smt_random_init(struct smt_random *random, uint64_t seed);
uint64_t smt_random_next(struct smt_random *random);

/* A number from 0 to below - 1, each equally likely; 0 when below is 0. */
uint64_t smt_random_below(struct smt_random *random, uint64_t below);

/* A number from low to high, both included; low <= high. */
uint64_t smt_random_between(struct smt_random *random, uint64_t low, uint64_t high);

/* A seed from the operating system. */
uint64_t smt_random_seed(void);

#endif
