#include "sweep/known.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sweep/finding.h"

#define FILE_BYTES_MOST (64u << 20)
#define VERSION_MARK    "# parser "

/* parser/verdict/16 hexadecimal digits */
static bool is_signature(const char *text, size_t length)
{
    char parser[64], verdict[32], hash[32];
    int used = 0;
    char copy[160];

    if (length >= sizeof copy) return false;
    memcpy(copy, text, length);
    copy[length] = '\0';
    return sscanf(copy, "%63[^/ ]/%31[a-z-]/%16[0-9a-f]%n", parser, verdict, hash, &used) == 3 &&
           (size_t)used == length && strlen(hash) == 16 &&
           smt_verdict_find(verdict) != SMT_VERDICT_COUNT;
}

static bool row_add(struct smt_known *known, const char *line, size_t length, size_t signature)
{
    struct smt_known_row *row;

    if (known->count == known->capacity) {
        size_t capacity = known->capacity ? 2 * known->capacity : 256;
        struct smt_known_row *rows = realloc(known->rows, capacity * sizeof *rows);

        if (!rows) return false;
        known->rows = rows;
        known->capacity = capacity;
    }
    row = &known->rows[known->count];
    *row = (struct smt_known_row){strndup(line, signature), strndup(line, length), false};
    known->count++;
    return row->signature && row->line;
}

static int row_order(const void *a, const void *b)
{
    return strcmp(((const struct smt_known_row *)a)->signature,
                  ((const struct smt_known_row *)b)->signature);
}

static enum smt_status line_read(struct smt_known *known, const char *path, size_t number,
                                 const char *line, size_t length)
{
    size_t signature;

    if (length && line[length - 1] == '\r') length--;
    if (length > strlen(VERSION_MARK) && memcmp(line, VERSION_MARK, strlen(VERSION_MARK)) == 0 &&
        !known->version)
        known->version = strndup(line + strlen(VERSION_MARK), length - strlen(VERSION_MARK));
    if (!length || line[0] == '#') return SMT_OK;
    for (signature = 0; signature < length && line[signature] != '\t'; signature++) continue;
    if (!is_signature(line, signature))
        return smt_fail(
            SMT_EINPUT,
            "%s:%zu: not a known finding: a line is SIGNATURE<TAB>..., as osip/leak/%016x", path,
            number, 0);
    if (!row_add(known, line, length, signature))
        return smt_fail(SMT_ENOMEM, "%s: out of memory", path);
    return SMT_OK;
}

/* By signature, each once: merging branches may leave two. */
static void rows_sort(struct smt_known *known)
{
    size_t kept = 0;

    if (known->count) qsort(known->rows, known->count, sizeof *known->rows, row_order);
    for (size_t i = 0; i < known->count; i++) {
        if (kept && row_order(&known->rows[kept - 1], &known->rows[i]) == 0) {
            free(known->rows[i].signature);
            free(known->rows[i].line);
        } else {
            known->rows[kept++] = known->rows[i];
        }
    }
    known->count = kept;
}

enum smt_status smt_known_load(const char *path, struct smt_known *known)
{
    struct smt_buffer text;
    enum smt_status status;
    size_t number = 0;

    if (access(path, F_OK) != 0)
        return smt_fail(SMT_ENOTFOUND, "%s: %s (make it with --known %s --update-known)", path,
                        strerror(errno), path);
    free(known->version);
    known->version = NULL;
    smt_buffer_init(&text);
    status = smt_buffer_load(&text, path, FILE_BYTES_MOST);
    for (size_t at = 0; status == SMT_OK && at < text.size;) {
        const char *end = memchr(text.data + at, '\n', text.size - at);
        size_t length = end ? (size_t)(end - text.data) - at : text.size - at;

        status = line_read(known, path, ++number, text.data + at, length);
        at += length + 1;
    }
    smt_buffer_clear(&text);
    if (status == SMT_OK)
        rows_sort(known);
    else
        smt_known_clear(known);
    return status;
}

void smt_known_clear(struct smt_known *known)
{
    for (size_t i = 0; i < known->count; i++) {
        free(known->rows[i].signature);
        free(known->rows[i].line);
    }
    free(known->rows);
    free(known->version);
    *known = (struct smt_known){0};
}

