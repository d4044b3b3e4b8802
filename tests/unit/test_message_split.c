/* message/: several messages in one input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "message/message.h"

/* A text with its size, NUL included. */
#define BYTES(text) (text), sizeof(text) - 1

struct stream {
    struct smt_message_list list;
    struct smt_buffer complaints;
    size_t complaint_count;
};

static int stream_setup(void **state)
{
    struct stream *stream = calloc(1, sizeof *stream);

    *state = stream;
    return stream ? 0 : -1;
}

static int stream_teardown(void **state)
{
    struct stream *stream = *state;

    smt_message_list_clear(&stream->list);
    smt_buffer_clear(&stream->complaints);
    free(stream);
    return 0;
}

static void stream_complain(void *context, const char *sentence)
{
    struct stream *stream = context;

    stream->complaint_count++;
    smt_buffer_addf(&stream->complaints, "%s\n", sentence);
}

static void stream_split(struct stream *stream, const char *bytes, size_t size_bytes)
{
    assert_int_equal(smt_message_add_bytes(&stream->list, "s", bytes, size_bytes), SMT_OK);
    assert_int_equal(smt_message_split(&stream->list, stream_complain, stream), SMT_OK);
}

static void assert_part(const struct stream *stream, size_t index, const char *name,
                        const char *bytes, size_t size_bytes)
{
    const struct smt_message *part = &stream->list.items[index];

    assert_true(index < stream->list.count);
    assert_string_equal(part->name, name);
    assert_int_equal(part->size_bytes, size_bytes);
    assert_memory_equal(part->data, bytes, size_bytes + 1);
}

static void length_ends_a_body_and_empty_lines_between_are_dropped(void **state)
{
    struct stream *stream = *state;

    stream_split(stream, BYTES("\r\n\r\nA\r\nContent-Length: 3\r\n\r\nabc\r\n\r\n"
                               "B\r\nContent-Length: 0\r\n\r\nC\r\nl: 2\r\n\r\n\r\n\r\n"));

    assert_int_equal(stream->list.count, 3);
    assert_part(stream, 0, "s#1", BYTES("A\r\nContent-Length: 3\r\n\r\nabc"));
    assert_part(stream, 1, "s#2", BYTES("B\r\nContent-Length: 0\r\n\r\n"));
    assert_part(stream, 2, "s#3", BYTES("C\r\nl: 2\r\n\r\n\r\n"));
    assert_int_equal(stream->complaint_count, 0);
}

static void every_spelling_of_the_length_is_known(void **state)
{
    static const char *const spellings[] = {
        "Content-Length: 2\r\n",
        "content-length:2\r\n",
        "CONTENT-LENGTH \t : \t 2 \t\r\n",
        "l:2\r\n",
        "L : 002\r\n",
        "l:\r\n 2\r\n",
        "l:\r\n\t\r\n  2\r\n",
        "l: 2\r\n \r\n",
        "l: 2\r\nContent-Length: 9\r\n",
        "l:2\n",
        "Content-Length:\n 2\n",
        "Xl: 9\r\nl: 2\r\n",
        "X: y\r\n l: 9\r\nl:2\r\n",
        "Content-Lengt: 9\r\nContent-Lengthy: 9\r\nl: 2\r\n",
    };
    struct stream *stream = *state;

    for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++) {
        char text[200];

        snprintf(text, sizeof text, "A\r\n%s\r\nxyB\r\nl:0\r\n\r\n", spellings[i]);
        stream_split(stream, text, strlen(text));

        if (stream->list.count != 2) fail_msg("spelling %zu", i);
        assert_part(stream, 1, "s#2", BYTES("B\r\nl:0\r\n\r\n"));
        assert_int_equal(stream->complaint_count, 0);
        smt_message_list_clear(&stream->list);
    }
}

static void start_line_and_body_give_no_length(void **state)
{
    struct stream *stream = *state;

    stream_split(stream, BYTES("l: 0\r\n\r\nl: 1\r\n\r\nrest"));

    assert_int_equal(stream->list.count, 1);
    assert_part(stream, 0, "s#1", BYTES("l: 0\r\n\r\nl: 1\r\n\r\nrest"));
}

