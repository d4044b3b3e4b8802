/* wire/: anything at all through framing and every decoder. */
#include <stdlib.h>

#include "wire_fixture.h"

#define FUZZ_ROUNDS 200000

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
        cmocka_unit_test(random_and_mutated_input_is_survived),
    };

    return cmocka_run_group_tests_name("wire/anything", tests, NULL, NULL);
}
