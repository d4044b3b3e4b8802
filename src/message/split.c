/* One message of a stream:
 *
 *     empty lines | start line | header lines | empty line | body
 *       dropped                                 or the end   Content-Length bytes */
#include "message/internal.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct splitter {
    struct smt_message_list parts; /* the new list */
    smt_message_on_error *on_error;
    void *context;
};

enum length_kind { LENGTH_ABSENT, LENGTH_GIVEN, LENGTH_BROKEN };

struct body_length {
    enum length_kind kind;
    uint64_t bytes; /* UINT64_MAX for any number too large for it */
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Does a header line of this text name the body's length? Then gives its value. */
static bool line_is_length(const struct smt_message_line *line, const char **ret_value)
{
    const char *colon = memchr(line->text, ':', line->size_bytes);
    size_t name_bytes = colon ? (size_t)(colon - line->text) : 0;

    while (name_bytes > 0 && is_blank(line->text[name_bytes - 1])) name_bytes--;
    if (!(name_bytes == 1 && strncasecmp(line->text, "l", 1) == 0) &&
        !(name_bytes == 14 && strncasecmp(line->text, "Content-Length", 14) == 0))
        return false;
    *ret_value = colon + 1;
    return true;
}

/* Skips blanks and, since the value may be folded, line ends. */
static const char *blanks_skip(const char *at, const char *end)
{
    while (at < end && (is_blank(*at) || *at == '\r' || *at == '\n')) at++;
    return at;
}

static struct body_length length_parse(const char *at, const char *end)
{
    struct body_length length = {LENGTH_BROKEN, 0};
    const char *digits = at = blanks_skip(at, end);

    for (; at < end && *at >= '0' && *at <= '9'; at++)
        if (__builtin_mul_overflow(length.bytes, 10, &length.bytes) ||
            __builtin_add_overflow(length.bytes, (uint64_t)(*at - '0'), &length.bytes))
            length.bytes = UINT64_MAX;
    if (at > digits && blanks_skip(at, end) == end) length.kind = LENGTH_GIVEN;
    return length;
}

/* The first Content-Length between `at`, the start line, and the header's end. */
static struct body_length length_find(const char *at, const char *header_end)
{
    struct smt_message_line line;
    const char *value;

    smt_message_line_next(&at, header_end, &line);
    while (smt_message_line_next(&at, header_end, &line)) {
        if (!line_is_length(&line, &value)) continue;
        /* RFC 3261 7.3.1: a header value may continue on the next line. */
        while (at < header_end && is_blank(*at)) smt_message_line_next(&at, header_end, &line);
        return length_parse(value, at);
    }
    return (struct body_length){LENGTH_ABSENT, 0};
}

/* Size of the body when left_bytes follow the header section. */
static size_t body_size(const struct splitter *splitter, const char *name,
                        struct body_length length, size_t left_bytes)
{
    if (length.kind == LENGTH_ABSENT) return left_bytes;
    if (length.kind == LENGTH_GIVEN && length.bytes <= left_bytes) return (size_t)length.bytes;
    if (length.kind == LENGTH_BROKEN)
        smt_fail(SMT_EINPUT,
                 "%s: Content-Length is no number; all %zu bytes left are taken as its body", name,
                 left_bytes);
    else
        smt_fail(SMT_EINPUT,
                 "%s: Content-Length is larger than the %zu bytes left; all of them are taken as "
                 "its body",
                 name, left_bytes);
    if (splitter->on_error) splitter->on_error(splitter->context, smt_fail_text());
    return left_bytes;
}

/* Alone on a command line the whole input's parts are numbered from 1. */
static char *part_words(const struct smt_message *whole, size_t number)
{
    struct smt_buffer words;

    smt_buffer_init(&words);
    smt_buffer_addf(&words, "--split --range %zu ", number);
    smt_message_add_words(whole, &words);
    return smt_buffer_take(&words);
}

/* Adds the part that starts at `at`; gives where it ends. */
static enum smt_status splitter_add_part(struct splitter *splitter, const struct smt_message *whole,
                                         size_t number, const char *at, const char **ret_end)
{
    const char *end = whole->data + whole->size_bytes;
    const char *header_end = at + smt_message_header_size(at, (size_t)(end - at));
    enum smt_status status;
    size_t body_bytes;
    char *name;

    if (asprintf(&name, "%s#%zu", whole->name, number) < 0)
        return smt_fail(SMT_ENOMEM, "%s: out of memory", whole->name);
    body_bytes = body_size(splitter, name, length_find(at, header_end), (size_t)(end - header_end));
    *ret_end = header_end + body_bytes;
    status = smt_message_add_bytes(&splitter->parts, name, at, (size_t)(*ret_end - at));
    free(name);
    if (status == SMT_OK) {
        struct smt_message *part = &splitter->parts.items[splitter->parts.count - 1];

        part->words = part_words(whole, number);
        part->expectation = whole->expectation;
        part->has_expectation = whole->has_expectation;
    }
    return status;
}

static const char *line_ends_skip(const char *at, const char *end)
{
    while (at < end && (*at == '\r' || *at == '\n')) at++;
    return at;
}

static enum smt_status splitter_add_parts(struct splitter *splitter,
                                          const struct smt_message *whole)
{
    const char *end = whole->data + whole->size_bytes;
    const char *at = line_ends_skip(whole->data, end);

    if (at == end) {
        smt_fail(SMT_EINPUT, "%s: no message to split off, only empty lines", whole->name);
        if (splitter->on_error) splitter->on_error(splitter->context, smt_fail_text());
        return SMT_OK;
    }
    for (size_t number = 1; at < end; number++) {
        enum smt_status status = splitter_add_part(splitter, whole, number, at, &at);

        if (status != SMT_OK) return status;
        at = line_ends_skip(at, end);
    }
    return SMT_OK;
}

enum smt_status smt_message_split(struct smt_message_list *list, smt_message_on_error *on_error,
                                  void *context)
{
    struct splitter splitter = {.on_error = on_error, .context = context};

    smt_message_list_init(&splitter.parts);
    for (size_t i = 0; i < list->count; i++) {
        enum smt_status status = splitter_add_parts(&splitter, &list->items[i]);

        if (status != SMT_OK) {
            smt_message_list_clear(&splitter.parts);
            return status;
        }
    }
    splitter.parts.data_count = list->data_count;
    splitter.parts.manifest = list->manifest;
    list->manifest = NULL;
    smt_message_list_clear(list);
    *list = splitter.parts;
    return SMT_OK;
}
