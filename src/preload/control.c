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

#include <dlfcn.h>
#include <errno.h>
#include <linux/close_range.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#include "heap/heap.h"
#include "preload/commands.h"
#include "preload/system.h"

#define STACK_BYTES ((size_t)256 << 10)
#define CLIENTS_MAX 16
#define HIGH_FD     512    /* where descriptors cannot be had for oneself */
#define PAUSE_US    100000 /* before trying again what the system refused */

struct client {
    int fd;
    size_t size;
    char request[MT_REQUEST_MAX];
};

static _Atomic bool threads_made; /* by the program */
static _Atomic bool first_left;   /* the first thread called pthread_exit() */

static struct {
    _Atomic pid_t process;  /* whose thread runs; 0: none */
    _Atomic uint32_t ready; /* it listens, or never will */
    bool own_descriptors;
    int listener;
    struct client clients[CLIENTS_MAX];
    size_t client_count;
} control;

/* The C library is quicker while it believes that there is one thread. Ours does
 * nothing that would need it to know better: it allocates nothing and takes none
 * of its locks, but for a command (see single_leave()). */
static char *single; /* the library's own flag; NULL: not found, or too late */

static void single_find(void)
{
    void *library = dlopen("libc.so.6", RTLD_NOLOAD | RTLD_LAZY);

    single = library ? dlsym(library, "__libc_single_threaded") : NULL;
}

static void nap(long microseconds)
{
    const struct timespec time = {.tv_nsec = microseconds * 1000};

    nanosleep(&time, NULL);
}

/* Before a command, which may ask the dynamic linker: what the program's thread
 * is about to do without a lock has time to be done. */
static bool single_leave(void)
{
    if (!single || !__atomic_exchange_n(single, 0, __ATOMIC_SEQ_CST)) return false;
    nap(200);
    return true;
}

static void single_return(bool was)
{
    struct stat status;

    if (!was || atomic_load(&threads_made)) return;
    /* Links of a folder: itself, its name, and one for each task. */
    if (stat("/proc/self/task", &status) != 0 || status.st_nlink > 4) return;
    __atomic_store_n(single, 1, __ATOMIC_SEQ_CST);
}

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
    int fd = mt_system_socket(), high;

    if (fd < 0) return -1;
    if (!control.own_descriptors) {
        high = (int)syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, HIGH_FD);
        if (high >= 0) {
            mt_system_close(fd);
            fd = high;
        }
    }
    if (syscall(SYS_bind, fd, &address, size) == 0 && syscall(SYS_listen, fd, CLIENTS_MAX) == 0)
        return fd;
    mt_system_close(fd);
    return -1;
}

static bool peer_is_trusted(int fd)
{
    struct ucred peer;
    socklen_t size = sizeof peer;

    return syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
           (peer.uid == geteuid() || peer.uid == 0);
}

static void client_accept(void)
{
    int fd = mt_system_accept(control.listener);

    if (fd < 0) { /* the program's limit of descriptors: the client goes on waiting */
        nap(PAUSE_US);
        return;
    }
    if (!peer_is_trusted(fd) || control.client_count == CLIENTS_MAX) {
        mt_system_close(fd);
        return;
    }
    control.clients[control.client_count++] = (struct client){.fd = fd};
}

static void client_drop(size_t i)
{
    mt_system_close(control.clients[i].fd);
    control.clients[i] = control.clients[--control.client_count];
}

