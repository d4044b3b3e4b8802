#include "report/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct smt_report_format *const smt_report_formats[] = {
    &smt_report_text,  &smt_report_json, &smt_report_junit,  &smt_report_tap,
    &smt_report_sarif, &smt_report_html, &smt_report_github, NULL,
};

struct smt_report {
    const struct smt_report_format *format;
    struct report_sink *state;
    FILE *out;
    char *path; /* NULL: standard output */
    int fd;
    int error; /* errno of the first failed write */
};

/* --- the stream: remembers why the first write failed ----------------------- */

static ssize_t stream_write(void *cookie, const char *bytes, size_t size_bytes)
{
    struct smt_report *report = cookie;
    size_t done = 0;

    while (done < size_bytes && !report->error) {
        ssize_t wrote = write(report->fd, bytes + done, size_bytes - done);
        struct pollfd writable = {.fd = report->fd, .events = POLLOUT};

        if (wrote >= 0)
            done += (size_t)wrote;
        else if (errno == EAGAIN)
            poll(&writable, 1, -1);
        else if (errno != EINTR)
            report->error = errno;
    }
    return (ssize_t)size_bytes; /* an unwritten rest must not be tried again and again */
}

static int stream_close(void *cookie)
{
    struct smt_report *report = cookie;

    if (!report->path) return 0;
    if (close(report->fd) != 0 && !report->error) report->error = errno;
    report->fd = -1;
    return 0;
}

static enum smt_status stream_open(struct smt_report *report)
{
    static const cookie_io_functions_t functions = {.write = stream_write, .close = stream_close};

    report->fd = STDOUT_FILENO;
    if (report->path) {
        report->fd = open(report->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        if (report->fd < 0)
            return smt_fail(SMT_EIO, "%s: cannot write the %s report: %s", report->path,
                            report->format->name, strerror(errno));
    }
    report->out = fopencookie(report, "w", functions);
    if (report->out) return SMT_OK;
    if (report->path) close(report->fd);
    return smt_fail(SMT_ENOMEM, "out of memory for a report");
}

/* --- open and close --------------------------------------------------------- */

static enum smt_status format_find(const char *spec, const struct smt_report_format **ret_format)
{
    size_t length = strcspn(spec, ":");
    struct smt_buffer known;

    for (size_t i = 0; smt_report_formats[i]; i++)
        if (strlen(smt_report_formats[i]->name) == length &&
            memcmp(smt_report_formats[i]->name, spec, length) == 0) {
            *ret_format = smt_report_formats[i];
            return SMT_OK;
        }
    smt_buffer_init(&known);
    for (size_t i = 0; smt_report_formats[i]; i++)
        smt_buffer_addf(&known, "%s%s", i ? ", " : "", smt_report_formats[i]->name);
    smt_fail(SMT_EUSAGE, "--format: unknown format '%.*s'; known: %s", (int)length, spec,
             known.failed ? "" : known.data);
    smt_buffer_clear(&known);
    return SMT_EUSAGE;
}

static void report_free(struct smt_report *report)
{
    if (report->state && report->format->clear) report->format->clear(&report->state->sink);
    free(report->state);
    free(report->path);
    free(report);
}

static enum smt_status state_make(struct smt_report *report,
                                  const struct smt_report_settings *settings)
{
    report->state = calloc(1, report->format->size_bytes);
    if (!report->state) return smt_fail(SMT_ENOMEM, "out of memory for a report");
    report->state->sink = report->format->callbacks;
    report->state->sink.trace = report->format->callbacks.injection ? settings->trace : 0;
    report->state->settings = *settings;
    return SMT_OK;
}

enum smt_status smt_report_open(const char *spec, const struct smt_report_settings *settings,
                                struct smt_report **ret_report)
{
    const struct smt_report_format *format;
    const char *colon = strchr(spec, ':');
    enum smt_status status = format_find(spec, &format);
    struct smt_report *report;

    if (status != SMT_OK) return status;
    if (colon && !colon[1])
        return smt_fail(SMT_EUSAGE, "--format=%s: a file name is missing after the colon", spec);
    report = calloc(1, sizeof *report);
    if (!report) return smt_fail(SMT_ENOMEM, "out of memory for a report");
    report->format = format;
    if (colon && !(report->path = strdup(colon + 1)))
        status = smt_fail(SMT_ENOMEM, "out of memory for a report");
    if (status == SMT_OK) status = state_make(report, settings);
    if (status == SMT_OK) status = stream_open(report);
    if (status != SMT_OK) {
        report_free(report);
        return status;
    }
    report->state->out = report->out;
    *ret_report = report;
    return SMT_OK;
}

struct smt_sink *smt_report_sink(struct smt_report *report)
{
    return &report->state->sink;
}

enum smt_status smt_report_close(struct smt_report *report)
{
    enum smt_status status = SMT_OK;

    if (!report) return SMT_OK;
    if (fclose(report->out) != 0 && !report->error) report->error = errno;
    if (report->error)
        status = smt_fail(SMT_EIO, "%s: the %s report is incomplete: %s",
                          report->path ? report->path : "standard output", report->format->name,
                          strerror(report->error));
    else if (report->state->out_of_memory)
        status = smt_fail(SMT_ENOMEM, "%s: the %s report is incomplete: out of memory",
                          report->path ? report->path : "standard output", report->format->name);
    report_free(report);
    return status;
}

void smt_report_write(struct report_sink *report, struct smt_buffer *text)
{
    if (text->failed) report->out_of_memory = true;
    if (!text->failed && text->size) fwrite(text->data, 1, text->size, report->out);
    smt_buffer_clear(text);
}
