/* parser/selftest: the parser behind the planted bugs is healthy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>

#include "selftest_run.h"

/* ---- an allocator that counts and refuses ---- */

static uint64_t attempts, refuse_first, refuse_last;
static long live_blocks;

static bool is_refused(void)
{
    attempts++;
    return attempts >= refuse_first && attempts <= refuse_last;
}

static void *counting_malloc(size_t size_bytes)
{
    void *block = is_refused() ? NULL : malloc(size_bytes);

    /* Garbage, so that nobody lives on zeroes that malloc never promised. */
    if (block) memset(block, 0xA5, size_bytes);
    live_blocks += block != NULL;
    return block;
}

static void *counting_calloc(size_t count, size_t size_bytes)
{
    void *block = is_refused() ? NULL : calloc(count, size_bytes);

    live_blocks += block != NULL;
    return block;
}

static void *counting_realloc(void *old, size_t size_bytes)
{
    void *block = is_refused() ? NULL : realloc(old, size_bytes);

    live_blocks += block && !old;
    return block;
}

static void counting_free(void *block)
{
    live_blocks -= block != NULL;
    free(block);
}

static const struct smt_parser_hooks hooks = {counting_malloc, counting_calloc, counting_realloc,
                                              counting_free};

static struct selftest_run run_refusing(const struct smt_parser_input *input, uint64_t first,
                                        uint64_t last)
{
    attempts = live_blocks = 0;
    refuse_first = first;
    refuse_last = last;
    return selftest_run(input, first != 0, &attempts);
}

static struct selftest_run run_clean(const struct smt_parser_input *input)
{
    return run_refusing(input, 0, 0);
}

/* ---- messages ---- */

#define MESSAGES_MAX 64

static struct {
    char name[256];
    struct smt_parser_input input; /* an exact block: no zero byte follows */
} messages[MESSAGES_MAX];
static size_t message_count;

static struct smt_parser_input exact_copy(const void *bytes, size_t size_bytes)
{
    char *copy = malloc(size_bytes ? size_bytes : 1);

    if (size_bytes) memcpy(copy, bytes, size_bytes);
    return (struct smt_parser_input){copy, size_bytes};
}

static int load_healthy(void **state)
{
    DIR *folder = opendir(SMT_TESTS "/selftest");
    struct dirent *entry;

    (void)state;
    assert_non_null(folder);
    while ((entry = readdir(folder))) {
        struct smt_buffer buffer;
        char path[1024];

        if (strncmp(entry->d_name, "healthy-", 8) != 0) continue;
        assert_true(message_count < MESSAGES_MAX);
        snprintf(path, sizeof path, "%s/%s", SMT_TESTS "/selftest", entry->d_name);
        smt_buffer_init(&buffer);
        assert_int_equal(smt_buffer_load(&buffer, path, 1 << 20), SMT_OK);
        snprintf(messages[message_count].name, sizeof messages[0].name, "%s", entry->d_name);
        messages[message_count++].input = exact_copy(buffer.data, buffer.size);
        smt_buffer_clear(&buffer);
    }
    closedir(folder);
    return smt_parser_selftest.init(&hooks);
}

static int unload_healthy(void **state)
{
    (void)state;
    for (size_t i = 0; i < message_count; i++) free((char *)(uintptr_t)messages[i].input.data);
    return 0;
}

/* ---- facts ---- */

static void healthy_messages_are_accepted_and_leave_nothing(void **state)
{
    (void)state;
    assert_true(message_count >= 12);

    for (size_t i = 0; i < message_count; i++) {
        struct selftest_run run = run_clean(&messages[i].input);

        if (run.first_error || run.contradicted || live_blocks || !attempts)
            fail_msg("%s: code %d, contradicted %d, %ld blocks left", messages[i].name,
                     run.first_error, run.contradicted, live_blocks);
    }
}

static void what_a_message_shows_is_always_the_same(void **state)
{
    (void)state;

    for (size_t i = 0; i < message_count; i++) {
        struct selftest_run first = run_clean(&messages[i].input);
        struct selftest_run second = run_clean(&messages[i].input);

        assert_true(first.shown == second.shown);
        if (i) assert_true(run_clean(&messages[0].input).shown != first.shown);
    }
}

