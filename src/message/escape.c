#include "message/internal.h"

#include <string.h>

static const struct {
    char letter;
    char byte;
} escapes[] = {{'r', '\r'}, {'n', '\n'}, {'t', '\t'}, {'0', '\0'}, {'\\', '\\'}};

#define ESCAPES_ALLOWED "allowed are \\r \\n \\t \\0 \\xHH \\\\"

/* Value of a hexadecimal digit, -1 for any other character. */
static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9') return digit - '0';
    if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
    return -1;
}

/* Decodes the escape at `at`, a backslash. Returns its length, 0 when it is none. */
static size_t escape_decode(const char *at, char *ret_byte)
{
    if (at[1] == 'x') {
        int high = hex_value(at[2]);
        int low = high < 0 ? -1 : hex_value(at[3]);

        if (low < 0) return 0;
        *ret_byte = (char)(high << 4 | low);
        return 4;
    }
    for (size_t i = 0; i < sizeof escapes / sizeof escapes[0]; i++) {
        if (at[1] != escapes[i].letter) continue;
        *ret_byte = escapes[i].byte;
        return 2;
    }
    return 0;
}

/* The sentence for the bad escape at `at`. */
static enum smt_status escape_fail(const char *name, const char *text, const char *at)
{
    size_t column = (size_t)(at - text) + 1;
    struct smt_buffer shown;

    if (!at[1])
        return smt_fail(SMT_EINPUT,
                        "%s: column %zu: a backslash ends the text; write \\\\ for one (" //
                        ESCAPES_ALLOWED ")",
                        name, column);
    if (at[1] == 'x')
        return smt_fail(SMT_EINPUT,
                        "%s: column %zu: \\x needs two hexadecimal digits, as in \\x0D (" //
                        ESCAPES_ALLOWED ")",
                        name, column);
    smt_buffer_init(&shown);
    smt_buffer_add_escaped(&shown, at + 1, 1);
    smt_fail(SMT_EINPUT, "%s: column %zu: a backslash and '%s' is no escape; " ESCAPES_ALLOWED,
             name, column, shown.failed ? "?" : shown.data);
    smt_buffer_clear(&shown);
    return SMT_EINPUT;
}

enum smt_status smt_message_unescape(const char *name, const char *text,
                                     struct smt_buffer *ret_bytes)
{
    const char *at = text;

    while (*at) {
        size_t plain_bytes = strcspn(at, "\\"), escape_bytes;
        char byte;

        smt_buffer_add(ret_bytes, at, plain_bytes);
        at += plain_bytes;
        if (!*at) break;
        escape_bytes = escape_decode(at, &byte);
        if (!escape_bytes) return escape_fail(name, text, at);
        smt_buffer_add(ret_bytes, &byte, 1);
        at += escape_bytes;
    }
    if (ret_bytes->failed) return smt_fail(SMT_ENOMEM, "%s: out of memory", name);
    return SMT_OK;
}
