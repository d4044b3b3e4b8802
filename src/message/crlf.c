#include "message/internal.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    enum smt_crlf mode;
} crlf_modes[] = {
    {"keep", SMT_CRLF_KEEP},
    {"fix", SMT_CRLF_FIX},
    {"strict", SMT_CRLF_STRICT},
};

enum smt_status smt_message_crlf_parse(const char *text, enum smt_crlf *ret_mode)
{
    for (size_t i = 0; i < sizeof crlf_modes / sizeof crlf_modes[0]; i++) {
        if (strcmp(text, crlf_modes[i].name) != 0) continue;
        *ret_mode = crlf_modes[i].mode;
        return SMT_OK;
    }
    return smt_fail(SMT_EUSAGE, "--crlf: '%s' is unknown; write keep, fix or strict", text);
}

/* SMT_EINPUT at the first line of the header section that does not end in CRLF. */
static enum smt_status crlf_check(const struct smt_message *message, const char *header_end)
{
    const char *at = message->data;
    struct smt_message_line line;

    for (size_t number = 1; smt_message_line_next(&at, header_end, &line); number++) {
        const char *ending = line.ending_bytes == 0 ? "with the message" : "in a bare CR";

        if (line.ending_bytes == 2) continue;
        if (line.ending_bytes == 1 && line.text[line.size_bytes] == '\n') ending = "in a bare LF";
        return smt_fail(SMT_EINPUT,
                        "%s: line %zu ends %s instead of CRLF; mend the message, or use "
                        "--crlf=fix (bare line ends only) or --crlf=keep",
                        message->name, number, ending);
    }
    return SMT_OK;
}

/* Bytes that are missing for every bare line end to be a CRLF. */
static size_t crlf_missing_bytes(const char *at, const char *header_end)
{
    struct smt_message_line line;
    size_t missing_bytes = 0;

    while (smt_message_line_next(&at, header_end, &line))
        if (line.ending_bytes == 1) missing_bytes++;
    return missing_bytes;
}

/* The words that give the message, and have it mended as it is here. */
static char *crlf_words(const struct smt_message *message)
{
    struct smt_buffer words;

    smt_buffer_init(&words);
    smt_buffer_add_text(&words, "--crlf=fix ");
    smt_message_add_words(message, &words);
    return smt_buffer_take(&words);
}

static enum smt_status crlf_fix(struct smt_message *message, const char *header_end)
{
    size_t missing_bytes = crlf_missing_bytes(message->data, header_end);
    size_t body_bytes = message->size_bytes - (size_t)(header_end - message->data);
    const char *at = message->data;
    struct smt_message_line line;
    char *data, *to, *words;

    if (missing_bytes == 0) return SMT_OK;
    data = to = malloc(message->size_bytes + missing_bytes + 1);
    words = crlf_words(message);
    if (!data || !words) {
        free(data);
        free(words);
        return smt_fail(SMT_ENOMEM, "%s: out of memory", message->name);
    }
    while (smt_message_line_next(&at, header_end, &line)) {
        to = mempcpy(to, line.text, line.size_bytes);
        if (line.ending_bytes > 0) to = mempcpy(to, "\r\n", 2);
    }
    to = mempcpy(to, header_end, body_bytes);
    *to = '\0';
    free(message->data);
    free(message->words);
    message->data = data;
    message->words = words;
    message->size_bytes += missing_bytes;
    return SMT_OK;
}

enum smt_status smt_message_apply_crlf(struct smt_message *message, enum smt_crlf mode)
{
    const char *header_end;

    if (mode == SMT_CRLF_KEEP) return SMT_OK;
    header_end = message->data + smt_message_header_size(message->data, message->size_bytes);
    return mode == SMT_CRLF_FIX ? crlf_fix(message, header_end) : crlf_check(message, header_end);
}
