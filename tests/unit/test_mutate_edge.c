/* mutate: pieces of messages, and the edges of values. */
#include "mutate_fixture.h"

#include <stdlib.h>
#include <string.h>

/* A target that reads one header's value would refuse lines around it. */
static void a_piece_of_a_message_gets_no_lines_around_it(void **state)
{
    static const char value[] = "SIP/2.0/UDP a.example:5060;branch=z9hG4bK1\r\n ;rport";
    static const char sdp[] = "v=0\r\no=- 1 1 IN IP4 a.example\r\ns=-\r\nt=0 0\r\n";
    size_t quoted = 0, fields = 0;
    uint8_t out[8192];
    (void)state;

    for (uint64_t seed = 0; seed < 3000; seed++) {
        size_t size =
            smt_mutate(mutator, (const uint8_t *)value, sizeof value - 1, seed, out, sizeof out);

        assert_null(memmem(out, size, "Content-Length", 14));
        assert_null(strstr(smt_mutator_describe(mutator), "header-add"));
        quoted += strstr(smt_mutator_describe(mutator), "quote-edge") != NULL;
        smt_mutate(mutator, (const uint8_t *)sdp, sizeof sdp - 1, seed, out, sizeof out);
        assert_null(strstr(smt_mutator_describe(mutator), "length-"));
        fields += strstr(smt_mutator_describe(mutator), "sdp-fields") != NULL;
    }

    assert_true(quoted > 100);
    assert_true(fields > 100);
}

static void a_start_line_alone_is_no_piece(void **state)
{
    static const char *const lines[] = {"OPTIONS sip:a@b SIP/2.0", "SIP/2.0 200 OK", ""};
    size_t added = 0;
    uint8_t out[8192];
    (void)state;

    for (uint64_t seed = 0; seed < 1500; seed++) {
        const char *line = lines[seed % 3];

        smt_mutate(mutator, (const uint8_t *)line, strlen(line), seed, out, sizeof out);
        added += strstr(smt_mutator_describe(mutator), "header-add") != NULL;
    }

    assert_true(added > 50);
}

/* What parsers read too far behind. */
static void a_value_ends_behind_every_delimiter(void **state)
{
    static const char value[] = "x/2/y h;a=\"b\"";
    static const char *const ends[] = {"x/", "x/2/", "x/2/ ", "x/2/y ", "x/2/y h;", "x/2/y h;a=\""};
    const struct smt_mutation *row = smt_mutation_find("value-end");
    unsigned seen = 0;
    uint8_t out[64];
    (void)state;

    for (uint64_t seed = 0; seed < 2000; seed++) {
        size_t size = smt_mutate_with(mutator, row, (const uint8_t *)value, sizeof value - 1, seed,
                                      out, sizeof out);

        for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
            if (size == strlen(ends[i]) && memcmp(out, ends[i], size) == 0) seen |= 1u << i;
    }

    assert_int_equal(seen, (1u << sizeof ends / sizeof *ends) - 1);
}

static void a_quote_stands_alone_behind_any_assignment(void **state)
{
    static const char message[] =
        "OPTIONS sip:a SIP/2.0\r\nc: multipart/x;boundary=\"b\";y=z\r\n\r\n";
    static const char wanted[] = "boundary=\"\r\n\r\n";
    const struct smt_mutation *row = smt_mutation_find("quote-edge");
    size_t alone = 0;
    uint8_t out[256];
    (void)state;

    for (uint64_t seed = 0; seed < 500; seed++) {
        size_t size = smt_mutate_with(mutator, row, (const uint8_t *)message, sizeof message - 1,
                                      seed, out, sizeof out);

        alone += memmem(out, size, wanted, sizeof wanted - 1) != NULL;
    }

    assert_in_range(alone, 1, 200);
}

static void pieces_cross_at_delimiters(void **state)
{
    static const char first[] = "aa/bb/cc", second[] = "11;22;33";
    uint8_t out[64];
    (void)state;

    for (uint64_t seed = 0; seed < 100; seed++) {
        size_t size =
            smt_mutate_cross(mutator, (const uint8_t *)first, sizeof first - 1,
                             (const uint8_t *)second, sizeof second - 1, seed, out, sizeof out);

        assert_true(size >= 2 && memcmp(out, "aa", 2) == 0);
        assert_memory_equal(out + size - 3, ";33", 3);
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_piece_of_a_message_gets_no_lines_around_it),
        TEST(a_start_line_alone_is_no_piece),
        TEST(a_value_ends_behind_every_delimiter),
        TEST(a_quote_stands_alone_behind_any_assignment),
        TEST(pieces_cross_at_delimiters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
