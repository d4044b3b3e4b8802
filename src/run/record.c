/* run/record.c - two receivers of what an operation shows: one that boils it
 * down to a digest (every injected run), one that keeps it (baseline, replay). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "run/shared.h"

static void digest_text(struct run_digest_walk *walk, const void *bytes, size_t size_bytes)
{
    walk->digest = XXH3_64bits_withSeed(bytes, size_bytes, walk->digest);
}

static void digest_enter(struct smt_walk *walk, const char *name, int index)
{
    struct run_digest_walk *self = (struct run_digest_walk *)walk;

    digest_text(self, name, strlen(name));
    self->digest = (self->digest ^ (uint64_t)(index + 2)) * 0x9E3779B97F4A7C15u;
}

static void digest_leave(struct smt_walk *walk)
{
    struct run_digest_walk *self = (struct run_digest_walk *)walk;

    self->digest = (self->digest ^ 1) * 0xC2B2AE3D27D4EB4Fu;
}

static void digest_field(struct smt_walk *walk, const char *name, const void *bytes,
                         size_t size_bytes)
{
    struct run_digest_walk *self = (struct run_digest_walk *)walk;

    digest_text(self, name, strlen(name));
    digest_text(self, bytes, size_bytes);
}

void smt_run_digest_init(struct run_digest_walk *walk)
{
    *walk = (struct run_digest_walk){{digest_enter, digest_leave, digest_field}, 0};
}

#define PATH_BYTES 1024
#define PATH_DEPTH 16

struct record_walk {
    struct smt_walk walk;
    struct run_stream *stream;
    enum smt_op op;
    uint32_t group;
    unsigned depth;
    size_t ends[PATH_DEPTH]; /* length of the path before each entered level */
    size_t length;
    char path[PATH_BYTES];
};

static void record_enter(struct smt_walk *walk, const char *name, int index)
{
    struct record_walk *self = (struct record_walk *)walk;
    size_t left = PATH_BYTES - self->length;
    int added;

    if (!self->depth) self->group++;
    if (self->depth < PATH_DEPTH) self->ends[self->depth] = self->length;
    self->depth++;
    added = index < 0 ? snprintf(self->path + self->length, left, "%s ", name)
                      : snprintf(self->path + self->length, left, "%s[%d] ", name, index);
    self->length += added < 0 ? 0 : (size_t)added < left ? (size_t)added : left - 1;
}

static void record_leave(struct smt_walk *walk)
{
    struct record_walk *self = (struct record_walk *)walk;

    if (!self->depth) return;
    self->depth--;
    if (self->depth < PATH_DEPTH) self->length = self->ends[self->depth];
    self->path[self->length] = '\0';
}

static void record_field(struct smt_walk *walk, const char *name, const void *bytes,
                         size_t size_bytes)
{
    struct record_walk *self = (struct record_walk *)walk;
    struct run_stream *stream = self->stream;
    size_t name_bytes = strlen(name) < PATH_BYTES ? strlen(name) : PATH_BYTES;
    struct run_stream_entry entry = {self->op, self->depth ? self->group : ++self->group,
                                     (uint32_t)(self->length + name_bytes), size_bytes};
    char *to = stream->bytes + stream->used;
    size_t left = STREAM_BYTES - stream->used;

    if (left < sizeof entry + entry.path_bytes + 2 ||
        left - sizeof entry - entry.path_bytes - 2 < size_bytes) {
        stream->truncated = true;
        return;
    }
    memcpy(to, &entry, sizeof entry);
    to += sizeof entry;
    memcpy(to, self->path, self->length);
    memcpy(to + self->length, name, name_bytes);
    to += entry.path_bytes;
    *to++ = '\0';
    if (size_bytes) memcpy(to, bytes, size_bytes);
    to[size_bytes] = '\0';
    stream->used += sizeof entry + entry.path_bytes + 2 + size_bytes;
}

void smt_run_record_op(struct run_stream *stream, enum smt_op op, const struct smt_parser_op *row,
                       const void *state)
{
    struct record_walk walk = {
        .walk = {record_enter, record_leave, record_field},
        .stream = stream,
        .op = op,
        .group = (uint32_t)op << 24,
    };

    row->show(state, &walk.walk);
}

/* Two passes: count, then point into the stream. */
enum smt_status smt_run_stream_fields(const struct run_stream *stream,
                                      struct smt_field_list *ret_fields)
{
    struct smt_field_list fields = {NULL, 0, stream->truncated};
    struct run_stream_entry entry;

    for (size_t at = 0; at < stream->used;
         at += sizeof entry + entry.path_bytes + 2 + entry.value_bytes) {
        memcpy(&entry, stream->bytes + at, sizeof entry);
        fields.count++;
    }
    fields.items = calloc(fields.count + 1, sizeof *fields.items);
    if (!fields.items) return smt_fail(SMT_ENOMEM, "out of memory for the fields of a message");
    fields.count = 0;
    for (size_t at = 0; at < stream->used;
         at += sizeof entry + entry.path_bytes + 2 + entry.value_bytes) {
        const char *path = stream->bytes + at + sizeof entry;

        memcpy(&entry, stream->bytes + at, sizeof entry);
        fields.items[fields.count++] =
            (struct smt_field){(enum smt_op)entry.op, entry.group, path,
                               path + entry.path_bytes + 1, entry.value_bytes};
    }
    *ret_fields = fields;
    return SMT_OK;
}
