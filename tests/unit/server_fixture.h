/* A server in a thread, on a Unix socket and a telnet port, and clients of it. */
#ifndef SERVER_FIXTURE_H
#define SERVER_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "control/control.h"

#define WAIT_MS 20000 /* for something that must come */

static struct smt_control control;
static struct smt_server *server;
static struct smt_address address, telnet;
static pthread_t server_thread;
static char folder[SMT_TEMPORARY_BYTES];
static char path[sizeof folder + 8];

static inline void *server_main(void *unused)
{
    (void)unused;
    smt_server_run(server);
    return NULL;
}

/* A menu that repeats lines until `q`. */
static inline void *menu_open(struct smt_control *unused)
{
    (void)unused;
    return malloc(1);
}

static inline const char *menu_line(void *state, const char *line, struct smt_buffer *answer)
{
    (void)state;
    if (strcmp(line, "q") == 0) return NULL;
    smt_buffer_addf(answer, "said %s\r\n", line);
    return "os> ";
}

static const struct smt_server_menu menus[] = {
    {"o", "repeats", "os> ", menu_open, free, menu_line},
    {.key = NULL},
};

static inline int setup(void **state)
{
    const struct smt_stress_options options = {.limit_bytes = (uint64_t)1 << 30, .seed = 3};
    struct smt_address addresses[2];
    struct smt_server_options listen = {addresses, 2, menus};

    (void)state;
    snprintf(path, sizeof path, "%s/socket", folder);
    if (smt_address_parse(path, &addresses[0]) != SMT_OK) return -1;
    if (smt_address_parse("telnet:127.0.0.1:0", &addresses[1]) != SMT_OK) return -1;
    if (smt_control_init(&control, &options, NULL) != SMT_OK) return -1;
    if (smt_server_new(&control, &listen, &server) != SMT_OK) return -1;
    smt_server_address(server, 0, &address);
    smt_server_address(server, 1, &telnet);
    return pthread_create(&server_thread, NULL, server_main, NULL);
}

static inline int teardown(void **state)
{
    (void)state;
    smt_server_stop(server);
    pthread_join(server_thread, NULL);
    smt_server_free(server);
    smt_control_clear(&control);
    return 0;
}

static inline int client_to(const struct smt_address *where)
{
    int fd = socket(where->socket.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, &where->socket.any, where->size_bytes), 0);
    return fd;
}

static inline int client(void)
{
    return client_to(&address);
}

static inline void bytes_send(int fd, const void *bytes, size_t size_bytes)
{
    assert_int_equal(send(fd, bytes, size_bytes, MSG_NOSIGNAL), (ssize_t)size_bytes);
}

static inline void text_send(int fd, const char *text)
{
    bytes_send(fd, text, strlen(text));
}

static inline bool readable(int fd, int timeout_ms)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};

    return poll(&wait, 1, timeout_ms) == 1;
}

/* Receives until `end` has come (NULL: until the server hangs up). */
static inline void received_until(int fd, const char *end, struct smt_buffer *ret_text)
{
    smt_buffer_empty(ret_text);
    for (;;) {
        char bytes[4096];
        ssize_t got;

        if (end && ret_text->size >= strlen(end) &&
            strcmp(ret_text->data + ret_text->size - strlen(end), end) == 0)
            return;
        if (!readable(fd, WAIT_MS)) fail_msg("nothing came after: %s", ret_text->data);
        got = recv(fd, bytes, sizeof bytes, 0);
        if (got <= 0 && !end) return;
        if (got <= 0) fail_msg("hung up after: %s", ret_text->data ? ret_text->data : "");
        smt_buffer_add(ret_text, bytes, (size_t)got);
    }
}

/* Sends a line, expects this answer. */
static inline void assert_answer(int fd, const char *line, const char *answer)
{
    struct smt_buffer text;

    smt_buffer_init(&text);
    text_send(fd, line);
    received_until(fd, "\n", &text);
    assert_string_equal(text.data, answer);
    smt_buffer_clear(&text);
}

static inline void assert_still_serves(void)
{
    int fd = client();

    assert_answer(fd, "core.version\n", "mtctl " SMT_VERSION "\n");
    close(fd);
}

static inline int folder_make(void **state)
{
    (void)state;
    return smt_temporary_folder("test-server", folder) == SMT_OK ? 0 : -1;
}

static inline int folder_remove(void **state)
{
    (void)state;
    return rmdir(folder);
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

#endif
