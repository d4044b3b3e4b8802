/* wire/: JSON-RPC. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "wire/wire.h"

/* Answers every request with its number of arguments and gives the text. */
static void json_answers(const char *text, struct smt_buffer *buffer)
{
    struct smt_json_message message;
    struct smt_wire_request request = {0};
    struct smt_wire_reply reply = {0};
    enum smt_json_step step;

    smt_buffer_empty(buffer);
    smt_json_open(&message, text, strlen(text), buffer);
    while ((step = smt_json_next(&message, &request, buffer)) != SMT_JSON_END) {
        if (step == SMT_JSON_ANSWERED) continue;
        smt_wire_reply_empty(&reply);
        smt_wire_add_integer(&reply.results, (int64_t)request.arguments.count);
        smt_json_answer(&message, &reply, buffer);
    }
    smt_json_finish(&message, buffer);
    smt_json_clear(&message);
    smt_wire_request_clear(&request);
    smt_wire_reply_clear(&reply);
}

/* The specification's own kinds of examples. */
static void json_rpc_answers_as_specified(void **state)
{
    static const struct {
        const char *sent, *answer;
    } rows[] = {
        {"{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":[1,\"k\"],\"id\":7}",
         "{\"jsonrpc\":\"2.0\",\"result\":2,\"id\":7}"},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":{\"size\":1},\"id\":\"a\"}",
         "{\"jsonrpc\":\"2.0\",\"result\":2,\"id\":\"a\"}"},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"m\"}", ""},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"id\":null}",
         "{\"jsonrpc\":\"2.0\",\"result\":0,\"id\":null}"},
        {"{\"jsonrpc\": \"2.0\", \"method\": \"m, \"params\"",
         "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32700,\"message\":\"Parse error\"},"
         "\"id\":null}"},
        {"{\"jsonrpc\":\"2.0\",\"method\":1,\"params\":\"bar\"}",
         "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32600,\"message\":\"Invalid Request\"},"
         "\"id\":null}"},
        {"[]", "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32600,\"message\":\"Invalid Request\"},"
               "\"id\":null}"},
        {"[1]", "[{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32600,\"message\":\"Invalid Request\"},"
                "\"id\":null}]"},
        {"[{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"id\":1},{\"jsonrpc\":\"2.0\",\"method\":\"m\"},"
         "{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"id\":\"2\"}]",
         "[{\"jsonrpc\":\"2.0\",\"result\":0,\"id\":1},{\"jsonrpc\":\"2.0\",\"result\":0,\"id\":"
         "\"2\"}]"},
        {"[{\"jsonrpc\":\"2.0\",\"method\":\"m\"}]", ""},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":[[1]],\"id\":1}",
         "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32600,\"message\":\"Invalid Request\"},"
         "\"id\":1}"},
        {"[{\"jsonrpc\":\"2.0\",\"id\":\"a\"},{\"method\":\"m\"}]",
         "[{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32600,\"message\":\"Invalid Request\"},"
         "\"id\":\"a\"},"
         "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32600,\"message\":\"Invalid Request\"},"
         "\"id\":null}]"},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":[18446744073709551615],\"id\":7}",
         "{\"jsonrpc\":\"2.0\",\"result\":1,\"id\":7}"},
    };
    struct smt_buffer answer;

    (void)state;
    smt_buffer_init(&answer);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_answers(rows[i].sent, &answer);

        assert_string_equal(answer.data ? answer.data : "", rows[i].answer);
    }
    smt_buffer_clear(&answer);
}

static void json_keeps_64_bits_and_field_order(void **state)
{
    static const char text[] =
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":[{\"z\":9223372036854775807,"
        "\"a\":-1}]}";
    struct smt_wire_reply reply = {0};
    struct smt_buffer again;

    (void)state;
    smt_buffer_init(&again);

    assert_int_equal(smt_json_decode_reply(text, strlen(text), &reply), SMT_OK);
    smt_json_add_reply(&again, &reply);

    assert_string_equal(again.data, "{\"result\":[{\"z\":9223372036854775807,\"a\":-1}]}");
    smt_buffer_clear(&again);
    smt_wire_reply_clear(&reply);
}

static void foreign_bytes_become_valid_json(void **state)
{
    struct smt_wire_reply reply = {0};
    struct smt_buffer text;
    json_t *root;

    (void)state;
    smt_buffer_init(&text);
    smt_wire_add_bytes(&reply.results, SMT_WIRE_STRING, "a\xff\"\\\n\0z", 7);

    smt_json_add_reply(&text, &reply);

    root = json_loads(text.data, 0, NULL);
    assert_non_null(root);
    assert_string_equal(json_string_value(json_object_get(root, "result")),
                        "a\\xFF\"\\\\\\n\\x00z");
    json_decref(root);
    smt_buffer_clear(&text);
    smt_wire_reply_clear(&reply);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_rpc_answers_as_specified),
        cmocka_unit_test(json_keeps_64_bits_and_field_order),
        cmocka_unit_test(foreign_bytes_become_valid_json),
    };

    return cmocka_run_group_tests_name("wire/json", tests, NULL, NULL);
}
