#include "wire/text.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static bool integer_parse(const char *word, size_t size_bytes, int64_t *ret_integer)
{
    char digits[24], *end;

    if (!size_bytes || size_bytes >= sizeof digits || memchr(word, '\0', size_bytes)) return false;
    if (!isdigit((unsigned char)word[0]) && !(word[0] == '-' && size_bytes > 1)) return false;
    memcpy(digits, word, size_bytes);
    digits[size_bytes] = '\0';
    errno = 0;
    *ret_integer = strtoll(digits, &end, 10);
    return *end == '\0' && errno == 0;
}

/* An argument as typed: an integer if it looks like one, a string otherwise. */
static void argument_add(struct smt_wire_items *items, const char *word, size_t size_bytes)
{
    int64_t integer;

    if (size_bytes >= 2 && memcmp(word, "s:", 2) == 0)
        smt_wire_add_bytes(items, SMT_WIRE_STRING, word + 2, size_bytes - 2);
    else if (integer_parse(word, size_bytes, &integer))
        smt_wire_add_integer(items, integer);
    else
        smt_wire_add_bytes(items, SMT_WIRE_STRING, word, size_bytes);
}

static int hex_value(char c)
{
    return isdigit((unsigned char)c)    ? c - '0'
           : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10
                                        : -1;
}

/* Decodes the escape at `at` (behind the backslash); returns what follows it. */
static const char *escape_decode(const char *at, const char *end, struct smt_buffer *word)
{
    static const char letters[] = "nrt0", values[] = "\n\r\t\0";
    const char *letter = memchr(letters, *at, sizeof letters - 1);

    if (*at == 'x' && end - at >= 3 && hex_value(at[1]) >= 0 && hex_value(at[2]) >= 0) {
        char byte = (char)(hex_value(at[1]) * 16 + hex_value(at[2]));

        smt_buffer_add(word, &byte, 1);
        return at + 3;
    }
    smt_buffer_add(word, letter ? &values[letter - letters] : at, 1);
    return at + 1;
}

/* Reads one word at `at`; *ret_quoted if any of it was. NULL: no closing quote. */
static const char *word_read(const char *at, const char *end, struct smt_buffer *word,
                             bool *ret_quoted)
{
    bool inside = false;

    *ret_quoted = false;
    for (; at < end && (inside || !isspace((unsigned char)*at));) {
        if (*at == '"') {
            inside = !inside;
            *ret_quoted = true;
            at++;
        } else if (inside && *at == '\\' && at + 1 < end) {
            at = escape_decode(at + 1, end, word);
        } else {
            smt_buffer_add(word, at++, 1);
        }
    }
    return inside ? NULL : at;
}

static void word_take(struct smt_wire_request *request, const struct smt_buffer *word, bool quoted,
                      bool first)
{
    const char *text = word->data ? word->data : "";

    if (first)
        smt_buffer_add(&request->method, text, word->size);
    else if (quoted)
        smt_wire_add_bytes(&request->arguments, SMT_WIRE_STRING, text, word->size);
    else
        argument_add(&request->arguments, text, word->size);
    if (word->failed) request->arguments.failed = true;
}

enum smt_status smt_text_decode_request(const char *line, size_t size_bytes,
                                        struct smt_wire_request *request)
{
    const char *at = line, *end = line + size_bytes;
    enum smt_status status = SMT_OK;
    struct smt_buffer word;

    smt_wire_request_empty(request);
    smt_buffer_init(&word);
    for (bool first = true;; first = false) {
        bool quoted;

        while (at < end && isspace((unsigned char)*at)) at++;
        if (at == end) break;
        smt_buffer_empty(&word);
        at = word_read(at, end, &word, &quoted);
        if (!at) {
            status = smt_fail(SMT_EINPUT, "a quote is not closed");
            break;
        }
        word_take(request, &word, quoted, first);
    }
    smt_buffer_clear(&word);
    return status;
}

void smt_text_take_words(char *const *words, size_t count, struct smt_wire_request *request)
{
    smt_wire_request_empty(request);
    if (count) smt_buffer_add_text(&request->method, words[0]);
    for (size_t i = 1; i < count; i++)
        argument_add(&request->arguments, words[i], strlen(words[i]));
}

static void value_add(struct smt_buffer *buffer, const struct smt_wire_items *items,
                      const struct smt_wire_item *item)
{
    if (item->type == SMT_WIRE_INTEGER)
        smt_buffer_addf(buffer, "%" PRId64, item->integer);
    else if (item->type == SMT_WIRE_DOUBLE)
        smt_buffer_addf(buffer, "%.3f", item->number);
    else
        smt_buffer_add(buffer, smt_wire_text(items, item), item->text_size);
}

void smt_text_encode_reply(struct smt_buffer *buffer, const struct smt_wire_reply *reply,
                           const char *end)
{
    const struct smt_wire_items *items = &reply->results;
    bool named = false;

    if (reply->code) {
        smt_buffer_addf(buffer, "error: %d - %s%s", reply->code, reply->fault, end);
        return;
    }
    if (items->failed) buffer->failed = true;
    for (size_t i = 0, depth = 0; i < items->count; i++) {
        const struct smt_wire_item *item = &items->items[i];
        bool opens = item->type == SMT_WIRE_STRUCT || item->type == SMT_WIRE_ARRAY;
        bool closes = item->type == SMT_WIRE_STRUCT_END || item->type == SMT_WIRE_ARRAY_END;

        if (closes) depth--;
        for (size_t tab = 0; tab < depth && !named; tab++) smt_buffer_add_text(buffer, "\t");
        named = item->type == SMT_WIRE_NAME;
        if (named)
            smt_buffer_addf(buffer, "%-13s: ", smt_wire_text(items, item));
        else if (opens || closes)
            smt_buffer_addf(buffer, "%s%s", opens ? "{" : "}", end);
        else {
            value_add(buffer, items, item);
            smt_buffer_add_text(buffer, end);
        }
        if (opens) depth++;
    }
}
