/* base/number.h - numbers and sizes as users type and read them. */
#ifndef SMT_BASE_NUMBER_H
#define SMT_BASE_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

/* A whole decimal number and nothing else; false on sign, blanks, overflow. */
bool smt_number_parse(const char *text, uint64_t *ret_number);

/* A size in bytes: a number and an optional unit b, k, m, g (1024-based, either
 * case); false when it is none or does not fit. */
bool smt_number_parse_size(const char *text, uint64_t *ret_size_bytes);

/* Multiplier of a misctest unit letter: b 1, k 1024, m, g; 0 for any other text. */
uint64_t smt_number_unit(const char *unit);

/* What a noun ends with that is counted so: "" for 1, else "s"; static. */
const char *smt_number_ending(uint64_t count);

#endif
