/* wire/: BINRPC against recorded packets. */
#include "wire_fixture.h"

static void assert_hex(const struct smt_buffer *buffer, const char *hex)
{
    uint8_t bytes[256];
    size_t size = unhex(hex, bytes);

    assert_int_equal(buffer->size, size);
    assert_memory_equal(buffer->data, bytes, size);
}

/* A recorded packet's bytes; its header, which must fit. */
static struct smt_binrpc_header packet_read(const char *hex, uint8_t bytes[256])
{
    struct smt_binrpc_header header;
    size_t size = unhex(hex, bytes);

    assert_int_equal(smt_binrpc_header(bytes, size, &header), SMT_WIRE_DONE);
    assert_int_equal(header.header_bytes + header.payload_bytes, size);
    return header;
}

static void recorded_requests_read_as_they_were_typed(void **state)
{
    struct smt_wire_request request = {0}, typed = {0};
    struct smt_binrpc_header header;
    struct smt_buffer again;
    uint8_t bytes[256];

    (void)state;
    smt_buffer_init(&again);
    for (size_t i = 0; i < RECORDED; i++) {
        header = packet_read(recorded[i].request, bytes);
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
        header = packet_read(recorded[i].answer, bytes);
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
    };

    return cmocka_run_group_tests_name("wire/binrpc", tests, NULL, NULL);
}