static void body_without_length_runs_to_the_end(void **state)
{
    struct stream *stream = *state;

    stream_split(stream, BYTES("A\r\nl: 1\r\n\r\nxB\r\nX: y\r\n\r\nbody\r\n\r\nC\r\n\r\n"));

    assert_int_equal(stream->list.count, 2);
    assert_part(stream, 1, "s#2", BYTES("B\r\nX: y\r\n\r\nbody\r\n\r\nC\r\n\r\n"));
    assert_int_equal(stream->complaint_count, 0);
}

static void length_beyond_the_end_takes_the_rest_and_is_a_complaint(void **state)
{
    static const char *const lengths[] = {"6", "18446744073709551615", "18446744073709551616",
                                          "99999999999999999999999999"};
    struct stream *stream = *state;

    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        char text[100];

        snprintf(text, sizeof text, "A\r\nl: %s\r\n\r\nabc\r\n", lengths[i]);
        stream_split(stream, text, strlen(text));

        assert_int_equal(stream->list.count, 1);
        assert_part(stream, 0, "s#1", text, strlen(text));
        assert_int_equal(stream->complaint_count, i + 1);
        smt_message_list_clear(&stream->list);
    }
    assert_non_null(
        strstr(stream->complaints.data, "s#1: Content-Length is larger than the 5 bytes left"));
}

static void length_of_just_what_is_left_is_fine(void **state)
{
    struct stream *stream = *state;

    stream_split(stream, BYTES("A\r\nl: 5\r\n\r\nabc\r\n"));

    assert_part(stream, 0, "s#1", BYTES("A\r\nl: 5\r\n\r\nabc\r\n"));
    assert_int_equal(stream->complaint_count, 0);
}

static void length_that_is_no_number_takes_the_rest_and_is_a_complaint(void **state)
{
    static const char *const lengths[] = {"", "-1", "+1", "1x", "1, 1", "0x1", "1 1", "1\r\n 1"};
    struct stream *stream = *state;

    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        char text[100];

        snprintf(text, sizeof text, "A\r\nl: %s\r\n\r\nabc", lengths[i]);
        stream_split(stream, text, strlen(text));

        assert_int_equal(stream->list.count, 1);
        assert_part(stream, 0, "s#1", text, strlen(text));
        assert_int_equal(stream->complaint_count, i + 1);
        smt_message_list_clear(&stream->list);
    }
    assert_non_null(strstr(stream->complaints.data, "s#1: Content-Length is no number"));
}

static void headers_without_an_empty_line_have_no_body(void **state)
{
    struct stream *stream = *state;

    stream_split(stream, BYTES("A\r\nl: 0\r\n\r\nB\r\nl: 4\r\n"));

    assert_int_equal(stream->list.count, 2);
    assert_part(stream, 1, "s#2", BYTES("B\r\nl: 4\r\n"));
    assert_int_equal(stream->complaint_count, 1);
    assert_non_null(strstr(stream->complaints.data, "s#2: Content-Length is larger than the 0"));
}

static void nul_is_a_byte_like_any_other(void **state)
{
    struct stream *stream = *state;

    stream_split(stream, BYTES("A\0\r\n\0l: 9\r\nl: 3\r\n\r\n\0\0\0\0B\r\nl:\0001\r\n\r\nx"));

    assert_int_equal(stream->list.count, 2);
    assert_part(stream, 0, "s#1", BYTES("A\0\r\n\0l: 9\r\nl: 3\r\n\r\n\0\0\0"));
    assert_part(stream, 1, "s#2", BYTES("\0B\r\nl:\0001\r\n\r\nx"));
    assert_int_equal(stream->complaint_count, 1); /* NUL is no blank in a number */
}

static void empty_lines_alone_are_no_message(void **state)
{
    struct stream *stream = *state;

    assert_int_equal(smt_message_add_bytes(&stream->list, "t", "T\n\n", 3), SMT_OK);
    stream_split(stream, BYTES("\r\n\n\r"));

    assert_int_equal(stream->list.count, 1);
    assert_part(stream, 0, "t#1", BYTES("T\n\n"));
    assert_int_equal(stream->complaint_count, 1);
    assert_non_null(strstr(stream->complaints.data, "s: no message to split off"));
}

