#include "tiny.h"

#include <stdlib.h>
#include <string.h>

void *(*tiny_malloc)(size_t size_bytes) = malloc;
void (*tiny_free)(void *block) = free;

static char *part_copy(const char *from, const char *to)
{
    size_t length = (size_t)(to - from);
    char *copy = tiny_malloc(length + 1);

    if (!copy) return NULL;
    memcpy(copy, from, length);
    copy[length] = '\0';
    return copy;
}

static const char *line_end(const char *from, const char *end)
{
    const char *found = memchr(from, '\n', (size_t)(end - from));

    return found ? found : end;
}

static int header_parse(const char *from, const char *to, struct tiny **ret_header)
{
    const char *colon = memchr(from, ':', (size_t)(to - from));
    struct tiny *header;

    if (!colon) return TINY_SYNTAX;
    header = tiny_malloc(sizeof *header);
    if (!header) return TINY_NOMEM;
    header->next = NULL;
    header->name = part_copy(from, colon);
    header->value = part_copy(colon + 1, to);
    if (!header->name || !header->value) {
        tiny_release(header);
        return TINY_NOMEM;
    }
    *ret_header = header;
    return TINY_OK;
}

int tiny_parse(const char *text, size_t length, struct tiny **ret_headers)
{
    const char *end = text + length, *at = line_end(text, end);
    struct tiny *first = NULL, **last = &first;

    *ret_headers = NULL;
    while (at < end) {
        const char *from = at + 1, *to;
        int code;

        at = line_end(from, end);
        to = at > from && at[-1] == '\r' ? at - 1 : at;
        if (to == from) break;
        code = header_parse(from, to, last);
#ifdef TINY_BUG
        if (code == TINY_NOMEM) code = TINY_OK, *last = NULL; /* the header is lost */
        if (!*last) continue;
#endif
        if (code) {
            tiny_release(first);
            return code;
        }
        last = &(*last)->next;
    }
    *ret_headers = first;
    return TINY_OK;
}

void tiny_release(struct tiny *headers)
{
    while (headers) {
        struct tiny *next = headers->next;

        if (headers->name) tiny_free(headers->name);
        if (headers->value) tiny_free(headers->value);
        tiny_free(headers);
        headers = next;
    }
}
