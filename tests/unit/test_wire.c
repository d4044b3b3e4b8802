/* wire/: BINRPC against recorded packets, JSON-RPC, text, framing, addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "wire/wire.h"

#define FUZZ_ROUNDS 200000

/* What Debian's kamcmd 5.6.3 sent and Kamailio answered. */
static const struct {
    const char *request, *answer;
    const char *line; /* the request as typed */
} recorded[] = {
    {"a103147a2d97d6910d6d742e6d656d5f616c6c6f6300100a216b00", "a113007a2d97d6",
     "mt.mem_alloc 10 k"},
    {"a1030e4d54d8dd910c6d742e6d656d5f7573656400", "a113054d54d8dd1001202800", "mt.mem_used"},
    {"a1032717b5e74c91126d742e6d656d5f746573745f737461727400100f10402061a810802005dc3036ee80216b00",
     "a1130217b5e74c1001", "mt.mem_test_start 15 64 25000 128 1500 3600000 k"},
    {"a103156314540d91116d742e6d656d5f746573745f73746f70001063",
     "a133176314540d200190911274657374203939206e6f7420666f756e6400", "mt.mem_test_stop 99"},
    {"a10314359c8da0910d6d742e6d656d5f616c6c6f63001005217100",
     "a1331b359c8da02001f4911662616420706172616d2075736520627c6b7c6d7c6700", "mt.mem_alloc 5 q"},
    {"a1032c1b8f614091096366672e736574690091096d697363746573740091126d656d5f636865636b5f636f6e7465"
     "6e74001001",
     "a113001b8f6140", "cfg.seti misctest mem_check_content 1"},
    {"a10310662cc448910e6e6f737563682e6d6574686f6400",
     "a13325662cc4482001f49120636f6d6d616e64206e6f737563682e6d6574686f64206e6f7420666f756e6400",
     "nosuch.method"},
};
#define RECORDED (sizeof recorded / sizeof *recorded)

static size_t unhex(const char *hex, uint8_t *ret_bytes)
{
    size_t size = strlen(hex) / 2;

    for (size_t i = 0; i < size; i++) {
        unsigned byte;

        sscanf(hex + 2 * i, "%2x", &byte);
        ret_bytes[i] = (uint8_t)byte;
    }
    return size;
}

static void assert_hex(const struct smt_buffer *buffer, const char *hex)
{
    uint8_t bytes[256];
    size_t size = unhex(hex, bytes);

    assert_int_equal(buffer->size, size);
    assert_memory_equal(buffer->data, bytes, size);
}

/* --- BINRPC --- */

static void recorded_requests_read_as_they_were_typed(void **state)
{
    struct smt_wire_request request = {0}, typed = {0};
    struct smt_binrpc_header header;
    struct smt_buffer again;
    uint8_t bytes[256];

    (void)state;
    smt_buffer_init(&again);
    for (size_t i = 0; i < RECORDED; i++) {
        size_t size = unhex(recorded[i].request, bytes);

        assert_int_equal(smt_binrpc_header(bytes, size, &header), SMT_WIRE_DONE);
        assert_int_equal(header.header_bytes + header.payload_bytes, size);
        assert_true(
            smt_binrpc_decode_request(bytes + header.header_bytes, header.payload_bytes, &request));
        assert_int_equal(
            smt_text_decode_request(recorded[i].line, strlen(recorded[i].line), &typed), SMT_OK);

        assert_string_equal(request.method.data, typed.method.data);
        assert_int_equal(request.arguments.count, typed.arguments.count);
        smt_buffer_empty(&again);
        smt_binrpc_encode_request(&again, header.cookie, &typed);
        assert_hex(&again, recorded[i].request);
    }
    smt_buffer_clear(&again);
    smt_wire_request_clear(&request);
    smt_wire_request_clear(&typed);
}

