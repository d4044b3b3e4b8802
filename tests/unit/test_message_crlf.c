/* message/: line ends of the header section. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "message/message.h"

/* A text with its size, NUL included. */
#define BYTES(text) (text), sizeof(text) - 1

static struct smt_message_list list;

static int list_setup(void **state)
{
    (void)state;
    smt_message_list_init(&list);
    return 0;
}

static int list_teardown(void **state)
{
    (void)state;
    smt_message_list_clear(&list);
    return 0;
}

static struct smt_message *message_add(const char *bytes, size_t size_bytes)
{
    assert_int_equal(smt_message_add_bytes(&list, "m", bytes, size_bytes), SMT_OK);
    return &list.items[list.count - 1];
}

/* before, after --crlf=fix, strict's complaint (NULL: none) */
static const struct {
    const char *before;
    size_t before_bytes;
    const char *after;
    size_t after_bytes;
    const char *complaint;
} rows[] = {
    {BYTES("A\r\nB: 1\r\n\r\nx\ny\r"), BYTES("A\r\nB: 1\r\n\r\nx\ny\r"), NULL},
    {BYTES("A\nB: 1\n\nx\ny\r"), BYTES("A\r\nB: 1\r\n\r\nx\ny\r"), "line 1 ends in a bare LF"},
    {BYTES("A\rB: 1\r\rx\ry\n"), BYTES("A\r\nB: 1\r\n\r\nx\ry\n"), "line 1 ends in a bare CR"},
    {BYTES("A\r\nB: 1\n\r\nx"), BYTES("A\r\nB: 1\r\n\r\nx"), "line 2 ends in a bare LF"},
    {BYTES("A\r\nB: 1\r\n\nx"), BYTES("A\r\nB: 1\r\n\r\nx"), "line 3 ends in a bare LF"},
    {BYTES("A\r\nB: 1\r\n\rx"), BYTES("A\r\nB: 1\r\n\r\nx"), "line 3 ends in a bare CR"},
    /* A CR in front of a CRLF is a line end of its own, and so makes an empty line. */
    {BYTES("A\r\r\nB\n"), BYTES("A\r\n\r\nB\n"), "line 1 ends in a bare CR"},
    {BYTES("A\r\n\r\n\nx"), BYTES("A\r\n\r\n\nx"), NULL},
    /* Empty lines in front of the start line do not end the section. */
    {BYTES("\n\r\nA\nB\n\n\n"), BYTES("\r\n\r\nA\r\nB\r\n\r\n\n"), "line 1 ends in a bare LF"},
    {BYTES("\r\nA\nB"), BYTES("\r\nA\r\nB"), "line 2 ends in a bare LF"},
    {BYTES("A\nB\r"), BYTES("A\r\nB\r\n"), "line 1 ends in a bare LF"},
    {BYTES("A\r\nB\r"), BYTES("A\r\nB\r\n"), "line 2 ends in a bare CR"},
    {BYTES("A\r\nB: 1\r\n"), BYTES("A\r\nB: 1\r\n"), NULL},
    {BYTES("A\r\nB"), BYTES("A\r\nB"), "line 2 ends with the message"},
    {BYTES("\n\n\r"), BYTES("\r\n\r\n\r\n"), "line 1 ends in a bare LF"},
    {BYTES("A\0\n\0\n\n\0\n"), BYTES("A\0\r\n\0\r\n\r\n\0\n"), "line 1 ends in a bare LF"},
    /* A line of blanks is folding, not the empty line. */
    {BYTES("A\n \n\nx\n"), BYTES("A\r\n \r\n\r\nx\n"), "line 1 ends in a bare LF"},
    {BYTES("A\nl: 1\n\n\n"), BYTES("A\r\nl: 1\r\n\r\n\n"), "line 1 ends in a bare LF"},
};

#define ROW_COUNT (sizeof rows / sizeof rows[0])

static void keep_alters_nothing(void **state)
{
    (void)state;

    for (size_t i = 0; i < ROW_COUNT; i++) {
        struct smt_message *message = message_add(rows[i].before, rows[i].before_bytes);

        assert_int_equal(smt_message_apply_crlf(message, SMT_CRLF_KEEP), SMT_OK);

        assert_int_equal(message->size_bytes, rows[i].before_bytes);
        assert_memory_equal(message->data, rows[i].before, rows[i].before_bytes + 1);
    }
}

