/* report/journal.c - what is done, message by message, for who continues later.
 *
 *   {"type":"run",...,"jobs":2}                       what it is a journal of
 *   {"type":"part","source":1,"index":7,"complete":true,"lines":[...]}
 *
 * A record is one write of one line, and nothing is ever rewritten: several
 * processes append to the same file, and killing one leaves at worst a line that
 * is cut off, which the next record does not touch because each begins with a
 * newline of its own. Of two records of one message and source the later counts.
 * Data is forced to the disk once a second: a dead process loses nothing by
 * that, a dead machine a second's work. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "report/results.h"

#define SYNC_NS    1000000000u
#define LOCK_TRIES 50 /* of 100 ms: those a killed run left behind may still be ending */

struct journal_sink {
    struct smt_sink sink; /* first: a sink is turned back into the whole */
    struct smt_journal *journal;
    json_t *lines; /* of the message at work */
};

struct smt_journal {
    char *path; /* for complaints */
    int fd;
    char *header; /* with its newline */
    size_t messages, sources;
    bool *done; /* [source * messages + index - 1] */
    struct journal_sink writer;
    size_t source; /* of the writer */
    uint64_t synced_ns;
    int error; /* errno of the first failed write */
};

/* One record while reading; the last of its message and source. */
struct record {
    json_t *line;
    size_t number; /* of the line */
};

static uint64_t number(const json_t *object, const char *name)
{
    return (uint64_t)json_integer_value(json_object_get(object, name));
}

/* --- writing --------------------------------------------------------------------- */

static void bytes_write(struct smt_journal *journal, const char *bytes, size_t size_bytes)
{
    while (size_bytes && !journal->error) {
        ssize_t wrote = write(journal->fd, bytes, size_bytes);

        if (wrote < 0 && errno != EINTR) journal->error = errno;
        if (wrote < 0) continue;
        bytes += wrote;
        size_bytes -= (size_t)wrote;
    }
}

static void line_add(struct smt_sink *sink, json_t *line)
{
    struct journal_sink *writer = (struct journal_sink *)sink;

    if (!line || json_array_append_new(writer->lines, line) != 0) writer->journal->error = ENOMEM;
}

static void message_add(struct smt_sink *sink, const struct smt_message_report *message)
{
    line_add(sink, smt_report_json_message(message));
}

static void unusable_add(struct smt_sink *sink, const struct smt_unusable_report *unusable)
{
    line_add(sink, smt_report_json_unusable(unusable));
}

static void mode_add(struct smt_sink *sink, const struct smt_mode_report *mode)
{
    line_add(sink, smt_report_json_mode(mode));
}

static json_t *again_json(const struct smt_part_finding *part)
{
    json_t *line = json_object();

    json_object_set_new(line, "type", json_string("again"));
    json_object_set_new(line, "signature", json_string(part->finding->signature));
    json_object_set_new(line, "occurrences", json_integer((json_int_t)part->occurrences));
    return line;
}

static void finding_add(struct smt_sink *sink, const struct smt_part_finding *part)
{
    struct smt_finding finding = *part->finding; /* a view: nothing of it is released */

    finding.occurrences = part->occurrences;
    line_add(sink, part->is_fresh ? smt_report_json_finding(&finding) : again_json(part));
}

static json_t *record_json(const struct smt_journal *journal, const struct smt_part_report *part)
{
    json_t *record = json_object();

    json_object_set_new(record, "type", json_string("part"));
    json_object_set_new(record, "source", json_integer((json_int_t)journal->source));
    json_object_set_new(record, "index", json_integer((json_int_t)part->index));
    json_object_set_new(record, "complete", json_boolean(part->is_complete));
    json_object_set(record, "lines", journal->writer.lines);
    return record;
}

