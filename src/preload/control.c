/* The control thread: a socket that only this thread has.
 *
 * Its table of descriptors is its own, so the program's closefrom() does not
 * reach the socket, the program's descriptors keep their numbers, and a pipe the
 * program closes is closed. The name is abstract, so nothing is left behind:
 *
 *      mtctl.<process-id namespace>.<process id there>
 *
 * Only this user, and root, are answered. */
#include "preload/preload.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "heap/live_memory.h"
#include "preload/commands.h"

#define STACK_BYTES  ((size_t)256 << 10)
#define CLIENTS_MAX  16
#define REQUEST_MAX  1024
#define HIGH_FD      512 /* where descriptors cannot be had for oneself */

struct client {
    int fd;
    size_t size;
    char request[REQUEST_MAX];
};

static struct {
    _Atomic pid_t process; /* whose thread runs; 0: none */
    _Atomic uint32_t ready; /* it listens, or never will */
    bool own_descriptors;
    int listener;
    struct client clients[CLIENTS_MAX];
    size_t client_count;
} control;

static socklen_t address_make(struct sockaddr_un *address)
{
    struct stat status;
    unsigned long space = stat("/proc/self/ns/pid", &status) == 0 ? status.st_ino : 0;
    int size;

    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    size = snprintf(address->sun_path + 1, sizeof address->sun_path - 1, "mtctl.%lu.%d", space,
                    (int)getpid());
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)size);
}

/* A table of descriptors for this thread alone, and nothing in it. */
static void descriptors_leave(void)
{
    if (syscall(SYS_close_range, 0u, ~0u, CLOSE_RANGE_UNSHARE) == 0) {
        control.own_descriptors = true;
        return;
    }
    if (syscall(SYS_unshare, CLONE_FILES) != 0) return;
    control.own_descriptors = true;
    for (int fd = 0; fd < 65536; fd++) (void)syscall(SYS_close, fd);
}

static int listener_open(void)
{
    struct sockaddr_un address;
    socklen_t size = address_make(&address);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), high;

    if (fd < 0) return -1;
    if (!control.own_descriptors) {
        high = fcntl(fd, F_DUPFD_CLOEXEC, HIGH_FD);
        if (high >= 0) {
            close(fd);
            fd = high;
        }
    }
    if (bind(fd, (struct sockaddr *)&address, size) == 0 && listen(fd, CLIENTS_MAX) == 0) return fd;
    close(fd);
    return -1;
}

static bool peer_is_trusted(int fd)
{
    struct ucred peer;
    socklen_t size = sizeof peer;

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
           (peer.uid == geteuid() || peer.uid == 0);
}

static void client_accept(void)
{
    int fd = accept4(control.listener, NULL, NULL, SOCK_CLOEXEC);

    if (fd < 0) return;
    if (!peer_is_trusted(fd) || control.client_count == CLIENTS_MAX) {
        close(fd);
        return;
    }
    control.clients[control.client_count++] = (struct client){.fd = fd};
}

static void client_drop(size_t i)
{
    close(control.clients[i].fd);
    control.clients[i] = control.clients[--control.client_count];
}

/* False: the client is gone, or does not read for a minute. */
static bool answer_send(int fd, const struct mt_out *out)
{
    for (size_t at = 0; at < out->size;) {
        struct pollfd ready = {.fd = fd, .events = POLLOUT};
        ssize_t size = send(fd, out->text + at, out->size - at, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (size > 0)
            at += (size_t)size;
        else if (size < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        else if (poll(&ready, 1, 60000) <= 0)
            return false;
    }
    return true;
}

static bool request_answer(int fd, char *line)
{
    struct mt_out out = {0};
    bool sent;

    mt_command(line, &out);
    sent = answer_send(fd, &out);
    mt_out_clear(&out);
    return sent;
}

/* Takes what came; false: done with this client. */
static bool client_read(struct client *client)
{
    ssize_t size = recv(client->fd, client->request + client->size,
                        REQUEST_MAX - 1 - client->size, MSG_DONTWAIT);
    char *end;

    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return true;
    if (size <= 0) return false;
    client->size += (size_t)size;
    while ((end = memchr(client->request, '\n', client->size))) {
        size_t used = (size_t)(end + 1 - client->request);

        *end = '\0';
        if (!request_answer(client->fd, client->request)) return false;
        client->size -= used;
        memmove(client->request, client->request + used, client->size);
    }
    return client->size < REQUEST_MAX - 1;
}

static void serve(void)
{
    for (;;) {
        struct pollfd ready[CLIENTS_MAX + 1] = {{.fd = control.listener, .events = POLLIN}};
        size_t count = control.client_count;
        int timeout_ms = mt_scan_due();

        for (size_t i = 0; i < count; i++)
            ready[i + 1] = (struct pollfd){.fd = control.clients[i].fd, .events = POLLIN};
        if (poll(ready, count + 1, timeout_ms) <= 0) continue;
        for (size_t i = count; i-- > 0;)
            if (ready[i + 1].revents && !client_read(&control.clients[i])) client_drop(i);
        if (ready[0].revents) client_accept();
    }
}

static void ready_tell(void)
{
    atomic_store(&control.ready, 1);
    (void)syscall(SYS_futex, &control.ready, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
}

static void *control_main(void *context)
{
    (void)context;
    mt_thread.ours = 1;
    prctl(PR_SET_NAME, "mtctl", 0, 0, 0);
    descriptors_leave();
    control.client_count = 0;
    control.listener = listener_open();
    ready_tell();
    if (control.listener >= 0) serve();
    return NULL;
}

void mt_control_start(void)
{
    pid_t process = getpid();
    sigset_t all, before;
    pthread_attr_t attributes;
    pthread_t thread;
    uint8_t ours = mt_thread.ours;

    if (mt_settings.socket_off || atomic_exchange(&control.process, process) == process) return;
    mt_thread.ours = 1;
    atomic_store(&control.ready, 0);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    if (pthread_create(&thread, &attributes, control_main, NULL) != 0) {
        control.listener = -1;
        ready_tell();
    }
    pthread_attr_destroy(&attributes);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    mt_thread.ours = ours;
}

bool mt_control_runs(void)
{
    return atomic_load(&control.process) == getpid() && atomic_load(&control.ready) &&
           control.listener >= 0;
}

void mt_control_forked(void)
{
    atomic_store(&control.process, 0);
    smt_scan_forget();
}

bool mt_control_ask(const char *line)
{
    struct sockaddr_un address;
    socklen_t size = address_make(&address);
    char answer[256];
    int fd;
    bool asked;

    mt_control_start();
    while (!atomic_load(&control.ready))
        (void)syscall(SYS_futex, &control.ready, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
    if (!mt_control_runs()) return false;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return false;
    asked = connect(fd, (struct sockaddr *)&address, size) == 0 &&
            send(fd, line, strlen(line), MSG_NOSIGNAL) > 0 && send(fd, "\n", 1, MSG_NOSIGNAL) > 0;
    while (asked && recv(fd, answer, sizeof answer, 0) > 0)
        if (memmem(answer, sizeof answer, "end\t", 4)) break;
    close(fd);
    return asked;
}
