/* message/internal.h - what the files of message/ share: lines, manifests,
 * decoding. For this room only. */
#ifndef SMT_MESSAGE_INTERNAL_H
#define SMT_MESSAGE_INTERNAL_H

#include <stdint.h>

#include "message/message.h"

struct smt_message_line {
    const char *text;    /* without its end */
    size_t size_bytes;   /* of the text */
    size_t ending_bytes; /* 2 CRLF, 1 bare LF or CR, 0 the data stop here */
};

/* Takes the line at *at and moves *at behind it; false at the end. One pass
 * over the bytes: searching for CR and LF separately would be quadratic in
 * data that have only one of them. */
bool smt_message_line_next(const char **at, const char *end, struct smt_message_line *ret_line);

/* Decodes the text of a --message-data into `ret_bytes`, which may keep a part
 * of it on failure; `name` is for the sentence. */
SMT_MUST_USE enum smt_status smt_message_unescape(const char *name, const char *text,
                                                  struct smt_buffer *ret_bytes);

/* One line of a MANIFEST.tsv. */
struct smt_message_manifest_row {
    char *path;          /* relative to the root */
    size_t prefix_bytes; /* that much of path is the manifest's own folder */
    uint64_t line;       /* counted from 1 */
    enum smt_expectation expectation;
    bool is_seen; /* a message of that path was there */
};

/* The manifests below one root, as one table. Sorted by path, nearest manifest
 * first, once smt_message_manifest_sort() succeeded. */
struct smt_message_manifest {
    char *root; /* "" or ends with a slash */
    struct smt_message_manifest_row *rows;
    size_t count;
    size_t capacity;
};

/* An empty table; `root` is copied. NULL when out of memory. */
struct smt_message_manifest *smt_message_manifest_new(const char *root, size_t root_bytes);
void smt_message_manifest_free(struct smt_message_manifest *manifest);

/* Adds the rows of the manifest in folder `prefix` ("" or "sub/") of the root;
 * nothing when there is none. */
SMT_MUST_USE enum smt_status smt_message_manifest_load(struct smt_message_manifest *manifest,
                                                       const char *prefix);

/* Makes the table ready for finding; SMT_EINPUT when a manifest lists a file twice. */
SMT_MUST_USE enum smt_status smt_message_manifest_sort(struct smt_message_manifest *manifest);

/* Gives the message its expectation, when `path` (relative to the root) is listed. */
void smt_message_manifest_apply(struct smt_message_manifest *manifest, const char *path,
                                struct smt_message *message);

/* Marks a path as there, whatever became of its bytes. */
void smt_message_manifest_see(struct smt_message_manifest *manifest, const char *path);

/* Complains about every listed file that was not seen. */
void smt_message_manifest_complain(const struct smt_message_manifest *manifest,
                                   smt_message_on_error *on_error, void *context);

/* smt_message_add_file() without a manifest. */
SMT_MUST_USE enum smt_status smt_message_read_file(struct smt_message_list *list, const char *path);

#endif