static void part_add(struct smt_sink *sink, const struct smt_part_report *part)
{
    struct smt_journal *journal = ((struct journal_sink *)sink)->journal;
    json_t *record;
    struct smt_buffer text;
    char *dump;

    for (size_t i = 0; i < part->finding_count; i++) finding_add(sink, &part->findings[i]);
    for (size_t i = 0; i < part->site_count; i++)
        line_add(sink, smt_report_json_site(&part->sites[i]));
    line_add(sink, smt_report_json_summary(&part->added, NULL));
    record = record_json(journal, part);
    dump = json_dumps(record, JSON_COMPACT | JSON_REAL_PRECISION(6));
    smt_buffer_init(&text);
    if (dump) smt_buffer_addf(&text, "\n%s\n", dump);
    if (!dump || text.failed) journal->error = ENOMEM;
    if (!journal->error) bytes_write(journal, text.data, text.size);
    if (smt_clock_ns() - journal->synced_ns > SYNC_NS) {
        fdatasync(journal->fd);
        journal->synced_ns = smt_clock_ns();
    }
    if (journal->error) smt_run_interrupted = 1; /* work that is not kept is no use */
    smt_buffer_clear(&text);
    free(dump);
    json_decref(record);
    json_array_clear(journal->writer.lines);
}

struct smt_sink *smt_journal_sink(struct smt_journal *journal, size_t source)
{
    journal->source = source;
    journal->writer = (struct journal_sink){
        .sink = {.message = message_add,
                 .unusable = unusable_add,
                 .mode = mode_add,
                 .part = part_add},
        .journal = journal,
        .lines = json_array(),
    };
    return &journal->writer.sink;
}

enum smt_status smt_journal_flush(struct smt_journal *journal)
{
    if (!journal->error && fdatasync(journal->fd) != 0 && errno != EINVAL) journal->error = errno;
    if (!journal->error) return SMT_OK;
    return smt_fail(SMT_EIO, "%s: the journal is incomplete: %s", journal->path,
                    strerror(journal->error));
}

/* --- reading --------------------------------------------------------------------- */

/* The whole file; *ret_text is NULL for an empty one. */
static enum smt_status text_map(const struct smt_journal *journal, char **ret_text,
                                size_t *ret_size)
{
    struct stat about;
    void *text = NULL;

    if (fstat(journal->fd, &about) != 0)
        return smt_fail(SMT_EIO, "%s: cannot read: %s", journal->path, strerror(errno));
    if (about.st_size)
        text = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE, journal->fd, 0);
    if (text == MAP_FAILED)
        return smt_fail(SMT_EINPUT, "%s: cannot read: %s", journal->path, strerror(errno));
    *ret_text = text;
    *ret_size = (size_t)about.st_size;
    return SMT_OK;
}

/* Is the line a record of this journal? One that was cut off is none. */
static bool record_is_good(const struct smt_journal *journal, const json_t *line)
{
    const char *type = json_string_value(json_object_get(line, "type"));

    return type && strcmp(type, "part") == 0 && number(line, "source") < journal->sources &&
           number(line, "index") - 1 < journal->messages &&
           json_is_array(json_object_get(line, "lines"));
}

/* Calls `take` for every record behind the header. */
static enum smt_status records_read(struct smt_journal *journal, struct record *records)
{
    char *text, *at;
    size_t size, line_number = 1;
    enum smt_status status = text_map(journal, &text, &size);

    if (status != SMT_OK || !size) return status;
    at = memchr(text, '\n', size);
    for (char *end = at; end && (size_t)(end + 1 - text) < size;) {
        char *start = end + 1;
        size_t left = size - (size_t)(start - text);
        json_t *line;

        end = memchr(start, '\n', left);
        line_number++;
        if (end == start) continue;
        line = json_loadb(start, end ? (size_t)(end - start) : left, 0, NULL);
        if (record_is_good(journal, line)) {
            struct record *record =
                &records[number(line, "source") * journal->messages + number(line, "index") - 1];

            json_decref(record->line);
            *record = (struct record){json_incref(line), line_number};
        }
        json_decref(line);
    }
    munmap(text, size);
    return SMT_OK;
}

