/* message/model.h - a tolerant model of a SIP message.
 *
 * Takes any bytes at all, valid or not, and gives them back unchanged: every
 * byte belongs to exactly one piece, and writing the pieces in order is the
 * message again.
 *
 *   leading    blank lines in front of the start line (RFC 3261 7.5)
 *   start      "INVITE sip:a@b SIP/2.0"          start_end  "\r\n"
 *   headers[]  "Via" ": " "SIP/2.0/UDP h\r\n ;x" "\r\n"
 *              name  sep. value, folds and all   end
 *   blank      "\r\n"                            end of the header part
 *   body       the rest, never looked at here
 *
 * A line ends with CRLF, LF or CR. A line without a colon is all value. After
 * SMT_MODEL_HEADERS_MAX lines the rest counts as body, so memory is bounded by
 * 24 bytes a line; time is linear in the size.
 *
 * Pieces are slices of the bytes parsed, which stay the caller's and must live
 * as long as the model is used. An edit replaces slices by new ones the model
 * owns (all released by the next parse or clear), and touches no other piece:
 * Content-Length too follows only when asked. An allocation that fails sticks,
 * as in smt_buffer: later edits do nothing, `failed` stays set until the next
 * parse. One model, one thread. Views of a value are in message/view.h. */
#ifndef SMT_MESSAGE_MODEL_H
#define SMT_MESSAGE_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"

/* Bytes that belong to someone else; not followed by a zero. */
struct smt_slice {
    const char *data;
    size_t size;
};

#define SMT_MODEL_HEADERS_MAX ((size_t)1 << 20)
#define SMT_MODEL_SIZE_MAX    ((size_t)1 << 30)

/* Where an edit takes place: a header's value by its index, or one of these. */
#define SMT_MODEL_BODY  (SIZE_MAX)
#define SMT_MODEL_START (SIZE_MAX - 1)
#define SMT_MODEL_NONE  (SIZE_MAX - 2) /* "no such header" */

/* One header line; its pieces follow each other from `data` on. */
struct smt_model_header {
    const char *data;
    uint32_t name_size;
    uint32_t separator_size; /* the colon and the blanks around it */
    uint32_t value_size;     /* with folds and blanks at its end */
    uint32_t end_size;       /* 0, 1 or 2, unless an edit wanted else */
};

struct smt_model {
    struct smt_slice leading;
    struct smt_slice start;
    struct smt_slice start_end;
    struct smt_model_header *headers;
    size_t header_count;
    struct smt_slice blank;
    struct smt_slice body;
    bool failed; /* out of memory: contents are not what the edits asked for */

    size_t header_capacity;
    struct smt_model_chunk *chunks; /* what the edits own */
};

static inline struct smt_slice smt_slice(const char *data, size_t size)
{
    return (struct smt_slice){data, size};
}

/* The bytes of a zero-ended text, without the zero. */
static inline struct smt_slice smt_slice_text(const char *text)
{
    return (struct smt_slice){text, __builtin_strlen(text)};
}

static inline struct smt_slice smt_model_name(const struct smt_model_header *header)
{
    return smt_slice(header->data, header->name_size);
}

static inline struct smt_slice smt_model_separator(const struct smt_model_header *header)
{
    return smt_slice(header->data + header->name_size, header->separator_size);
}

static inline struct smt_slice smt_model_value(const struct smt_model_header *header)
{
    return smt_slice(header->data + header->name_size + header->separator_size, header->value_size);
}

static inline size_t smt_model_line_size(const struct smt_model_header *header)
{
    return (size_t)header->name_size + header->separator_size + header->value_size +
           header->end_size;
}

static inline struct smt_slice smt_model_end(const struct smt_model_header *header)
{
    return smt_slice(header->data + smt_model_line_size(header) - header->end_size,
                     header->end_size);
}

void smt_model_init(struct smt_model *model);
void smt_model_clear(struct smt_model *model);

/* Splits `data`, dropping what the model held and keeping its memory for use
 * again. SMT_EINPUT above SMT_MODEL_SIZE_MAX, SMT_ENOMEM; empty after both. */
SMT_MUST_USE enum smt_status smt_model_parse(struct smt_model *model, const char *data,
                                             size_t size_bytes);

/* Bytes the message has now. */
size_t smt_model_size(const struct smt_model *model);

/* Writes the message, at most capacity_bytes of it; returns bytes written. `out`
 * must not overlap what was parsed. */
size_t smt_model_write(const struct smt_model *model, char *out, size_t capacity_bytes);

/* Adds the message to `buffer`. */
void smt_model_add(const struct smt_model *model, struct smt_buffer *buffer);

/* Index of the first header from `from` on that has this name, in any case, in
 * its long or its compact form; else SMT_MODEL_NONE. */
size_t smt_model_find(const struct smt_model *model, const char *name, size_t from);

/* Value of the header `where`, the start line or the body. */
struct smt_slice smt_model_text(const struct smt_model *model, size_t where);

/* The line end a new line gets: the start line's, or CRLF. */
struct smt_slice smt_model_line_end(const struct smt_model *model);

/* Edits. Slices given are copied unless said otherwise, and may be pieces of
 * this very model. `false`: nothing there to edit, or out of memory. */

/* Replaces remove_bytes at `offset` of smt_model_text(where). */
bool smt_model_splice(struct smt_model *model, size_t where, size_t offset, size_t remove_bytes,
                      struct smt_slice insert);

/* Replaces all pieces of header `index`. */
bool smt_model_set_header(struct smt_model *model, size_t index, struct smt_slice name,
                          struct smt_slice separator, struct smt_slice value, struct smt_slice end);

/* Replaces the value of header `index`, the start line or the body. */
bool smt_model_set_text(struct smt_model *model, size_t where, struct smt_slice value);

/* A new line "name: value" in front of header `index` (header_count: the last). */
bool smt_model_insert_header(struct smt_model *model, size_t index, struct smt_slice name,
                             struct smt_slice value);

/* Puts `header` in front of header `index`, `count` times; its bytes are NOT
 * copied: they must outlive the model's use. */
bool smt_model_insert_lines(struct smt_model *model, size_t index, struct smt_model_header header,
                            size_t count);

/* Deletes up to `count` headers from `first` on. */
bool smt_model_delete_headers(struct smt_model *model, size_t first, size_t count);

/* Item `item` of the value's comma list, with the comma on one side of it. */
bool smt_model_delete_item(struct smt_model *model, size_t where, size_t item);

/* Parameter number `parameter` of the value, counted from 0 over the whole
 * value, those inside a URI too, with its semicolon. */
bool smt_model_delete_parameter(struct smt_model *model, size_t where, size_t parameter);

/* Body part `part` of a multipart body, with the delimiter line above it. */
bool smt_model_delete_part(struct smt_model *model, size_t part);

/* Line `line` of the body with its line end: an SDP line. */
bool smt_model_delete_body_line(struct smt_model *model, size_t line);

/* Keeps the first keep_bytes of the text; false if it has no more than that. */
bool smt_model_shorten(struct smt_model *model, size_t where, size_t keep_bytes);

/* Does the first Content-Length say exactly how long the body is? */
bool smt_model_length_is_exact(const struct smt_model *model);

/* Makes the first Content-Length exact; inserts none. */
bool smt_model_fix_length(struct smt_model *model);

#endif
