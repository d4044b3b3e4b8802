#include "base/random.h"

#include <sys/random.h>

#include "base/clock.h"

static uint64_t rotate_left(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

void smt_random_init(struct smt_random *random, uint64_t seed)
{
    for (int i = 0; i < 4; i++) { /* splitmix64 */
        uint64_t z = (seed += 0x9E3779B97F4A7C15u);

        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
        random->state[i] = z ^ (z >> 31);
    }
}

uint64_t smt_random_next(struct smt_random *random)
{
    uint64_t *s = random->state;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9, t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

uint64_t smt_random_below(struct smt_random *random, uint64_t below)
{
    uint64_t reject;

    if (below < 2) return 0;
    reject = -below % below; /* the uneven rest of 2^64: drawn again */
    for (;;) {
        uint64_t drawn = smt_random_next(random);

        if (drawn >= reject) return drawn % below;
    }
}

uint64_t smt_random_between(struct smt_random *random, uint64_t low, uint64_t high)
{
    if (low == 0 && high == UINT64_MAX) return smt_random_next(random);
    return low + smt_random_below(random, high - low + 1);
}

uint64_t smt_random_seed(void)
{
    uint64_t seed;

    if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) != (ssize_t)sizeof seed) seed = smt_clock_ns();
    return seed;
}
