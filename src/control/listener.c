#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "control/server_inside.h"

#define BACKLOG       4096
#define LOCK_TRIES    200
#define LOCK_PAUSE_NS 5000000

static void on_client(uv_stream_t *stream, int error)
{
    struct listener *listener = stream->data;

    if (error == 0) smt_control_connection_accept(listener);
}

/* Whether a server answers on this path. */
static bool socket_is_live(const struct smt_address *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool live;

    if (fd < 0) return true; /* cannot tell: leave it alone */
    live = connect(fd, &address->socket.any, address->size_bytes) == 0 || errno == EAGAIN ||
           errno == EINPROGRESS;
    close(fd);
    return live;
}

/* Makes room for our socket: removes what a dead server left, nothing else. */
static enum smt_status path_prepare(const struct smt_address *address)
{
    const char *path = address->socket.local.sun_path;
    struct stat info;

    if (lstat(path, &info) != 0) return SMT_OK;
    if (!S_ISSOCK(info.st_mode))
        return smt_fail(SMT_EIO, "%s: is there and is no socket; remove it or choose another path",
                        path);
    if (socket_is_live(address))
        return smt_fail(SMT_EIO, "%s: a server is listening there already", path);
    if (unlink(path) != 0) return smt_fail(SMT_EIO, "%s: %s", path, strerror(errno));
    return SMT_OK;
}

/* Bound by hand: the mode is there from the first moment, and libuv does not
 * know the path, which it would remove in the end whoever's it is by then. */
static int unix_bind(struct listener *listener)
{
    const struct smt_address *address = &listener->address;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mode_t old = umask(0177);
    int error = 0;
    struct stat info;

    if (fd < 0 || bind(fd, &address->socket.any, address->size_bytes) != 0) error = -errno;
    umask(old);
    if (!error && stat(address->socket.local.sun_path, &info) == 0) {
        listener->device = info.st_dev;
        listener->inode = info.st_ino;
    }
    if (!error) error = uv_pipe_open(&listener->handle.pipe, fd);
    if (error && fd >= 0) close(fd);
    return error;
}

static int ip_bind(struct listener *listener)
{
    struct smt_address *address = &listener->address;
    int size = sizeof address->socket;
    int error = uv_tcp_bind(&listener->handle.tcp, &address->socket.any, 0);

    if (error == 0) error = uv_tcp_getsockname(&listener->handle.tcp, &address->socket.any, &size);
    return error;
}

static enum smt_status listener_start(struct listener *listener, struct smt_server *server,
                                      const struct smt_address *address)
{
    bool local = address->socket.any.sa_family == AF_UNIX;
    char name[160];
    int error;

    listener->server = server;
    listener->address = *address;
    if (local) {
        enum smt_status status = path_prepare(address);

        if (status != SMT_OK) return status;
        error = uv_pipe_init(&server->loop, &listener->handle.pipe, 0);
    } else {
        error = uv_tcp_init(&server->loop, &listener->handle.tcp);
    }
    listener->open = error == 0;
    listener->handle.stream.data = listener;
    if (!error) error = local ? unix_bind(listener) : ip_bind(listener);
    if (!error) error = uv_listen(&listener->handle.stream, BACKLOG, on_client);
    if (!error) return SMT_OK;
    smt_address_format(address, name, sizeof name);
    return smt_fail(SMT_EIO, "%s: cannot listen: %s", name, uv_strerror(error));
}

/* Servers that start at once may all see what a dead one left, and each remove
 * the others' new socket: so one after the other. Nobody can keep a server from
 * starting by holding the lock. -1: none. */
static int folder_lock(const struct smt_address *address)
{
    const struct timespec pause = {.tv_nsec = LOCK_PAUSE_NS};
    char folder[sizeof address->socket.local.sun_path];
    int fd;

    if (address->socket.any.sa_family != AF_UNIX) return -1;
    strcpy(folder, address->socket.local.sun_path);
    fd = open(dirname(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; fd >= 0 && i < LOCK_TRIES && flock(fd, LOCK_EX | LOCK_NB) != 0; i++)
        nanosleep(&pause, NULL);
    return fd;
}

enum smt_status smt_control_listener_open(struct listener *listener, struct smt_server *server,
                                          const struct smt_address *address)
{
    int lock = folder_lock(address);
    enum smt_status status = listener_start(listener, server, address);

    if (lock >= 0) close(lock);
    return status;
}

/* Removes the socket's path only while it still leads to our socket. */
void smt_control_listener_close(struct listener *listener)
{
    struct stat info;

    if (!listener->open) return;
    listener->open = false;
    if (listener->address.socket.any.sa_family == AF_UNIX && listener->inode) {
        const char *path = listener->address.socket.local.sun_path;

        if (stat(path, &info) == 0 && info.st_dev == listener->device &&
            info.st_ino == listener->inode)
            unlink(path);
    }
    uv_close(&listener->handle.any, NULL);
}
