/* base/: status texts, growing bytes, numbers, random numbers, temporary files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/base.h"

static void failure_sentence_is_one_line(void **state)
{
    (void)state;

    assert_int_equal(smt_fail(SMT_EINPUT, "bad\nname %d", 7), SMT_EINPUT);

    assert_string_equal(smt_fail_text(), "bad name 7");
    assert_int_equal(smt_status_exit(SMT_EINPUT), 2);
}

static void escaped_text_shows_nul_and_foreign_bytes(void **state)
{
    struct smt_buffer buffer;

    (void)state;
    smt_buffer_init(&buffer);

    smt_buffer_add_escaped(&buffer, "a\0\xff\xc3\xa9\\\r\n\xed\xa0\x80", 11);

    assert_string_equal(buffer.data, "a\\x00\\xFF\xc3\xa9\\\\\\r\\n\\xED\\xA0\\x80");
    smt_buffer_clear(&buffer);
}

static void taken_buffer_is_a_string_even_when_empty(void **state)
{
    struct smt_buffer buffer;
    char *text;

    (void)state;
    smt_buffer_init(&buffer);

    text = smt_buffer_take(&buffer);

    assert_string_equal(text, "");
    free(text);
}

static void sizes_take_units_in_either_case(void **state)
{
    uint64_t size = 99;

    (void)state;

    assert_true(smt_number_parse_size("64k", &size) && size == 65536);
    assert_true(smt_number_parse_size("3G", &size) && size == 3ull << 30);
    assert_false(smt_number_parse_size("3q", &size));
    assert_false(smt_number_parse_size("-1", &size));
    assert_false(smt_number_parse_size("99999999999g", &size));
    assert_int_equal(size, 3ull << 30);
}

static void one_of_a_thing_has_no_s(void **state)
{
    (void)state;

    assert_string_equal(smt_number_ending(0), "s");
    assert_string_equal(smt_number_ending(1), "");
    assert_string_equal(smt_number_ending(2), "s");
}

static void random_numbers_repeat_and_stay_in_range(void **state)
{
    struct smt_random a, b;

    (void)state;
    smt_random_init(&a, 7);
    smt_random_init(&b, 7);

    for (int i = 0; i < 1000; i++) {
        uint64_t n = smt_random_between(&a, 3, 5);

        assert_true(n >= 3 && n <= 5);
        assert_int_equal(n, smt_random_between(&b, 3, 5));
    }
}

/* A folder that TMPDIR names; what it was before comes back. */
struct place {
    char *before;
    char folder[SMT_TEMPORARY_BYTES];
};

static int place_setup(void **state)
{
    static struct place place;
    const char *before = getenv("TMPDIR");

    place.before = before ? strdup(before) : NULL;
    *state = &place;
    if (smt_temporary_folder("test-base", place.folder) != SMT_OK) return -1;
    return setenv("TMPDIR", place.folder, 1);
}

static int place_teardown(void **state)
{
    struct place *place = *state;

    unsetenv("TMPDIR");
    if (place->before) setenv("TMPDIR", place->before, 1);
    free(place->before);
    return rmdir(place->folder);
}

static void temporary_files_are_where_tmpdir_says(void **state)
{
    const struct place *place = *state;
    char file[SMT_TEMPORARY_BYTES], folder[SMT_TEMPORARY_BYTES];
    size_t size = strlen(place->folder);
    int fd;

    assert_int_equal(smt_temporary_file("one", file, &fd), SMT_OK);
    assert_int_equal(smt_temporary_folder("two", folder), SMT_OK);

    assert_int_equal(write(fd, "x", 1), 1);
    assert_memory_equal(file, place->folder, size);
    assert_memory_equal(file + size, "/one-", 5);
    assert_memory_equal(folder, place->folder, size);
    assert_memory_equal(folder + size, "/two-", 5);
    close(fd);
    assert_int_equal(unlink(file), 0);
    assert_int_equal(rmdir(folder), 0);
}

static void without_tmpdir_temporary_files_are_in_tmp(void **state)
{
    char path[SMT_TEMPORARY_BYTES];
    int fd;

    (void)state;
    setenv("TMPDIR", "", 1);

    assert_int_equal(smt_temporary_file("one", path, &fd), SMT_OK);

    assert_memory_equal(path, "/tmp/one-", 9);
    close(fd);
    assert_int_equal(unlink(path), 0);
}

static void assert_refused(const char *place, const char *why)
{
    char path[SMT_TEMPORARY_BYTES] = "untouched", sentence[2 * SMT_TEMPORARY_BYTES];
    int fd = -2;

    setenv("TMPDIR", place, 1);
    snprintf(sentence, sizeof sentence, "%s: cannot hold temporary files (see TMPDIR): %s", place,
             why);

    assert_int_equal(smt_temporary_file("a", path, &fd), SMT_EIO);
    assert_string_equal(smt_fail_text(), sentence);
    assert_int_equal(smt_temporary_folder("a", path), SMT_EIO);
    assert_string_equal(smt_fail_text(), sentence);

    assert_string_equal(path, "untouched");
    assert_int_equal(fd, -2);
}

static void folder_that_cannot_hold_temporary_files_is_named(void **state)
{
    char file[SMT_TEMPORARY_BYTES], longest[SMT_TEMPORARY_BYTES];
    int fd;

    (void)state;
    assert_int_equal(smt_temporary_file("one", file, &fd), SMT_OK);
    close(fd);
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';

    assert_int_equal(smt_temporary_file(longest, longest, &fd), SMT_EIO);
    assert_refused(file, "Not a directory");
    assert_int_equal(unlink(file), 0);
    assert_refused(file, "No such file or directory");
}

#define WITH_PLACE(test) cmocka_unit_test_setup_teardown(test, place_setup, place_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failure_sentence_is_one_line),
        cmocka_unit_test(escaped_text_shows_nul_and_foreign_bytes),
        cmocka_unit_test(taken_buffer_is_a_string_even_when_empty),
        cmocka_unit_test(sizes_take_units_in_either_case),
        cmocka_unit_test(one_of_a_thing_has_no_s),
        cmocka_unit_test(random_numbers_repeat_and_stay_in_range),
        WITH_PLACE(temporary_files_are_where_tmpdir_says),
        WITH_PLACE(without_tmpdir_temporary_files_are_in_tmp),
        WITH_PLACE(folder_that_cannot_hold_temporary_files_is_named),
    };

    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
