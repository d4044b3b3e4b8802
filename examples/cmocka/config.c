#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int line_parse(const char *line, size_t length, struct config **ret_config)
{
    const char *equals = memchr(line, '=', length);
    struct config *one;

    if (!equals) return -EINVAL;
    one = calloc(1, sizeof *one);
    if (!one) return -ENOMEM;
    one->name = strndup(line, (size_t)(equals - line));
    one->value = strndup(equals + 1, (size_t)(line + length - equals - 1));
    if (!one->name || !one->value) {
        config_free(one);
        return -ENOMEM;
    }
    *ret_config = one;
    return 0;
}

int config_parse(const char *text, struct config **ret_config)
{
    struct config *first = NULL, **end = &first;

    while (*text) {
        size_t length = strcspn(text, "\n");
        int code = line_parse(text, length, end);

        if (code) {
            config_free(first);
            return code;
        }
        end = &(*end)->next;
        text += length + (text[length] == '\n');
    }
    *ret_config = first;
    return 0;
}

const char *config_get(const struct config *config, const char *name)
{
    for (; config; config = config->next)
        if (strcmp(config->name, name) == 0) return config->value;
    return NULL;
}

void config_free(struct config *config)
{
    while (config) {
        struct config *next = config->next;

        free(config->name);
        free(config->value);
        free(config);
        config = next;
    }
}
