#include "message/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MANIFEST_FORM "write FILE<TAB>accept, reject or either"

static const char *const expectation_names[] = {
    [SMT_EXPECT_EITHER] = "either",
    [SMT_EXPECT_ACCEPT] = "accept",
    [SMT_EXPECT_REJECT] = "reject",
};

/* A piece of the manifest's text. */
struct span {
    const char *text;
    size_t size_bytes;
};

struct smt_message_manifest *smt_message_manifest_new(const char *root, size_t root_bytes)
{
    struct smt_message_manifest *manifest = calloc(1, sizeof *manifest);

    if (manifest) manifest->root = strndup(root, root_bytes);
    if (manifest && manifest->root) return manifest;
    free(manifest);
    return NULL;
}

void smt_message_manifest_free(struct smt_message_manifest *manifest)
{
    if (!manifest) return;
    for (size_t i = 0; i < manifest->count; i++) free(manifest->rows[i].path);
    free(manifest->rows);
    free(manifest->root);
    free(manifest);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct span span_trim(struct span span)
{
    while (span.size_bytes > 0 && is_blank(span.text[0])) span.text++, span.size_bytes--;
    while (span.size_bytes > 0 && is_blank(span.text[span.size_bytes - 1])) span.size_bytes--;
    return span;
}

/* Is it one folder or file after the other, with nothing that leads elsewhere
 * or gives one file two spellings? */
static bool path_is_plain(struct span path)
{
    const char *at = path.text, *end = path.text + path.size_bytes;

    if (memchr(path.text, '\0', path.size_bytes)) return false;
    for (;;) {
        const char *slash = memchr(at, '/', (size_t)(end - at));
        size_t length = (size_t)((slash ? slash : end) - at);

        if (length == 0 || (length == 1 && at[0] == '.') ||
            (length == 2 && at[0] == '.' && at[1] == '.'))
            return false;
        if (!slash) return true;
        at = slash + 1;
    }
}

static bool expectation_parse(struct span word, enum smt_expectation *ret_expectation)
{
    for (size_t i = 0; i < sizeof expectation_names / sizeof expectation_names[0]; i++) {
        if (strlen(expectation_names[i]) != word.size_bytes ||
            memcmp(expectation_names[i], word.text, word.size_bytes) != 0)
            continue;
        *ret_expectation = (enum smt_expectation)i;
        return true;
    }
    return false;
}

static bool manifest_reserve(struct smt_message_manifest *manifest)
{
    size_t capacity = manifest->capacity ? manifest->capacity * 2 : 16;
    struct smt_message_manifest_row *rows;

    if (manifest->count < manifest->capacity) return true;
    rows = reallocarray(manifest->rows, capacity, sizeof *rows);
    if (!rows) return false;
    manifest->rows = rows;
    manifest->capacity = capacity;
    return true;
}

static enum smt_status manifest_add(struct smt_message_manifest *manifest, const char *prefix,
                                    struct span path, struct smt_message_manifest_row row)
{
    row.prefix_bytes = strlen(prefix);
    row.path = malloc(row.prefix_bytes + path.size_bytes + 1);
    if (!row.path || !manifest_reserve(manifest)) {
        free(row.path);
        return smt_fail(SMT_ENOMEM, "%s%s%s: out of memory", manifest->root, prefix,
                        SMT_MESSAGE_MANIFEST);
    }
    memcpy(row.path, prefix, row.prefix_bytes);
    memcpy(row.path + row.prefix_bytes, path.text, path.size_bytes);
    row.path[row.prefix_bytes + path.size_bytes] = '\0';
    manifest->rows[manifest->count++] = row;
    return SMT_OK;
}

/* Reads one line, without its LF: FILE, a TAB, WORD, perhaps # and a comment. */
static enum smt_status manifest_read_line(struct smt_message_manifest *manifest, const char *prefix,
                                          struct span text, uint64_t line)
{
    const struct span trimmed = span_trim(text);
    const char *tab, *comment;
    enum smt_expectation expectation;
    struct span word;

    if (trimmed.size_bytes == 0 || trimmed.text[0] == '#') return SMT_OK;
    tab = memchr(text.text, '\t', text.size_bytes);
    if (!tab)
        return smt_fail(SMT_EINPUT, "%s%s%s:%" PRIu64 ": no TAB behind the file; " MANIFEST_FORM,
                        manifest->root, prefix, SMT_MESSAGE_MANIFEST, line);
    word = (struct span){tab + 1, (size_t)(text.text + text.size_bytes - tab - 1)};
    text.size_bytes = (size_t)(tab - text.text);
    if (!path_is_plain(text))
        return smt_fail(SMT_EINPUT,
                        "%s%s%s:%" PRIu64 ": '%.*s' is no plain path relative to the manifest's "
                        "folder; leave out leading slashes, '.' and '..'",
                        manifest->root, prefix, SMT_MESSAGE_MANIFEST, line, (int)text.size_bytes,
                        text.text);
    comment = memchr(word.text, '#', word.size_bytes);
    if (comment) word.size_bytes = (size_t)(comment - word.text);
    word = span_trim(word);
    if (!expectation_parse(word, &expectation))
        return smt_fail(SMT_EINPUT, "%s%s%s:%" PRIu64 ": '%.*s' is no expectation; " MANIFEST_FORM,
                        manifest->root, prefix, SMT_MESSAGE_MANIFEST, line, (int)word.size_bytes,
                        word.text);
    return manifest_add(
        manifest, prefix, text,
        (struct smt_message_manifest_row){.line = line, .expectation = expectation});
}

static enum smt_status manifest_read(struct smt_message_manifest *manifest, const char *prefix,
                                     const struct smt_buffer *bytes)
{
    const char *at = bytes->data, *end = at + bytes->size;

    for (uint64_t line = 1; at < end; line++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        struct span text = {at, (size_t)((stop ? stop : end) - at)};
        enum smt_status status = manifest_read_line(manifest, prefix, text, line);

        if (status != SMT_OK) return status;
        at = stop ? stop + 1 : end;
    }
    return SMT_OK;
}

enum smt_status smt_message_manifest_load(struct smt_message_manifest *manifest, const char *prefix)
{
    enum smt_status status = SMT_OK;
    struct smt_buffer bytes;
    struct stat info;
    char *path;

    if (asprintf(&path, "%s%s%s", manifest->root, prefix, SMT_MESSAGE_MANIFEST) < 0)
        return smt_fail(SMT_ENOMEM, "%s: out of memory", manifest->root);
    smt_buffer_init(&bytes);
    /* A dangling link is no absent manifest: loading it fails and says so. */
    if (lstat(path, &info) == 0) {
        status = smt_buffer_load(&bytes, path, SMT_MESSAGE_LIMIT_BYTES);
        if (status == SMT_OK && bytes.size > 0) status = manifest_read(manifest, prefix, &bytes);
    }
    smt_buffer_clear(&bytes);
    free(path);
    return status;
}

/* By path; the nearest manifest, which has the longest prefix, first. */
static int row_compare(const void *left, const void *right)
{
    const struct smt_message_manifest_row *a = left, *b = right;
    int order = strcmp(a->path, b->path);

    if (order) return order;
    if (a->prefix_bytes != b->prefix_bytes) return a->prefix_bytes > b->prefix_bytes ? -1 : 1;
    return (a->line > b->line) - (a->line < b->line);
}

enum smt_status smt_message_manifest_sort(struct smt_message_manifest *manifest)
{
    if (manifest->count == 0) return SMT_OK;
    qsort(manifest->rows, manifest->count, sizeof *manifest->rows, row_compare);
    for (size_t i = 1; i < manifest->count; i++) {
        const struct smt_message_manifest_row *a = &manifest->rows[i - 1], *b = a + 1;

        if (strcmp(a->path, b->path) != 0 || a->prefix_bytes != b->prefix_bytes) continue;
        return smt_fail(SMT_EINPUT,
                        "%s%.*s%s:%" PRIu64 ": '%s' is listed before, on line %" PRIu64
                        "; remove one of them",
                        manifest->root, (int)b->prefix_bytes, b->path, SMT_MESSAGE_MANIFEST,
                        b->line, b->path + b->prefix_bytes, a->line);
    }
    return SMT_OK;
}

/* The first row of this path; manifest->count when there is none. */
static size_t manifest_find(const struct smt_message_manifest *manifest, const char *path)
{
    size_t low = 0, high = manifest->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(manifest->rows[middle].path, path) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < manifest->count && strcmp(manifest->rows[low].path, path) != 0)
        return manifest->count;
    return low;
}

