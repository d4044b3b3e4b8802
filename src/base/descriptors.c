#include "base/descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#define LOOP_DESCRIPTORS 6 /* libuv 1.44: epoll, eventfd, two pipes */

bool smt_descriptors_raise(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return false;
    limit.rlim_cur = limit.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

bool smt_descriptors_suffice(void)
{
    int opened[LOOP_DESCRIPTORS], count = 0;
    bool suffice;

    while (count < LOOP_DESCRIPTORS && (opened[count] = eventfd(0, EFD_CLOEXEC)) >= 0) count++;
    suffice = count == LOOP_DESCRIPTORS;
    while (count) close(opened[--count]);
    return suffice;
}

void smt_descriptors_secure(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF &&
            open("/dev/null", O_CLOEXEC | (fd == STDIN_FILENO ? O_WRONLY : O_RDONLY)) < 0)
            return;
}