bool smt_known_see(struct smt_known *known, const char *signature)
{
    struct smt_known_row key = {.signature = (char *)signature}, *row;

    if (!known->count) return false;
    row = bsearch(&key, known->rows, known->count, sizeof *known->rows, row_order);
    if (!row) return false;
    row->was_seen = true;
    return true;
}

static char *finding_line(const struct smt_finding *finding)
{
    struct smt_buffer text;

    smt_buffer_init(&text);
    smt_buffer_addf(&text, "%s\t", finding->signature);
    if (finding->injected_at.count) {
        smt_buffer_add_text(&text, "refused in ");
        smt_trace_format(&finding->injected_at, 0, &text);
    }
    smt_buffer_add_text(&text, "\t");
    if (finding->failed_at.count) {
        smt_buffer_add_text(&text, "failed in ");
        smt_trace_format(&finding->failed_at, 3, &text);
    } else if (finding->block_count) {
        smt_buffer_add_text(&text, "allocated in ");
        smt_trace_format(&finding->blocks[0].allocated_at, 0, &text);
    }
    return smt_buffer_take(&text);
}

static int line_order(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Writes beside the file, then puts it in place: nobody sees half a list. */
static enum smt_status text_put(const char *path, const struct smt_buffer *text)
{
    struct smt_buffer beside;
    enum smt_status status = SMT_OK;
    FILE *file;

    smt_buffer_init(&beside);
    smt_buffer_addf(&beside, "%s.%ld.tmp", path, (long)getpid());
    file = beside.failed ? NULL : fopen(beside.data, "we");
    if (!file) {
        status = smt_fail(SMT_EIO, "%s: cannot write: %s", path, strerror(errno));
    } else {
        bool good = fwrite(text->data, 1, text->size, file) == text->size;

        good = fclose(file) == 0 && good;
        if (!good || rename(beside.data, path) != 0) {
            status = smt_fail(SMT_EIO, "%s: cannot write: %s", path, strerror(errno));
            unlink(beside.data);
        }
    }
    smt_buffer_clear(&beside);
    return status;
}

bool smt_known_row_is_of(const struct smt_known_row *row, const char *parser)
{
    size_t length = strlen(parser);

    return strncmp(row->signature, parser, length) == 0 && row->signature[length] == '/';
}

/* Adds the lines of the old list that stay; how many lines there are then. */
static size_t lines_keep(char **lines, size_t used, const struct smt_known *old, const char *parser,
                         bool is_whole)
{
    for (size_t i = 0; i < old->count; i++) {
        const struct smt_known_row *row = &old->rows[i];

        if (!smt_known_row_is_of(row, parser) || (!is_whole && !row->was_seen))
            lines[used++] = strdup(row->line);
    }
    return used;
}

enum smt_status smt_known_save(const char *path, const struct smt_finding *findings, size_t count,
                               const char *parser, const char *version, const struct smt_known *old,
                               bool is_whole)
{
    char **lines = calloc(count + old->count + 1, sizeof *lines);
    size_t line_count = 0;
    enum smt_status status;
    struct smt_buffer text;

    smt_buffer_init(&text);
    smt_buffer_add_text(&text,
                        "# sipmemtest known findings: one signature a line, sorted; see --known\n");
    smt_buffer_addf(&text, VERSION_MARK "%s %s\n", parser, version);
    for (; lines && line_count < count; line_count++)
        lines[line_count] = finding_line(&findings[line_count]);
    if (lines) line_count = lines_keep(lines, line_count, old, parser, is_whole);
    for (size_t i = 0; i < line_count; i++)
        if (!lines[i]) text.failed = true;
    if (line_count && !text.failed) qsort(lines, line_count, sizeof *lines, line_order);
    for (size_t i = 0; i < line_count && !text.failed; i++)
        smt_buffer_addf(&text, "%s\n", lines[i]);
    if (!lines || text.failed)
        status = smt_fail(SMT_ENOMEM, "%s: out of memory", path);
    else
        status = text_put(path, &text);
    for (size_t i = 0; i < line_count; i++) free(lines[i]);
    free(lines);
    smt_buffer_clear(&text);
    return status;
}
