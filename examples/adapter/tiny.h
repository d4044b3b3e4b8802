/* tiny.h - a header parser of a page: what an adapter is written for. */
#ifndef TINY_H
#define TINY_H

#include <stddef.h>

struct tiny {
    struct tiny *next;
    char *name, *value;
};

enum { TINY_OK = 0, TINY_NOMEM = 1, TINY_SYNTAX = 2 };

extern void *(*tiny_malloc)(size_t size_bytes);
extern void (*tiny_free)(void *block);

/* Lines "Name: value" after the first one, up to an empty line. On failure
 * *ret_headers is NULL. */
int tiny_parse(const char *text, size_t length, struct tiny **ret_headers);
void tiny_release(struct tiny *headers);

#endif
