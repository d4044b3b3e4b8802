/* library/show.c - from the values a user shows to the fields that are compared. */
#include <string.h>

#include "library/inside.h"

void smt_show_bytes(struct smt_show *show, const char *name, const void *bytes, size_t size_bytes)
{
    show->walk->field(show->walk, name, size_bytes ? bytes : "", size_bytes);
}

void smt_show_text(struct smt_show *show, const char *name, const char *text)
{
    if (text) smt_show_bytes(show, name, text, strlen(text));
}

void smt_show_number(struct smt_show *show, const char *name, int64_t number)
{
    char text[24];
    int length = snprintf(text, sizeof text, "%lld", (long long)number);

    smt_show_bytes(show, name, text, (size_t)length);
}

void smt_show_enter(struct smt_show *show, const char *name, int index)
{
    show->walk->enter(show->walk, name, index);
}

void smt_show_leave(struct smt_show *show)
{
    show->walk->leave(show->walk);
}
