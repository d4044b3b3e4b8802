/* cli/mtctl_serve.c - `mtctl serve`: the engine behind sockets, in front or in
 * the background. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/mtctl.h"
#include "cli/mtctl_engine.h"
#include "cli/mtctl_run.h"

#define LISTEN_MAX 16

struct service {
    struct smt_mtctl_engine engine; /* first: see SMT_MTCTL_ENGINE_ROWS */
    struct smt_address addresses[LISTEN_MAX];
    size_t address_count;
    bool background;
    const char *pid_file, *log;
    pid_t attached; /* 0: none */
    struct smt_cli_request request;

    int pid_fd; /* locked while we run */
    int log_fd;
    int ready_fd; /* to the process that waits for our start; -1 */
};

/* --- the command line --- */

static SMT_CLI_SETTER(set_listen)
{
    struct service *service = options;
    enum smt_status status;

    if (service->address_count == LISTEN_MAX)
        return smt_fail(SMT_EUSAGE, "--%s: at most %d addresses", row->name, LISTEN_MAX);
    status = smt_address_parse(arg, &service->addresses[service->address_count]);
    if (status != SMT_OK) return smt_fail(SMT_EUSAGE, "--%s: %s", row->name, smt_fail_text());
    service->address_count++;
    return SMT_OK;
}

static SMT_CLI_SETTER(set_attach)
{
    if (smt_live_address_parse(arg, &((struct service *)options)->attached) == SMT_OK)
        return SMT_OK;
    return smt_fail(SMT_EUSAGE, "--%s: %s", row->name, smt_fail_text());
}

#define AT(member) offsetof(struct service, member)
_Static_assert(AT(engine) == 0, "the engine's rows store from there");

static const struct smt_cli_option table[] = {
    {0, NULL, NULL, 0, "Where it listens:", NULL, NULL, NULL, 0},
    {0, "listen", "ADDRESS", 0,
     "unix:PATH, tcp:127.0.0.1:PORT or telnet:127.0.0.1:PORT; repeatable. Default: mtctl.sock in "
     "the runtime directory",
     NULL, NULL, set_listen, 0},
    {0, "attach", "pid:N", 0,
     "memscope and kmemleak, and the telnet menu, ask the engine in process N", NULL, NULL,
     set_attach, 0},
    {0, NULL, NULL, 0, "How it runs:", NULL, NULL, NULL, 0},
    {0, "background", NULL, 0, "Return when it serves, and go on serving", NULL, NULL,
     smt_cli_set_true, AT(background)},
    {0, "pid-file", "PATH", 0, "Write the server's process id to PATH", "FILE", NULL,
     smt_cli_set_text, AT(pid_file)},
    {0, "log", "PATH", 0, "Append messages to PATH instead of standard error", "FILE", NULL,
     smt_cli_set_text, AT(log)},
    SMT_MTCTL_ENGINE_ROWS,
    {0, NULL, NULL, 0, "This program:", NULL, NULL, NULL, 0},
    SMT_CLI_HELP_ROW(AT(request)),
    {0},
};

static const struct smt_cli_example examples[] = {
    {"mtctl serve", "At mtctl.sock in the runtime directory."},
    {"mtctl serve --listen tcp:127.0.0.1:5000 --listen telnet:127.0.0.1:2323",
     "For JSON-RPC clients, and for people."},
    {"mtctl serve --background --pid-file /run/mtctl.pid --log /var/log/mtctl", "As a daemon."},
    {"kamcmd -s unix:/run/mtctl.sock mt.mem_alloc 10 k", "A command for it."},
    {NULL, NULL},
};

const struct smt_cli_program smt_mtctl_serve_program = {
    .name = "mtctl serve",
    .summary = "answer commands on sockets",
    .usage = "[OPTION...]",
    .description =
        "Answers commands on sockets: BINRPC (kamcmd), JSON-RPC 2.0 and text lines. The protocol "
        "is told by a client's first bytes; only a telnet: listener speaks first. SIGTERM stops it "
        "and tells what was left allocated.\n"
        "Only loopback addresses are served; another host comes in through ssh: `ssh -L "
        "5000:127.0.0.1:5000 HOST' and then `mtctl -s tcp:127.0.0.1:5000'.\n"
        "Exit status: 0; 1 something was found; 2 usage; 3 failure.",
    .options = table,
    .examples = examples,
};

/* Whether the path still leads to the file we have open. */
static bool pid_file_is_ours(const struct service *service)
{
    struct stat ours, there;

    return fstat(service->pid_fd, &ours) == 0 && stat(service->pid_file, &there) == 0 &&
           ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}

