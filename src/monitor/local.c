/* monitor/local.c - /proc of this host and steps as child processes. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "monitor/source.h"

#define READ_LIMIT (256u << 20)
/* About as much of what a step prints is kept. */
#define OUTPUT_MOST (1u << 20)

extern char **environ;

void smt_monitor_source_free(struct smt_monitor_source *source)
{
    int output_fd;

    if (!source) return;
    output_fd = source->output_fd;
    source->ops->free(source);
    if (output_fd >= 0) close(output_fd);
}

enum smt_status smt_monitor_read(struct smt_monitor_source *source, const char *path,
                                 struct smt_buffer *buffer, int *ret_errno)
{
    return source->ops->read(source, path, buffer, ret_errno);
}

enum smt_status smt_monitor_read_again(struct smt_monitor_source *source,
                                       struct smt_monitor_file *file, struct smt_buffer *buffer,
                                       int *ret_errno)
{
    return source->ops->read_again(source, file, buffer, ret_errno);
}

void smt_monitor_file_close(struct smt_monitor_file *file)
{
    if (file->fd >= 0) close(file->fd);
    file->fd = -1;
}

enum smt_status smt_monitor_scan(struct smt_monitor_source *source, struct smt_buffer *buffer)
{
    return source->ops->scan(source, buffer);
}

enum smt_status smt_monitor_step_run(struct smt_monitor_source *source, const char *command,
                                     uint64_t round, uint64_t timeout_ms,
                                     struct smt_monitor_step *ret_step)
{
    /* The file position is shared with the child: back to the front. */
    if (ftruncate(source->output_fd, 0) == 0) lseek(source->output_fd, 0, SEEK_SET);
    source->output_dropped = 0;
    return source->ops->step(source, command, round, timeout_ms, ret_step);
}

/* The file keeps its size, so that nobody who writes to it is disturbed. */
void smt_monitor_source_forget(struct smt_monitor_source *source)
{
    uint64_t size = 0, drop;
    struct stat file;

    if (fstat(source->output_fd, &file) == 0) size = (uint64_t)file.st_size;
    if (size < source->output_dropped + OUTPUT_MOST) return;
    drop = (size - OUTPUT_MOST / 2) & ~(uint64_t)0xFFFF; /* whole pages */
    if (fallocate(source->output_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                  (off_t)source->output_dropped, (off_t)(drop - source->output_dropped)) == 0)
        source->output_dropped = drop;
}

void smt_monitor_source_output(struct smt_monitor_source *source, struct smt_buffer *text)
{
    char tail[2048];
    off_t size = lseek(source->output_fd, 0, SEEK_END);
    off_t from = size > (off_t)sizeof(tail) ? size - (off_t)sizeof(tail) : 0;
    ssize_t got = size > 0 ? pread(source->output_fd, tail, sizeof(tail), from) : 0;

    if (got > 0) smt_buffer_add(text, tail, (size_t)got);
}

bool smt_monitor_sleep(struct smt_monitor_source *source, uint64_t milliseconds)
{
    struct pollfd stop = {.fd = source->stop_fd, .events = POLLIN};
    uint64_t end = smt_clock_ns() + milliseconds * 1000000, now;

    while ((now = smt_clock_ns()) < end) {
        struct timespec left = {.tv_sec = (time_t)((end - now) / 1000000000),
                                .tv_nsec = (long)((end - now) % 1000000000)};

        if (ppoll(&stop, 1, &left, NULL) > 0) return true;
    }
    return poll(&stop, 1, 0) > 0;
}

/* Reads fd to its end from the front, as /proc wants it: big pieces. */
static int file_read(int fd, struct smt_buffer *buffer)
{
    static __thread char piece[65536];
    off_t at = 0;

    for (;;) {
        ssize_t got = pread(fd, piece, sizeof(piece), at);

        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return errno;
        if (!got) return 0;
        smt_buffer_add(buffer, piece, (size_t)got);
        at += got;
        if (at > (off_t)READ_LIMIT) return EFBIG;
    }
}

static bool is_exhausted(int error)
{
    return error == EMFILE || error == ENFILE;
}

/* Each process takes three descriptors: of a hundred and more, the soft limit is too low. It is
 * raised only then, for steps inherit it.
 *
 * Opens for reading; what cannot be opened for want of descriptors is a failure of ours and says
 * nothing of the process. */
static enum smt_status file_open(const char *path, int flags, int *ret_fd, int *ret_errno)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | flags);

    if (fd < 0 && errno == EMFILE && smt_descriptors_raise())
        fd = open(path, O_RDONLY | O_CLOEXEC | flags);
    *ret_fd = fd;
    *ret_errno = fd < 0 ? errno : 0;
    if (!is_exhausted(*ret_errno)) return SMT_OK;
    return smt_fail(SMT_ESYS, "cannot open %s: %s (ulimit -n)", path, strerror(*ret_errno));
}

static enum smt_status local_read(struct smt_monitor_source *source, const char *path,
                                  struct smt_buffer *buffer, int *ret_errno)
{
    enum smt_status status;
    int fd;

    (void)source;
    status = file_open(path, 0, &fd, ret_errno);
    if (status || fd < 0) return status;
    *ret_errno = file_read(fd, buffer);
    close(fd);
    return SMT_OK;
}

