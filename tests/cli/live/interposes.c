/* tests/cli/live/interposes.c - a program with functions of its own in front of the
 * C library's, which tell of each call from another thread than its only one. */
#include <poll.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static volatile int calls;

/* Counts; what is asked for fails. */
#define OWN(type, name, ...)                                                                       \
    type name(__VA_ARGS__);                                                                        \
    type name(__VA_ARGS__)                                                                         \
    {                                                                                              \
        calls++;                                                                                   \
        return -1;                                                                                 \
    }

#pragma GCC diagnostic ignored "-Wunused-parameter"
OWN(int, socket, int family, int kind, int protocol)
OWN(int, bind, int fd, const struct sockaddr *address, socklen_t size)
OWN(int, listen, int fd, int most)
OWN(int, accept4, int fd, struct sockaddr *address, socklen_t *size, int flags)
OWN(int, getsockopt, int fd, int level, int name, void *value, socklen_t *size)
OWN(int, poll, struct pollfd *fds, nfds_t count, int timeout_ms)
OWN(ssize_t, send, int fd, const void *bytes, size_t size, int flags)
OWN(ssize_t, recv, int fd, void *bytes, size_t size, int flags)
OWN(int, open, const char *path, int flags, ...)
OWN(ssize_t, read, int fd, void *bytes, size_t size)
OWN(ssize_t, write, int fd, const void *bytes, size_t size)
OWN(int, close, int fd)
OWN(int, fcntl, int fd, int command, ...)

int main(void)
{
    char letter;

    syscall(SYS_write, 1, "ready\n", 6);
    while (syscall(SYS_read, 0, &letter, 1) == 1) continue;
    return calls ? 1 : 0;
}
