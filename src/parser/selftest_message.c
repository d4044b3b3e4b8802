/* The message of the parser with planted bugs: text -> structures -> copy and
 * text. One pass over the bytes; nothing is read behind the last of them.
 *
 * Rendering is a fixed point: header lines are unfolded, Content-Length is
 * written anew as the last header, a multipart body is put together from its
 * parts without preamble and epilogue. */
#include "parser/selftest.h"

#include <stdio.h>
#include <string.h>

static size_t span_size(struct smt_selftest_span span)
{
    return (size_t)(span.end - span.at);
}

static bool is_content_length(const struct smt_selftest_header *header)
{
    return smt_selftest_text_is(&header->name, "Content-Length") ||
           smt_selftest_text_is(&header->name, "l");
}

/* ---- headers ---- */

static void header_free(struct smt_selftest_header *header)
{
    smt_selftest_text_clear(&header->name);
    smt_selftest_text_clear(&header->value);
    smt_selftest_hooks.free(header);
}

static void headers_clear(struct smt_selftest_headers *headers)
{
    while (headers->first) {
        struct smt_selftest_header *header = headers->first;

        headers->first = header->next;
        header_free(header);
    }
    headers->last = NULL;
}

static void headers_append(struct smt_selftest_headers *headers, struct smt_selftest_header *header)
{
    if (headers->last)
        headers->last->next = header;
    else
        headers->first = header;
    headers->last = header;
}

int smt_selftest_header_add(struct smt_selftest_headers *headers, const char *name,
                            size_t name_size_bytes, const char *value, size_t value_size_bytes)
{
    struct smt_selftest_header *header = smt_selftest_hooks.calloc(1, sizeof *header);

    if (!header) return SMT_SELFTEST_NOMEM;
    if (smt_selftest_text_copy(&header->name, name, name_size_bytes) ||
        smt_selftest_text_copy(&header->value, value, value_size_bytes)) {
        header_free(header);
        return SMT_SELFTEST_NOMEM;
    }
    headers_append(headers, header);
    return SMT_SELFTEST_OK;
}

void smt_selftest_header_drop_first(struct smt_selftest_headers *headers)
{
    struct smt_selftest_header *header = headers->first;

    if (!header) return;
    headers->first = header->next;
    if (!headers->first) headers->last = NULL;
    header_free(header);
}

const struct smt_selftest_header *
smt_selftest_header_find(const struct smt_selftest_headers *headers, const char *name,
                         const char *compact)
{
    for (const struct smt_selftest_header *at = headers->first; at; at = at->next)
        if (smt_selftest_text_is(&at->name, name) || smt_selftest_text_is(&at->name, compact))
            return at;
    return NULL;
}

/* RFC 3261 7.3.1: a line that begins with a blank continues the value; the
 * break and the blanks around it count as one blank. Writes to `to` unless
 * NULL; returns the size. */
static size_t unfold(struct smt_selftest_span raw, char *to)
{
    struct smt_selftest_span line;
    size_t size = 0;

    while (smt_selftest_line(&raw, &line)) {
        line = smt_selftest_trim(line);
        if (line.at == line.end) continue;
        if (size) {
            if (to) to[size] = ' ';
            size++;
        }
        if (to) memcpy(to + size, line.at, span_size(line));
        size += span_size(line);
    }
    return size;
}

static int header_parse(struct smt_selftest_headers *headers, struct smt_selftest_span line,
                        struct smt_selftest_span *rest)
{
    const char *colon = memchr(line.at, ':', span_size(line));
    struct smt_selftest_span name = {line.at, colon}, raw = {colon, line.end};
    struct smt_selftest_header *header;

    if (!colon || *line.at == ' ' || *line.at == '\t') return SMT_SELFTEST_SYNTAX;
    raw.at = colon + 1;
    name = smt_selftest_trim(name);
    if (name.at == name.end) return SMT_SELFTEST_SYNTAX;
    for (const char *at = name.at; at < name.end; at++)
        if ((unsigned char)*at <= ' ' || *at == 0x7F) return SMT_SELFTEST_SYNTAX;
    while (rest->at < rest->end && (*rest->at == ' ' || *rest->at == '\t')) {
        smt_selftest_line(rest, &line);
        raw.end = line.end;
    }

    if (smt_selftest_header_add(headers, name.at, span_size(name), NULL, 0))
        return SMT_SELFTEST_NOMEM;
    header = headers->last;
    header->folded = memchr(raw.at, '\n', span_size(raw)) != NULL;
    header->value.size_bytes = unfold(raw, NULL);
    if (!header->value.size_bytes) return SMT_SELFTEST_OK;
    header->value.data = smt_selftest_hooks.malloc(header->value.size_bytes);
    if (!header->value.data) return SMT_SELFTEST_NOMEM;
    unfold(raw, header->value.data);
    return SMT_SELFTEST_OK;
}