/* False: the client is gone, or does not read for a minute. */
static bool answer_send(int fd, const struct mt_out *out)
{
    for (size_t at = 0; at < out->size;) {
        struct pollfd ready = {.fd = fd, .events = POLLOUT};
        ssize_t size =
            mt_system_send(fd, out->text + at, out->size - at, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (size > 0)
            at += (size_t)size;
        else if (size < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        else if (mt_system_poll(&ready, 1, 60000) <= 0)
            return false;
    }
    return true;
}

static bool request_answer(int fd, char *line)
{
    struct mt_out out = {0};
    bool sent, was = single_leave();

    mt_command(line, &out);
    single_return(was);
    sent = answer_send(fd, &out);
    mt_out_clear(&out);
    return sent;
}

/* Takes what came; false: done with this client. */
static bool client_read(struct client *client)
{
    ssize_t size = mt_system_recv(client->fd, client->request + client->size,
                                  MT_REQUEST_MAX - 1 - client->size, MSG_DONTWAIT);
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
    return client->size < MT_REQUEST_MAX - 1;
}

static bool program_has_ended(void);

static void serve(void)
{
    for (;;) {
        struct pollfd ready[CLIENTS_MAX + 1] = {{.fd = control.listener, .events = POLLIN}};
        size_t count = control.client_count;
        int timeout_ms = mt_scan_due(), polled;

        if (atomic_load(&first_left)) {
            if (program_has_ended()) exit(0);
            timeout_ms = 50;
        }
        for (size_t i = 0; i < count; i++)
            ready[i + 1] = (struct pollfd){.fd = control.clients[i].fd, .events = POLLIN};
        polled = mt_system_poll(ready, count + 1, timeout_ms);
        /* A limit of descriptors (RLIMIT_NOFILE) may be too low even to look. */
        if (polled < 0) nap(PAUSE_US);
        if (polled <= 0) continue;
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

static void ready_wait(void)
{
    while (!atomic_load(&control.ready))
        (void)syscall(SYS_futex, &control.ready, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
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
    bool was_single;

    if (mt_settings.socket_off || atomic_exchange(&control.process, process) == process) return;
    mt_thread.ours = 1;
    single_find();
    was_single = single && *single;
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
    /* Not before the new thread has gone through the library's own beginnings. */
    if (was_single) ready_wait();
    single_return(was_single);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    mt_thread.ours = ours;
}

static bool control_runs(void)
{
    return atomic_load(&control.process) == getpid() && atomic_load(&control.ready) &&
           control.listener >= 0;
}

/* --- the program's own threads --- */

/* From now on there are more threads than ours, whatever becomes of them. */
__attribute__((visibility("default"))) int pthread_create(pthread_t *ret_thread,
                                                          const pthread_attr_t *attributes,
                                                          void *(*begin)(void *context),
                                                          void *context)
{
    static int (*next)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

    if (!next) *(void **)&next = dlsym(RTLD_NEXT, "pthread_create");
    if (!mt_thread.ours) atomic_store(&threads_made, true);
    return next ? next(ret_thread, attributes, begin, context) : EAGAIN;
}

/* Our thread must not keep alive a process whose first thread left it to others
 * to end it. */
__attribute__((visibility("default"), noreturn)) void pthread_exit(void *result)
{
    static void (*next)(void *) __attribute__((noreturn));

    if (!next) *(void **)&next = dlsym(RTLD_NEXT, "pthread_exit");
    if (syscall(SYS_gettid) == getpid() && control_runs()) {
        atomic_store(&first_left, true);
        mt_control_ask("live"); /* wakes it */
    }
    next(result);
}

static bool thread_has_ended(const char *tid)
{
    char path[64], text[256];
    const char *state;
    ssize_t size;
    int fd;

    snprintf(path, sizeof path, "/proc/self/task/%s/stat", tid);
    fd = mt_system_open(path, O_RDONLY);
    if (fd < 0) return true;
    size = mt_system_read(fd, text, sizeof text - 1);
    mt_system_close(fd);
    text[size > 0 ? size : 0] = '\0';
    state = strrchr(text, ')');
    return !state || state[1] != ' ' || state[2] == 'Z' || state[2] == 'X';
}

/* Has every thread but ours ended? */
static bool program_has_ended(void)
{
    char entries[2048];
    pid_t own = (pid_t)syscall(SYS_gettid);
    int fd = mt_system_open("/proc/self/task", O_RDONLY | O_DIRECTORY);
    bool ended = fd >= 0;
    long size;

    while (ended && (size = syscall(SYS_getdents64, fd, entries, sizeof entries)) > 0)
        for (long at = 0; ended && at < size;) {
            const char *name = entries + at + 19; /* struct linux_dirent64 */
            uint16_t length;

            memcpy(&length, entries + at + 16, sizeof length);
            at += length;
            if (*name >= '0' && *name <= '9' && atoi(name) != own) ended = thread_has_ended(name);
        }
    if (fd >= 0) mt_system_close(fd);
    return ended;
}

/* The library must know of our thread: it may hold a lock, and has a stack that
 * the child has to give back. */
__attribute__((visibility("default"))) pid_t fork(void)
{
    static pid_t (*next)(void);
    bool was = single && __atomic_exchange_n(single, 0, __ATOMIC_SEQ_CST);
    pid_t child;

    if (!next) *(void **)&next = dlsym(RTLD_NEXT, "fork");
    child = next ? next() : -1;
    single_return(was);
    return child;
}

void mt_control_forked(void)
{
    atomic_store(&control.process, 0);
    smt_scan_forget();
}

bool mt_control_ask(const char *line)
{
    struct sockaddr_un address;
    socklen_t address_size = address_make(&address);
    char answer[256];
    ssize_t size;
    int fd;
    bool asked;

    mt_control_start();
    ready_wait();
    if (!control_runs()) return false;
    fd = mt_system_socket();
    if (fd < 0) return false;
    asked = syscall(SYS_connect, fd, &address, address_size) == 0 &&
            mt_system_send(fd, line, strlen(line), MSG_NOSIGNAL) > 0 &&
            mt_system_send(fd, "\n", 1, MSG_NOSIGNAL) > 0;
    /* Nothing more is asked, so the connection ends after the answer. */
    if (asked) (void)syscall(SYS_shutdown, fd, SHUT_WR);
    while (asked && ((size = mt_system_recv(fd, answer, sizeof answer, 0)) > 0 ||
                     (size < 0 && errno == EINTR)))
        continue;
    mt_system_close(fd);
    return asked;
}
