/* The libFuzzer face, with a stand-in for the engine's own mutations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../fuzz/libfuzzer_mutator.c"

const size_t smt_fuzz_tail_bytes = 4; /* as the target with a plan has it */

static const char message[] = "BYE sip:a@b SIP/2.0\r\nTo: <sip:a@b>\r\nl: 3\r\n\r\nabc<PL>";
static size_t own_calls;

size_t LLVMFuzzerMutate(uint8_t *data, size_t size_bytes, size_t capacity_bytes)
{
    own_calls++;
    assert_true(size_bytes <= capacity_bytes);
    if (size_bytes) data[0] ^= 1;
    return size_bytes;
}

static void mutations_fit_and_keep_the_tail(void **state)
{
    uint8_t data[64 + 1];
    size_t kept = 0;
    (void)state;
    own_calls = 0;
    data[64] = 0xA5;

    for (unsigned seed = 0; seed < 4000; seed++) {
        size_t size = sizeof message - 1, differ = 0;

        memcpy(data, message, size);
        size = LLVMFuzzerCustomMutator(data, size, 64, seed);
        assert_in_range(size, 4, 64);
        for (size_t i = 0; i < 4; i++) differ += data[size - 4 + i] != (uint8_t) "<PL>"[i];
        assert_true(differ <= 1);
        kept += differ == 0;
        assert_int_equal(data[64], 0xA5);
    }

    assert_in_range(kept, 2500, 3999);
    assert_int_equal(own_calls, 1000);
}

static void empty_and_tiny_inputs_are_fine(void **state)
{
    uint8_t data[8] = {0};
    (void)state;

    for (unsigned seed = 0; seed < 500; seed++) {
        assert_true(LLVMFuzzerCustomMutator(data, 0, 1, seed) <= 1);
        assert_true(LLVMFuzzerCustomMutator(data, 3, 4, seed) <= 4);
        assert_true(LLVMFuzzerCustomMutator(data, 4, 4, seed) <= 4);
        assert_true(LLVMFuzzerCustomCrossOver((const uint8_t *)"", 0, (const uint8_t *)"", 0, data,
                                              8, seed) <= 8);
    }
}

static void cross_keeps_the_first_ones_tail(void **state)
{
    static const char other[] = "ACK sip:c SIP/2.0\r\nX: y\r\n\r\n<ot>";
    uint8_t out[256];
    size_t kept = 0;
    (void)state;

    for (unsigned seed = 0; seed < 400; seed++) {
        size_t size = LLVMFuzzerCustomCrossOver((const uint8_t *)message, sizeof message - 1,
                                                (const uint8_t *)other, sizeof other - 1, out,
                                                sizeof out, seed);

        assert_in_range(size, 4, sizeof out);
        assert_null(memmem(out, size - 4, "<ot>", 4));
        kept += memcmp(out + size - 4, "<PL>", 4) == 0;
    }

    assert_in_range(kept, 250, 399);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mutations_fit_and_keep_the_tail),
        cmocka_unit_test(empty_and_tiny_inputs_are_fine),
        cmocka_unit_test(cross_keeps_the_first_ones_tail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
