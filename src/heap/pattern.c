#include "heap/pattern.h"

#include <string.h>

static uint64_t word_at(const unsigned char *address)
{
    return ~(uint64_t)(uintptr_t)address;
}

/* The last eight bytes of a chunk that does not end with a whole word: some of
 * `before`, which is there already, and the first `more` bytes of the next.
 * Eight at a time spares a call for each chunk's odd end. */
static uint64_t last_word(uint64_t before, size_t more)
{
    uint64_t pair[2] = {before, before - 8}, word;

    memcpy(&word, (const unsigned char *)pair + more, sizeof word);
    return word;
}

void smt_pattern_fill(void *chunk, size_t size_bytes)
{
    unsigned char *at = chunk, *end = at + (size_bytes & ~(size_t)7);
    uint64_t word = word_at(at);

    for (; end - at >= 32; at += 32, word -= 32) {
        uint64_t four[4] = {word, word - 8, word - 16, word - 24};

        memcpy(at, four, sizeof four);
    }
    for (; at < end; at += 8, word -= 8) memcpy(at, &word, sizeof word);
    if (size_bytes >= 8) {
        word = last_word(word + 8, size_bytes & 7);
        memcpy(at - 8 + (size_bytes & 7), &word, sizeof word);
    } else {
        memcpy(at, &word, size_bytes);
    }
}

unsigned char smt_pattern_byte(const void *chunk, size_t offset)
{
    uint64_t word = word_at((const unsigned char *)chunk + (offset & ~(size_t)7));
    unsigned char bytes[sizeof word];

    memcpy(bytes, &word, sizeof word);
    return bytes[offset & 7];
}

/* The exact place, once a word is known to differ at or after `from`. */
static size_t first_bad(const unsigned char *chunk, size_t from, size_t size_bytes)
{
    for (size_t i = from; i < size_bytes; i++)
        if (chunk[i] != smt_pattern_byte(chunk, i)) return i;
    return SMT_PATTERN_INTACT;
}

size_t smt_pattern_check(const void *chunk, size_t size_bytes)
{
    const unsigned char *start = chunk, *at = start, *end = at + (size_bytes & ~(size_t)7);
    uint64_t word = word_at(at);

    for (; end - at >= 32; at += 32, word -= 32) {
        uint64_t four[4], difference;

        memcpy(four, at, sizeof four);
        difference = (four[0] ^ word) | (four[1] ^ (word - 8)) | (four[2] ^ (word - 16)) |
                     (four[3] ^ (word - 24));
        if (difference) return first_bad(start, (size_t)(at - start), size_bytes);
    }
    for (; at < end; at += 8, word -= 8)
        if (memcmp(at, &word, sizeof word) != 0)
            return first_bad(start, (size_t)(at - start), size_bytes);
    if (size_bytes < 8) {
        if (memcmp(at, &word, size_bytes) != 0) return first_bad(start, 0, size_bytes);
        return SMT_PATTERN_INTACT;
    }
    word = last_word(word + 8, size_bytes & 7);
    at += (size_bytes & 7);
    if (memcmp(at - 8, &word, sizeof word) != 0)
        return first_bad(start, (size_t)(at - 8 - start), size_bytes);
    return SMT_PATTERN_INTACT;
}
