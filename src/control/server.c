#include "control/server.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>
#include <utlist.h>

#include "control/server_inside.h"

#define WORKERS_MAX      64
#define DESCRIPTORS_MOST 65536

/* After a failed start some handles were never made. */
static void handle_close(uv_handle_t *handle)
{
    if (handle->type != UV_UNKNOWN_HANDLE) uv_close(handle, NULL);
}

/* Closes everything; the loop ends when the last handle has closed. */
static void server_wind_down(struct smt_server *server)
{
    struct connection *connection, *next;

    if (server->stopping) return;
    server->stopping = true;
    smt_control_cancel(server->control);
    for (size_t i = 0; i < server->listener_count; i++)
        smt_control_listener_close(&server->listeners[i]);
    DL_FOREACH_SAFE(server->connections, connection, next) smt_control_connection_close(connection);
    for (int i = 0; i < 3; i++) handle_close((uv_handle_t *)&server->signals[i]);
    handle_close((uv_handle_t *)&server->stop);
    handle_close((uv_handle_t *)&server->sweep);
    handle_close((uv_handle_t *)&server->turns);
}

static void on_signal(uv_signal_t *handle, int number)
{
    (void)number;
    server_wind_down(handle->data);
}

static void on_stop(uv_async_t *handle)
{
    server_wind_down(handle->data);
}

static void on_sweep(uv_timer_t *timer)
{
    struct smt_server *server = timer->data;

    smt_control_connection_sweep(server, uv_now(&server->loop));
    smt_control_connections_wanted(server);
}

/* --- workers --- */

struct worker {
    uv_work_t work;
    uv_barrier_t *all;
};

/* An allocator may give each thread a part of its own on first use, and
 * jemalloc 5.3.0 crashes when it cannot: so each takes its part now, while
 * there is memory. The barrier spreads the jobs over all threads. */
static void worker_prime(uv_work_t *work)
{
    struct worker *worker = work->data;
    void *volatile block = malloc(65536);

    free(block);
    uv_barrier_wait(worker->all);
}

static void worker_primed(uv_work_t *work, int error)
{
    (void)work;
    (void)error;
}

/* How many threads libuv starts: 4, or what the environment says. */
static unsigned workers_count(void)
{
    const char *wanted = getenv("UV_THREADPOOL_SIZE");
    int count = wanted ? atoi(wanted) : 4;

    return count < 1 ? 1 : count > WORKERS_MAX ? WORKERS_MAX : (unsigned)count;
}

static void *thread_wait(void *lock)
{
    pthread_mutex_lock(lock);
    pthread_mutex_unlock(lock);
    return NULL;
}

/* Whether so many threads can run at once: libuv aborts when they cannot. */
static bool threads_are_free(unsigned count)
{
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_t threads[WORKERS_MAX];
    unsigned started = 0;
    bool free;

    pthread_mutex_lock(&lock);
    while (started < count && pthread_create(&threads[started], NULL, thread_wait, &lock) == 0)
        started++;
    free = started == count;
    pthread_mutex_unlock(&lock);
    while (started) pthread_join(threads[--started], NULL);
    return free;
}

static int workers_prime(struct smt_server *server)
{
    struct worker workers[WORKERS_MAX];
    unsigned count = workers_count();
    uv_barrier_t all;
    int error = threads_are_free(count) ? uv_barrier_init(&all, count + 1) : UV_EAGAIN;

    if (error) return error;
    for (unsigned i = 0; i < count; i++) {
        workers[i].all = &all;
        workers[i].work.data = &workers[i];
        uv_queue_work(&server->loop, &workers[i].work, worker_prime, worker_primed);
    }
    uv_barrier_wait(&all);
    uv_run(&server->loop, UV_RUN_DEFAULT); /* nothing else is open yet */
    uv_barrier_destroy(&all);
    return 0;
}

static void on_nothing(uv_poll_t *poll, int error, int events)
{
    (void)poll;
    (void)error;
    (void)events;
}

