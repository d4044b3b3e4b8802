#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "mutate/mutate.h"
#include "mutate_messages.h"

/* Good is what has `needle`; the rest goes. */
static size_t trim_to(struct text message, const char *needle, char *ret_best, size_t capacity,
                      size_t *ret_runs)
{
    struct smt_trim *trim = smt_trim_new();
    size_t steps, step = 0, size;
    const uint8_t *bytes;

    assert_non_null(trim);
    steps = smt_trim_start(trim, message.data, message.size);
    for (*ret_runs = 0; step < steps; ++*ret_runs) {
        size = smt_trim_next(trim, &bytes);
        step = smt_trim_accept(trim, memmem(bytes, size, needle, strlen(needle)) != NULL);
    }
    size = smt_trim_best(trim, &bytes);
    assert_true(size < capacity);
    if (size) memcpy(ret_best, bytes, size);
    ret_best[size] = '\0';
    smt_trim_free(trim);
    return size;
}

static void trim_keeps_what_is_interesting(void **state)
{
    char best[4096];
    size_t runs;
    (void)state;

    trim_to(SDP_MESSAGE, "tag=1", best, sizeof best, &runs);
    assert_string_equal(best, "INVITE sip:bob@b.example;transport=udp SIP/2.0\r\n"
                              "From: \"A\" <sip:alice@a.example>;tag=1\r\n\r\n");
    assert_true(runs < 60);

    trim_to(MULTIPART_MESSAGE, "X: 1", best, sizeof best, &runs);
    assert_string_equal(best, "SIP/2.0 200 OK\r\n\r\nX: 1\r\n");
}

static void trim_keeps_an_exact_length_exact(void **state)
{
    static const char message[] = "S\r\nA: 1\r\nContent-Length: 12\r\n\r\nv=0\r\no=1\r\nxx";
    char best[512];
    size_t runs;
    (void)state;

    trim_to(text_of(message, sizeof message - 1), "o=1\r\n", best, sizeof best, &runs);
    assert_string_equal(best, "S\r\n\r\no=1\r\n");

    trim_to(text_of(message, sizeof message - 1), "Length: 7\r\n\r\no=1\r\nxx", best, sizeof best,
            &runs);
    assert_string_equal(best, "S\r\nContent-Length: 7\r\n\r\no=1\r\nxx");
}

static void trim_of_random_bytes_ends(void **state)
{
    static const char letters[] = "\r\n :;,a-";
    struct smt_random random;
    char data[600], best[700];
    size_t runs;
    (void)state;
    smt_random_init(&random, 3);

    for (int i = 0; i < 50; i++) {
        for (size_t k = 0; k < sizeof data; k++)
            data[k] = letters[smt_random_below(&random, sizeof letters - 1)];
        trim_to(text_of(data, smt_random_below(&random, sizeof data)), i % 2 ? "" : "a", best,
                sizeof best, &runs);
        assert_true(runs <= 4096);
    }
}

/* Much of what a stage passes over must not be looked at once for each. */
static void trim_of_many_short_values_is_quick(void **state)
{
    static uint8_t data[400000];
    struct smt_trim *trim = smt_trim_new();
    uint64_t from = smt_clock_cpu_ns();
    const uint8_t *bytes;
    size_t step = 0, steps;
    (void)state;
    assert_non_null(trim);
    for (size_t i = 0; i < sizeof data; i += 4) memcpy(data + i, "a:b\n", 4);
    steps = smt_trim_start(trim, data, sizeof data);

    while (step < steps && step < 300) {
        smt_trim_next(trim, &bytes);
        step = smt_trim_accept(trim, false);
    }

    assert_true(smt_clock_cpu_ns() - from < 20000000000u);
    smt_trim_free(trim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trim_keeps_what_is_interesting),
        cmocka_unit_test(trim_keeps_an_exact_length_exact),
        cmocka_unit_test(trim_of_random_bytes_ends),
        cmocka_unit_test(trim_of_many_short_values_is_quick),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
