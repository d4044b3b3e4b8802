/* monitor/source.h - where /proc is read and steps are run: this host, or
 * another one through a shell that a command like `ssh admin@box` opens.
 *
 * A call returns a status only when the source itself is lost (or the test was
 * interrupted); that a file cannot be read is an errno for the caller to
 * explain. Not for several threads. */
#ifndef SMT_MONITOR_SOURCE_H
#define SMT_MONITOR_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"

/* A file read again and again: here its descriptor stays open, which also
 * proves that it is still the same process. Start from SMT_MONITOR_FILE. */
struct smt_monitor_file {
    char path[64];
    int fd;
};
#define SMT_MONITOR_FILE                                                                           \
    {                                                                                              \
        "", -1                                                                                     \
    }

enum smt_monitor_outcome {
    SMT_MONITOR_STEP_DONE,
    SMT_MONITOR_STEP_FAILED,  /* `code` is its exit status, 128 + signal when killed */
    SMT_MONITOR_STEP_HUNG,    /* killed with its process group after the time-out */
    SMT_MONITOR_STEP_STOPPED, /* the test was interrupted; killed too */
};

struct smt_monitor_step {
    enum smt_monitor_outcome outcome;
    int code;
};

struct smt_monitor_source;

/* What a source must do; rows of one table each in local.c and via.c. */
struct smt_monitor_source_ops {
    enum smt_status (*read)(struct smt_monitor_source *, const char *path, struct smt_buffer *,
                            int *ret_errno);
    enum smt_status (*read_again)(struct smt_monitor_source *, struct smt_monitor_file *,
                                  struct smt_buffer *, int *ret_errno);
    enum smt_status (*scan)(struct smt_monitor_source *, struct smt_buffer *);
    enum smt_status (*step)(struct smt_monitor_source *, const char *command, uint64_t round,
                            uint64_t timeout_ms, struct smt_monitor_step *ret_step);
    void (*free)(struct smt_monitor_source *);
};

struct smt_monitor_source {
    const struct smt_monitor_source_ops *ops;
    int stop_fd;             /* readable when the test is to end; -1 for never */
    int self;                /* the pid that must not watch itself */
    int output_fd;           /* what steps (and the transport) printed; emptied before each step */
    uint64_t output_dropped; /* bytes at its front that are gone */
};

/* This host. */
SMT_MUST_USE enum smt_status smt_monitor_local_new(int stop_fd,
                                                   struct smt_monitor_source **ret_source);

/* The host that `command`, run by sh, opens a shell on; it stays open until
 * free. Its prompts for passwords go to the terminal, greetings are skipped. */
SMT_MUST_USE enum smt_status smt_monitor_via_new(const char *command, int stop_fd,
                                                 struct smt_monitor_source **ret_source);
void smt_monitor_source_free(struct smt_monitor_source *source);

/* Adds the file's bytes to the buffer, or gives an errno. */
SMT_MUST_USE enum smt_status smt_monitor_read(struct smt_monitor_source *source, const char *path,
                                              struct smt_buffer *buffer, int *ret_errno);
SMT_MUST_USE enum smt_status smt_monitor_read_again(struct smt_monitor_source *source,
                                                    struct smt_monitor_file *file,
                                                    struct smt_buffer *buffer, int *ret_errno);
void smt_monitor_file_close(struct smt_monitor_file *file);

/* Adds the stat lines of all processes. */
SMT_MUST_USE enum smt_status smt_monitor_scan(struct smt_monitor_source *source,
                                              struct smt_buffer *buffer);

/* Runs `sh -c command` with MTCTL_ROUND set, standard input empty, in a process
 * group of its own; 0 waits for ever. */
SMT_MUST_USE enum smt_status smt_monitor_step_run(struct smt_monitor_source *source,
                                                  const char *command, uint64_t round,
                                                  uint64_t timeout_ms,
                                                  struct smt_monitor_step *ret_step);

/* Forgets all but the end of what is being printed; for those who wait, as often as this. */
void smt_monitor_source_forget(struct smt_monitor_source *source);
#define SMT_MONITOR_FORGET_MS 50

/* Adds the last 2 KiB of what the last step or the transport printed. */
void smt_monitor_source_output(struct smt_monitor_source *source, struct smt_buffer *text);

/* Sleeps; true when the test was interrupted meanwhile. */
bool smt_monitor_sleep(struct smt_monitor_source *source, uint64_t milliseconds);

#endif
