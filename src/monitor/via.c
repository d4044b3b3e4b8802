/* monitor/via.c - /proc of another host, through one shell kept open.
 *
 * We write commands to its standard input; after the output of each one it
 * prints a line that starts with a random word:
 *
 *     ->  cat /proc/7/smaps_rollup 2>/dev/null; printf '\nWORD %s\n' $?
 *     <-  (the file) \n WORD 0 \n
 *
 * A step runs in the background of that shell so that a kill can still be sent
 * when it hangs; it answers twice, `WORD pPID` and in the end `WORD sCODE`. */
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
#include <sys/wait.h>
#include <unistd.h>

#include "monitor/source.h"

#define ANSWER_MS   30000
#define ANSWER_MOST (256u << 20)

extern char **environ;

struct via {
    struct smt_monitor_source source; /* first: the two are the same pointer */
    pid_t pid;
    int to, from;
    char word[24];
    struct smt_buffer input; /* read, not yet taken */
};

static struct via *via_of(struct smt_monitor_source *source)
{
    return (struct via *)source;
}

static enum smt_status via_lost(struct via *via, const char *what)
{
    struct smt_buffer said;
    enum smt_status status;
    char *at;

    smt_buffer_init(&said);
    smt_monitor_source_output(&via->source, &said);
    for (at = said.data; at && *at; at++)
        if (*at == '\r') *at = ' ';
    while (said.size && (said.data[said.size - 1] == '\n' || said.data[said.size - 1] == ' '))
        said.data[--said.size] = '\0';
    at = said.size ? strrchr(said.data, '\n') : NULL;
    status = smt_fail(SMT_EIO, "%s%s%s", what, said.size ? ": " : "",
                      at ? at + 1 : (said.size ? said.data : ""));
    smt_buffer_clear(&said);
    return status;
}

static enum smt_status via_send(struct via *via, const struct smt_buffer *command)
{
    size_t sent = 0;

    if (command->failed) return smt_fail(SMT_ENOMEM, "out of memory");
    while (sent < command->size) {
        ssize_t put = write(via->to, command->data + sent, command->size - sent);

        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return via_lost(via, "the remote shell closed");
        sent += (size_t)put;
    }
    return SMT_OK;
}

/* Waits for more input; SMT_ENOTFOUND when the time is over. */
static enum smt_status via_wait(struct via *via, uint64_t end_ns)
{
    struct pollfd ends[2] = {{.fd = via->from, .events = POLLIN},
                             {.fd = via->source.stop_fd, .events = POLLIN}};
    uint64_t now = smt_clock_ns(), left_ms = end_ns > now ? (end_ns - now + 999999) / 1000000 : 0;
    bool last = left_ms <= SMT_MONITOR_FORGET_MS;
    char piece[65536];
    ssize_t got;

    if (poll(ends, 2, last ? (int)left_ms : SMT_MONITOR_FORGET_MS) <= 0) {
        smt_monitor_source_forget(&via->source);
        return left_ms ? SMT_OK : smt_fail(SMT_ENOTFOUND, "the remote shell does not answer");
    }
    if (ends[1].revents) return smt_fail(SMT_EINTERRUPTED, "interrupted");
    got = read(via->from, piece, sizeof(piece));
    if (got < 0 && errno == EINTR) return SMT_OK;
    if (got <= 0) return via_lost(via, "the remote shell closed");
    smt_buffer_add(&via->input, piece, (size_t)got);
    if (via->input.failed || via->input.size > ANSWER_MOST)
        return smt_fail(SMT_EIO, "the remote shell answers without end");
    return SMT_OK;
}

/* Waits for the next line that starts with the word; what came before it is
 * added to `output`, what follows the word on the line goes to `code`. */
static enum smt_status via_answer(struct via *via, uint64_t timeout_ms, struct smt_buffer *output,
                                  char *code, size_t code_size)
{
    uint64_t end = timeout_ms ? smt_clock_ns() + timeout_ms * 1000000 : UINT64_MAX / 2;
    size_t length = strlen(via->word), searched = 0;

    for (;;) {
        struct smt_buffer *input = &via->input;
        size_t from = searched > length ? searched - length : 0;
        char *word = input->size > from
                         ? memmem(input->data + from, input->size - from, via->word, length)
                         : NULL;
        char *rest = word ? word + length : NULL; /* of its line */
        char *line_end = rest ? memchr(rest, '\n', input->size - (size_t)(rest - input->data)) : 0;
        enum smt_status status;

        if (line_end) {
            size_t before = (size_t)(word - input->data),
                   used = (size_t)(line_end - input->data) + 1;

            if (output) smt_buffer_add(output, input->data, before);
            snprintf(code, code_size, "%.*s", (int)(line_end - rest), rest);
            memmove(input->data, input->data + used, input->size - used + 1);
            input->size -= used;
            return SMT_OK;
        }
        searched = word ? 0 : input->size;
        status = via_wait(via, end);
        if (status) return status;
    }
}

