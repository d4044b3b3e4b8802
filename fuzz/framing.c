#include "framing.h"

#include <string.h>
#include <strings.h>

/* A line, its end not counted. */
struct line {
    const char *text;
    size_t bytes;
};

/* Is the line a header of this name? Its value, blanks around it cut off. */
static bool line_is(const struct line *line, const char *name, struct line *ret_value)
{
    size_t at = strlen(name), end = line->bytes;

    if (end < at || strncasecmp(line->text, name, at) != 0) return false;
    while (at < end && (line->text[at] == ' ' || line->text[at] == '\t')) at++;
    if (at == end || line->text[at] != ':') return false;
    at++;
    while (at < end && (line->text[at] == ' ' || line->text[at] == '\t')) at++;
    while (end > at && (line->text[end - 1] == ' ' || line->text[end - 1] == '\t')) end--;
    *ret_value = (struct line){line->text + at, end - at};
    return true;
}

static bool digits_read(const struct line *value, size_t *ret_number)
{
    size_t number = 0;

    if (!value->bytes || value->bytes > 9) return false;
    for (size_t i = 0; i < value->bytes; i++) {
        if (value->text[i] < '0' || value->text[i] > '9') return false;
        number = number * 10 + (size_t)(value->text[i] - '0');
    }
    *ret_number = number;
    return true;
}

/* The next line; false when it does not end in CRLF or holds what might. */
static bool line_next(const char **at, const char *end, struct line *ret_line)
{
    const char *stop = memchr(*at, '\n', (size_t)(end - *at));
    size_t bytes;

    if (!stop || stop == *at || stop[-1] != '\r') return false;
    bytes = (size_t)(stop - 1 - *at);
    if (memchr(*at, '\r', bytes) || memchr(*at, '\0', bytes)) return false;
    *ret_line = (struct line){*at, bytes};
    *at = stop + 1;
    return true;
}

bool fuzz_framing_read(const char *data, size_t size_bytes, struct fuzz_framing *ret_framing)
{
    struct fuzz_framing framing = {0};
    const char *at = data, *end = data + size_bytes;
    struct line line, value;
    size_t length = 0;

    if (!line_next(&at, end, &line) || !line.bytes) return false;
    for (;;) {
        if (!line_next(&at, end, &line)) return false;
        if (!line.bytes) break;
        if (line_is(&line, "Content-Type", &value) || line_is(&line, "c", &value)) {
            framing.has_type |= value.bytes > 0;
            framing.is_multipart |= value.bytes >= 9 && !strncasecmp(value.text, "multipart", 9);
        }
        if (!line_is(&line, "Content-Length", &value) && !line_is(&line, "l", &value)) continue;
        if (framing.has_length || !digits_read(&value, &length)) return false;
        if (at < end && (*at == ' ' || *at == '\t')) return false;
        framing.has_length = true;
    }
    framing.body_offset = (size_t)(at - data);
    framing.rest_bytes = framing.body_bytes = (size_t)(end - at);
    framing.says_more = framing.has_length && length > framing.rest_bytes;
    if (framing.has_length && !framing.says_more) framing.body_bytes = length;
    *ret_framing = framing;
    return true;
}
