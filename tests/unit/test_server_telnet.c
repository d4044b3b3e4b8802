/* control/server: what a telnet listener does besides. */
#include "server_fixture.h"

/* Sends text, expects this answer up to and with the prompt. */
static void assert_told(int fd, const char *text, const char *prompt, const char *answer)
{
    struct smt_buffer told;

    smt_buffer_init(&told);
    text_send(fd, text);
    received_until(fd, prompt, &told);
    assert_string_equal(told.data, answer);
    smt_buffer_clear(&told);
}

static void telnet_session_has_prompts_and_menus(void **state)
{
    struct smt_buffer text;
    int fd = client_to(&telnet);

    (void)state;
    smt_buffer_init(&text);
    received_until(fd, "> ", &text);
    assert_string_equal(text.data, "> ");
    bytes_send(fd, "\xff\xfd\x01mem_used\r\n", 13); /* IAC DO ECHO */
    received_until(fd, "> ", &text);
    assert_string_equal(text.data, "0\r\n> ");
    text_send(fd, "o\r\n");
    received_until(fd, "os> ", &text);
    assert_told(fd, "mem_used\r\n", "os> ", "said mem_used\r\nos> ");
    assert_told(fd, "q\r\n", "> ", "> ");
    text_send(fd, "quit\r\n");
    received_until(fd, NULL, &text);
    assert_int_equal(text.size, 0);
    smt_buffer_clear(&text);
    close(fd);
}

static void telnet_options_are_no_part_of_a_command(void **state)
{
    /* IAC DO ECHO; IAC SB NAWS 80 24 IAC SE; IAC IP; IAC IAC; SB without end */
    static const char *const options[] = {"\xff\xfd\x01", "\xff\xfa\x1fPPQQ\xff\xf0", "\xff\xf4",
                                          "\xff\xff"};
    struct smt_buffer text;
    int fd = client_to(&telnet);

    (void)state;
    smt_buffer_init(&text);
    received_until(fd, "> ", &text);
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        text_send(fd, options[i]);

        assert_told(fd, "mem_used\r\n", "> ", "0\r\n> ");
    }
    assert_told(fd, "mem_used\xff\xfa\x1fPP\r\n", "> ", "0\r\n> ");
    smt_buffer_clear(&text);
    close(fd);
}

static void menu_is_closed_with_its_client(void **state)
{
    struct smt_buffer text;
    int fd = client_to(&telnet);

    (void)state; /* a state that is not freed is the sanitizer's to tell */
    smt_buffer_init(&text);
    received_until(fd, "> ", &text);
    text_send(fd, "o\r\n");
    received_until(fd, "os> ", &text);
    close(fd);
    smt_buffer_clear(&text);

    assert_still_serves();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SERVER(telnet_session_has_prompts_and_menus),
        WITH_SERVER(telnet_options_are_no_part_of_a_command),
        WITH_SERVER(menu_is_closed_with_its_client),
    };

    return cmocka_run_group_tests_name("server telnet", tests, folder_make, folder_remove);
}
