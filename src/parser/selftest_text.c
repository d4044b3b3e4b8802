/* Lines, copies and growing text of the parser with planted bugs. */
#include "parser/selftest.h"

#include <string.h>
#include <strings.h>

int smt_selftest_text_copy(struct smt_selftest_text *ret_text, const char *bytes, size_t size_bytes)
{
    struct smt_selftest_text text = {NULL, size_bytes};

    if (size_bytes) {
        text.data = smt_selftest_hooks.malloc(size_bytes);
        if (!text.data) return SMT_SELFTEST_NOMEM;
        memcpy(text.data, bytes, size_bytes);
    }
    *ret_text = text;
    return SMT_SELFTEST_OK;
}

void smt_selftest_text_clear(struct smt_selftest_text *text)
{
    char *data = text->data;

    *text = (struct smt_selftest_text){NULL, 0};
    if (data) smt_selftest_hooks.free(data);
}

bool smt_selftest_text_equal(const struct smt_selftest_text *a, const struct smt_selftest_text *b)
{
    return a->size_bytes == b->size_bytes &&
           (!a->size_bytes || memcmp(a->data, b->data, a->size_bytes) == 0);
}

bool smt_selftest_line(struct smt_selftest_span *rest, struct smt_selftest_span *ret_line)
{
    struct smt_selftest_span line = *rest;
    const char *feed;

    if (rest->at == rest->end) return false;
    feed = memchr(rest->at, '\n', (size_t)(rest->end - rest->at));
    if (feed) {
        line.end = feed > line.at && feed[-1] == '\r' ? feed - 1 : feed;
        rest->at = feed + 1;
    } else {
        rest->at = rest->end;
    }
    *ret_line = line;
    return true;
}

struct smt_selftest_span smt_selftest_trim(struct smt_selftest_span span)
{
    while (span.at < span.end && (*span.at == ' ' || *span.at == '\t')) span.at++;
    while (span.at < span.end && (span.end[-1] == ' ' || span.end[-1] == '\t')) span.end--;
    return span;
}

bool smt_selftest_begins(struct smt_selftest_span span, const char *word)
{
    size_t length = strlen(word);

    return (size_t)(span.end - span.at) >= length && strncasecmp(span.at, word, length) == 0;
}

struct smt_selftest_span smt_selftest_span_of(const struct smt_selftest_text *text)
{
    if (!text->size_bytes) return (struct smt_selftest_span){"", ""};
    return (struct smt_selftest_span){text->data, text->data + text->size_bytes};
}

bool smt_selftest_text_is(const struct smt_selftest_text *text, const char *word)
{
    return text->size_bytes == strlen(word) && strncasecmp(text->data, word, strlen(word)) == 0;
}

void smt_selftest_build(struct smt_selftest_builder *builder, const void *bytes, size_t size_bytes)
{
    struct smt_selftest_text *text = &builder->text;
    size_t needed = text->size_bytes + size_bytes;

    if (builder->code || !size_bytes) return;
    if (!builder->counting && needed > builder->capacity) {
        size_t capacity = builder->capacity ? builder->capacity : 64;
        char *data;

        while (capacity < needed) capacity *= 2;
        data = smt_selftest_hooks.realloc(text->data, capacity);
        if (!data) {
            builder->code = SMT_SELFTEST_NOMEM;
            return;
        }
        text->data = data;
        builder->capacity = capacity;
    }
    if (!builder->counting) memcpy(text->data + text->size_bytes, bytes, size_bytes);
    text->size_bytes = needed;
}

int smt_selftest_built(struct smt_selftest_builder *builder, struct smt_selftest_text *ret_text)
{
    struct smt_selftest_text text = builder->text;
    int code = builder->code;

    /* Exact, so that a read past the text is one past the block. */
    if (!code && text.data && text.size_bytes < builder->capacity) {
        char *data = smt_selftest_hooks.realloc(text.data, text.size_bytes);

        if (data)
            text.data = data;
        else
            code = SMT_SELFTEST_NOMEM;
    }
    *builder = (struct smt_selftest_builder){0};
    if (code)
        smt_selftest_text_clear(&text);
    else
        *ret_text = text;
    return code;
}