/* One read is enough for the roll-up: it is far below a page. */
static enum smt_status local_read_again(struct smt_monitor_source *source,
                                        struct smt_monitor_file *file, struct smt_buffer *buffer,
                                        int *ret_errno)
{
    enum smt_status status = SMT_OK;
    char text[4096];
    ssize_t got;

    (void)source;
    if (file->fd < 0) status = file_open(file->path, 0, &file->fd, ret_errno);
    if (status || file->fd < 0) return status;
    do got = pread(file->fd, text, sizeof(text), 0);
    while (got < 0 && errno == EINTR);
    *ret_errno = got < 0 ? errno : 0;
    if (got > 0) smt_buffer_add(buffer, text, (size_t)got);
    return SMT_OK;
}

static enum smt_status local_scan(struct smt_monitor_source *source, struct smt_buffer *buffer)
{
    struct dirent *entry;
    enum smt_status status;
    int proc_fd, error;
    DIR *proc;

    (void)source;
    status = file_open("/proc", O_DIRECTORY, &proc_fd, &error);
    if (status) return status;
    proc = proc_fd < 0 ? NULL : fdopendir(proc_fd);
    if (!proc) return smt_fail(SMT_ESYS, "cannot list /proc: %s", strerror(errno));
    while (!status && (entry = readdir(proc))) {
        char path[sizeof(entry->d_name) + 16], line[1024];
        ssize_t got;
        int fd;

        if (!isdigit((unsigned char)entry->d_name[0])) continue;
        snprintf(path, sizeof(path), "/proc/%s/stat", entry->d_name);
        status = file_open(path, 0, &fd, &error);
        if (fd < 0) continue;
        got = read(fd, line, sizeof(line));
        if (got > 0) smt_buffer_add(buffer, line, (size_t)got);
        close(fd);
    }
    closedir(proc);
    return status;
}

/* Starts the step; -1 with errno set when it cannot. */
static pid_t step_spawn(const char *command, uint64_t round, int output_fd)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    char *arguments[] = {(char *)"sh", (char *)"-c", (char *)command, NULL};
    char text[24];
    sigset_t none, pipe_only;
    pid_t pid = -1;
    int error;

    snprintf(text, sizeof(text), "%llu", (unsigned long long)round);
    setenv("MTCTL_ROUND", text, 1);
    sigemptyset(&none);
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, output_fd, 1);
    posix_spawn_file_actions_adddup2(&actions, output_fd, 2);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &pipe_only);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                              POSIX_SPAWN_SETPGROUP);
    error = posix_spawn(&pid, "/bin/sh", &actions, &attributes, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    errno = error;
    return error ? -1 : pid;
}

static enum smt_monitor_outcome step_wait(struct smt_monitor_source *source, int pidfd,
                                          uint64_t timeout_ms)
{
    struct pollfd ends[2] = {{.fd = pidfd, .events = POLLIN},
                             {.fd = source->stop_fd, .events = POLLIN}};
    uint64_t end = smt_clock_ns() + timeout_ms * 1000000;

    for (;;) {
        uint64_t now = smt_clock_ns(), left_ms = end > now ? (end - now + 999999) / 1000000 : 0;
        bool last = timeout_ms && left_ms <= SMT_MONITOR_FORGET_MS;

        poll(ends, 2, last ? (int)left_ms : SMT_MONITOR_FORGET_MS);
        if (ends[0].revents) return SMT_MONITOR_STEP_DONE;
        if (ends[1].revents) return SMT_MONITOR_STEP_STOPPED;
        if (timeout_ms && !left_ms) return SMT_MONITOR_STEP_HUNG;
        smt_monitor_source_forget(source);
    }
}

static enum smt_status local_step(struct smt_monitor_source *source, const char *command,
                                  uint64_t round, uint64_t timeout_ms,
                                  struct smt_monitor_step *ret_step)
{
    pid_t pid = step_spawn(command, round, source->output_fd);
    struct smt_monitor_step step = {0};
    int pidfd, how = 0;

    if (pid < 0) return smt_fail(SMT_ESYS, "cannot run the step: %s", strerror(errno));
    pidfd = pidfd_open(pid, 0);
    if (pidfd >= 0) step.outcome = step_wait(source, pidfd, timeout_ms);
    if (step.outcome != SMT_MONITOR_STEP_DONE) kill(-pid, SIGKILL);
    while (waitpid(pid, &how, 0) < 0 && errno == EINTR) continue;
    if (pidfd >= 0) close(pidfd);
    step.code = WIFEXITED(how) ? WEXITSTATUS(how) : 128 + WTERMSIG(how);
    if (step.outcome == SMT_MONITOR_STEP_DONE && step.code) step.outcome = SMT_MONITOR_STEP_FAILED;
    *ret_step = step;
    return SMT_OK;
}

static void local_free(struct smt_monitor_source *source)
{
    free(source);
}

static const struct smt_monitor_source_ops local_ops = {local_read, local_read_again, local_scan,
                                                        local_step, local_free};

enum smt_status smt_monitor_local_new(int stop_fd, struct smt_monitor_source **ret_source)
{
    struct smt_monitor_source *source = calloc(1, sizeof(*source));

    if (!source) return smt_fail(SMT_ENOMEM, "out of memory");
    source->ops = &local_ops;
    source->stop_fd = stop_fd;
    source->self = getpid();
    source->output_fd = memfd_create("step output", MFD_CLOEXEC);
    if (source->output_fd < 0) {
        free(source);
        return smt_fail(SMT_ESYS, "cannot make room for a step's output: %s", strerror(errno));
    }
    *ret_source = source;
    return SMT_OK;
}
