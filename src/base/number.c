#include "base/number.h"

#include <ctype.h>
#include <stddef.h>

/* Reads digits at `text`; returns where they end, NULL on overflow or none. */
static const char *digits_parse(const char *text, uint64_t *ret_number)
{
    uint64_t number = 0;
    const char *at = text;

    for (; isdigit((unsigned char)*at); at++)
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, (uint64_t)(*at - '0'), &number))
            return NULL;
    if (at == text) return NULL;
    *ret_number = number;
    return at;
}

bool smt_number_parse(const char *text, uint64_t *ret_number)
{
    uint64_t number;
    const char *end = digits_parse(text, &number);

    if (!end || *end) return false;
    *ret_number = number;
    return true;
}

uint64_t smt_number_unit(const char *unit)
{
    if (!unit[0] || unit[1]) return 0;
    switch (tolower((unsigned char)unit[0])) {
    case 'b':
        return 1;
    case 'k':
        return 1u << 10;
    case 'm':
        return 1u << 20;
    case 'g':
        return 1u << 30;
    default:
        return 0;
    }
}

bool smt_number_parse_size(const char *text, uint64_t *ret_size_bytes)
{
    uint64_t number, unit = 1;
    const char *end = digits_parse(text, &number);

    if (!end) return false;
    if (*end) unit = smt_number_unit(end);
    if (!unit || __builtin_mul_overflow(number, unit, &number)) return false;
    *ret_size_bytes = number;
    return true;
}

const char *smt_number_ending(uint64_t count)
{
    return count == 1 ? "" : "s";
}
