/* parser/selftest-deep: which bug is due, told without its deed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <stdio.h>

#include "selftest_run.h"

/* Bits of the bugs that a message makes due; all operations are done. */
static uint64_t due_in(const char *folder, const char *prefix, const char *name)
{
    struct selftest_run run;
    struct smt_parser_input input;
    struct smt_buffer message;
    uint64_t no_attempts = 0;
    char path[1024];

    snprintf(path, sizeof path, "%s/%s/%s%s.sip", SMT_TESTS, folder, prefix, name);
    smt_buffer_init(&message);
    assert_int_equal(smt_buffer_load(&message, path, 65536), SMT_OK);
    input = (struct smt_parser_input){message.data, message.size};
    smt_selftest_watch = (struct smt_selftest_watch){.only_watch = true};

    run = selftest_run_of(&smt_parser_selftest_deep, &input, false, &no_attempts);

    if (run.first_error || run.contradicted)
        fail_msg("%s: code %d, contradicted %d", path, run.first_error, run.contradicted);
    smt_buffer_clear(&message);
    return smt_selftest_watch.due;
}

static void a_bug_is_due_in_its_message_alone(void **state)
{
    (void)state;
    for (size_t i = 0; smt_selftest_deep_bugs[i].bug.name; i++)
        assert_int_equal(due_in("selftest-deep", "bug-", smt_selftest_deep_bugs[i].bug.name),
                         (uint64_t)1 << i);
}

static void no_bug_is_due_where_one_thing_lacks(void **state)
{
    (void)state;
    for (size_t i = 0; smt_selftest_deep_bugs[i].bug.name; i++)
        assert_int_equal(due_in("selftest-deep", "twin-", smt_selftest_deep_bugs[i].bug.name), 0);
}

static void no_bug_is_due_in_plain_messages(void **state)
{
    static const char *const names[] = {"invite-sdp", "minimal", "folded", "response", "sdp-empty"};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_int_equal(due_in("selftest", "healthy-", names[i]), 0);
}

static int init(void **state)
{
    static const struct smt_parser_hooks hooks = {malloc, calloc, realloc, free};

    (void)state;
    return smt_parser_selftest_deep.init(&hooks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bug_is_due_in_its_message_alone),
        cmocka_unit_test(no_bug_is_due_where_one_thing_lacks),
        cmocka_unit_test(no_bug_is_due_in_plain_messages),
    };

    return cmocka_run_group_tests(tests, init, NULL);
}
