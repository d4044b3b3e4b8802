/* cli/cli_value.c - ready setters and the values they read. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

#define SECONDS_MOST 1000000u

static void *place(void *options, const struct smt_cli_option *row)
{
    return (char *)options + row->at;
}

SMT_CLI_SETTER(smt_cli_set_true)
{
    (void)arg;
    *(bool *)place(options, row) = true;
    return SMT_OK;
}

SMT_CLI_SETTER(smt_cli_set_text)
{
    *(const char **)place(options, row) = arg;
    return SMT_OK;
}

SMT_CLI_SETTER(smt_cli_set_number)
{
    if (!smt_number_parse(arg, place(options, row)))
        return smt_fail(SMT_EUSAGE, "--%s: '%s' is not a whole number from 0 up", row->name, arg);
    return SMT_OK;
}

SMT_CLI_SETTER(smt_cli_set_size)
{
    if (!smt_number_parse_size(arg, place(options, row)))
        return smt_fail(SMT_EUSAGE, "--%s: '%s' is no size in bytes, as 4096, 64k or 3m", row->name,
                        arg);
    return SMT_OK;
}

SMT_CLI_SETTER(smt_cli_set_seconds)
{
    if (!smt_cli_seconds_parse(arg, place(options, row)))
        return smt_fail(SMT_EUSAGE, "--%s: '%s' is no time in seconds, as 10 or 0.5", row->name,
                        arg);
    return SMT_OK;
}

SMT_CLI_SETTER(smt_cli_set_choice)
{
    unsigned index = 0;
    size_t length;

    for (const char *word = row->words; *word; index++) {
        length = strcspn(word, " ");
        if (strlen(arg) == length && memcmp(arg, word, length) == 0) {
            *(unsigned *)place(options, row) = index;
            return SMT_OK;
        }
        word += length;
        word += strspn(word, " ");
    }
    return smt_fail(SMT_EUSAGE, "--%s: '%s' is not known; known: %s", row->name, arg, row->words);
}

SMT_CLI_SETTER(smt_cli_set_texts)
{
    struct smt_cli_texts *texts = place(options, row);
    const char **items = reallocarray(texts->items, texts->count + 2, sizeof *items);

    if (!items) return smt_fail(SMT_ENOMEM, "out of memory for options");
    items[texts->count++] = arg;
    items[texts->count] = NULL;
    texts->items = items;
    return SMT_OK;
}

void smt_cli_texts_clear(struct smt_cli_texts *texts)
{
    free(texts->items);
    *texts = (struct smt_cli_texts){0};
}

bool smt_cli_seconds_parse(const char *text, uint64_t *ret_ns)
{
    char *end;
    double seconds;

    /* strtod() also reads signs, blanks, hexadecimal and "inf" */
    if (!*text || strspn(text, "0123456789.") != strlen(text)) return false;
    seconds = strtod(text, &end);
    if (*end || end == text || !(seconds > 0) || seconds > SECONDS_MOST) return false;
    *ret_ns = (uint64_t)ceil(seconds * 1e9);
    return true;
}

bool smt_cli_range_parse(const char *text, uint64_t *ret_first, uint64_t *ret_last)
{
    const char *dash = strchr(text, '-');
    uint64_t first, last;
    char copy[32];

    if (!dash || (size_t)(dash - text) >= sizeof copy) return false;
    memcpy(copy, text, (size_t)(dash - text));
    copy[dash - text] = '\0';
    if (!smt_number_parse(copy, &first) || !smt_number_parse(dash + 1, &last)) return false;
    if (!first || last < first) return false;
    *ret_first = first;
    *ret_last = last;
    return true;
}

bool smt_cli_is_terminal(FILE *out)
{
    const char *terminal = getenv("TERM");

    return isatty(fileno(out)) && terminal && strcmp(terminal, "dumb") != 0;
}
