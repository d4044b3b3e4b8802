/* control/server: clients of every kind against a server in a thread. */
#include "server_fixture.h"

#include <errno.h>
#include <sys/resource.h>

#define IDLE_MOST 4000 /* clients at once; both ends are in this process */

static void answers_keep_the_order_of_requests(void **state)
{
    struct smt_buffer text;
    int fd = client();

    (void)state;
    smt_buffer_init(&text);
    text_send(fd,
              "mt.mem_alloc 5\nmem_used\nmt.mem_alloc 7 k\nmem_used\nmem_free\nmem_used\nquit\n");

    received_until(fd, NULL, &text);

    assert_string_equal(text.data, "ok\n5\nok\n7173\n7173\n0\n");
    smt_buffer_clear(&text);
    close(fd);
}

/* Until something comes for `greedy`, at least; a few answers may be late: on a
 * loaded machine the scheduler may keep one or the other waiting. What others have of
 * the processors meanwhile is not the server's doing: the time of this process counts. */
static void assert_others_are_answered(int greedy)
{
    int light = client();
    unsigned asked = 0, late = 0;

    while (!readable(greedy, 0)) {
        uint64_t start_ns = smt_clock_ns(), cpu_start_ns = smt_clock_cpu_ns();

        assert_answer(light, "core.version\n", "mtctl " SMT_VERSION "\n");
        late +=
            smt_clock_ns() - start_ns > 50000000 && smt_clock_cpu_ns() - cpu_start_ns > 50000000;
        asked++;
    }

    assert_true(asked > 10);
    assert_true(late <= asked / 10);
    close(light);
}

static void others_are_answered_during_a_heavy_command(void **state)
{
    int heavy = client();

    (void)state;
    text_send(heavy, "mt.lock_test 100000000\n");

    assert_others_are_answered(heavy);
    close(heavy);
}

static void others_are_answered_while_a_long_message_is_parsed(void **state)
{
    int greedy = client();
    struct smt_buffer text;

    (void)state;
    smt_buffer_init(&text);
    smt_buffer_add_text(&text, "{\"k\":0"); /* what costs the parser most for its size */
    for (unsigned key = 0; text.size < (1 << 20) - 32; key++)
        smt_buffer_addf(&text, ",\"%x\":{}", key);
    smt_buffer_add_text(&text, "}\n");
    bytes_send(greedy, text.data, text.size);

    assert_others_are_answered(greedy);

    received_until(greedy, "\n", &text);
    assert_non_null(strstr(text.data, "-32600"));
    smt_buffer_clear(&text);
    close(greedy);
}

static void others_are_answered_during_a_long_batch(void **state)
{
    static const char one[] = "{\"jsonrpc\":\"2.0\",\"method\":\"system.listMethods\",\"id\":1}";
    int greedy = client(), light = client();
    struct smt_buffer batch;
    unsigned answers = 0;

    (void)state;
    smt_buffer_init(&batch);
    /* A netstring, which is answered when all of it is done. */
    smt_buffer_addf(&batch, "%zu:[", 15000 * sizeof one + 1);
    for (int i = 0; i < 15000; i++) smt_buffer_addf(&batch, "%s%c", one, i < 14999 ? ',' : ']');
    smt_buffer_add_text(&batch, ",");
    bytes_send(greedy, batch.data, batch.size);

    for (; !readable(greedy, 0); answers++)
        assert_answer(light, "core.version\n", "mtctl " SMT_VERSION "\n");

    assert_true(answers > 5);
    smt_buffer_clear(&batch);
    close(greedy);
    close(light);
}

