/* base/: status texts, growing bytes, numbers, random numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failure_sentence_is_one_line),
        cmocka_unit_test(escaped_text_shows_nul_and_foreign_bytes),
        cmocka_unit_test(taken_buffer_is_a_string_even_when_empty),
        cmocka_unit_test(sizes_take_units_in_either_case),
        cmocka_unit_test(one_of_a_thing_has_no_s),
        cmocka_unit_test(random_numbers_repeat_and_stay_in_range),
    };

    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
