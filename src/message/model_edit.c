#include "message/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message/model_private.h"
#include "message/view.h"

/* Memory for edits: chunks filled from the front, the newest first in the list. */
struct smt_model_chunk {
    struct smt_model_chunk *next;
    size_t used, capacity;
    char data[];
};

#define CHUNK_BYTES ((size_t)64 << 10)

void smt_model_release_chunks(struct smt_model *model, size_t keep_bytes)
{
    struct smt_model_chunk **link = &model->chunks;
    size_t kept = 0;

    while (*link) {
        struct smt_model_chunk *chunk = *link;

        if (kept + chunk->capacity > keep_bytes) {
            *link = chunk->next;
            free(chunk);
            continue;
        }
        kept += chunk->capacity;
        chunk->used = 0;
        link = &chunk->next;
    }
}

/* A chunk with size_bytes to spare, moved to the front of the list. */
static struct smt_model_chunk *chunk_find(struct smt_model *model, size_t size_bytes)
{
    struct smt_model_chunk **link = &model->chunks, *chunk;
    size_t capacity = size_bytes > CHUNK_BYTES ? size_bytes : CHUNK_BYTES;

    for (; (chunk = *link); link = &chunk->next)
        if (chunk->capacity - chunk->used >= size_bytes) break;
    if (chunk)
        *link = chunk->next;
    else if ((chunk = malloc(sizeof *chunk + capacity)))
        chunk->used = 0, chunk->capacity = capacity;
    else
        return NULL;
    chunk->next = model->chunks;
    model->chunks = chunk;
    return chunk;
}

/* Room that the model owns, not aligned; NULL when out of memory. */
static char *chunk_room(struct smt_model *model, size_t size_bytes)
{
    struct smt_model_chunk *chunk = model->chunks;
    char *room;

    if (model->failed) return NULL;
    if (size_bytes > SMT_MODEL_SIZE_MAX) goto failed;
    if (!chunk || chunk->capacity - chunk->used < size_bytes) {
        chunk = chunk_find(model, size_bytes);
        if (!chunk) goto failed;
    }
    room = chunk->data + chunk->used;
    chunk->used += size_bytes;
    return room;
failed:
    model->failed = true;
    return NULL;
}

/* Writes the pieces one after the other; returns the first one's place. */
static const char *keep_pieces(struct smt_model *model, const struct smt_slice *pieces,
                               size_t count)
{
    size_t size = 0;
    char *room, *at;

    for (size_t i = 0; i < count; i++) size += pieces[i].size;
    room = at = chunk_room(model, size);
    if (!room) return NULL;
    for (size_t i = 0; i < count; i++) {
        if (pieces[i].size) memcpy(at, pieces[i].data, pieces[i].size);
        at += pieces[i].size;
    }
    return room;
}

bool smt_model_set_header(struct smt_model *model, size_t index, struct smt_slice name,
                          struct smt_slice separator, struct smt_slice value, struct smt_slice end)
{
    struct smt_slice pieces[] = {name, separator, value, end};
    const char *data;

    if (index >= model->header_count) return false;
    data = keep_pieces(model, pieces, 4);
    if (!data) return false;
    model->headers[index] =
        (struct smt_model_header){data, (uint32_t)name.size, (uint32_t)separator.size,
                                  (uint32_t)value.size, (uint32_t)end.size};
    return true;
}

bool smt_model_insert_header(struct smt_model *model, size_t index, struct smt_slice name,
                             struct smt_slice value)
{
    return smt_model_insert_lines(model, index, (struct smt_model_header){.data = ""}, 1) &&
           smt_model_set_header(model, index, name, smt_slice(": ", 2), value,
                                smt_model_line_end(model));
}

/* Replaces a text by three pieces in a row. */
static bool set_pieces(struct smt_model *model, size_t where, struct smt_slice before,
                       struct smt_slice middle, struct smt_slice after)
{
    struct smt_slice pieces[5] = {{"", 0}, before, middle, after, {"", 0}};
    struct smt_model_header *header = NULL;
    size_t size = before.size + middle.size + after.size;
    const char *data;