/* Refuses each attempt of a message in turn; how many that were. */
static uint64_t sweep(const struct smt_parser_input *input, const char *name, bool persistent)
{
    uint64_t total;

    run_clean(input);
    total = attempts;
    for (uint64_t n = 1; n <= total; n++) {
        struct selftest_run run = run_refusing(input, n, persistent ? UINT64_MAX : n);

        if (run.first_error != SMT_SELFTEST_NOMEM || live_blocks || attempts < n)
            fail_msg("%s: refusal %d: code %d, %ld blocks left", name, (int)n, run.first_error,
                     live_blocks);
    }
    return total;
}

static void every_refused_allocation_is_reported_as_out_of_memory(void **state)
{
    uint64_t refused = 0;

    (void)state;

    for (size_t i = 0; i < message_count; i++) {
        refused += sweep(&messages[i].input, messages[i].name, false);
        refused += sweep(&messages[i].input, messages[i].name, true);
    }

    assert_true(refused > 1000);
}

static const char *const rejected[] = {
    "",
    "\r\n\r\n",
    "INVITE",
    "INVITE sip:b SIP/2.0",
    "INVITE sip:b SIP/2.0\r\n",
    "INVITE sip:b SIP/3.0\r\n\r\n",
    "INVITE  SIP/2.0\r\n\r\n",
    " sip:b SIP/2.0\r\n\r\n",
    "SIP/2.0 20x OK\r\n\r\n",
    "SIP/2.0 2000 OK\r\n\r\n",
    "A b SIP/2.0\r\nno colon\r\n\r\n",
    "A b SIP/2.0\r\n fold: first\r\n\r\n",
    "A b SIP/2.0\r\n: no name\r\n\r\n",
    "A b SIP/2.0\r\ntwo words: x\r\n\r\n",
    "A b SIP/2.0\r\nl: 1\r\n\r\n",
    "A b SIP/2.0\r\nl: 99999999999999999999999999999\r\n\r\nx",
    "A b SIP/2.0\r\nl:\r\n\r\n",
    "A b SIP/2.0\r\nl: -1\r\n\r\nx",
    "A b SIP/2.0\r\nl: 1\r\nl: 2\r\n\r\nxx",
    "A b SIP/2.0\r\nc: multipart/mixed\r\n\r\nx",
    "A b SIP/2.0\r\nc: multipart/mixed;boundary=\r\n\r\nx",
    "A b SIP/2.0\r\nc: multipart/mixed;boundary=e\r\n\r\n--e\r\n\r\nnever closed",
    "A b SIP/2.0\r\nc: multipart/mixed;boundary=e\r\n\r\n--e\r\nno colon\r\n--e--",
    "A b SIP/2.0\r\nX-Bug: of no such name\r\n\r\n",
};

static void bad_messages_are_syntax_errors_in_every_operation(void **state)
{
    (void)state;

    for (size_t i = 0; i < sizeof rejected / sizeof *rejected; i++) {
        struct smt_parser_input input = exact_copy(rejected[i], strlen(rejected[i]));
        struct selftest_run run = run_clean(&input);

        for (int op = 0; op < SMT_OP_COUNT; op++)
            if (run.codes[op] != SMT_SELFTEST_SYNTAX || live_blocks)
                fail_msg("rejected[%zu]: operation %d gives %d", i, op, run.codes[op]);
        free((char *)(uintptr_t)input.data);
    }
}

static void bad_sdp_fails_its_operation_alone(void **state)
{
    static const char text[] = "A b SIP/2.0\r\nc: application/sdp\r\n\r\nv=0\r\n\r\ns=-\r\n";
    struct smt_parser_input input = exact_copy(text, sizeof text - 1);

    (void)state;

    struct selftest_run run = run_clean(&input);

    assert_int_equal(run.codes[SMT_OP_SDP], SMT_SELFTEST_SYNTAX);
    assert_int_equal(run.codes[SMT_OP_PARSE], SMT_SELFTEST_OK);
    assert_int_equal(run.codes[SMT_OP_RENDER], SMT_SELFTEST_OK);
    assert_int_equal(live_blocks, 0);
    free((char *)(uintptr_t)input.data);
}

static void rendering_unfolds_and_counts_the_body_anew(void **state)
{
    static const char text[] = "A b SIP/2.0\r\nl: 3\r\nX:\r\n 1\r\n\t2 \r\n\r\nabcdef";
    static const char expected[] = "A b SIP/2.0\r\nX: 1 2\r\nContent-Length: 3\r\n\r\nabc";
    struct smt_parser_input input = exact_copy(text, sizeof text - 1);
    struct smt_selftest_state run = {0};

    (void)state;

    assert_int_equal(smt_parser_selftest.ops[SMT_OP_PARSE].run(&run, &input), 0);
    assert_int_equal(smt_parser_selftest.ops[SMT_OP_RENDER].run(&run, &input), 0);

    assert_int_equal(run.message_text.size_bytes, sizeof expected - 1);
    assert_memory_equal(run.message_text.data, expected, sizeof expected - 1);
    smt_parser_selftest.release(&run);
    free((char *)(uintptr_t)input.data);
}