/* Up to and with the empty line, or to the end of `rest`. */
static int headers_parse(struct smt_selftest_headers *headers, struct smt_selftest_span *rest,
                         bool *ret_empty_line)
{
    struct smt_selftest_span line;

    *ret_empty_line = false;
    while (smt_selftest_line(rest, &line)) {
        int code;

        if (line.at == line.end) {
            *ret_empty_line = true;
            return SMT_SELFTEST_OK;
        }
        code = header_parse(headers, line, rest);
        if (code) return code;
    }
    return SMT_SELFTEST_OK;
}

static int headers_clone(const struct smt_selftest_headers *from, struct smt_selftest_headers *to)
{
    for (const struct smt_selftest_header *at = from->first; at; at = at->next) {
        if (smt_selftest_header_add(to, at->name.data, at->name.size_bytes, at->value.data,
                                    at->value.size_bytes))
            return SMT_SELFTEST_NOMEM;
        to->last->folded = at->folded;
    }
    return SMT_SELFTEST_OK;
}

static void headers_render(const struct smt_selftest_headers *headers, bool with_length,
                           struct smt_selftest_builder *builder)
{
    for (const struct smt_selftest_header *at = headers->first; at; at = at->next) {
        if (!with_length && is_content_length(at)) continue;
        smt_selftest_build(builder, at->name.data, at->name.size_bytes);
        smt_selftest_build(builder, ": ", 2);
        smt_selftest_build(builder, at->value.data, at->value.size_bytes);
        smt_selftest_build(builder, "\r\n", 2);
    }
}

/* ---- start line ---- */

static int start_parse(struct smt_selftest_message *message, struct smt_selftest_span line)
{
    bool response = span_size(line) >= 8 && memcmp(line.at, "SIP/2.0 ", 8) == 0;
    struct smt_selftest_span words[3];

    for (int i = 0; i < 2; i++) {
        const char *blank = memchr(line.at, ' ', span_size(line));

        words[i] = (struct smt_selftest_span){line.at, blank ? blank : line.end};
        /* "SIP/2.0 200" may do without the blank in front of no reason. */
        if (!blank && !(response && i == 1)) return SMT_SELFTEST_SYNTAX;
        if (words[i].at == words[i].end) return SMT_SELFTEST_SYNTAX;
        line.at = blank ? blank + 1 : line.end;
    }
    words[2] = line;
    if (response) {
        for (const char *at = words[1].at; at < words[1].end; at++)
            if (*at < '0' || *at > '9') return SMT_SELFTEST_SYNTAX;
        if (span_size(words[1]) != 3) return SMT_SELFTEST_SYNTAX;
    } else if (span_size(line) != 7 || memcmp(line.at, "SIP/2.0", 7) != 0) {
        return SMT_SELFTEST_SYNTAX;
    }
    for (int i = 0; i < 3; i++)
        if (smt_selftest_text_copy(&message->start[i], words[i].at, span_size(words[i])))
            return SMT_SELFTEST_NOMEM;
    return SMT_SELFTEST_OK;
}

/* ---- body ---- */

/* Cuts the body to Content-Length; without one it is all the rest. */
static int body_limit(struct smt_selftest_message *message, struct smt_selftest_span *body)
{
    size_t available = span_size(*body), limit = available;
    unsigned seen = 0;

    for (const struct smt_selftest_header *at = message->headers.first; at; at = at->next) {
        size_t length = 0;

        if (!is_content_length(at)) continue;
        if (!at->value.size_bytes) return SMT_SELFTEST_SYNTAX;
        for (size_t i = 0; i < at->value.size_bytes; i++) {
            unsigned digit = (unsigned char)at->value.data[i] - (unsigned)'0';

            if (digit > 9) return SMT_SELFTEST_SYNTAX;
            if (length <= available) length = length * 10 + digit;
        }
        if (length > available) {
            if (!smt_selftest_bug_asked(message, "unexpected")) return SMT_SELFTEST_SYNTAX;
            length = available;
        }
        if (seen && length != limit) return SMT_SELFTEST_SYNTAX;
        if (!seen++) message->length_bytes = (unsigned)at->value.size_bytes;
        limit = length;
    }
    message->length_exact = seen == 1 && limit == available;
    body->end = body->at + limit;
    return SMT_SELFTEST_OK;
}

/* A colon in the boundary could make a header line of a part look like a
 * delimiter once it is rendered, so it is refused. */