static void recorded_answers_are_written_byte_by_byte(void **state)
{
    struct smt_wire_reply reply = {0};
    struct smt_binrpc_header header;
    struct smt_buffer again;
    uint8_t bytes[256];

    (void)state;
    smt_buffer_init(&again);
    for (size_t i = 0; i < RECORDED; i++) {
        size_t size = unhex(recorded[i].answer, bytes);

        assert_int_equal(smt_binrpc_header(bytes, size, &header), SMT_WIRE_DONE);
        assert_true(smt_binrpc_decode_reply(&header, bytes + header.header_bytes, &reply));
        smt_buffer_empty(&again);
        smt_binrpc_encode_reply(&again, header.cookie, &reply);

        assert_hex(&again, recorded[i].answer);
    }
    assert_int_equal(reply.code, 500);
    assert_string_equal(reply.fault, "command nosuch.method not found");
    smt_buffer_clear(&again);
    smt_wire_reply_clear(&reply);
}

static void struct_names_are_padded_to_13(void **state)
{
    struct smt_wire_reply reply = {0};
    struct smt_buffer packet;

    (void)state;
    smt_buffer_init(&packet);
    smt_wire_add_mark(&reply.results, SMT_WIRE_STRUCT);
    smt_wire_add_name(&reply.results, "ID");
    smt_wire_add_integer(&reply.results, 1);
    smt_wire_add_name(&reply.results, "run time (s)");
    smt_wire_add_integer(&reply.results, 0);
    smt_wire_add_mark(&reply.results, SMT_WIRE_STRUCT_END);

    smt_binrpc_encode_reply(&packet, 0x01020304, &reply);

    assert_hex(&packet, "a1132501020304"
                        "03950e4944202020202020202020202000"
                        "1001950e72756e2074696d65202873292000"
                        "0083");
    smt_buffer_clear(&packet);
    smt_wire_reply_clear(&reply);
}

static void integers_keep_their_value_or_become_digits(void **state)
{
    static const int64_t numbers[] = {0,         1,          127,         128,          255,
                                      256,       65535,      65536,       INT32_MAX,    -1,
                                      -32768,    INT32_MIN,  2147483648L, -2147483649L, INT64_MAX,
                                      INT64_MIN, 0x00800000, 0x7F000000};
    struct smt_wire_reply reply = {0}, read = {0};
    struct smt_buffer packet;

    (void)state;
    smt_buffer_init(&packet);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        bool fits = numbers[i] >= INT32_MIN && numbers[i] <= INT32_MAX;
        struct smt_binrpc_header header;
        char digits[32];

        smt_wire_reply_empty(&reply);
        smt_wire_add_integer(&reply.results, numbers[i]);
        smt_buffer_empty(&packet);
        smt_binrpc_encode_reply(&packet, 9, &reply);
        assert_int_equal(smt_binrpc_header(packet.data, packet.size, &header), SMT_WIRE_DONE);
        assert_true(smt_binrpc_decode_reply(&header, packet.data + header.header_bytes, &read));

        snprintf(digits, sizeof digits, "%lld", (long long)numbers[i]);
        if (fits)
            assert_int_equal(read.results.items[0].integer, numbers[i]);
        else
            assert_string_equal(smt_wire_text(&read.results, read.results.items), digits);
    }
    smt_buffer_clear(&packet);
    smt_wire_reply_clear(&reply);
    smt_wire_reply_clear(&read);
}

static void truncated_packets_never_decode(void **state)
{
    struct smt_wire_request request = {0};
    struct smt_binrpc_header header;
    uint8_t bytes[256];

    (void)state;
    for (size_t i = 0; i < RECORDED; i++) {
        size_t size = unhex(recorded[i].request, bytes);
        struct smt_frame_finder finder = {0};
        struct smt_wire_frame frame;

        for (size_t cut = 0; cut < size; cut++)
            assert_int_equal(smt_frame_find(&finder, bytes, cut, &frame), SMT_WIRE_MORE);
        assert_int_equal(smt_frame_find(&finder, bytes, size, &frame), SMT_WIRE_DONE);
        assert_int_equal(frame.end, size);
        assert_int_equal(smt_binrpc_header(bytes, size, &header), SMT_WIRE_DONE);
        for (size_t cut = 0; cut < header.payload_bytes; cut++) {
            /* Cut between two records it is another, whole request. */
            bool whole = smt_binrpc_decode_request(bytes + header.header_bytes, cut, &request);

            if (whole) assert_true(request.method.size > 0);
        }
    }
    smt_wire_request_clear(&request);
}