static void parts_keep_order_expectation_and_the_count_of_texts(void **state)
{
    struct stream *stream = *state;

    assert_int_equal(smt_message_add_data(&stream->list, NULL, "A\\nl:0\\n\\nB\\n"), SMT_OK);
    assert_int_equal(smt_message_add_bytes(&stream->list, "f", "C\n\n", 3), SMT_OK);
    stream->list.items[0].expectation = SMT_EXPECT_REJECT;
    stream->list.items[0].has_expectation = true;

    assert_int_equal(smt_message_split(&stream->list, NULL, NULL), SMT_OK);
    assert_int_equal(smt_message_add_data(&stream->list, NULL, "D"), SMT_OK);

    assert_int_equal(stream->list.count, 4);
    assert_part(stream, 0, "data:1#1", BYTES("A\nl:0\n\n"));
    assert_part(stream, 1, "data:1#2", BYTES("B\n"));
    assert_part(stream, 2, "f#1", BYTES("C\n\n"));
    assert_part(stream, 3, "data:2", BYTES("D"));
    assert_int_equal(stream->list.items[1].expectation, SMT_EXPECT_REJECT);
    assert_true(stream->list.items[1].has_expectation);
    assert_false(stream->list.items[2].has_expectation);
}

/* Repeats `unit` up to size_bytes; the caller frees. */
static char *bytes_repeat(const char *unit, size_t size_bytes)
{
    char *bytes = malloc(size_bytes);
    size_t unit_bytes = strlen(unit);

    assert_non_null(bytes);
    for (size_t i = 0; i < size_bytes; i++) bytes[i] = unit[i % unit_bytes];
    return bytes;
}

/* Anything quadratic takes hours here and meets the test's time limit. */
static void large_inputs_take_linear_time(void **state)
{
    static const struct {
        const char *unit;
        size_t count;
    } rows[] = {
        {"a\n", 1}, {"a\r", 1}, {"a", 1}, {"\n", 0}, {"l:\n ", 1}, {"l:0\n x\n", 1}, {" \n", 1},
    };
    const size_t size_bytes = (size_t)16 << 20;
    struct stream *stream = *state;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *bytes = bytes_repeat(rows[i].unit, size_bytes);

        stream_split(stream, bytes, size_bytes);
        free(bytes);
        assert_int_equal(stream->list.count, rows[i].count);
        if (rows[i].count > 0)
            assert_int_equal(smt_message_apply_crlf(&stream->list.items[0], SMT_CRLF_FIX), SMT_OK);
        smt_message_list_clear(&stream->list);
    }
}

static void many_messages_take_linear_time(void **state)
{
    const size_t size_bytes = (size_t)1 << 20;
    struct stream *stream = *state;
    char *bytes = bytes_repeat("A\nl:0\n\n\n", size_bytes);

    stream_split(stream, bytes, size_bytes);
    free(bytes);

    assert_int_equal(stream->list.count, size_bytes / 8);
    assert_part(stream, size_bytes / 8 - 1, "s#131072", BYTES("A\nl:0\n\n"));
}

#define WITH_STREAM(test) cmocka_unit_test_setup_teardown(test, stream_setup, stream_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STREAM(length_ends_a_body_and_empty_lines_between_are_dropped),
        WITH_STREAM(every_spelling_of_the_length_is_known),
        WITH_STREAM(start_line_and_body_give_no_length),
        WITH_STREAM(body_without_length_runs_to_the_end),
        WITH_STREAM(length_beyond_the_end_takes_the_rest_and_is_a_complaint),
        WITH_STREAM(length_of_just_what_is_left_is_fine),
        WITH_STREAM(length_that_is_no_number_takes_the_rest_and_is_a_complaint),
        WITH_STREAM(headers_without_an_empty_line_have_no_body),
        WITH_STREAM(nul_is_a_byte_like_any_other),
        WITH_STREAM(empty_lines_alone_are_no_message),
        WITH_STREAM(parts_keep_order_expectation_and_the_count_of_texts),
        WITH_STREAM(large_inputs_take_linear_time),
        WITH_STREAM(many_messages_take_linear_time),
    };

    return cmocka_run_group_tests_name("message/split", tests, NULL, NULL);
}
