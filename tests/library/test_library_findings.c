/* libmemtest on functions that each have one bug, and on their healthy twins. */
#include "library_fixture.h"

static int writes_unchecked(void *context, void **ret_result)
{
    char *one = malloc(10);

    (void)context;
    *(volatile char *)one = 'x';
    *ret_result = one;
    return 0;
}

static int writes_past_the_end(void *context, void **ret_result)
{
    char *one = malloc(10);

    (void)context;
    if (!one) return ENOMEM;
    ((volatile char *)one)[10] = 'x';
    *ret_result = one;
    return 0;
}

static int reads_past_the_end(void *context, void **ret_result)
{
    char *one = malloc(16);

    (void)context;
    if (!one) return ENOMEM;
    memset(one, 'x', 16);
    (void)((volatile char *)one)[16];
    *ret_result = one;
    return 0;
}

static int releases_twice_on_failure(void *context, void **ret_result)
{
    char *one = malloc(10), *two = malloc(10);

    (void)context;
    if (!one || !two) {
        free(one);
        if (one) free(one);
        free(two);
        return ENOMEM;
    }
    free(two);
    *ret_result = one;
    return 0;
}

static int writes_after_release(void *context, void **ret_result)
{
    char *one = malloc(10);

    (void)context;
    if (!one) return ENOMEM;
    free(one);
    ((volatile char *)one)[3] = 'x';
    *ret_result = NULL;
    return 0;
}

static int wrong_code(void *context, void **ret_result)
{
    (void)context;
    *ret_result = malloc(10);
    return *ret_result ? 0 : EINVAL;
}

static int aborts_on_failure(void *context, void **ret_result)
{
    (void)context;
    *ret_result = malloc(10);
    if (!*ret_result) abort();
    return 0;
}

static int exits_on_failure(void *context, void **ret_result)
{
    (void)context;
    *ret_result = malloc(10);
    if (!*ret_result) exit(1);
    return 0;
}

static int hangs_on_failure(void *context, void **ret_result)
{
    volatile bool forever = true;

    (void)context;
    *ret_result = malloc(10);
    while (!*ret_result && forever) continue;
    return 0;
}

static int poisons_itself(void *context, void **ret_result)
{
    static bool was_refused;

    (void)context;
    *ret_result = malloc(was_refused ? 20 : 10);
    free(malloc(5));
    if (!*ret_result) was_refused = true;
    return *ret_result ? 0 : ENOMEM;
}

/* The name may be left out without a word. */
struct person {
    char *name;
    int age;
};

static int person_swallows(void *context, void **ret_result)
{
    struct person *person = malloc(sizeof *person);

    (void)context;
    if (!person) return ENOMEM;
    person->age = 7;
    person->name = strdup("Ann");
    *ret_result = person;
    return 0;
}

static int person_reads_unwritten(void *context, void **ret_result)
{
    struct person *person = malloc(sizeof *person);

    (void)context;
    if (!person) return ENOMEM;
    person->name = NULL;
    *ret_result = person;
    return 0;
}

static void person_show(const void *result, struct smt_show *show)
{
    const struct person *person = result;
    char *copy = strdup("what is allocated here is not swept");

    smt_show_enter(show, "person", -1);
    smt_show_text(show, "name", person->name);
    smt_show_number(show, "age", person->age);
    smt_show_leave(show);
    free(copy);
}

static void person_release(void *result)
{
    struct person *person = result;

    free(person->name);
    free(person);
}

/* --- findings --- */

static void healthy_function_has_no_finding(void **state)
{
    struct told told;

    (void)state;
    assert_int_equal(sweep_call(healthy, NULL, &told), 0);

    assert_int_equal(told.count, 0);
    assert_int_equal(told.result.allocations, 3);
    assert_int_equal(told.result.refusals, 6);
    assert_true(told.result.clean_runs > 100);
}

static const struct {
    int (*call)(void *context, void **ret_result);
    const char *verdict;
} bugs[] = {
    {leaks_on_failure, "leak"},
    {writes_unchecked, "crash"},
    {writes_past_the_end, "corrupt"},
    {reads_past_the_end, "over-read"},
    {releases_twice_on_failure, "bad-free"},
    {writes_after_release, "use-after-free"},
    {wrong_code, "wrong-code"},
    {aborts_on_failure, "crash"},
    {exits_on_failure, "crash"},
    {poisons_itself, "poisoned"},
};

static void every_planted_bug_is_told_by_its_verdict_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bugs / sizeof *bugs; i++) {
        struct told told;
        int count = sweep_call(bugs[i].call, NULL, &told);

        print_message("%s: %s\n", bugs[i].verdict, told.verdicts);
        assert_true(count > 0);
        assert_int_equal(count, told.count);
        assert_only(&told, bugs[i].verdict);
    }
}

static void function_that_hangs_is_ended(void **state)
{
    struct smt_sweep_subject subject = {.name = "f", .call = hangs_on_failure, .release = free};
    struct told told = {.count = 0};
    struct smt_sweep_options options = {
        .quiet = true, .finding = tell, .context = &told, .timeout_ms = 300};

    (void)state;
    assert_true(smt_sweep(&subject, &options, NULL) > 0);

    assert_only(&told, "hang");
}

static void refusal_that_success_hides_is_told_by_what_is_shown(void **state)
{
    struct smt_sweep_subject subject = {.name = "person",
                                        .call = person_swallows,
                                        .show = person_show,
                                        .release = person_release,
                                        .out_of_memory = ENOMEM};
    struct told told;

    (void)state;
    assert_int_equal(sweep(&subject, &told), 1);

    assert_only(&told, "swallowed");
}

static void without_show_that_refusal_is_benign(void **state)
{
    struct smt_sweep_subject subject = {.name = "person",
                                        .call = person_swallows,
                                        .release = person_release,
                                        .out_of_memory = ENOMEM};
    struct told told;

    (void)state;
    assert_int_equal(sweep(&subject, &told), 0);
}

static void unwritten_memory_that_is_shown_is_found(void **state)
{
    struct smt_sweep_subject subject = {.name = "person",
                                        .call = person_reads_unwritten,
                                        .show = person_show,
                                        .release = person_release,
                                        .out_of_memory = ENOMEM};
    struct told told;

    (void)state;
    assert_true(sweep(&subject, &told) > 0);

    assert_only(&told, "uninitialized");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(healthy_function_has_no_finding),
        cmocka_unit_test(every_planted_bug_is_told_by_its_verdict_alone),
        cmocka_unit_test(function_that_hangs_is_ended),
        cmocka_unit_test(refusal_that_success_hides_is_told_by_what_is_shown),
        cmocka_unit_test(without_show_that_refusal_is_benign),
        cmocka_unit_test(unwritten_memory_that_is_shown_is_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