static enum smt_status via_ask(struct via *via, const char *shell, struct smt_buffer *output,
                               int *ret_code)
{
    struct smt_buffer command;
    enum smt_status status;
    char code[32];

    smt_buffer_init(&command);
    smt_buffer_addf(&command, "%s 2>/dev/null </dev/null; printf '\\n%%s %%s\\n' '%.*s' $?\n",
                    shell, (int)strlen(via->word) - 2, via->word + 1);
    status = via_send(via, &command);
    smt_buffer_clear(&command);
    if (!status) status = via_answer(via, ANSWER_MS, output, code, sizeof(code));
    if (status == SMT_ENOTFOUND) status = via_lost(via, "the remote shell does not answer");
    if (!status) *ret_code = atoi(code);
    return status;
}

/* The path is one of ours: no quoting needed. A file that is not there makes 3
 * to tell it from one that may not be read. */
static enum smt_status via_read(struct smt_monitor_source *source, const char *path,
                                struct smt_buffer *buffer, int *ret_errno)
{
    char shell[256];
    int code = 0;
    enum smt_status status;

    snprintf(shell, sizeof(shell), "{ if [ -e %s ]; then cat %s; else (exit 3); fi; }", path, path);
    status = via_ask(via_of(source), shell, buffer, &code);
    if (!status) *ret_errno = !code ? 0 : code == 3 ? ENOENT : EACCES;
    return status;
}

static enum smt_status via_read_again(struct smt_monitor_source *source,
                                      struct smt_monitor_file *file, struct smt_buffer *buffer,
                                      int *ret_errno)
{
    return via_read(source, file->path, buffer, ret_errno);
}

static enum smt_status via_scan(struct smt_monitor_source *source, struct smt_buffer *buffer)
{
    int code;

    return via_ask(via_of(source), "cat /proc/[0-9]*/stat", buffer, &code);
}

static void quoted_add(struct smt_buffer *text, const char *command)
{
    smt_buffer_add_text(text, "'");
    for (; *command; command++)
        if (*command == '\'')
            smt_buffer_add_text(text, "'\\''");
        else
            smt_buffer_add(text, command, 1);
    smt_buffer_add_text(text, "'");
}

/* Kills the step's session, or at least its shell, and waits for its end. */
static enum smt_status via_step_kill(struct via *via, const char *pid)
{
    struct smt_buffer command;
    enum smt_status status;
    char code[32];

    via->source.stop_fd = -1; /* it has been heard; what follows must still work */
    smt_buffer_init(&command);
    smt_buffer_addf(&command, "kill -s KILL -- -%s 2>/dev/null || kill -s KILL %s\n", pid, pid);
    status = via_send(via, &command);
    smt_buffer_clear(&command);
    if (!status) status = via_answer(via, ANSWER_MS, NULL, code, sizeof(code));
    return status;
}

static enum smt_status via_step(struct smt_monitor_source *source, const char *command,
                                uint64_t round, uint64_t timeout_ms,
                                struct smt_monitor_step *ret_step)
{
    struct via *via = via_of(source);
    int word = (int)strlen(via->word) - 2, stop_fd = source->stop_fd;
    struct smt_monitor_step step = {0};
    struct smt_buffer shell, said; /* a terminal has one output only */
    enum smt_status status;
    char pid[32] = "", code[32] = "";

    smt_buffer_init(&shell);
    smt_buffer_addf(&shell, "( MTCTL_ROUND=%llu; export MTCTL_ROUND; $smt_setsid sh -c ",
                    (unsigned long long)round);
    quoted_add(&shell, command);
    smt_buffer_addf(&shell,
                    " </dev/null >&2 & printf '\\n%%s %%s\\n' '%.*s' $!; wait $!; "
                    "printf '\\n%%s %%s\\n' '%.*s' $? ) &\n",
                    word, via->word + 1, word, via->word + 1);
    status = via_send(via, &shell);
    smt_buffer_clear(&shell);
    smt_buffer_init(&said);
    if (!status) status = via_answer(via, ANSWER_MS, &said, pid, sizeof(pid));
    if (!status) status = via_answer(via, timeout_ms, &said, code, sizeof(code));
    if (said.size && write(source->output_fd, said.data, said.size) < 0) errno = 0; /* memory */
    smt_buffer_clear(&said);
    if (pid[0] && (status == SMT_ENOTFOUND || status == SMT_EINTERRUPTED)) {
        step.outcome = status == SMT_ENOTFOUND ? SMT_MONITOR_STEP_HUNG : SMT_MONITOR_STEP_STOPPED;
        status = via_step_kill(via, pid);
        source->stop_fd = stop_fd;
    } else if (!status) {
        step.code = atoi(code);
        if (step.code) step.outcome = SMT_MONITOR_STEP_FAILED;
    }
    if (!status) *ret_step = step;
    return status;
}