static void hostile_packets_are_refused(void **state)
{
    static const char *const payloads[] = {
        "",
        "1001",
        "11",
        "2141",
        "9105414243",
        "910541424344",
        "f1ffffffffffffff00",
        "214100"
        "83",
        "214100"
        "03",
        "214100"
        "03"
        "1001"
        "83",
        "214100"
        "03"
        "254100"
        "83",
        "214100"
        "254100",
        "214100"
        "5000000000"
        "00",
        "214100"
        "17",
        "214100"
        "04"
        "83",
        "214100"
        "9f",
        "214100"
        "2141"
        "41",
        "214100"
        "13"
        "01",
    };
    struct smt_wire_request request = {0};
    struct smt_binrpc_header header;
    struct smt_frame_finder finder = {0};
    struct smt_wire_frame frame;
    uint8_t bytes[256];

    (void)state;
    for (size_t i = 0; i < sizeof payloads / sizeof *payloads; i++)
        if (smt_binrpc_decode_request(bytes, unhex(payloads[i], bytes), &request))
            fail_msg("accepted: %s", payloads[i]);
    assert_int_equal(smt_binrpc_header(bytes, unhex("a10fffffffff", bytes), &header), SMT_WIRE_BAD);
    assert_int_equal(smt_binrpc_header(bytes, unhex("a123", bytes), &header), SMT_WIRE_BAD);
    assert_int_equal(smt_binrpc_header(bytes, unhex("a2", bytes), &header), SMT_WIRE_BAD);
    assert_int_equal(smt_frame_find(&finder, bytes, unhex("a1130001020304", bytes), &frame),
                     SMT_WIRE_BAD);
    smt_wire_request_clear(&request);
}

static void nesting_has_a_limit(void **state)
{
    struct smt_wire_request request = {0};
    uint8_t bytes[3 + 200];

    (void)state;
    for (unsigned depth = 1; depth < 100; depth++) {
        unhex("214100", bytes);
        memset(bytes + 3, 0x04, depth);
        memset(bytes + 3 + depth, 0x84, depth);

        assert_int_equal(smt_binrpc_decode_request(bytes, 3 + 2 * depth, &request),
                         depth <= SMT_WIRE_DEPTH_MAX);
    }
    smt_wire_request_clear(&request);
}

/* --- JSON-RPC --- */

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
         "\"id\":null}"},
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

/* --- text --- */

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

/* --- framing --- */

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

/* --- addresses --- */

static void only_loopback_addresses_are_taken(void **state)
{
    static const char *const good[] = {"unix:/tmp/x",     "/tmp/x",
                                       "tcp:127.0.0.1:0", "tcp:127.9.9.9:65535",
                                       "tcp:[::1]:80",    "telnet:localhost:23"};
    static const char *const bad[] = {"",
                                      "x",
                                      "unix:",
                                      "tcp:0.0.0.0:80",
                                      "tcp:10.0.0.1:80",
                                      "tcp:[::]:80",
                                      "tcp:127.0.0.1",
                                      "tcp:127.0.0.1:65536",
                                      "tcp:[fe80::1]:1",
                                      "tcp:[::ffff:10.0.0.1]:1",
                                      "telnet:8.8.8.8:23",
                                      "tcp:127.0.0.1:x"};
    struct smt_address address;
    char text[160];

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_int_equal(smt_address_parse(good[i], &address), SMT_OK);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (smt_address_parse(bad[i], &address) != SMT_EUSAGE) fail_msg("accepted: %s", bad[i]);
    assert_int_equal(smt_address_parse("tcp:[::1]:80", &address), SMT_OK);
    smt_address_format(&address, text, sizeof text);
    assert_string_equal(text, "tcp:[::1]:80");
}

