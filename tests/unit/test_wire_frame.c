/* wire/: framing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "wire/wire.h"

static void messages_are_found_however_they_are_cut(void **state)
{
    static const struct {
        const char *stream;
        enum smt_protocol protocol;
        unsigned messages;
    } rows[] = {
        {"{\"a\":\"}{\\\"\"}\n  [1,[2]]{\"b\":{}}\n\n{bad\n", SMT_PROTOCOL_JSON, 4},
        {"{}no JSON, one message\n{}}{\n", SMT_PROTOCOL_JSON, 4},
        {"\n\n 2:{},11:{\"a\":[1,2]},", SMT_PROTOCOL_NETSTRING, 2},
        {"mt.mem_used\r\n\nquit\n", SMT_PROTOCOL_TEXT, 3},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t step = 1; step < 8; step++) {
            struct smt_frame_finder finder = {0};
            size_t size = strlen(rows[i].stream), begin = 0, have = 0;
            unsigned messages = 0;
            struct smt_wire_frame frame;

            while (have < size || messages < rows[i].messages) {
                enum smt_wire_progress progress =
                    smt_frame_find(&finder, rows[i].stream + begin, have - begin, &frame);

                assert_int_not_equal(progress, SMT_WIRE_BAD);
                if (progress == SMT_WIRE_DONE) {
                    messages++;
                    begin += frame.end;
                    continue;
                }
                begin += frame.skip;
                assert_true(have < size);
                have = have + step < size ? have + step : size;
            }
            assert_int_equal(messages, rows[i].messages);
            assert_int_equal(finder.protocol, rows[i].protocol);
        }
}

static void oversized_and_broken_frames_are_bad(void **state)
{
    size_t size = SMT_FRAME_MAX + 2;
    char *bytes = malloc(size);
    struct smt_wire_frame frame;

    (void)state;
    memset(bytes, 'a', size);
    assert_int_equal(smt_frame_find(&(struct smt_frame_finder){0}, bytes, size, &frame),
                     SMT_WIRE_BAD);
    bytes[0] = '[';
    assert_int_equal(smt_frame_find(&(struct smt_frame_finder){0}, bytes, size, &frame),
                     SMT_WIRE_BAD);
    bytes[SMT_FRAME_MAX] = ']'; /* whole, and one byte too long */
    assert_int_equal(smt_frame_find(&(struct smt_frame_finder){0}, bytes, size, &frame),
                     SMT_WIRE_BAD);
    bytes[SMT_FRAME_MAX - 1] = ']';
    assert_int_equal(smt_frame_find(&(struct smt_frame_finder){0}, bytes, size, &frame),
                     SMT_WIRE_DONE);
    free(bytes);
    assert_int_equal(smt_frame_find(&(struct smt_frame_finder){0}, "99999999:", 9, &frame),
                     SMT_WIRE_BAD);
    assert_int_equal(smt_frame_find(&(struct smt_frame_finder){0}, "2:{};", 5, &frame),
                     SMT_WIRE_BAD);
    assert_int_equal(smt_frame_find(&(struct smt_frame_finder){0}, "02:{},", 6, &frame),
                     SMT_WIRE_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_found_however_they_are_cut),
        cmocka_unit_test(oversized_and_broken_frames_are_bad),
    };

    return cmocka_run_group_tests_name("wire/frame", tests, NULL, NULL);
}