void smt_message_manifest_apply(struct smt_message_manifest *manifest, const char *path,
                                struct smt_message *message)
{
    size_t i = manifest_find(manifest, path);

    if (i == manifest->count) return;
    message->expectation = manifest->rows[i].expectation;
    message->has_expectation = true;
}

void smt_message_manifest_see(struct smt_message_manifest *manifest, const char *path)
{
    for (size_t i = manifest_find(manifest, path);
         i < manifest->count && strcmp(manifest->rows[i].path, path) == 0; i++)
        manifest->rows[i].is_seen = true;
}

void smt_message_manifest_complain(const struct smt_message_manifest *manifest,
                                   smt_message_on_error *on_error, void *context)
{
    for (size_t i = 0; i < manifest->count; i++) {
        const struct smt_message_manifest_row *row = &manifest->rows[i];
        struct stat info;
        bool is_there;
        char *path;

        if (row->is_seen || !on_error) continue;
        if (asprintf(&path, "%s%s", manifest->root, row->path) < 0) path = NULL;
        is_there = path && lstat(path, &info) == 0;
        smt_fail(SMT_EINPUT, "%s%.*s%s:%" PRIu64 ": '%s' %s", manifest->root,
                 (int)row->prefix_bytes, row->path, SMT_MESSAGE_MANIFEST, row->line,
                 row->path + row->prefix_bytes,
                 is_there ? "is listed but not read as a message; hidden files, README*, *.md and "
                            "what is no file are skipped"
                          : "is listed but missing; restore the file or remove the line");
        on_error(context, smt_fail_text());
        free(path);
    }
}
