/* fuzz/: from an input's tail to a plan, from a message to its framing, from a list
 * of known findings to what is let through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../fuzz/framing.c"
#include "../../fuzz/known.c"
#include "../../fuzz/refusal.c"

static const struct smt_run_result hundred = {.heap = {.attempts = 100, .peak_bytes = 8192}};

static char *plan_text(const uint8_t *tail, bool has_limit, const struct smt_run_result *clean)
{
    struct smt_fault_plan plan;
    struct smt_buffer text;

    fuzz_plan_build(tail, clean, has_limit, &plan);
    smt_buffer_init(&text);
    smt_fault_plan_format(&plan, &text);
    return smt_buffer_take(&text);
}

static void assert_plan(const uint8_t *tail, const char *expected)
{
    char *text = plan_text(tail, true, &hundred);

    assert_string_equal(text, expected);
    free(text);
}

static void one_place_is_one_refusal(void **state)
{
    (void)state;
    assert_plan((const uint8_t[8]){0, 0, 6}, "7");
    assert_plan((const uint8_t[8]){0, 0, 106}, "7"); /* wraps around */
}

static void four_places_come_in_rising_order(void **state)
{
    /* 3, 2, 1, 0x021 */
    static const uint8_t tail[8] = {3u << 2, 0, 3, 2u << 4, 0, 1, 1u << 4, 2};

    (void)state;
    assert_plan(tail, "2,3,4,34");
}

static void the_same_place_twice_is_one(void **state)
{
    (void)state;
    assert_plan((const uint8_t[8]){1u << 2, 0, 5, 5u << 4, 0}, "6");
}

static void persistent_begins_at_the_last_place(void **state)
{
    (void)state;
    assert_plan((const uint8_t[8]){1, 0, 9}, "10:persistent");
    assert_plan((const uint8_t[8]){1 | 1u << 2, 0, 9, 1u << 4, 0}, "2,10:persistent");
}

static void a_window_is_as_long_as_it_says(void **state)
{
    (void)state;
    assert_plan((const uint8_t[8]){2, 3, 9}, "10-14");
}

static void a_full_heap_is_a_share_of_the_peak(void **state)
{
    char *text;

    (void)state;
    assert_plan((const uint8_t[8]){3, 0, 0, 8}, "limit=4097");
    text = plan_text((const uint8_t[8]){3, 0, 9}, false, &hundred);
    assert_string_equal(text, "10");
    free(text);
}

static void long_messages_are_refused_to_their_end(void **state)
{
    static const struct smt_run_result many = {.heap = {.attempts = 40960}};
    struct smt_fault_plan plan;

    (void)state;
    fuzz_plan_build((const uint8_t[8]){0, 0, 0xFF, 0x0F}, &many, true, &plan);
    assert_int_equal(plan.rules[0].first, 40951);
}

static void no_request_is_no_plan(void **state)
{
    static const struct smt_run_result none;
    struct smt_fault_plan plan;

    (void)state;
    fuzz_plan_build((const uint8_t[8]){0}, &none, true, &plan);
    assert_true(smt_fault_plan_is_empty(&plan));
}

/* --- framing ------------------------------------------------------------------------- */

static bool framing_of(const char *text, struct fuzz_framing *ret_framing)
{
    return fuzz_framing_read(text, strlen(text), ret_framing);
}

static void content_length_decides_where_the_body_ends(void **state)
{
    struct fuzz_framing framing;

    (void)state;
    assert_true(framing_of("A b SIP/2.0\r\nc: a/b\r\nL : 2 \r\n\r\nxyz", &framing));
    assert_int_equal(framing.body_bytes, 2);
    assert_int_equal(framing.rest_bytes, 3);
    assert_true(framing.has_type && !framing.is_multipart && !framing.says_more);

    assert_true(framing_of("A b SIP/2.0\r\nContent-Type: Multipart/x\r\n\r\nxyz", &framing));
    assert_int_equal(framing.body_bytes, 3);
    assert_true(framing.is_multipart && !framing.has_length);

    assert_true(framing_of("A b SIP/2.0\r\nContent-Length: 4\r\n\r\nxyz", &framing));
    assert_true(framing.says_more);
}