bool smt_selftest_boundary(struct smt_selftest_span type, struct smt_selftest_span *ret_boundary,
                           bool *ret_quoted)
{
    bool quoted = false;

    for (; type.at < type.end; type.at++) {
        struct smt_selftest_span value = {type.at + 1, type.end};
        char close;

        if (*type.at == '"') quoted = !quoted;
        if (quoted || *type.at != ';') continue;
        value = smt_selftest_trim(value);
        if (!smt_selftest_begins(value, "boundary=")) continue;
        value.at += 9;
        close = value.at < value.end && *value.at == '"' ? '"' : ';';
        if (close == '"') value.at++;
        for (const char *at = value.at; at < value.end; at++)
            if (*at == close) value.end = at;
        value = close == ';' ? smt_selftest_trim(value) : value;
        for (const char *at = value.at; at < value.end; at++)
            if (*at <= ' ' || *at == 0x7F || *at == ':') return false;
        *ret_boundary = value;
        *ret_quoted = close == '"';
        return value.at < value.end && span_size(value) <= 70;
    }
    return false;
}

enum delimiter { DELIMITER_NONE, DELIMITER_NEXT, DELIMITER_CLOSE };

static enum delimiter delimiter_of(struct smt_selftest_span line,
                                   const struct smt_selftest_text *boundary)
{
    bool close;

    if (span_size(line) < boundary->size_bytes + 2 || memcmp(line.at, "--", 2) != 0 ||
        memcmp(line.at + 2, boundary->data, boundary->size_bytes) != 0)
        return DELIMITER_NONE;
    line.at += 2 + boundary->size_bytes;
    close = span_size(line) >= 2 && memcmp(line.at, "--", 2) == 0;
    if (close) line.at += 2;
    line = smt_selftest_trim(line);
    if (line.at < line.end) return DELIMITER_NONE;
    return close ? DELIMITER_CLOSE : DELIMITER_NEXT;
}

static int part_append(struct smt_selftest_message *message)
{
    struct smt_selftest_part *part = smt_selftest_hooks.calloc(1, sizeof *part);

    if (!part) return SMT_SELFTEST_NOMEM;
    if (message->last_part)
        message->last_part->next = part;
    else
        message->parts = part;
    message->last_part = part;
    return SMT_SELFTEST_OK;
}

static int part_parse(struct smt_selftest_message *message, struct smt_selftest_span content)
{
    bool empty_line;
    int code;

    /* RFC 2046 5.1.1: the line break in front of a delimiter belongs to it. */
    if (content.at < content.end && content.end[-1] == '\n') {
        content.end--;
        if (content.at < content.end && content.end[-1] == '\r') content.end--;
    }
    code = part_append(message);
    if (!code) code = headers_parse(&message->last_part->headers, &content, &empty_line);
    if (!code)
        code = smt_selftest_text_copy(&message->last_part->body, content.at, span_size(content));
    return code;
}

static int parts_parse(struct smt_selftest_message *message, struct smt_selftest_span body)
{
    struct smt_selftest_span line, content = {NULL, NULL};

    while (smt_selftest_line(&body, &line)) {
        enum delimiter delimiter = delimiter_of(line, &message->boundary);

        if (delimiter == DELIMITER_NONE) continue;
        if (content.at) {
            int code;

            content.end = line.at;
            code = part_parse(message, content);
            if (code) return code;
        }
        if (delimiter == DELIMITER_CLOSE) return SMT_SELFTEST_OK;
        content.at = body.at;
    }
    return SMT_SELFTEST_SYNTAX;
}

static int body_parse(struct smt_selftest_message *message, struct smt_selftest_span body)
{
    const struct smt_selftest_header *type =
        smt_selftest_header_find(&message->headers, "Content-Type", "c");
    struct smt_selftest_span boundary;
    int code = body_limit(message, &body);

    if (code) return code;
    if (body.at == body.end || !type ||
        !smt_selftest_begins(smt_selftest_span_of(&type->value), "multipart/"))
        return smt_selftest_text_copy(&message->body, body.at, span_size(body));
    if (!smt_selftest_boundary(smt_selftest_span_of(&type->value), &boundary,
                               &message->boundary_quoted))
        return SMT_SELFTEST_SYNTAX;
    code = smt_selftest_text_copy(&message->boundary, boundary.at, span_size(boundary));
    return code ? code : parts_parse(message, body);
}

/* ---- message ---- */

void smt_selftest_parts_free(struct smt_selftest_part *part)
{
    while (part) {
        struct smt_selftest_part *next = part->next;

        headers_clear(&part->headers);
        smt_selftest_text_clear(&part->body);
        smt_selftest_hooks.free(part);
        part = next;
    }
}

void smt_selftest_message_free(struct smt_selftest_message *message)
{
    if (!message) return;
    for (int i = 0; i < 3; i++) smt_selftest_text_clear(&message->start[i]);
    headers_clear(&message->headers);
    smt_selftest_text_clear(&message->body);
    smt_selftest_text_clear(&message->boundary);
    smt_selftest_parts_free(message->parts);
    smt_selftest_hooks.free(message);
}

