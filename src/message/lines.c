#include "message/internal.h"

bool smt_message_line_next(const char **at, const char *end, struct smt_message_line *ret_line)
{
    const char *start = *at, *stop = start;
    size_t ending_bytes = 0;

    if (start == end) return false;
    while (stop < end && *stop != '\r' && *stop != '\n') stop++;
    if (stop < end) ending_bytes = *stop == '\r' && stop + 1 < end && stop[1] == '\n' ? 2 : 1;
    *ret_line = (struct smt_message_line){start, (size_t)(stop - start), ending_bytes};
    *at = stop + ending_bytes;
    return true;
}

size_t smt_message_header_size(const char *data, size_t size_bytes)
{
    const char *at = data, *end = data + size_bytes;
    struct smt_message_line line;
    bool is_started = false;

    while (smt_message_line_next(&at, end, &line)) {
        if (line.size_bytes == 0 && is_started) break;
        if (line.size_bytes > 0) is_started = true;
    }
    return (size_t)(at - data);
}
