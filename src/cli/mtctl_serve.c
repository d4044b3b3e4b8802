/* cli/mtctl_serve.c - `mtctl serve`: the engine behind sockets, in front or in
 * the background. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/mtctl.h"
#include "cli/mtctl_engine.h"
#include "cli/mtctl_run.h"

#define LISTEN_MAX 16

enum { KEY_LISTEN = 400, KEY_BACKGROUND, KEY_PID_FILE, KEY_LOG, KEY_ATTACH };

struct service {
    struct smt_mtctl_engine engine;
    struct smt_address addresses[LISTEN_MAX];
    size_t address_count;
    bool background;
    const char *pid_file, *log;
    pid_t attached; /* 0: none */

    int pid_fd;   /* locked while we run */
    int ready_fd; /* to the process that waits for our start; -1 */
};

static const struct argp_option serve_options[] = {
    {"listen", KEY_LISTEN, "ADDRESS", 0,
     "unix:PATH, tcp:127.0.0.1:PORT or telnet:127.0.0.1:PORT; repeatable. Default: mtctl.sock in "
     "the runtime directory",
     1},
    {"attach", KEY_ATTACH, "pid:N", 0,
     "memscope and kmemleak, and the telnet menu, ask the engine in process N", 1},
    {"background", KEY_BACKGROUND, NULL, 0, "Return when it serves, and go on serving", 1},
    {"pid-file", KEY_PID_FILE, "PATH", 0, "Write the server's process id to PATH", 1},
    {"log", KEY_LOG, "PATH", 0, "Append messages to PATH instead of standard error", 1},
    {0},
};

static error_t serve_parse(int key, char *text, struct argp_state *state)
{
    struct service *service = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &service->engine;
        return 0;
    case KEY_LISTEN:
        if (service->address_count == LISTEN_MAX)
            argp_error(state, "--listen: at most %d addresses", LISTEN_MAX);
        if (smt_address_parse(text, &service->addresses[service->address_count++]) != SMT_OK)
            argp_error(state, "--listen: %s", smt_fail_text());
        return 0;
    case KEY_BACKGROUND:
        service->background = true;
        return 0;
    case KEY_ATTACH:
        if (smt_live_address_parse(text, &service->attached) != SMT_OK)
            argp_error(state, "--attach: %s", smt_fail_text());
        return 0;
    case KEY_PID_FILE:
        service->pid_file = text;
        return 0;
    case KEY_LOG:
        service->log = text;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "%s: serve takes no command", text);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* 10,000 clients are 10,000 descriptors. */