static void client_that_does_not_read_is_not_read_from(void **state)
{
    static const char line[] = "system.listMethods\n";
    int slow = client(), small = 4096;
    size_t sent = 0;

    (void)state;
    setsockopt(slow, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    for (;;) {
        struct pollfd wait = {.fd = slow, .events = POLLOUT};

        if (poll(&wait, 1, 500) != 1) break; /* the server takes no more */
        if (send(slow, line, sizeof line - 1, MSG_NOSIGNAL | MSG_DONTWAIT) > 0)
            sent += sizeof line - 1;
        assert_true(sent < 16 << 20);
    }

    assert_still_serves();
    close(slow);
    assert_still_serves();
}

static void client_that_leaves_in_mid_answer_harms_nobody(void **state)
{
    (void)state;
    for (int i = 0; i < 200; i++) {
        int fd = client();

        text_send(fd, i % 2 ? "mt.lock_test 300000\nmt.mem_used\n"
                            : "help\nsystem.listMethods\nhelp\nhelp\n");
        if (i % 3 == 0) {
            char byte;

            assert_true(readable(fd, WAIT_MS));
            assert_int_equal(recv(fd, &byte, 1, 0), 1);
        }
        close(fd);
    }

    assert_still_serves();
}

static void half_closed_client_gets_its_answers(void **state)
{
    struct smt_buffer text;
    int fd = client();

    (void)state;
    smt_buffer_init(&text);
    text_send(fd, "mt.lock_test 1\ncore.version"); /* no end of line */
    shutdown(fd, SHUT_WR);

    received_until(fd, NULL, &text);

    assert_non_null(strstr(text.data, "locks"));
    assert_non_null(strstr(text.data, "}\nmtctl " SMT_VERSION "\n"));
    smt_buffer_clear(&text);
    close(fd);
}

static void oversized_message_is_answered_and_dropped(void **state)
{
    static char piece[65536];
    struct smt_buffer text;
    int fd = client();

    (void)state;
    smt_buffer_init(&text);
    memset(piece, 'a', sizeof piece);
    for (int i = 0; i < 17; i++)
        if (send(fd, piece, sizeof piece, MSG_NOSIGNAL) < 0) break;

    received_until(fd, NULL, &text);

    assert_string_equal(text.data, "error: 400 - malformed or oversized message\n");
    smt_buffer_clear(&text);
    close(fd);
    assert_still_serves();
}

static void random_bytes_from_many_clients_harm_nobody(void **state)
{
    static const uint8_t begins[] = {0xA1, '{', '[', '5', 'm', 0xFF, '\n', 0};
    struct smt_random random;

    (void)state;
    smt_random_init(&random, 4711);
    for (unsigned round = 0; round < 3000; round++) {
        uint8_t bytes[300];
        size_t size = 1 + smt_random_below(&random, sizeof bytes);
        int fd = client();

        for (size_t i = 0; i < size; i++) bytes[i] = (uint8_t)smt_random_next(&random);
        bytes[0] = begins[round % sizeof begins];
        if (round % 16 == 0 && size > 2) bytes[1] = 0x03, bytes[2] = (uint8_t)(size - 7);
        (void)!send(fd, bytes, size, MSG_NOSIGNAL);
        if (round % 5 == 0) shutdown(fd, SHUT_WR);
        if (round % 7 == 0) (void)!recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
        close(fd);
        if (round % 64 == 0) assert_still_serves(); /* and has closed what came before */
    }

    assert_still_serves();
}

static void thousands_of_idle_clients_leave_room_for_others(void **state)
{
    struct rlimit limit;
    int *clients;
    size_t count = 0, most = IDLE_MOST;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    if (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur / 2 - 50 < most)
        most = limit.rlim_cur / 2 - 50;
    clients = calloc(most, sizeof *clients);
    assert_non_null(clients);

    for (; count < most; count++) {
        clients[count] = client();
        if (count % 2) text_send(clients[count], "half a li");
    }

    assert_still_serves();
    assert_answer(clients[0], "mem_used\n", "0\n");
    while (count > 0) close(clients[--count]);
    free(clients);
    assert_still_serves();
}

static void web_browsers_get_nothing_done(void **state)
{
    struct smt_buffer text;
    int fd = client();

    (void)state;
    smt_buffer_init(&text);
    text_send(fd, "POST / HTTP/1.1\r\nHost: x\r\n\r\nmt.mem_alloc 10\r\n");

    received_until(fd, NULL, &text);

    assert_string_equal(text.data, "error: 400 - this is no web server\n");
    assert_int_equal(smt_stress_chunks(control.stress.set), 0);
    smt_buffer_clear(&text);
    close(fd);
}

static void stopping_ends_a_command_that_is_running(void **state)
{
    int fd = client();
    char byte;

    (void)state;
    text_send(fd, "mt.lock_test 9000000000000000000\n");
    assert_still_serves();

    smt_server_stop(server); /* teardown waits for the end */

    assert_true(readable(fd, WAIT_MS));
    assert_true(recv(fd, &byte, 1, 0) <= 0);
    close(fd);
}

static void stopped_server_takes_its_socket_away(void **state)
{
    (void)state;
    assert_int_equal(setup(state), 0);
    assert_int_equal(access(path, F_OK), 0);

    teardown(state);

    assert_int_equal(access(path, F_OK), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SERVER(answers_keep_the_order_of_requests),
        WITH_SERVER(others_are_answered_during_a_heavy_command),
        WITH_SERVER(others_are_answered_while_a_long_message_is_parsed),
        WITH_SERVER(others_are_answered_during_a_long_batch),
        WITH_SERVER(client_that_does_not_read_is_not_read_from),
        WITH_SERVER(client_that_leaves_in_mid_answer_harms_nobody),
        WITH_SERVER(half_closed_client_gets_its_answers),
        WITH_SERVER(oversized_message_is_answered_and_dropped),
        WITH_SERVER(random_bytes_from_many_clients_harm_nobody),
        WITH_SERVER(thousands_of_idle_clients_leave_room_for_others),
        WITH_SERVER(web_browsers_get_nothing_done),
        WITH_SERVER(stopping_ends_a_command_that_is_running),
        cmocka_unit_test(stopped_server_takes_its_socket_away),
    };

    return cmocka_run_group_tests_name("server", tests, folder_make, folder_remove);
}
