/* message/: bytes, the command line's text with its escapes, single files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "message_folder.h"

static void escapes_become_their_bytes(void **state)
{
    struct smt_message_list list;

    (void)state;
    smt_message_list_init(&list);

    assert_int_equal(smt_message_add_data(&list, NULL, "a\\r\\n\\t\\0\\x4a\\xfF\\x00\\\\b\xc3\xa9"),
                     SMT_OK);

    assert_int_equal(list.items[0].size_bytes, 12);
    assert_memory_equal(list.items[0].data, "a\r\n\t\0J\xff\0\\b\xc3\xa9", 13);
    smt_message_list_clear(&list);
}

static void escapes_take_no_more_digits_than_they_own(void **state)
{
    struct smt_message_list list;

    (void)state;
    smt_message_list_init(&list);

    assert_int_equal(smt_message_add_data(&list, NULL, "\\012\\x414\\\\n"), SMT_OK);

    assert_int_equal(list.items[0].size_bytes, 7);
    assert_memory_equal(list.items[0].data, "\00012A4\\n", 8);
    smt_message_list_clear(&list);
}

static void bad_escape_names_its_column_and_what_is_allowed(void **state)
{
    static const struct {
        const char *text;
        const char *says;
    } rows[] = {
        {"abc\\q", "data:1: column 4: a backslash and 'q'"},
        {"\\r\\n\\", "data:1: column 5: a backslash ends the text"},
        {"\\x", "data:1: column 1: \\x needs two hexadecimal digits"},
        {"a\\x4", "data:1: column 2: \\x needs two hexadecimal digits"},
        {"a\\x4g", "data:1: column 2: \\x needs two hexadecimal digits"},
        {"a\\xg4", "data:1: column 2: \\x needs two hexadecimal digits"},
        {"\\N", "data:1: column 1: a backslash and 'N'"},
        {"\\X41", "data:1: column 1: a backslash and 'X'"},
        {"\\\n", "data:1: column 1: a backslash and '\\n'"},
        {"\\\xff", "data:1: column 1: a backslash and '\\xFF'"},
    };
    struct smt_message_list list;

    (void)state;
    smt_message_list_init(&list);

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(smt_message_add_data(&list, NULL, rows[i].text), SMT_EINPUT);

        assert_ptr_equal(strstr(smt_fail_text(), rows[i].says), smt_fail_text());
        assert_non_null(strstr(smt_fail_text(), "allowed are \\r \\n \\t \\0 \\xHH \\\\"));
        assert_int_equal(list.count, 0);
    }
    smt_message_list_clear(&list);
}

static void escaped_bytes_read_back_as_they_were(void **state)
{
    struct smt_message_list list;
    struct smt_random random;
    struct smt_buffer text;
    char bytes[200];

    (void)state;
    smt_message_list_init(&list);
    smt_buffer_init(&text);
    smt_random_init(&random, 7);

    for (size_t i = 0; i < 500; i++) {
        size_t size = smt_random_between(&random, 1, sizeof bytes);

        for (size_t k = 0; k < size; k++) bytes[k] = (char)smt_random_next(&random);
        smt_buffer_empty(&text);
        smt_buffer_add_escaped(&text, bytes, size);
        assert_int_equal(smt_message_add_data(&list, "again", text.data), SMT_OK);

        assert_int_equal(list.items[i].size_bytes, size);
        assert_memory_equal(list.items[i].data, bytes, size);
    }
    smt_buffer_clear(&text);
    smt_message_list_clear(&list);
}

static void unnamed_texts_are_counted_whatever_lies_between(void **state)
{
    struct smt_message_list list;

    (void)state;
    smt_message_list_init(&list);

    assert_int_equal(smt_message_add_data(&list, NULL, "a"), SMT_OK);
    assert_int_equal(smt_message_add_bytes(&list, "other", "b", 1), SMT_OK);
    assert_int_equal(smt_message_add_data(&list, "named", "c"), SMT_OK);
    assert_int_equal(smt_message_add_data(&list, NULL, "d"), SMT_OK);

    assert_string_equal(list.items[0].name, "data:1");
    assert_string_equal(list.items[1].name, "other");
    assert_string_equal(list.items[2].name, "named");
    assert_string_equal(list.items[3].name, "data:2");
    smt_message_list_clear(&list);
}

static void empty_text_is_no_message(void **state)
{
    struct smt_message_list list;

    (void)state;
    smt_message_list_init(&list);

    assert_int_equal(smt_message_add_data(&list, NULL, ""), SMT_EINPUT);

    assert_non_null(strstr(smt_fail_text(), "data:1: empty message"));
    assert_int_equal(list.count, 0);
    smt_message_list_clear(&list);
}

static void file_keeps_every_byte_and_its_typed_name(void **state)
{
    struct test_folder *folder = *state;
    const struct smt_message *message;

    test_folder_write(folder, "x.sip", "\0\r\n\xff\n\0", 6);

    assert_int_equal(smt_message_add_file(&folder->list, test_folder_path(folder, "x.sip")),
                     SMT_OK);

    message = &folder->list.items[0];
    assert_string_equal(message->name, test_folder_path(folder, "x.sip"));
    assert_int_equal(message->size_bytes, 6);
    assert_memory_equal(message->data, "\0\r\n\xff\n\0", 7);
    assert_false(message->has_expectation);
    assert_int_equal(message->expectation, SMT_EXPECT_EITHER);
}

static void unusable_files_say_which_and_why(void **state)
{
    struct test_folder *folder = *state;

    test_folder_write(folder, "empty.sip", "", 0);

    assert_int_equal(smt_message_add_file(&folder->list, test_folder_path(folder, "none.sip")),
                     SMT_EINPUT);
    assert_non_null(strstr(smt_fail_text(), "none.sip: cannot open: No such file"));
    assert_int_equal(smt_message_add_file(&folder->list, test_folder_path(folder, "empty.sip")),
                     SMT_EINPUT);
    assert_non_null(strstr(smt_fail_text(), "empty.sip: empty message"));
    assert_int_equal(smt_message_add_file(&folder->list, folder->path), SMT_EINPUT);
    assert_non_null(strstr(smt_fail_text(), "is a directory"));
    assert_int_equal(folder->list.count, 0);
}

static void limit_is_the_last_size_accepted(void **state)
{
    struct test_folder *folder = *state;
    const char *path = test_folder_path(folder, "big.sip");

    test_folder_write_text(folder, "big.sip", "x");
    assert_int_equal(truncate(path, SMT_MESSAGE_LIMIT_BYTES + 1), 0);
    assert_int_equal(smt_message_add_file(&folder->list, path), SMT_EINPUT);
    assert_non_null(strstr(smt_fail_text(), "larger than the limit of 67108864 bytes"));
    assert_int_equal(folder->list.count, 0);

    assert_int_equal(truncate(path, SMT_MESSAGE_LIMIT_BYTES), 0);
    assert_int_equal(smt_message_add_file(&folder->list, path), SMT_OK);
    assert_int_equal(folder->list.items[0].size_bytes, SMT_MESSAGE_LIMIT_BYTES);
}

/* Reads `path` with standard input replaced by a pipe of these bytes. */
static enum smt_status add_from_pipe(struct test_folder *folder, const char *path,
                                     const char *bytes, size_t size_bytes)
{
    int ends[2], kept = dup(STDIN_FILENO);
    enum smt_status status;

    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], bytes, size_bytes), size_bytes);
    close(ends[1]);
    dup2(ends[0], STDIN_FILENO);
    close(ends[0]);
    status = smt_message_add_path(&folder->list, path, test_folder_complain, folder);
    if (kept >= 0) dup2(kept, STDIN_FILENO);
    if (kept >= 0) close(kept);
    return status;
}

