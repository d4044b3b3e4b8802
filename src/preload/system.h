/* preload/system.h - inside preload/: what the kernel is asked for on its own
 * account, never through functions of the same name that the program, or another
 * object in it, may have in front of the C library's. Such a function would be
 * told of descriptors the program never opened, in a table it does not have.
 *
 * All return what the C library's do, errno with it. */
#ifndef SMT_PRELOAD_SYSTEM_H
#define SMT_PRELOAD_SYSTEM_H

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline int mt_system_socket(void)
{
    return (int)syscall(SYS_socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static inline int mt_system_accept(int listener)
{
    return (int)syscall(SYS_accept4, listener, NULL, NULL, SOCK_CLOEXEC);
}

static inline int mt_system_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    return (int)syscall(SYS_poll, fds, count, timeout_ms);
}

static inline ssize_t mt_system_send(int fd, const void *bytes, size_t size_bytes, int flags)
{
    return syscall(SYS_sendto, fd, bytes, size_bytes, flags, NULL, 0);
}

static inline ssize_t mt_system_recv(int fd, void *bytes, size_t size_bytes, int flags)
{
    return syscall(SYS_recvfrom, fd, bytes, size_bytes, flags, NULL, NULL);
}

static inline int mt_system_open(const char *path, int flags)
{
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0600);
}

static inline ssize_t mt_system_read(int fd, void *bytes, size_t size_bytes)
{
    return syscall(SYS_read, fd, bytes, size_bytes);
}

static inline ssize_t mt_system_write(int fd, const void *bytes, size_t size_bytes)
{
    return syscall(SYS_write, fd, bytes, size_bytes);
}

static inline void mt_system_close(int fd)
{
    (void)syscall(SYS_close, fd);
}

#endif