static int message_fill(struct smt_selftest_message *message, struct smt_selftest_span rest)
{
    struct smt_selftest_span line;
    bool empty_line;
    int code;

    /* RFC 3261 7.5: empty lines in front of the start line are ignored. */
    do {
        if (!smt_selftest_line(&rest, &line)) return SMT_SELFTEST_SYNTAX;
    } while (line.at == line.end);
    code = start_parse(message, line);
    if (!code) code = headers_parse(&message->headers, &rest, &empty_line);
    if (!code && !empty_line) code = SMT_SELFTEST_SYNTAX;
    for (const struct smt_selftest_header *at = message->headers.first;
         at && !code && !message->deep; at = at->next)
        code = smt_selftest_bug_request(message, at);
    return code ? code : body_parse(message, rest);
}

int smt_selftest_message_parse(const char *data, size_t size_bytes, bool deep,
                               struct smt_selftest_message **ret_message)
{
    struct smt_selftest_span all = {data, data ? data + size_bytes : data};
    struct smt_selftest_message *message = smt_selftest_hooks.calloc(1, sizeof *message);
    int code;

    if (!message) return SMT_SELFTEST_NOMEM;
    message->deep = deep;
    code = message_fill(message, all);
    if (code)
        smt_selftest_message_free(message);
    else
        *ret_message = message;
    return code;
}

static int clone_fill(const struct smt_selftest_message *from, struct smt_selftest_message *to)
{
    int code = SMT_SELFTEST_OK;

    for (int i = 0; i < 3 && !code; i++)
        code =
            smt_selftest_text_copy(&to->start[i], from->start[i].data, from->start[i].size_bytes);
    if (!code) code = headers_clone(&from->headers, &to->headers);
    if (!code) code = smt_selftest_text_copy(&to->body, from->body.data, from->body.size_bytes);
    if (!code)
        code =
            smt_selftest_text_copy(&to->boundary, from->boundary.data, from->boundary.size_bytes);
    for (const struct smt_selftest_part *at = from->parts; at && !code; at = at->next) {
        code = part_append(to);
        if (!code) code = headers_clone(&at->headers, &to->last_part->headers);
        if (!code)
            code = smt_selftest_text_copy(&to->last_part->body, at->body.data, at->body.size_bytes);
    }
    return code;
}

int smt_selftest_message_clone(const struct smt_selftest_message *message,
                               struct smt_selftest_message **ret_clone)
{
    struct smt_selftest_message *clone = smt_selftest_hooks.calloc(1, sizeof *clone);
    int code;

    if (!clone) return SMT_SELFTEST_NOMEM;
    memcpy(clone->bugs, message->bugs, sizeof clone->bugs);
    clone->deep = message->deep;
    code = clone_fill(message, clone);
    if (code)
        smt_selftest_message_free(clone);
    else
        *ret_clone = clone;
    return code;
}

static void body_render(const struct smt_selftest_message *message,
                        struct smt_selftest_builder *builder)
{
    smt_selftest_build(builder, message->body.data, message->body.size_bytes);
    if (!message->boundary.size_bytes) return;
    for (const struct smt_selftest_part *at = message->parts; at; at = at->next) {
        smt_selftest_build(builder, "--", 2);
        smt_selftest_build(builder, message->boundary.data, message->boundary.size_bytes);
        smt_selftest_build(builder, "\r\n", 2);
        headers_render(&at->headers, true, builder);
        smt_selftest_build(builder, "\r\n", 2);
        smt_selftest_build(builder, at->body.data, at->body.size_bytes);
        smt_selftest_build(builder, "\r\n", 2);
    }
    smt_selftest_build(builder, "--", 2);
    smt_selftest_build(builder, message->boundary.data, message->boundary.size_bytes);
    smt_selftest_build(builder, "--\r\n", 4);
}

int smt_selftest_message_render(const struct smt_selftest_message *message,
                                struct smt_selftest_text *ret_text)
{
    struct smt_selftest_builder builder = {0}, count = {.counting = true};
    char length[64];
    int length_size;

    body_render(message, &count);
    length_size =
        snprintf(length, sizeof length, "Content-Length: %zu\r\n\r\n", count.text.size_bytes);
    for (int i = 0; i < 3; i++) {
        smt_selftest_build(&builder, message->start[i].data, message->start[i].size_bytes);
        smt_selftest_build(&builder, i < 2 ? " " : "\r\n", i < 2 ? 1 : 2);
    }
    headers_render(&message->headers, false, &builder);
    smt_selftest_build(&builder, length, (size_t)length_size);
    body_render(message, &builder);
    return smt_selftest_built(&builder, ret_text);
}