static void standard_input_is_called_dash(void **state)
{
    struct test_folder *folder = *state;

    assert_int_equal(add_from_pipe(folder, "-", "a\0b", 3), SMT_OK);

    assert_string_equal(folder->list.items[0].name, "-");
    assert_int_equal(folder->list.items[0].size_bytes, 3);
    assert_memory_equal(folder->list.items[0].data, "a\0b", 4);
}

static void empty_standard_input_is_called_by_its_full_name(void **state)
{
    struct test_folder *folder = *state;

    assert_int_equal(add_from_pipe(folder, "-", "", 0), SMT_EINPUT);

    assert_non_null(strstr(smt_fail_text(), "standard input: empty message"));
}

static void pipe_named_as_a_file_is_read(void **state)
{
    struct test_folder *folder = *state;

    assert_int_equal(add_from_pipe(folder, "/dev/fd/0", "abc", 3), SMT_OK);

    assert_string_equal(folder->list.items[0].name, "/dev/fd/0");
    assert_string_equal(folder->list.items[0].data, "abc");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes_become_their_bytes),
        cmocka_unit_test(escapes_take_no_more_digits_than_they_own),
        cmocka_unit_test(bad_escape_names_its_column_and_what_is_allowed),
        cmocka_unit_test(escaped_bytes_read_back_as_they_were),
        cmocka_unit_test(unnamed_texts_are_counted_whatever_lies_between),
        cmocka_unit_test(empty_text_is_no_message),
        cmocka_unit_test_setup_teardown(file_keeps_every_byte_and_its_typed_name, test_folder_setup,
                                        test_folder_teardown),
        cmocka_unit_test_setup_teardown(unusable_files_say_which_and_why, test_folder_setup,
                                        test_folder_teardown),
        cmocka_unit_test_setup_teardown(limit_is_the_last_size_accepted, test_folder_setup,
                                        test_folder_teardown),
        cmocka_unit_test_setup_teardown(standard_input_is_called_dash, test_folder_setup,
                                        test_folder_teardown),
        cmocka_unit_test_setup_teardown(empty_standard_input_is_called_by_its_full_name,
                                        test_folder_setup, test_folder_teardown),
        cmocka_unit_test_setup_teardown(pipe_named_as_a_file_is_read, test_folder_setup,
                                        test_folder_teardown),
    };

    return cmocka_run_group_tests_name("message/source", tests, NULL, NULL);
}