static void pid_file_close(struct service *service)
{
    if (service->pid_fd >= 0) close(service->pid_fd);
    service->pid_fd = -1;
}

/* The lock tells a running server's file from one that was left behind. One that
 * ends may remove its file between our opening and our locking it. */
static enum smt_status pid_file_lock(struct service *service)
{
    const char *path = service->pid_file;
    struct stat info;

    do {
        pid_file_close(service);
        service->pid_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0644);
        if (service->pid_fd < 0 || fstat(service->pid_fd, &info) != 0)
            return smt_fail(SMT_EIO, "%s: %s", path, strerror(errno));
        if (!S_ISREG(info.st_mode))
            return smt_fail(SMT_EIO, "%s: is no file that can be removed in the end", path);
        if (flock(service->pid_fd, LOCK_EX | LOCK_NB) != 0)
            return smt_fail(SMT_EIO, "%s: a server that is running has it", path);
    } while (!pid_file_is_ours(service));
    return SMT_OK;
}

static enum smt_status pid_file_take(struct service *service)
{
    char line[24];
    int size = snprintf(line, sizeof line, "%d\n", (int)getpid());
    enum smt_status status;

    if (!service->pid_file) return SMT_OK;
    status = pid_file_lock(service);
    if (status != SMT_OK) {
        pid_file_close(service);
        return status;
    }
    if (ftruncate(service->pid_fd, 0) != 0 || write(service->pid_fd, line, (size_t)size) != size)
        return smt_fail(SMT_EIO, "%s: %s", service->pid_file, strerror(errno));
    return SMT_OK;
}

static void pid_file_drop(struct service *service)
{
    if (service->pid_fd >= 0 && pid_file_is_ours(service)) unlink(service->pid_file);
    pid_file_close(service);
}

/* Before anybody is told that we serve. In the background without a log there is
 * nobody to complain to. */
static enum smt_status log_open(struct service *service)
{
    const char *path = service->log ? service->log : "/dev/null";

    if (!service->log && !service->background) return SMT_OK;
    service->log_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (service->log_fd < 0) return smt_fail(SMT_EIO, "%s: %s", path, strerror(errno));
    return SMT_OK;
}

/* Standard error becomes the log; in the background there is no other. */
static void output_redirect(struct service *service)
{
    int null;

    if (service->log_fd < 0) return;
    fflush(stderr);
    dup2(service->log_fd, STDERR_FILENO);
    close(service->log_fd);
    if (!service->background) return;
    fflush(stdout);
    null = open("/dev/null", O_RDWR | O_CLOEXEC);
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    close(null);
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
                "mtctl: stopped with %" PRIu64 " byte%s in %" PRIu64
                " chunk%s leaked as told; freeing %s\n",
                bytes, smt_number_ending(bytes), chunks, smt_number_ending(chunks),
                chunks == 1 ? "it" : "them");
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

/* Better now than with each command. It may still end while this serves. */
static enum smt_status attached_probe(pid_t process)
{
    struct smt_live_client client;
    enum smt_status status = smt_live_client_open(&client, process);

    if (status == SMT_OK) smt_live_client_close(&client);
    return status;
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
    if (status == SMT_OK) status = log_open(service);
    if (status == SMT_OK) status = smt_server_new(&control, &options, &server);
    if (status == SMT_OK) {
        addresses_tell(service, server);
        output_redirect(service);
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
    if (waitpid(child, &status, 0) != child || !WIFEXITED(status)) {
        fprintf(stderr, "mtctl: the server died before it served\n");
        return 3;
    }
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
    static struct service service = {.pid_fd = -1, .log_fd = -1, .ready_fd = -1};
    int status = smt_cli_start(&smt_mtctl_serve_program, argc, argv, &service, &service.request);

    if (status != SMT_CLI_GO_ON) return status;
    if (service.engine.live && (status = smt_mtctl_run_self()) != 0) return status;
    if (!service.address_count) {
        enum smt_status found = smt_address_default(&service.addresses[0]);

        if (found != SMT_OK) return smt_mtctl_fail(found);
        service.address_count = 1;
    }
    if (service.attached) {
        enum smt_status found = attached_probe(service.attached);

        if (found != SMT_OK) return smt_mtctl_fail(found);
    }
    (void)smt_descriptors_raise(); /* 10,000 clients are as many */
    status = service.background ? background_run(&service) : service_run(&service);
    smt_cli_texts_clear(&service.engine.parameters);
    return status;
}