static void descriptors_raise(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

/* The lock tells a running server's file from one that was left behind. */
static enum smt_status pid_file_take(struct service *service)
{
    const char *path = service->pid_file;
    char line[24];
    int size = snprintf(line, sizeof line, "%d\n", (int)getpid());

    if (!path) return SMT_OK;
    service->pid_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (service->pid_fd < 0) return smt_fail(SMT_EIO, "%s: %s", path, strerror(errno));
    if (flock(service->pid_fd, LOCK_EX | LOCK_NB) != 0) {
        close(service->pid_fd);
        service->pid_fd = -1;
        return smt_fail(SMT_EIO, "%s: a server that is running has it", path);
    }
    if (ftruncate(service->pid_fd, 0) != 0 || write(service->pid_fd, line, (size_t)size) != size)
        return smt_fail(SMT_EIO, "%s: %s", path, strerror(errno));
    return SMT_OK;
}

static void pid_file_drop(struct service *service)
{
    if (service->pid_fd < 0) return;
    unlink(service->pid_file);
    close(service->pid_fd);
}

/* Standard error becomes the log, or nothing in the background without one. */
static enum smt_status output_redirect(const struct service *service)
{
    const char *path = service->log ? service->log : "/dev/null";
    int null, log;

    if (!service->log && !service->background) return SMT_OK;
    log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (log < 0) return smt_fail(SMT_EIO, "%s: %s", path, strerror(errno));
    fflush(stderr);
    dup2(log, STDERR_FILENO);
    close(log);
    if (!service->background) return SMT_OK;
    fflush(stdout);
    null = open("/dev/null", O_RDWR | O_CLOEXEC);
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    close(null);
    return SMT_OK;
}

static void ready_tell(struct service *service)
{
    if (service->ready_fd < 0) return;
    if (write(service->ready_fd, "", 1) < 0) perror("mtctl: cannot tell that the server is ready");
    close(service->ready_fd);
    service->ready_fd = -1;
}

static void leaks_tell(struct smt_control *control)
{
    uint64_t bytes, chunks;

    smt_control_held(control, &bytes, &chunks);
    if (chunks)
        fprintf(stderr,
                "mtctl: stopped with %" PRIu64 " bytes in %" PRIu64
                " chunks leaked as told; freeing them\n",
                bytes, chunks);
    else
        fprintf(stderr, "mtctl: stopped, nothing was left allocated\n");
}

static void addresses_tell(const struct service *service, const struct smt_server *server)
{
    for (size_t i = 0; i < service->address_count; i++) {
        struct smt_address address;
        char name[160];

        smt_server_address(server, i, &address);
        smt_address_format(&address, name, sizeof name);
        printf("listening on %s\n", name);
    }
    fflush(stdout);
}

static int service_run(struct service *service)
{
    const struct smt_server_options options = {.addresses = service->addresses,
                                               .address_count = service->address_count,
                                               .menus = smt_live_menus};
    struct smt_control control;
    struct smt_server *server = NULL;
    enum smt_status status;
    int exit_status = smt_mtctl_engine_start(&service->engine, &control);

    if (exit_status) return exit_status;
    control.attached = service->attached;
    status = pid_file_take(service);
    if (status == SMT_OK) status = smt_server_new(&control, &options, &server);
    if (status == SMT_OK) addresses_tell(service, server);
    if (status == SMT_OK) status = output_redirect(service);
    if (status == SMT_OK) {
        ready_tell(service);
        smt_server_run(server);
        leaks_tell(&control);
    } else {
        exit_status = smt_mtctl_fail(status);
    }
    smt_server_free(server);
    pid_file_drop(service);
    return smt_mtctl_engine_stop(&control, exit_status);
}

/* In the process that was started: waits until the other one serves or fails. */
static int readiness_wait(pid_t child, int ready_fd)
{
    char byte;
    int status;

    if (read(ready_fd, &byte, 1) == 1) return 0;
    if (waitpid(child, &status, 0) != child || !WIFEXITED(status)) return 3;
    return WEXITSTATUS(status) ? WEXITSTATUS(status) : 3;
}

/* Forks before there are threads or a loop. */
static int background_run(struct service *service)
{
    int ends[2], status;
    pid_t child;

    if (pipe2(ends, O_CLOEXEC) != 0 || (child = fork()) < 0) {
        fprintf(stderr, "mtctl: cannot go into the background: %s\n", strerror(errno));
        return 3;
    }
    if (child == 0) {
        close(ends[0]);
        setsid();
        service->ready_fd = ends[1];
        return service_run(service);
    }
    close(ends[1]);
    status = readiness_wait(child, ends[0]);
    close(ends[0]);
    return status;
}

int smt_mtctl_serve(int argc, char **argv)
{
    static struct service service = {.pid_fd = -1, .ready_fd = -1};
    static char name[] = "mtctl serve";
    const struct argp_child children[] = {{&smt_mtctl_engine_argp, 0, "Engine:", 10}, {0}};
    const struct argp argp = {
        .options = serve_options,
        .parser = serve_parse,
        .doc = "Answer commands on sockets: BINRPC (kamcmd), JSON-RPC 2.0 and text lines.\v"
               "The protocol is told by a client's first bytes; only a telnet: listener speaks "
               "first. SIGTERM stops it and tells what was left allocated.\n"
               "Only loopback addresses are served; another host comes in through ssh:\n"
               "  ssh -L 5000:127.0.0.1:5000 HOST     and then  mtctl -s tcp:127.0.0.1:5000\n\n"
               "Examples:\n"
               "  mtctl serve                         mtctl.sock in the runtime directory\n"
               "  mtctl serve --listen tcp:127.0.0.1:5000 --listen telnet:127.0.0.1:2323\n"
               "  mtctl serve --background --pid-file /run/mtctl.pid --log /var/log/mtctl\n"
               "  kamcmd -s unix:/run/mtctl.sock mt.mem_alloc 10 k\n\n"
               "Exit status: 0; 1 something was found; 2 usage; 3 failure.",
        .children = children,
    };
    int exit_status;

    argv[0] = name;
    argp_err_exit_status = 2;
    argp_parse(&argp, argc, argv, 0, NULL, &service);
    if (service.engine.live && (exit_status = smt_mtctl_run_self()) != 0) return exit_status;
    if (!service.address_count) {
        enum smt_status status = smt_address_default(&service.addresses[0]);

        if (status != SMT_OK) return smt_mtctl_fail(status);
        service.address_count = 1;
    }
    descriptors_raise();
    return service.background ? background_run(&service) : service_run(&service);
}