/* The shell that runs the transport, after what it waits for. */
static void transport_kill(pid_t pid)
{
    char path[64];
    FILE *file;
    int child;

    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
    file = fopen(path, "re");
    while (file && fscanf(file, "%d", &child) == 1) kill(child, SIGKILL);
    if (file) fclose(file);
    kill(pid, SIGKILL);
}

static void via_free(struct smt_monitor_source *source)
{
    struct via *via = via_of(source);
    struct pollfd end = {.events = POLLIN};

    /* To a shell on a terminal, the end of our input would tell nothing. */
    if (via->to >= 0 && write(via->to, "exit\n", 5) < 0) errno = 0; /* it has ended */
    if (via->to >= 0) close(via->to);
    if (via->from >= 0) close(via->from);
    if (via->pid > 0) {
        end.fd = pidfd_open(via->pid, 0);
        if (end.fd < 0 || poll(&end, 1, 1000) <= 0) transport_kill(via->pid);
        if (end.fd >= 0) close(end.fd);
        while (waitpid(via->pid, NULL, 0) < 0 && errno == EINTR) continue;
    }
    smt_buffer_clear(&via->input);
    free(via);
}

static const struct smt_monitor_source_ops via_ops = {via_read, via_read_again, via_scan, via_step,
                                                      via_free};

/* Ctrl-C is for us: the transport ignores it, so that the end can still be
 * read. It stays in our process group, for its questions on the terminal. */
static enum smt_status via_spawn(struct via *via, const char *command)
{
    struct smt_buffer shell;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    char *arguments[] = {(char *)"sh", (char *)"-c", NULL, NULL};
    int to[2] = {-1, -1}, from[2] = {-1, -1}, error;
    sigset_t none, pipe_only;

    if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC))
        return smt_fail(SMT_ESYS, "cannot make a pipe: %s", strerror(errno));
    via->to = to[1];
    via->from = from[0];
    smt_buffer_init(&shell);
    smt_buffer_addf(&shell, "trap '' INT; %s", command);
    arguments[2] = shell.data;
    sigemptyset(&none);
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, to[0], 0);
    posix_spawn_file_actions_adddup2(&actions, from[1], 1);
    posix_spawn_file_actions_adddup2(&actions, via->source.output_fd, 2);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &pipe_only);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    error = shell.failed
                ? ENOMEM
                : posix_spawn(&via->pid, "/bin/sh", &actions, &attributes, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    smt_buffer_clear(&shell);
    close(to[0]);
    close(from[1]);
    if (!error) return SMT_OK;
    via->pid = 0;
    return smt_fail(SMT_ESYS, "cannot run %s: %s", command, strerror(error));
}

/* Whatever shell answers is replaced by sh; only after its word may more be
 * sent, for it may read ahead. A terminal there, as of `ssh -tt`, is kept from changing what is
 * sent and answered. */
static enum smt_status via_greet(struct via *via)
{
    struct smt_buffer hello;
    enum smt_status status;
    char code[32];

    smt_buffer_init(&hello);
    smt_buffer_addf(&hello, "echo; echo '%.*s' 0; exec sh\n", (int)strlen(via->word) - 2,
                    via->word + 1);
    status = via_send(via, &hello);
    if (!status) status = via_answer(via, ANSWER_MS, NULL, code, sizeof(code));
    smt_buffer_empty(&hello);
    smt_buffer_addf(
        &hello,
        "stty raw -echo 2>/dev/null; PS1= PS2= smt_setsid=; command -v setsid >/dev/null && "
        "smt_setsid=setsid; "
        "printf '\\n%%s %%s\\n' '%.*s' $$\n",
        (int)strlen(via->word) - 2, via->word + 1);
    if (!status) status = via_send(via, &hello);
    if (!status) status = via_answer(via, ANSWER_MS, NULL, code, sizeof(code));
    smt_buffer_clear(&hello);
    if (status == SMT_ENOTFOUND)
        return via_lost(via, "what --via started does not answer like a shell");
    if (!status) via->source.self = atoi(code);
    return status;
}

enum smt_status smt_monitor_via_new(const char *command, int stop_fd,
                                    struct smt_monitor_source **ret_source)
{
    struct via *via = calloc(1, sizeof(*via));
    enum smt_status status;

    if (!via) return smt_fail(SMT_ENOMEM, "out of memory");
    via->source.ops = &via_ops;
    via->source.stop_fd = stop_fd;
    via->to = via->from = -1;
    snprintf(via->word, sizeof(via->word), "\n%016llx ", (unsigned long long)smt_random_seed());
    via->source.output_fd = memfd_create("transport output", MFD_CLOEXEC);
    status = via->source.output_fd < 0
                 ? smt_fail(SMT_ESYS, "cannot make room for output: %s", strerror(errno))
                 : via_spawn(via, command);
    if (!status) status = via_greet(via);
    if (status)
        smt_monitor_source_free(&via->source);
    else
        *ret_source = &via->source;
    return status;
}