/* libuv keeps a table with a place for each descriptor, and ends the program
 * when it cannot grow: it grows now, as far as it may ever have to. */
static int table_grow(struct smt_server *server)
{
    struct rlimit limit = {.rlim_cur = DESCRIPTORS_MOST};
    uv_poll_t highest;
    int low = eventfd(0, EFD_CLOEXEC), high, error;

    if (low < 0) return -errno;
    getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur > DESCRIPTORS_MOST) limit.rlim_cur = DESCRIPTORS_MOST;
    high = fcntl(low, F_DUPFD_CLOEXEC, (int)limit.rlim_cur - 1);
    close(low);
    if (high < 0) return 0; /* in use: it is that large */
    error = uv_poll_init(&server->loop, &highest, high);
    if (!error) {
        uv_poll_start(&highest, UV_READABLE, on_nothing);
        uv_close((uv_handle_t *)&highest, NULL);
        uv_run(&server->loop, UV_RUN_DEFAULT);
    }
    close(high);
    return error;
}

static bool is_ignored(int number)
{
    struct sigaction action;

    return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

static int server_start(struct smt_server *server)
{
    const int numbers[3] = {SIGTERM, SIGINT, SIGHUP};
    int error = workers_prime(server);

    if (!error) error = table_grow(server);
    if (!error) error = uv_async_init(&server->loop, &server->stop, on_stop);
    if (error) return error;
    server->stop.data = server;
    uv_timer_init(&server->loop, &server->sweep);
    server->sweep.data = server;
    uv_idle_init(&server->loop, &server->turns);
    server->turns.data = server;
    for (int i = 0; i < 3; i++) {
        if (numbers[i] == SIGHUP && is_ignored(SIGHUP)) continue; /* nohup */
        uv_signal_init(&server->loop, &server->signals[i]);
        server->signals[i].data = server;
        error = uv_signal_start(&server->signals[i], on_signal, numbers[i]);
        if (error) return error;
    }
    return uv_timer_start(&server->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
}

enum smt_status smt_server_new(struct smt_control *control,
                               const struct smt_server_options *options,
                               struct smt_server **ret_server)
{
    struct smt_server *server = calloc(1, sizeof *server);
    enum smt_status status = SMT_OK;
    int error;

    if (!server) return smt_fail(SMT_ENOMEM, "out of memory for the server");
    server->control = control;
    server->menus = options->menus;
    server->listeners = calloc(options->address_count, sizeof *server->listeners);
    server->spare = calloc(1, sizeof *server->spare);
    error = !server->listeners || !server->spare ? UV_ENOMEM
            : !smt_descriptors_suffice()         ? UV_EMFILE
                                                 : uv_loop_init(&server->loop);
    if (error) {
        free(server->spare);
        free(server->listeners);
        free(server);
        return smt_fail(SMT_ESYS, "cannot start the server: %s", uv_strerror(error));
    }
    error = server_start(server);
    if (error) status = smt_fail(SMT_ESYS, "cannot start the server: %s", uv_strerror(error));
    for (size_t i = 0; i < options->address_count && status == SMT_OK; i++) {
        server->listener_count++;
        status = smt_control_listener_open(&server->listeners[i], server, &options->addresses[i]);
    }
    if (status != SMT_OK) {
        smt_server_free(server);
        return status;
    }
    signal(SIGPIPE, SIG_IGN);
    *ret_server = server;
    return SMT_OK;
}

void smt_server_address(const struct smt_server *server, size_t i, struct smt_address *ret_address)
{
    *ret_address = server->listeners[i].address;
}

void smt_server_run(struct smt_server *server)
{
    uv_run(&server->loop, UV_RUN_DEFAULT);
}

void smt_server_stop(struct smt_server *server)
{
    uv_async_send(&server->stop);
}

void smt_server_free(struct smt_server *server)
{
    if (!server) return;
    server_wind_down(server);
    uv_run(&server->loop, UV_RUN_DEFAULT);
    uv_loop_close(&server->loop);
    free(server->spare);
    free(server->listeners);
    free(server);
}
