/* heap/shared_fences.h - inside heap/shared: what stands before and behind a block.
 *
 *      [FRONT_BYTES][payload ......][TAIL_BYTES and more, of which FENCE_SEEN count]
 *                   |<-- size ---->|
 *                   |<------------- room_bytes ---------------------------------->|
 *
 * Both are looked at by words: the rear one's last may overlap the one before.
 * Inline, since each block is fenced and checked once. */
#ifndef SMT_HEAP_SHARED_FENCES_H
#define SMT_HEAP_SHARED_FENCES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define FRONT_BYTES 16 /* two words */
#define TAIL_BYTES  8  /* at least one word */
#define FENCE_SEEN  64 /* at most this much of a rear fence is written and checked */
#define FENCE_BYTE  0xFB
#define FENCE_WORD  (FENCE_BYTE * 0x0101010101010101u)

static inline size_t fence_tail_bytes(size_t size_bytes, size_t room_bytes)
{
    size_t tail = room_bytes - size_bytes;

    return tail < FENCE_SEEN ? tail : FENCE_SEEN;
}

static inline void fence_word_set(uint8_t *at)
{
    const uint64_t word = FENCE_WORD;

    memcpy(at, &word, sizeof word);
}

static inline void fences_set(uint8_t *payload, size_t size_bytes, size_t room_bytes)
{
    uint8_t *at = payload + size_bytes, *last = at + fence_tail_bytes(size_bytes, room_bytes) - 8;

    fence_word_set(payload - 16);
    fence_word_set(payload - 8);
    for (; at < last; at += 8) fence_word_set(at);
    fence_word_set(last);
}

/* 0 when all is well. */
static inline uint64_t fence_word_difference(const uint8_t *at)
{
    uint64_t word;

    memcpy(&word, at, sizeof word);
    return word ^ FENCE_WORD;
}

static inline bool fences_are_intact(const uint8_t *payload, size_t size_bytes, size_t room_bytes)
{
    const uint8_t *at = payload + size_bytes;
    const uint8_t *last = at + fence_tail_bytes(size_bytes, room_bytes) - 8;
    uint64_t difference = fence_word_difference(payload - 16) | fence_word_difference(payload - 8);

    for (; at < last; at += 8) difference |= fence_word_difference(at);
    return !(difference | fence_word_difference(last));
}

/* From the payload on; of fences that are not intact. */
static inline ptrdiff_t fences_first_bad(const uint8_t *payload, size_t size_bytes,
                                         size_t room_bytes)
{
    ptrdiff_t last = (ptrdiff_t)(size_bytes + fence_tail_bytes(size_bytes, room_bytes)) - 1;
    ptrdiff_t offset = -FRONT_BYTES;

    while (payload[offset] == FENCE_BYTE && offset < last)
        if (++offset == 0) offset = (ptrdiff_t)size_bytes;
    return offset;
}

#endif
