#include "control/live_client.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const char scheme[] = "pid:";

bool smt_live_address_is(const char *address)
{
    return strncmp(address, scheme, strlen(scheme)) == 0;
}

enum smt_status smt_live_address_parse(const char *address, pid_t *ret_process)
{
    uint64_t number;

    if (!smt_live_address_is(address) || !smt_number_parse(address + strlen(scheme), &number) ||
        !number || number > INT32_MAX)
        return smt_fail(SMT_EUSAGE, "%s: expected pid:N, N a process id", address);
    *ret_process = (pid_t)number;
    return SMT_OK;
}

/* The process's id in its own namespace: the last one of NSpid in its status. */
static bool inner_pid_read(pid_t process, pid_t *ret_inner)
{
    char path[64], line[256];
    FILE *file;
    bool known = false;

    snprintf(path, sizeof path, "/proc/%d/status", (int)process);
    file = fopen(path, "re");
    if (!file) return false;
    *ret_inner = process;
    while (fgets(line, sizeof line, file)) {
        char *last = strrchr(line, '\t');

        if (strncmp(line, "Uid:", 4) == 0) known = true;
        if (strncmp(line, "NSpid:", 6) == 0 && last) *ret_inner = (pid_t)atoi(last + 1);
    }
    fclose(file);
    return known;
}

static ino_t space_inode(pid_t process, const char *name)
{
    struct stat status;
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/ns/%s", (int)process, name);
    return stat(path, &status) == 0 ? status.st_ino : 0;
}

/* A socket of that process's network: sockets stay where they were made. */
static int socket_make(pid_t process)
{
    bool elsewhere = space_inode(process, "net") != space_inode(getpid(), "net");
    int own = -1, other = -1, fd;
    char path[64];

    if (elsewhere) {
        snprintf(path, sizeof path, "/proc/%d/ns/net", (int)process);
        own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        other = open(path, O_RDONLY | O_CLOEXEC);
        if (own < 0 || other < 0 || setns(other, CLONE_NEWNET) != 0) elsewhere = false;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (elsewhere && setns(own, CLONE_NEWNET) != 0) abort(); /* nobody knows where we are */
    if (own >= 0) close(own);
    if (other >= 0) close(other);
    return fd;
}

static bool peer_is(int fd, pid_t process)
{
    struct ucred peer;
    socklen_t size = sizeof peer;

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.pid == process;
}

enum smt_status smt_live_client_open(struct smt_live_client *client, pid_t process)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    pid_t inner;
    int size, fd;

    client->fd = -1;
    client->process = process;
    if (!inner_pid_read(process, &inner))
        return smt_fail(SMT_ENOTFOUND, "pid:%d: no such process", (int)process);
    size = snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "mtctl.%lu.%d",
                    (unsigned long)space_inode(process, "pid"), (int)inner);
    fd = socket_make(process);
    if (fd < 0) return smt_fail(SMT_ESYS, "no socket: %s", strerror(errno));
    if (connect(fd, (struct sockaddr *)&address,
                (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)size)) != 0 ||
        !peer_is(fd, process)) {
        close(fd);
        return smt_fail(SMT_ENOTFOUND,
                        "pid:%d: no engine in this process; start it with `mtctl run -- PROGRAM`",
                        (int)process);
    }
    client->fd = fd;
    return SMT_OK;
}

void smt_live_client_close(struct smt_live_client *client)
{
    if (client->fd >= 0) close(client->fd);
    client->fd = -1;
}

static bool line_send(int fd, const char *line)
{
    char text[1024];
    int size = snprintf(text, sizeof text, "%s\n", line);

    return size > 0 && (size_t)size < sizeof text &&
           send(fd, text, (size_t)size, MSG_NOSIGNAL) == size;
}

/* The last line begins with `end`. */
static bool answer_is_whole(const struct smt_buffer *answer)
{
    const char *line;

    if (!answer->size || answer->data[answer->size - 1] != '\n') return false;
    line = memrchr(answer->data, '\n', answer->size - 1);
    line = line ? line + 1 : answer->data;
    return strncmp(line, "end\t", 4) == 0;
}

enum smt_status smt_live_client_ask(struct smt_live_client *client, const char *line,
                                    struct smt_buffer *answer)
{
    char bytes[65536];

    if (client->fd < 0 || !line_send(client->fd, line)) goto gone;
    do {
        ssize_t size = recv(client->fd, bytes, sizeof bytes, 0);

        if (size < 0 && errno == EINTR) continue;
        if (size <= 0) goto gone;
        smt_buffer_add(answer, bytes, (size_t)size);
    } while (!answer_is_whole(answer) && !answer->failed);
    if (answer->failed) return smt_fail(SMT_ENOMEM, "no memory for the answer");
    return SMT_OK;
gone:
    smt_live_client_close(client);
    return smt_fail(SMT_EIO, "pid:%d: the process has ended", (int)client->process);
}
