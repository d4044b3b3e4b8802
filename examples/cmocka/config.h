/* config.h - "name=value" lines, read twice: config_parse() is careful,
 * careless_parse() has the bugs that are easy to write. */
#ifndef CONFIG_H
#define CONFIG_H

struct config {
    struct config *next;
    char *name, *value;
};

/* 0, -EINVAL for a line without "=", -ENOMEM. On failure *ret_config is NULL. */
int config_parse(const char *text, struct config **ret_config);
int careless_parse(const char *text, struct config **ret_config);

const char *config_get(const struct config *config, const char *name);
void config_free(struct config *config);

#endif