    if (where < SMT_MODEL_NONE) {
        if (where >= model->header_count) return false;
        header = &model->headers[where];
        pieces[0] = smt_slice(header->data, (size_t)header->name_size + header->separator_size);
        pieces[4] = smt_model_end(header);
    } else if (where == SMT_MODEL_NONE) {
        return false;
    }
    if (size > SMT_MODEL_SIZE_MAX) return false;
    data = keep_pieces(model, pieces, 5);
    if (!data) return false;
    if (header)
        header->data = data, header->value_size = (uint32_t)size;
    else
        *(where == SMT_MODEL_BODY ? &model->body : &model->start) = smt_slice(data, size);
    return true;
}

bool smt_model_splice(struct smt_model *model, size_t where, size_t offset, size_t remove_bytes,
                      struct smt_slice insert)
{
    struct smt_slice text = smt_model_text(model, where);

    if (offset > text.size || remove_bytes > text.size - offset) return false;
    return set_pieces(
        model, where, smt_slice(text.data, offset), insert,
        smt_slice(text.data + offset + remove_bytes, text.size - offset - remove_bytes));
}

bool smt_model_set_text(struct smt_model *model, size_t where, struct smt_slice value)
{
    return set_pieces(model, where, smt_slice("", 0), value, smt_slice("", 0));
}

bool smt_model_shorten(struct smt_model *model, size_t where, size_t keep_bytes)
{
    struct smt_slice text = smt_model_text(model, where);

    return text.size > keep_bytes &&
           smt_model_splice(model, where, keep_bytes, text.size - keep_bytes, smt_slice("", 0));
}

/* Cuts a view of the text `where` out of it. */
static bool cut(struct smt_model *model, size_t where, struct smt_slice view)
{
    struct smt_slice text = smt_model_text(model, where);

    return smt_model_splice(model, where, (size_t)(view.data - text.data), view.size,
                            smt_slice("", 0));
}

bool smt_model_delete_item(struct smt_model *model, size_t where, size_t item)
{
    struct smt_slice text = smt_model_text(model, where), view;
    size_t at = 0;

    for (size_t i = 0; smt_view_item(text, &at, &view); i++) {
        const char *end = view.data + view.size;

        if (i < item) continue;
        if (end < text.data + text.size) /* the comma behind, else the one in front */
            view.size++;
        else if (view.data > text.data)
            view.data--, view.size++;
        return view.size && cut(model, where, view); /* an empty text has one empty item */
    }
    return false;
}

bool smt_model_delete_parameter(struct smt_model *model, size_t where, size_t parameter)
{
    struct smt_slice text = smt_model_text(model, where);
    struct smt_view_parameter view;
    size_t at = 0;

    for (size_t i = 0; smt_view_parameter(text, &at, &view); i++)
        if (i == parameter) return cut(model, where, view.whole);
    return false;
}

bool smt_model_delete_part(struct smt_model *model, size_t part)
{
    struct smt_slice boundary;
    struct smt_view_part view;
    size_t at = 0;

    if (!smt_view_boundary(model, &boundary)) return false;
    for (size_t i = 0; smt_view_part(model->body, boundary, &at, &view); i++)
        if (i == part) return cut(model, SMT_MODEL_BODY, view.whole);
    return false;
}

bool smt_model_delete_body_line(struct smt_model *model, size_t line)
{
    struct smt_view_line view;
    size_t at = 0;

    for (size_t i = 0; smt_view_line(model->body, &at, &view); i++)
        if (i == line) return cut(model, SMT_MODEL_BODY, view.whole);
    return false;
}

static struct smt_slice length_text(const struct smt_model *model, char room[32])
{
    return smt_slice(room, (size_t)snprintf(room, 32, "%zu", model->body.size));
}

bool smt_model_length_is_exact(const struct smt_model *model)
{
    size_t index = smt_model_find(model, "Content-Length", 0);
    struct smt_slice value, exact;
    char room[32];

    if (index == SMT_MODEL_NONE) return false;
    value = smt_view_trim(smt_model_value(&model->headers[index]));
    exact = length_text(model, room);
    return value.size == exact.size && memcmp(value.data, exact.data, exact.size) == 0;
}

bool smt_model_fix_length(struct smt_model *model)
{
    size_t index = smt_model_find(model, "Content-Length", 0);
    char room[32];

    if (index == SMT_MODEL_NONE) return false;
    if (smt_model_length_is_exact(model)) return true;
    return smt_model_set_text(model, index, length_text(model, room));
}