/* --- anything at all --- */

/* One input through framing and all decoders, in a block of its exact size so
 * that a sanitizer sees the first byte read beyond it. */
static void everything_decode(const uint8_t *bytes, size_t size)
{
    struct smt_frame_finder finder = {0};
    struct smt_wire_request request = {0};
    struct smt_wire_reply reply = {0};
    struct smt_binrpc_header header;
    struct smt_buffer buffer;
    char *exact = malloc(size ? size : 1);
    struct smt_wire_frame frame;
    size_t at = 0;

    smt_buffer_init(&buffer);
    memcpy(exact, bytes, size);
    while (smt_frame_find(&finder, exact + at, size - at, &frame) == SMT_WIRE_DONE) {
        assert_true(frame.end > 0 && frame.end <= size - at);
        assert_true(frame.begin + frame.size <= frame.end);
        at += frame.end;
    }
    if (smt_binrpc_header(exact, size, &header) == SMT_WIRE_DONE &&
        header.payload_bytes <= size - header.header_bytes) {
        (void)smt_binrpc_decode_request(exact + header.header_bytes, header.payload_bytes,
                                        &request);
        (void)smt_binrpc_decode_reply(&header, exact + header.header_bytes, &reply);
        smt_text_encode_reply(&buffer, &reply, "\n");
        smt_json_add_reply(&buffer, &reply);
    }
    if (smt_binrpc_decode_request(exact, size, &request)) {
        smt_buffer_empty(&buffer);
        smt_json_encode_request(&buffer, 1, &request);
        assert_false(buffer.failed);
    }
    (void)!smt_text_decode_request(exact, size, &request);
    (void)!smt_json_decode_reply(exact, size, &reply);
    smt_buffer_clear(&buffer);
    smt_wire_request_clear(&request);
    smt_wire_reply_clear(&reply);
    free(exact);
}

static void random_and_mutated_input_is_survived(void **state)
{
    static const char json[] =
        "[{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":[1,\"k\"],\"id\":7}]";
    struct smt_random random;
    uint8_t bytes[256];

    (void)state;
    smt_random_init(&random, 20260101);
    for (unsigned round = 0; round < FUZZ_ROUNDS; round++) {
        size_t size = smt_random_below(&random, 64);
        unsigned kind = (unsigned)smt_random_below(&random, 4);

        for (size_t i = 0; i < size; i++) bytes[i] = (uint8_t)smt_random_next(&random);
        if (kind == 0) size = unhex(recorded[round % RECORDED].request, bytes);
        if (kind == 1) size = unhex(recorded[round % RECORDED].answer, bytes);
        if (kind == 2) memcpy(bytes, json, size = sizeof json - 1);
        for (unsigned change = 0; change < round % 4 && size; change++)
            bytes[smt_random_below(&random, size)] = (uint8_t)smt_random_next(&random);
        if (size && round % 3 == 0) size = smt_random_below(&random, size);

        everything_decode(bytes, size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recorded_requests_read_as_they_were_typed),
        cmocka_unit_test(recorded_answers_are_written_byte_by_byte),
        cmocka_unit_test(struct_names_are_padded_to_13),
        cmocka_unit_test(integers_keep_their_value_or_become_digits),
        cmocka_unit_test(truncated_packets_never_decode),
        cmocka_unit_test(hostile_packets_are_refused),
        cmocka_unit_test(nesting_has_a_limit),
        cmocka_unit_test(json_rpc_answers_as_specified),
        cmocka_unit_test(json_keeps_64_bits_and_field_order),
        cmocka_unit_test(foreign_bytes_become_valid_json),
        cmocka_unit_test(words_are_split_and_typed),
        cmocka_unit_test(structs_print_as_kamcmd_prints_them),
        cmocka_unit_test(messages_are_found_however_they_are_cut),
        cmocka_unit_test(oversized_and_broken_frames_are_bad),
        cmocka_unit_test(only_loopback_addresses_are_taken),
        cmocka_unit_test(random_and_mutated_input_is_survived),
    };

    return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}