static void fix_mends_the_header_section_only(void **state)
{
    (void)state;

    for (size_t i = 0; i < ROW_COUNT; i++) {
        struct smt_message *message = message_add(rows[i].before, rows[i].before_bytes);

        assert_int_equal(smt_message_apply_crlf(message, SMT_CRLF_FIX), SMT_OK);

        assert_int_equal(message->size_bytes, rows[i].after_bytes);
        assert_memory_equal(message->data, rows[i].after, rows[i].after_bytes + 1);
    }
}

static void fix_of_the_fixed_changes_nothing(void **state)
{
    (void)state;

    for (size_t i = 0; i < ROW_COUNT; i++) {
        struct smt_message *message = message_add(rows[i].after, rows[i].after_bytes);

        assert_int_equal(smt_message_apply_crlf(message, SMT_CRLF_FIX), SMT_OK);

        assert_int_equal(message->size_bytes, rows[i].after_bytes);
        assert_memory_equal(message->data, rows[i].after, rows[i].after_bytes + 1);
    }
}

static void strict_names_the_first_bad_line_and_alters_nothing(void **state)
{
    (void)state;

    for (size_t i = 0; i < ROW_COUNT; i++) {
        struct smt_message *message = message_add(rows[i].before, rows[i].before_bytes);
        enum smt_status status = smt_message_apply_crlf(message, SMT_CRLF_STRICT);

        assert_int_equal(status, rows[i].complaint ? SMT_EINPUT : SMT_OK);
        if (rows[i].complaint && !strstr(smt_fail_text(), rows[i].complaint))
            fail_msg("row %zu: %s", i, smt_fail_text());
        assert_int_equal(message->size_bytes, rows[i].before_bytes);
        assert_memory_equal(message->data, rows[i].before, rows[i].before_bytes + 1);
    }
}

static void header_section_ends_behind_its_empty_line(void **state)
{
    (void)state;

    assert_int_equal(smt_message_header_size(BYTES("A\r\nB\r\n\r\nbody\n\n")), 8);
    assert_int_equal(smt_message_header_size(BYTES("\r\n\nA\n\nbody")), 6);
    assert_int_equal(smt_message_header_size(BYTES("A\r\nB")), 4);
    assert_int_equal(smt_message_header_size(BYTES("\r\n\r\n")), 4);
    assert_int_equal(smt_message_header_size("", 0), 0);
}

static void modes_are_read_by_name(void **state)
{
    enum smt_crlf mode = SMT_CRLF_KEEP;

    (void)state;

    assert_int_equal(smt_message_crlf_parse("strict", &mode), SMT_OK);
    assert_int_equal(mode, SMT_CRLF_STRICT);
    assert_int_equal(smt_message_crlf_parse("fix", &mode), SMT_OK);
    assert_int_equal(mode, SMT_CRLF_FIX);
    assert_int_equal(smt_message_crlf_parse("Keep", &mode), SMT_EUSAGE);
    assert_non_null(strstr(smt_fail_text(), "'Keep' is unknown; write keep, fix or strict"));
    assert_int_equal(mode, SMT_CRLF_FIX);
    assert_int_equal(smt_message_crlf_parse("keep", &mode), SMT_OK);
    assert_int_equal(mode, SMT_CRLF_KEEP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keep_alters_nothing, list_setup, list_teardown),
        cmocka_unit_test_setup_teardown(fix_mends_the_header_section_only, list_setup,
                                        list_teardown),
        cmocka_unit_test_setup_teardown(fix_of_the_fixed_changes_nothing, list_setup,
                                        list_teardown),
        cmocka_unit_test_setup_teardown(strict_names_the_first_bad_line_and_alters_nothing,
                                        list_setup, list_teardown),
        cmocka_unit_test(header_section_ends_behind_its_empty_line),
        cmocka_unit_test(modes_are_read_by_name),
    };

    return cmocka_run_group_tests_name("message/crlf", tests, NULL, NULL);
}