/* Whatever bytes: no contradiction, no block left, refusals reported. */
static void mutated_messages_keep_every_promise(void **state)
{
    static const char spice[] = "\r\n\r\n \t::;;--e=\"\0\xff";
    unsigned accepted = 0;
    struct smt_random random;

    (void)state;
    smt_random_init(&random, 1);

    for (int round = 0; round < 20000; round++) {
        size_t i = smt_random_below(&random, message_count);
        struct smt_parser_input input =
            exact_copy(messages[i].input.data, messages[i].input.size_bytes);
        char *bytes = (char *)(uintptr_t)input.data;
        struct selftest_run run;
        uint64_t n;

        for (uint64_t edits = smt_random_between(&random, 1, 6); edits; edits--)
            bytes[smt_random_below(&random, input.size_bytes)] =
                spice[smt_random_below(&random, sizeof spice)];
        run = run_clean(&input);
        accepted += !run.codes[SMT_OP_PARSE];
        if (run.contradicted || live_blocks || run.first_error == SMT_SELFTEST_NOMEM)
            fail_msg("round %d, %s mutated: code %d, contradicted %d, %ld blocks left", round,
                     messages[i].name, run.first_error, run.contradicted, live_blocks);
        n = smt_random_between(&random, 1, attempts);
        if (!run.first_error) {
            run = run_refusing(&input, n, n);
            assert_int_equal(run.first_error, SMT_SELFTEST_NOMEM);
        } else {
            run_refusing(&input, n, n);
        }
        assert_int_equal(live_blocks, 0);
        free(bytes);
    }

    assert_in_range(accepted, 1000, 19999);
}

/* Fills a message of `size_bytes` by repeating `unit`. Quadratic time would
 * run into the test's time limit. */
static void accept_large(const char *head, const char *unit, const char *tail, size_t size_bytes)
{
    struct smt_buffer text;
    struct smt_parser_input input;
    struct selftest_run run;

    smt_buffer_init(&text);
    smt_buffer_add_text(&text, head);
    while (text.size < size_bytes) smt_buffer_add_text(&text, unit);
    smt_buffer_add_text(&text, tail);
    input = exact_copy(text.data, text.size);
    smt_buffer_clear(&text);

    run = run_clean(&input);

    if (run.first_error || run.contradicted || live_blocks)
        fail_msg("'%s' repeated: code %d, contradicted %d", unit, run.first_error,
                 run.contradicted);
    free((char *)(uintptr_t)input.data);
}

static void large_messages_take_linear_time(void **state)
{
    const size_t size = 4u << 20;

    (void)state;

    accept_large("A b SIP/2.0\r\n", "a:\r\n", "\r\n", size);
    accept_large("A b SIP/2.0\r\n", "l: 0\r\n", "\r\n", size);
    accept_large("A b SIP/2.0\r\na:\r\n", " b\r\n", "\r\n", size);
    accept_large("A b SIP/2.0\r\na:\r\n", " \r\n", "\r\n", size);
    accept_large("A b SIP/2.0\r\nc: multipart/mixed", "; ", ";boundary=e\r\n\r\n--e--", size);
    accept_large("A b SIP/2.0\r\nc: multipart/m;boundary=e\r\n\r\n", "--e\r\n", "--e--", size);
    accept_large("A b SIP/2.0\r\nc: application/sdp\r\n\r\n", "a=\r\n", "", size);
    accept_large("A b SIP/2.0\r\n\r\n", "x", "", 16u << 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(healthy_messages_are_accepted_and_leave_nothing),
        cmocka_unit_test(what_a_message_shows_is_always_the_same),
        cmocka_unit_test(every_refused_allocation_is_reported_as_out_of_memory),
        cmocka_unit_test(bad_messages_are_syntax_errors_in_every_operation),
        cmocka_unit_test(bad_sdp_fails_its_operation_alone),
        cmocka_unit_test(rendering_unfolds_and_counts_the_body_anew),
        cmocka_unit_test(mutated_messages_keep_every_promise),
        cmocka_unit_test(large_messages_take_linear_time),
    };

    return cmocka_run_group_tests(tests, load_healthy, unload_healthy);
}
