#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static char *part_copy(const char *from, size_t length)
{
    char *copy = malloc(length);

    if (!copy) return NULL;
    memcpy(copy, from, length);
    copy[length] = '\0'; /* bug: one byte past the end of the block */
    return copy;
}

int careless_parse(const char *text, struct config **ret_config)
{
    struct config *first = NULL;

    while (*text) {
        size_t length = strcspn(text, "\n");
        const char *equals = memchr(text, '=', length);
        struct config *one = malloc(sizeof *one);

        if (!equals) return -EINVAL;
        one->name = part_copy(text, (size_t)(equals - text)); /* bug: one may be NULL */
        one->value = part_copy(equals + 1, (size_t)(text + length - equals - 1));
        if (!one->name) return -EINVAL; /* bugs: wrong code, and everything leaks */
        if (one->value) {               /* bug: without memory the line is gone, all is well */
            one->next = first;
            first = one;
        } else {
            free(one->name);
            free(one);
        }
        text += length + (text[length] == '\n');
    }
    *ret_config = first;
    return 0;
}
