/* wire/: text lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "wire/wire.h"

static void words_are_split_and_typed(void **state)
{
    static const char line[] =
        "cfg.sets \t x 12 -5 s:12 \"a b\\r\\n\\x41\\\"\" 1k 9223372036854775808";
    struct smt_wire_request request = {0};
    const struct smt_wire_item *items;

    (void)state;

    assert_int_equal(smt_text_decode_request(line, strlen(line), &request), SMT_OK);

    items = request.arguments.items;
    assert_string_equal(request.method.data, "cfg.sets");
    assert_int_equal(request.arguments.count, 7);
    assert_int_equal(items[1].integer, 12);
    assert_int_equal(items[2].integer, -5);
    assert_int_equal(items[3].type, SMT_WIRE_STRING);
    assert_string_equal(smt_wire_text(&request.arguments, &items[4]), "a b\r\nA\"");
    assert_int_equal(items[5].type, SMT_WIRE_STRING);
    assert_int_equal(items[6].type, SMT_WIRE_STRING);
    assert_int_equal(smt_text_decode_request("a \"b", 4, &request), SMT_EINPUT);
    smt_wire_request_clear(&request);
}

static void structs_print_as_kamcmd_prints_them(void **state)
{
    struct smt_wire_reply reply = {0};
    struct smt_buffer text;

    (void)state;
    smt_buffer_init(&text);
    smt_wire_add_mark(&reply.results, SMT_WIRE_STRUCT);
    smt_wire_add_name(&reply.results, "ID");
    smt_wire_add_integer(&reply.results, 2);
    smt_wire_add_name(&reply.results, "remaining (s)");
    smt_wire_add_integer(&reply.results, 2128);
    smt_wire_add_mark(&reply.results, SMT_WIRE_STRUCT_END);

    smt_text_encode_reply(&text, &reply, "\n");

    assert_string_equal(text.data, "{\n\tID           : 2\n\tremaining (s): 2128\n}\n");
    smt_buffer_clear(&text);
    smt_wire_reply_clear(&reply);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_split_and_typed),
        cmocka_unit_test(structs_print_as_kamcmd_prints_them),
    };

    return cmocka_run_group_tests_name("wire/text", tests, NULL, NULL);
}