static void records_free(const struct smt_journal *journal, struct record *records)
{
    for (size_t i = 0; records && i < journal->sources * journal->messages; i++)
        json_decref(records[i].line);
    free(records);
}

static enum smt_status records_load(struct smt_journal *journal, struct record **ret_records)
{
    struct record *records = calloc(journal->sources * journal->messages + 1, sizeof *records);
    enum smt_status status;

    if (!records) return smt_fail(SMT_ENOMEM, "%s: out of memory", journal->path);
    status = records_read(journal, records);
    if (status != SMT_OK)
        records_free(journal, records);
    else
        *ret_records = records;
    return status;
}

static enum smt_status record_take(const struct smt_journal *journal, const struct record *record,
                                   struct smt_results *results)
{
    struct results_place place = {journal->path, record->number,
                                  (size_t)number(record->line, "source")};
    enum smt_status status = SMT_OK;
    size_t i;
    json_t *line;

    json_array_foreach(json_object_get(record->line, "lines"), i, line)
    {
        if (status == SMT_OK) status = smt_report_results_read(results, line, &place);
    }
    return status;
}

/* Records of one source in the order they were written: a finding is told whole
 * before it is met again. */
static int record_order(const void *a, const void *b)
{
    const struct record *left = *(struct record *const *)a, *right = *(struct record *const *)b;

    return left->number < right->number ? -1 : left->number > right->number;
}

enum smt_status smt_journal_results(struct smt_journal *journal, struct smt_results **ret_results)
{
    struct smt_results *results = smt_report_results_new(journal->sources);
    struct record *records = NULL, **order = NULL;
    size_t count = 0;
    enum smt_status status = records_load(journal, &records);

    if (status == SMT_OK) order = calloc(journal->sources * journal->messages + 1, sizeof *order);
    if (status == SMT_OK && (!results || !order))
        status = smt_fail(SMT_ENOMEM, "%s: out of memory", journal->path);
    for (size_t i = 0; status == SMT_OK && i < journal->sources * journal->messages; i++)
        if (records[i].line) order[count++] = &records[i];
    if (count) qsort(order, count, sizeof *order, record_order);
    for (size_t i = 0; i < count && status == SMT_OK; i++)
        status = record_take(journal, order[i], results);
    records_free(journal, records);
    free(order);
    if (status == SMT_OK) status = smt_report_results_finish(results);
    if (status != SMT_OK)
        smt_results_free(results);
    else
        *ret_results = results;
    return status;
}

/* --- opening ----------------------------------------------------------------------- */

static enum smt_status file_open(struct smt_journal *journal, const char *path)
{
    struct timespec pause = {0, 100000000};

    if (!path) {
        journal->fd = memfd_create("sipmemtest", MFD_CLOEXEC);
        if (journal->fd >= 0 && fcntl(journal->fd, F_SETFL, O_APPEND) == 0) return SMT_OK;
        return smt_fail(SMT_ESYS, "cannot make a file in memory: %s", strerror(errno));
    }
    journal->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (journal->fd < 0) return smt_fail(SMT_EIO, "%s: cannot open: %s", path, strerror(errno));
    for (int tries = 0; flock(journal->fd, LOCK_EX | LOCK_NB) != 0; tries++) {
        if (errno != EWOULDBLOCK && errno != EINTR) return SMT_OK; /* no locks there */
        if (tries == LOCK_TRIES || smt_run_interrupted)
            return smt_fail(SMT_EINPUT, "%s: another run is using this journal", path);
        nanosleep(&pause, NULL);
    }
    return SMT_OK;
}

