/* heap/pattern.h - what watched memory is filled with: stress/'s chunks,
 * and the decoys between a parser's blocks.
 *
 * Each 8-byte word holds the complement of its own address, so a chunk's
 * content is known from its address and size alone, and a word copied or
 * written from elsewhere is never right by chance. The bytes after the last
 * whole word hold the first bytes of the word that would follow. Any address
 * and size will do; no allocator is involved; any thread may call. */
#ifndef SMT_HEAP_PATTERN_H
#define SMT_HEAP_PATTERN_H

#include <stddef.h>
#include <stdint.h>

#define SMT_PATTERN_INTACT SIZE_MAX

/* Fills size_bytes at `chunk`. */
void smt_pattern_fill(void *chunk, size_t size_bytes);

/* Offset of the first byte that is not as filled, or SMT_PATTERN_INTACT. */
size_t smt_pattern_check(const void *chunk, size_t size_bytes);

/* The byte the pattern has at `offset` of `chunk`. */
unsigned char smt_pattern_byte(const void *chunk, size_t offset);

#endif
