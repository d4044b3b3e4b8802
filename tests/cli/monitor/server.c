/* A server on a socket file. It answers each byte when it has done what it says:
 * l  lose 37 bytes        f  fork; the child serves FILE.child
 * n  nothing              e  become the same program again, by exec */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int listener;
static struct sockaddr_un address = {.sun_family = AF_UNIX};

static void begin(const char *path)
{
    if (listener) close(listener);
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    unlink(path);
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 8)) exit(1);
}

__attribute__((noinline)) void lose_session(void)
{
    static char *volatile last;

    last = malloc(37);
    last[0] = 1;
}

static void split(void)
{
    char child[sizeof address.sun_path];
    int ready[2];

    strcpy(child, address.sun_path);
    strcat(child, ".child");
    if (pipe(ready)) exit(1);
    if (fork() == 0) {
        begin(child);
        write(ready[1], "", 1);
        close(ready[0]);
    } else {
        read(ready[0], child, 1);
    }
    close(ready[1]);
}

int main(int argc, char **argv)
{
    if (argc != 2) return 2;
    begin(argv[1]);
    write(1, "ready\n", 6);
    for (;;) {
        int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        int parent = getpid();
        char byte = 0;

        if (read(client, &byte, 1) == 1 && byte == 'l') lose_session();
        if (byte == 'f') split();
        if (byte == 'e') execv(argv[0], argv);
        if (parent == getpid()) write(client, &byte, 1);
        close(client);
    }
}
