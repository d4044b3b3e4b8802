/* Preloaded into a server that nobody here wrote: each connection it accepts, and
 * each datagram it is sent, costs it $LEAK bytes for ever. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static void *kept;

__attribute__((noinline)) void lose_session(void)
{
    const char *size = getenv("LEAK");
    void **session = malloc(size ? strtoul(size, NULL, 10) : 100);

    *session = kept; /* reachable, so that no scan for lost blocks finds it */
    kept = session;
}

int accept4(int listener, struct sockaddr *address, socklen_t *size, int flags)
{
    int (*next)(int, struct sockaddr *, socklen_t *, int) = dlsym(RTLD_NEXT, "accept4");
    int client = next(listener, address, size, flags);

    if (client >= 0) lose_session();
    return client;
}

ssize_t recvfrom(int socket, void *bytes, size_t room, int flags, struct sockaddr *address,
                 socklen_t *size)
{
    ssize_t (*next)(int, void *, size_t, int, struct sockaddr *, socklen_t *) =
        dlsym(RTLD_NEXT, "recvfrom");
    ssize_t got = next(socket, bytes, room, flags, address, size);

    if (got > 0) lose_session();
    return got;
}
