#include "message/model.h"

#include <stdlib.h>
#include <string.h>

#include "message/model_private.h"
#include "message/view.h"

/* Walks lines. The next CR and the next LF are remembered, so that bytes are
 * searched once: with CR only, looking for LF at every line would be quadratic. */
struct line_scan {
    const char *at, *end;
    const char *next_cr, *next_lf; /* `end` when there is none */
};

static const char *find_byte(const char *at, const char *end, int byte)
{
    const char *found = at < end ? memchr(at, byte, (size_t)(end - at)) : NULL;

    return found ? found : end;
}

/* First line end from `at` on; `end` when there is none. */
static const char *scan_line_end(struct line_scan *scan, const char *at)
{
    if (scan->next_cr < at) scan->next_cr = find_byte(at, scan->end, '\r');
    if (scan->next_lf < at) scan->next_lf = find_byte(at, scan->end, '\n');
    return scan->next_cr < scan->next_lf ? scan->next_cr : scan->next_lf;
}

/* Size of the line end at `at`: CRLF 2, CR or LF 1, none 0. */
static size_t line_end_size(const char *at, const char *end)
{
    if (at == end) return 0;
    if (*at == '\r') return at + 1 < end && at[1] == '\n' ? 2 : 1;
    return *at == '\n';
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

void smt_model_init(struct smt_model *model)
{
    *model = (struct smt_model){0};
}

void smt_model_clear(struct smt_model *model)
{
    smt_model_release_chunks(model, 0);
    free(model->headers);
    smt_model_init(model);
}

/* Forgets the message, keeps what memory will be wanted again. */
static void model_empty(struct smt_model *model)
{
    struct smt_slice none = {"", 0};

    smt_model_release_chunks(model, SMT_MODEL_KEEP_BYTES);
    model->leading = model->start = model->start_end = model->blank = model->body = none;
    model->header_count = 0;
    model->failed = false;
}

/* Room for `count` more headers. */
static bool model_reserve(struct smt_model *model, size_t count)
{
    size_t needed = model->header_count + count, capacity = model->header_capacity;
    struct smt_model_header *headers;

    if (model->failed) return false;
    if (needed <= capacity) return true;
    if (needed > 2 * SMT_MODEL_HEADERS_MAX) return false;
    capacity = capacity ? capacity : 64;
    while (capacity < needed) capacity *= 2;
    headers = realloc(model->headers, capacity * sizeof *headers);
    if (!headers) {
        model->failed = true;
        return false;
    }
    model->headers = headers;
    model->header_capacity = capacity;
    return true;
}

/* Splits the line from `from` to `to`, of which the first physical line ends at
 * `first_end`: a colon in a fold separates nothing. */
static struct smt_model_header split_line(const char *from, const char *first_end, const char *to,
                                          size_t end_size)
{
    const char *colon = find_byte(from, first_end, ':'), *name_end = colon, *value = from;
    struct smt_model_header header = {.data = from, .end_size = (uint32_t)end_size};

    if (colon < first_end) {
        while (name_end > from && is_blank(name_end[-1])) name_end--;
        header.name_size = (uint32_t)(name_end - from);
        value = colon + 1;
        while (value < first_end && is_blank(*value)) value++;
        header.separator_size = (uint32_t)(value - name_end);
    }
    header.value_size = (uint32_t)(to - value);
    return header;
}

/* Takes one header line, folds included, off the scan. */
static struct smt_model_header scan_header(struct line_scan *scan)
{
    const char *from = scan->at, *first_end = scan_line_end(scan, from), *to = first_end;
    size_t end_size = line_end_size(to, scan->end);
    struct smt_model_header header;

    /* RFC 3261 7.3.1: a header value may continue on the next line. */
    while (to + end_size < scan->end && is_blank(to[end_size])) {
        to = scan_line_end(scan, to + end_size);
        end_size = line_end_size(to, scan->end);
    }
    header = split_line(from, first_end, to, end_size);
    scan->at = to + end_size;
    return header;
}

static void scan_start(struct smt_model *model, struct line_scan *scan)
{
    const char *from = scan->at, *at = from;

    while (at < scan->end && (*at == '\r' || *at == '\n')) at++;
    model->leading = smt_slice(from, (size_t)(at - from));
    from = at;
    at = scan_line_end(scan, from);
    model->start = smt_slice(from, (size_t)(at - from));
    model->start_end = smt_slice(at, line_end_size(at, scan->end));
    scan->at = at + model->start_end.size;
}

static bool scan_headers(struct smt_model *model, struct line_scan *scan)
{
    while (scan->at < scan->end && model->header_count < SMT_MODEL_HEADERS_MAX) {
        size_t blank_size = line_end_size(scan->at, scan->end);

        if (blank_size) {
            model->blank = smt_slice(scan->at, blank_size);
            scan->at += blank_size;
            break;
        }
        if (!model_reserve(model, 1)) return false;
        model->headers[model->header_count++] = scan_header(scan);
    }
    return true;
}

enum smt_status smt_model_parse(struct smt_model *model, const char *data, size_t size_bytes)
{
    struct line_scan scan = {data, data + size_bytes, data, data};

    model_empty(model);
    if (size_bytes == 0) return SMT_OK;
    if (size_bytes > SMT_MODEL_SIZE_MAX)
        return smt_fail(SMT_EINPUT, "message of %zu bytes is larger than %zu", size_bytes,
                        SMT_MODEL_SIZE_MAX);
    scan.next_cr = find_byte(data, scan.end, '\r');
    scan.next_lf = find_byte(data, scan.end, '\n');
    scan_start(model, &scan);
    if (!scan_headers(model, &scan)) {
        model_empty(model);
        model->failed = true;
        return smt_fail(SMT_ENOMEM, "out of memory for a message of %zu bytes", size_bytes);
    }
    model->body = smt_slice(scan.at, (size_t)(scan.end - scan.at));
    return SMT_OK;
}

size_t smt_model_size(const struct smt_model *model)
{
    size_t size = model->leading.size + model->start.size + model->start_end.size +
                  model->blank.size + model->body.size;

    for (size_t i = 0; i < model->header_count; i++)
        size += smt_model_line_size(&model->headers[i]);
    return size;
}

/* Copies what fits; returns where the next piece goes. */
static char *write_piece(char *at, const char *end, const char *data, size_t size)
{
    size_t room = (size_t)(end - at);

    if (size > room) size = room;
    if (size) memcpy(at, data, size);
    return at + size;
}

/* Lines that still lie side by side, as parsed, go in one piece: one copy for
 * a message with one edit instead of one a header. */
static char *write_headers(const struct smt_model *model, char *at, const char *end)
{
    for (size_t i = 0; i < model->header_count;) {
        const char *from = model->headers[i].data;
        size_t size = smt_model_line_size(&model->headers[i]);

        for (i++; i < model->header_count && model->headers[i].data == from + size; i++)
            size += smt_model_line_size(&model->headers[i]);
        at = write_piece(at, end, from, size);
    }
    return at;
}

size_t smt_model_write(const struct smt_model *model, char *out, size_t capacity_bytes)
{
    const char *end = out + capacity_bytes;
    char *at = out;

    at = write_piece(at, end, model->leading.data, model->leading.size);
    at = write_piece(at, end, model->start.data, model->start.size);
    at = write_piece(at, end, model->start_end.data, model->start_end.size);
    at = write_headers(model, at, end);
    at = write_piece(at, end, model->blank.data, model->blank.size);
    at = write_piece(at, end, model->body.data, model->body.size);
    return (size_t)(at - out);
}

void smt_model_add(const struct smt_model *model, struct smt_buffer *buffer)
{
    smt_buffer_add(buffer, model->leading.data, model->leading.size);
    smt_buffer_add(buffer, model->start.data, model->start.size);
    smt_buffer_add(buffer, model->start_end.data, model->start_end.size);
    for (size_t i = 0; i < model->header_count; i++)
        smt_buffer_add(buffer, model->headers[i].data, smt_model_line_size(&model->headers[i]));
    smt_buffer_add(buffer, model->blank.data, model->blank.size);
    smt_buffer_add(buffer, model->body.data, model->body.size);
}

size_t smt_model_find(const struct smt_model *model, const char *name, size_t from)
{
    for (size_t i = from; i < model->header_count; i++)
        if (smt_view_is_name(smt_model_name(&model->headers[i]), name)) return i;
    return SMT_MODEL_NONE;
}

struct smt_slice smt_model_text(const struct smt_model *model, size_t where)
{
    if (where == SMT_MODEL_START) return model->start;
    if (where == SMT_MODEL_BODY) return model->body;
    if (where >= model->header_count) return smt_slice("", 0);
    return smt_model_value(&model->headers[where]);
}

struct smt_slice smt_model_line_end(const struct smt_model *model)
{
    return model->start_end.size ? model->start_end : smt_slice("\r\n", 2);
}

bool smt_model_insert_lines(struct smt_model *model, size_t index, struct smt_model_header header,
                            size_t count)
{
    struct smt_model_header *at;

    if (index > model->header_count || count > SMT_MODEL_HEADERS_MAX) return false;
    if (!model_reserve(model, count)) return false;
    at = model->headers + index;
    memmove(at + count, at, (model->header_count - index) * sizeof *at);
    for (size_t i = 0; i < count; i++) at[i] = header;
    model->header_count += count;
    return true;
}

bool smt_model_delete_headers(struct smt_model *model, size_t first, size_t count)
{
    size_t left;

    if (first >= model->header_count || count == 0 || model->failed) return false;
    left = model->header_count - first;
    if (count > left) count = left;
    memmove(model->headers + first, model->headers + first + count,
            (left - count) * sizeof *model->headers);
    model->header_count -= count;
    return true;
}
