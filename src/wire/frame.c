#include "wire/frame.h"

#include <ctype.h>
#include <string.h>

/* Whether the JSON value is whole after this byte. What is no object and no array
 * goes on to the line's end: one error for it all, not one for every byte. */
static bool json_ends(struct smt_frame_finder *finder, char c)
{
    if (finder->after_backslash) {
        finder->after_backslash = false;
    } else if (finder->in_string) {
        if (c == '\\') finder->after_backslash = true;
        if (c == '"') finder->in_string = false;
    } else if (c == '"') {
        finder->in_string = true;
    } else if (c == '{' || c == '[') {
        finder->depth++;
    } else if ((c == '}' || c == ']') && finder->depth) {
        return --finder->depth == 0;
    }
    return false;
}

static void finder_restart(struct smt_frame_finder *finder)
{
    *finder = (struct smt_frame_finder){.protocol = finder->protocol};
}

static enum smt_wire_progress json_find(struct smt_frame_finder *finder, const char *bytes,
                                        size_t size_bytes, struct smt_wire_frame *frame)
{
    for (; finder->seen < size_bytes; finder->seen++) {
        char c = bytes[finder->seen];
        bool line = c == '\n';

        if (!line && !json_ends(finder, c)) continue;
        frame->end = finder->seen + 1;
        frame->size = frame->end - line;
        finder_restart(finder);
        return frame->end > SMT_FRAME_MAX ? SMT_WIRE_BAD : SMT_WIRE_DONE;
    }
    return size_bytes > SMT_FRAME_MAX ? SMT_WIRE_BAD : SMT_WIRE_MORE;
}

static enum smt_wire_progress text_find(struct smt_frame_finder *finder, const char *bytes,
                                        size_t size_bytes, struct smt_wire_frame *frame)
{
    const char *newline = memchr(bytes + finder->seen, '\n', size_bytes - finder->seen);

    if (!newline) {
        finder->seen = size_bytes;
        return size_bytes > SMT_FRAME_MAX ? SMT_WIRE_BAD : SMT_WIRE_MORE;
    }
    frame->size = (size_t)(newline - bytes);
    frame->end = frame->size + 1;
    if (frame->size && bytes[frame->size - 1] == '\r') frame->size--;
    finder_restart(finder);
    return frame->end > SMT_FRAME_MAX ? SMT_WIRE_BAD : SMT_WIRE_DONE;
}

static enum smt_wire_progress netstring_find(const char *bytes, size_t size_bytes,
                                             struct smt_wire_frame *frame)
{
    size_t length = 0, i = 0;

    for (; i < size_bytes && isdigit((unsigned char)bytes[i]); i++) {
        length = length * 10 + (size_t)(bytes[i] - '0');
        if (length > SMT_FRAME_MAX || (i > 0 && bytes[0] == '0')) return SMT_WIRE_BAD;
    }
    if (i == size_bytes) return SMT_WIRE_MORE;
    if (i == 0 || bytes[i] != ':') return SMT_WIRE_BAD;
    frame->begin = i + 1;
    frame->size = length;
    frame->end = i + 1 + length + 1;
    if (size_bytes < frame->end) return SMT_WIRE_MORE;
    return bytes[frame->end - 1] == ',' ? SMT_WIRE_DONE : SMT_WIRE_BAD;
}

static enum smt_wire_progress binrpc_find(const char *bytes, size_t size_bytes,
                                          struct smt_wire_frame *frame)
{
    struct smt_binrpc_header header;
    enum smt_wire_progress progress = smt_binrpc_header(bytes, size_bytes, &header);

    if (progress != SMT_WIRE_DONE) return progress;
    if (header.kind != SMT_BINRPC_REQUEST) return SMT_WIRE_BAD;
    frame->size = frame->end = header.header_bytes + header.payload_bytes;
    return size_bytes < frame->end ? SMT_WIRE_MORE : SMT_WIRE_DONE;
}

static enum smt_protocol protocol_guess(unsigned char first)
{
    if (first == SMT_BINRPC_MAGIC) return SMT_PROTOCOL_BINRPC;
    if (first == '{' || first == '[') return SMT_PROTOCOL_JSON;
    return isdigit(first) ? SMT_PROTOCOL_NETSTRING : SMT_PROTOCOL_TEXT;
}

enum smt_wire_progress smt_frame_find(struct smt_frame_finder *finder, const void *bytes,
                                      size_t size_bytes, struct smt_wire_frame *ret_frame)
{
    const char *at = bytes;
    enum smt_wire_progress progress;
    size_t skip = 0;

    *ret_frame = (struct smt_wire_frame){0};
    if (finder->seen == 0 && finder->protocol != SMT_PROTOCOL_BINRPC &&
        finder->protocol != SMT_PROTOCOL_TEXT)
        while (skip < size_bytes && isspace((unsigned char)at[skip])) skip++;
    ret_frame->skip = skip;
    at += skip;
    size_bytes -= skip;
    if (!size_bytes) return SMT_WIRE_MORE;
    if (finder->protocol == SMT_PROTOCOL_UNKNOWN)
        finder->protocol = protocol_guess((unsigned char)*at);
    if (finder->protocol == SMT_PROTOCOL_BINRPC)
        progress = binrpc_find(at, size_bytes, ret_frame);
    else if (finder->protocol == SMT_PROTOCOL_JSON)
        progress = json_find(finder, at, size_bytes, ret_frame);
    else if (finder->protocol == SMT_PROTOCOL_NETSTRING)
        progress = netstring_find(at, size_bytes, ret_frame);
    else
        progress = text_find(finder, at, size_bytes, ret_frame);
    if (progress == SMT_WIRE_MORE) return SMT_WIRE_MORE;
    ret_frame->begin += skip;
    ret_frame->end += skip;
    return progress;
}