static void what_can_be_read_in_two_ways_is_not_judged(void **state)
{
    static const char *const texts[] = {
        "A b SIP/2.0\r\nl: 1\r\nl: 2\r\n\r\nxyz", "A b SIP/2.0\r\nl: 1\r\n ,2\r\n\r\nxyz",
        "A b SIP/2.0\r\nl: +1\r\n\r\nxyz",        "A b SIP/2.0\nl: 1\r\n\r\nxyz",
        "A b SIP/2.0\r\nl: 1\rx\r\n\r\nxyz",      "A b SIP/2.0\r\nl: 1\r\n",
        "A b SIP/2.0\r\nl: 9999999999\r\n\r\nx",  "",
    };
    struct fuzz_framing framing;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_false(framing_of(texts[i], &framing));
}

/* --- known findings ------------------------------------------------------------------- */

static const struct smt_fuzz_target target = {.parser = &smt_parser_selftest,
                                              .outermost = "osip_,sdp_message_"};

static void assert_cut(const char *names, const char *expected)
{
    char copy[200];

    snprintf(copy, sizeof copy, "%s", names);
    names_cut_ours(&target, copy);
    names_cut(copy);
    assert_string_equal(copy, expected);
}

static void what_called_the_parser_is_no_part_of_a_site(void **state)
{
    (void)state;
    assert_cut("sdp_message_parse < sdp_run < op_sdp", "sdp_message_parse");
    assert_cut("helper < osip_via_parse < osip_message_parse < message_parse",
               "helper < osip_via_parse < osip_message_parse");
    assert_cut("a < b", "a < b");
}

static void depth_leaves_the_innermost_functions(void **state)
{
    (void)state;
    known.depth = 2;
    assert_cut("a < osip_b < osip_c < ours", "a < osip_b");
    assert_cut("osip_b < ours", "osip_b");
    known.depth = 0;
}

static void rows_of_one_site_become_one(void **state)
{
    static struct smt_known_row rows[] = {
        {(char *)"selftest/leak/0000000000000001",
         (char *)"selftest/leak/0000000000000001\trefused in osip_a < osip_b\t", false},
        {(char *)"selftest/swallowed/0000000000000002",
         (char *)"selftest/swallowed/0000000000000002\trefused in osip_a < osip_b < op_parse\t",
         false},
        {(char *)"selftest/leak/0000000000000003",
         (char *)"selftest/leak/0000000000000003\t\tallocated in osip_a", false},
        {(char *)"other/crash/0000000000000004",
         (char *)"other/crash/0000000000000004\trefused in osip_a < osip_b\t", false},
    };

    (void)state;
    known.list = (struct smt_known){.rows = rows, .count = sizeof rows / sizeof rows[0]};
    sites_build(&target);

    assert_int_equal(known.site_count, 1);
    assert_string_equal(known.sites[0].names, "osip_a < osip_b");
    assert_int_equal(known.sites[0].verdicts, SMT_VERDICT_BIT(LEAK) | SMT_VERDICT_BIT(SWALLOWED));
    free(known.sites[0].names);
    free(known.sites);
    free(known.seen);
}

static void a_place_is_signed_as_a_sweep_signs_it(void **state)
{
    char signature[SMT_SIGNATURE_BYTES];

    (void)state; /* docs/findings/known-fuzz-osip.txt has it from sipmemtest */
    smt_signature_of_place("osip", SMT_VERDICT_LEAK, "", "osip_content_type_init", signature);
    assert_string_equal(signature, "osip/leak/fd8c3d066b43beaa");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_place_is_one_refusal),
        cmocka_unit_test(four_places_come_in_rising_order),
        cmocka_unit_test(the_same_place_twice_is_one),
        cmocka_unit_test(persistent_begins_at_the_last_place),
        cmocka_unit_test(a_window_is_as_long_as_it_says),
        cmocka_unit_test(a_full_heap_is_a_share_of_the_peak),
        cmocka_unit_test(long_messages_are_refused_to_their_end),
        cmocka_unit_test(no_request_is_no_plan),
        cmocka_unit_test(content_length_decides_where_the_body_ends),
        cmocka_unit_test(what_can_be_read_in_two_ways_is_not_judged),
        cmocka_unit_test(what_called_the_parser_is_no_part_of_a_site),
        cmocka_unit_test(depth_leaves_the_innermost_functions),
        cmocka_unit_test(rows_of_one_site_become_one),
        cmocka_unit_test(a_place_is_signed_as_a_sweep_signs_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
