/* Starting a program with the engine in it, and waiting for its end. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/mtctl_run.h"

#define REPORT_MAX ((size_t)1 << 30)

void smt_mtctl_run_exec(const struct smt_mtctl_run *run)
{
    int error;

    execvp(run->program[0], run->program);
    error = errno;
    fprintf(stderr, "mtctl: %s: %s\n", run->program[0], strerror(error));
    _exit(error == ENOENT ? 127 : 126);
}

static void output_drop(void)
{
    int null = open("/dev/null", O_RDWR);

    if (null < 0) return;
    for (int fd = 0; fd < 3; fd++) dup2(null, fd);
    if (null > 2) close(null);
}

/* Waits at most so long; false: it is still running. */
static bool child_await(pid_t child, uint64_t timeout_s)
{
    struct pollfd ended = {.events = POLLIN};
    int count;

    if (!timeout_s) return true;
    ended.fd = (int)syscall(SYS_pidfd_open, child, 0);
    if (ended.fd < 0) return true;
    do {
        count = poll(&ended, 1, timeout_s > INT_MAX / 1000 ? -1 : (int)timeout_s * 1000);
    } while (count < 0 && errno == EINTR);
    close(ended.fd);
    return count > 0;
}

static char *report_read(const char *path)
{
    struct smt_buffer text;

    smt_buffer_init(&text);
    if (smt_buffer_load(&text, path, REPORT_MAX) != SMT_OK || !text.size) {
        smt_buffer_clear(&text);
        return NULL;
    }
    return smt_buffer_take(&text);
}

/* Whom a signal is for: a process, or (negative) the group of one; 0 nobody yet. */
static volatile sig_atomic_t signal_to, signal_seen;

static void signal_pass_on(int number)
{
    int error = errno;

    signal_seen = number;
    if (signal_to) kill(signal_to, number);
    errno = error;
}

/* The terminal tells a program of its own group nothing, and one that is refused
 * memory need not listen. */
static void signal_end(int number)
{
    int error = errno;

    signal_seen = number;
    if (signal_to) kill(signal_to, SIGKILL);
    errno = error;
}

/* We outlive the program: its report is to be read, and removed. */
static const struct {
    int number;
    void (*follows)(int); /* while one program runs */
    void (*sweeps)(int);
} signals[] = {
    {SIGINT, SIG_IGN /* the program's business */, signal_end},
    {SIGQUIT, SIG_IGN, signal_end},
    {SIGTERM, signal_pass_on, signal_end},
    {SIGHUP, signal_pass_on, signal_end},
    {SIGCHLD, SIG_DFL, SIG_DFL}, /* ignored, it would leave nobody to wait for */
};
#define SIGNALS (sizeof signals / sizeof *signals)

static struct sigaction signals_before[SIGNALS];

void smt_mtctl_signals_take(bool sweeps)
{
    signal_to = signal_seen = 0;
    for (size_t i = 0; i < SIGNALS; i++) {
        struct sigaction ours = {.sa_flags = SA_RESTART};

        ours.sa_handler = sweeps ? signals[i].sweeps : signals[i].follows;
        sigaction(signals[i].number, NULL, &signals_before[i]);
        if (signals_before[i].sa_handler != SIG_IGN || ours.sa_handler == SIG_DFL)
            sigaction(signals[i].number, &ours, NULL);
    }
}

void smt_mtctl_signals_give_back(void)
{
    for (size_t i = 0; i < SIGNALS; i++) sigaction(signals[i].number, &signals_before[i], NULL);
}

/* In the child; does not return. */
static void child_run(const struct smt_mtctl_run *run, const char *const *variables, bool quiet,
                      const char *report)
{
    char own[16];

    for (; *variables; variables++) putenv((char *)(uintptr_t)*variables);
    setenv("MT_REPORT", report, 1);
    snprintf(own, sizeof own, "%d", (int)getpid());
    setenv("MT_PID", own, 1);
    if (quiet) output_drop();
    smt_mtctl_run_exec(run);
}

static void child_follow(pid_t child, bool quiet, uint64_t timeout_s,
                         struct smt_mtctl_ended *ret_ended)
{
    int status = 0;

    if (quiet) setpgid(child, child); /* as it does itself: either may be first */
    signal_to = quiet ? -child : child;
    if (signal_seen) raise(signal_seen); /* it came while there was no child */
    *ret_ended = (struct smt_mtctl_ended){.hung = !child_await(child, timeout_s)};
    if (ret_ended->hung) kill(quiet ? -child : child, SIGKILL);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    signal_to = 0;
    ret_ended->status = status;
    ret_ended->stopped = signal_seen;
}

enum smt_status smt_mtctl_run_once(const struct smt_mtctl_run *run, const char *const *variables,
                                   bool quiet, uint64_t timeout_s,
                                   struct smt_mtctl_ended *ret_ended)
{
    char path[SMT_TEMPORARY_BYTES];
    enum smt_status status;
    pid_t child;
    int fd;

    status = smt_temporary_file("mtctl-report", path, &fd);
    if (status != SMT_OK) return status;
    close(fd);
    child = fork();
    if (child == 0) {
        if (quiet) setpgid(0, 0);
        smt_mtctl_signals_give_back();
        child_run(run, variables, quiet, path);
    }
    if (child < 0) {
        status = smt_fail(SMT_ECHILD, "cannot start a process: %s", strerror(errno));
    } else {
        child_follow(child, quiet, timeout_s, ret_ended);
        ret_ended->report = report_read(path);
    }
    unlink(path);
    return status;
}