/* What is different in the run this journal is of. */
static enum smt_status header_complain(const struct smt_journal *journal, const char *text,
                                       size_t size)
{
    json_t *there = json_loadb(text, size, 0, NULL), *here = json_loads(journal->header, 0, NULL);
    const char *type = json_string_value(json_object_get(there, "type")), *name;
    enum smt_status status;
    json_t *value;

    status = smt_fail(SMT_EINPUT, "%s: is no journal of a run; name a file that is not there yet",
                      journal->path);
    if (type && strcmp(type, "run") == 0) {
        status = smt_fail(SMT_EINPUT, "%s: is the journal of another run", journal->path);
        json_object_foreach(here, name, value)
        {
            if (json_equal(value, json_object_get(there, name))) continue;
            status = smt_fail(SMT_EINPUT, "%s: is the journal of another run: %s is different",
                              journal->path, name);
            break;
        }
    }
    json_decref(there);
    json_decref(here);
    return status;
}

/* An empty file gets the header, any other must have it. */
static enum smt_status header_check(struct smt_journal *journal)
{
    size_t size, length = strlen(journal->header);
    char *text;
    enum smt_status status = text_map(journal, &text, &size);

    if (status != SMT_OK) return status;
    if (size < length && (!size || memcmp(text, journal->header, size) == 0)) {
        bytes_write(journal, journal->header + size, length - size);
        status = journal->error ? smt_journal_flush(journal) : SMT_OK;
    } else if (size < length || memcmp(text, journal->header, length) != 0) {
        char *end = memchr(text, '\n', size);

        status = header_complain(journal, text, end ? (size_t)(end - text) : size);
    }
    if (size) munmap(text, size);
    return status;
}

static char *header_make(const struct smt_sweep_run *run, size_t sources)
{
    json_t *line = smt_report_json_run(run);
    struct smt_buffer text;
    char *dump;

    json_object_set_new(line, "jobs", json_integer((json_int_t)sources));
    dump = json_dumps(line, JSON_COMPACT);
    smt_buffer_init(&text);
    smt_buffer_addf(&text, "%s\n", dump ? dump : "");
    free(dump);
    json_decref(line);
    return smt_buffer_take(&text);
}

static enum smt_status done_read(struct smt_journal *journal)
{
    struct record *records;
    enum smt_status status = records_load(journal, &records);

    if (status != SMT_OK) return status;
    for (size_t i = 0; i < journal->sources * journal->messages; i++)
        journal->done[i] = json_is_true(json_object_get(records[i].line, "complete"));
    records_free(journal, records);
    return SMT_OK;
}

enum smt_status smt_journal_open(const char *path, const struct smt_sweep_run *run, size_t sources,
                                 struct smt_journal **ret_journal)
{
    struct smt_journal *journal = calloc(1, sizeof *journal);
    enum smt_status status;

    if (!journal) return smt_fail(SMT_ENOMEM, "out of memory for a journal");
    *journal = (struct smt_journal){
        .path = strdup(path ? path : "journal"),
        .fd = -1,
        .header = header_make(run, sources),
        .messages = run->messages,
        .sources = sources,
        .done = calloc(sources * run->messages + 1, sizeof *journal->done),
        .synced_ns = smt_clock_ns(),
    };
    if (!journal->path || !journal->header || !journal->done)
        status = smt_fail(SMT_ENOMEM, "out of memory for a journal");
    else
        status = file_open(journal, path);
    if (status == SMT_OK) status = header_check(journal);
    if (status == SMT_OK) status = done_read(journal);
    if (status != SMT_OK)
        smt_journal_free(journal);
    else
        *ret_journal = journal;
    return status;
}

const bool *smt_journal_done(const struct smt_journal *journal, size_t source)
{
    return journal->done + source * journal->messages;
}

void smt_journal_free(struct smt_journal *journal)
{
    if (!journal) return;
    if (journal->fd >= 0) close(journal->fd);
    json_decref(journal->writer.lines);
    free(journal->path);
    free(journal->header);
    free(journal->done);
    free(journal);
}
