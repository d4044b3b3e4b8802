/* fuzz/libfuzzer_mutator.c - the mutator's face for libFuzzer.
 *
 * Link it into a target built with -fsanitize=fuzzer. A target whose input ends
 * in bytes that are no message defines smt_fuzz_tail_bytes. Every fourth
 * mutation is libFuzzer's own: it alone knows its dictionary and the operands of
 * the comparisons it saw. */
#include <stdlib.h>

#include "mutator_tail.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size_bytes, size_t capacity_bytes);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size_bytes, size_t capacity_bytes,
                               unsigned int seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *first, size_t first_bytes, const uint8_t *second,
                                 size_t second_bytes, uint8_t *out, size_t capacity_bytes,
                                 unsigned int seed);

extern const size_t smt_fuzz_tail_bytes __attribute__((weak)); /* a target's, if it has one */

#define OWN_ONE_IN 4

static struct smt_mutator *face_mutator(void)
{
    static struct smt_mutator *mutator;

    if (!mutator) mutator = smt_mutator_new();
    if (!mutator) abort(); /* at the very start: nothing would ever be fuzzed */
    return mutator;
}

static size_t target_tail_bytes(void)
{
    return &smt_fuzz_tail_bytes ? smt_fuzz_tail_bytes : 0;
}

/* Puts the tail, changed, behind a message of size_bytes. */
static size_t add_tail(uint8_t *out, size_t size_bytes, const uint8_t *tail, size_t tail_bytes,
                       unsigned int seed)
{
    struct smt_random random;

    if (tail_bytes == 0) return size_bytes;
    smt_random_init(&random, ~(uint64_t)seed);
    memcpy(out + size_bytes, tail, tail_bytes);
    tail_change(out + size_bytes, tail_bytes, &random);
    return size_bytes + tail_bytes;
}

static size_t keep_tail(uint8_t *kept, const uint8_t *data, size_t size_bytes,
                        size_t capacity_bytes)
{
    size_t tail_bytes = tail_bytes_of(size_bytes, target_tail_bytes());

    if (tail_bytes > SMT_TAIL_MAX || tail_bytes > capacity_bytes) return 0;
    if (tail_bytes) memcpy(kept, data + size_bytes - tail_bytes, tail_bytes);
    return tail_bytes;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size_bytes, size_t capacity_bytes,
                               unsigned int seed)
{
    uint8_t tail[SMT_TAIL_MAX];
    size_t tail_bytes = keep_tail(tail, data, size_bytes, capacity_bytes), size;

    size_bytes -= tail_bytes;
    capacity_bytes -= tail_bytes;
    if (seed % OWN_ONE_IN == 0 && capacity_bytes)
        size = LLVMFuzzerMutate(data, size_bytes, capacity_bytes);
    else
        size = smt_mutate(face_mutator(), data, size_bytes, seed, data, capacity_bytes);
    return add_tail(data, size, tail, tail_bytes, seed);
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *first, size_t first_bytes, const uint8_t *second,
                                 size_t second_bytes, uint8_t *out, size_t capacity_bytes,
                                 unsigned int seed)
{
    uint8_t tail[SMT_TAIL_MAX];
    size_t tail_bytes = keep_tail(tail, first, first_bytes, capacity_bytes), size;

    second_bytes -= tail_bytes_of(second_bytes, target_tail_bytes());
    size = smt_mutate_cross(face_mutator(), first, first_bytes - tail_bytes, second, second_bytes,
                            seed, out, capacity_bytes - tail_bytes);
    return add_tail(out, size, tail, tail_bytes, seed);
}
