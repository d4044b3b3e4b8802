/* report/save.c - a folder per finding: what is needed to take it elsewhere. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "report/inside.h"
#include "report/json.h"

#define MESSAGE_NAME "message.sip"

static enum smt_status folder_make(const char *path)
{
    if (mkdir(path, 0777) != 0 && errno != EEXIST)
        return smt_fail(SMT_EIO, "%s: cannot make the folder: %s", path, strerror(errno));
    return SMT_OK;
}

/* Writes DIR/NAME. */
static enum smt_status file_write(const char *folder, const char *name, const void *bytes,
                                  size_t size_bytes)
{
    struct smt_buffer path;
    enum smt_status status = SMT_OK;
    bool good;
    FILE *file;

    smt_buffer_init(&path);
    smt_buffer_addf(&path, "%s/%s", folder, name);
    file = path.failed ? NULL : fopen(path.data, "we");
    good = file && fwrite(bytes, 1, size_bytes, file) == size_bytes;
    if (file) good = fclose(file) == 0 && good;
    if (!good)
        status = smt_fail(SMT_EIO, "%s: cannot write: %s", path.data ? path.data : name,
                          strerror(errno));
    smt_buffer_clear(&path);
    return status;
}

static enum smt_status json_write(const char *folder, const struct smt_finding *finding)
{
    json_t *object = smt_report_json_finding(finding);
    char *text = object ? json_dumps(object, JSON_INDENT(2)) : NULL;
    enum smt_status status = text ? file_write(folder, "finding.json", text, strlen(text))
                                  : smt_fail(SMT_ENOMEM, "out of memory for a finding");

    free(text);
    json_decref(object);
    return status;
}

/* "osip/leak/12ab" -> DIR/osip-leak-12ab */
static void folder_name(const char *directory, const struct smt_finding *finding,
                        struct smt_buffer *path)
{
    size_t start;

    smt_buffer_addf(path, "%s/", directory);
    start = path->size;
    smt_buffer_add_text(path, finding->signature);
    for (size_t i = start; i < path->size; i++)
        if (path->data[i] == '/') path->data[i] = '-';
}

/* The command that repeats it, typed in the folder. */
static enum smt_status replay_write(const char *folder, const struct smt_finding *finding)
{
    struct smt_buffer line;
    enum smt_status status;

    smt_buffer_init(&line);
    smt_report_show_replay_apart(finding, &line);
    smt_buffer_add_text(&line, "\n");
    status = line.failed ? smt_fail(SMT_ENOMEM, "out of memory for a finding")
                         : file_write(folder, "replay", line.data, line.size);
    smt_buffer_clear(&line);
    return status;
}

enum smt_status smt_report_save_finding(const char *directory, const struct smt_finding *finding,
                                        const char *token, const void *message,
                                        size_t message_bytes)
{
    struct smt_finding saved = *finding; /* a view: nothing of it is released */
    struct smt_buffer path;
    enum smt_status status = folder_make(directory);

    saved.replay = (char *)token;
    saved.message_words = (char *)MESSAGE_NAME;
    smt_buffer_init(&path);
    folder_name(directory, finding, &path);
    if (path.failed) status = smt_fail(SMT_ENOMEM, "out of memory for a finding");
    if (status == SMT_OK) status = folder_make(path.data);
    if (status == SMT_OK) status = file_write(path.data, MESSAGE_NAME, message, message_bytes);
    if (status == SMT_OK) status = replay_write(path.data, &saved);
    if (status == SMT_OK) status = json_write(path.data, &saved);
    smt_buffer_clear(&path);
    return status;
}
