/* libmemtest on functions that each have one bug, and on their healthy twins. */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "memtest.h"

/* --- what a sweep told ------------------------------------------------------------ */

struct told {
    char verdicts[1024]; /* "leak:add<call crash:..." */
    unsigned count;
    struct smt_sweep_result result;
};

static void tell(void *context, const struct smt_sweep_finding *finding)
{
    struct told *told = context;
    size_t used = strlen(told->verdicts);

    snprintf(told->verdicts + used, sizeof told->verdicts - used, "%s ", finding->verdict);
    told->count++;
}

static int sweep(const struct smt_sweep_subject *subject, struct told *ret_told)
{
    struct smt_sweep_options options = {.quiet = true, .finding = tell, .context = ret_told};
    int count;

    memset(ret_told, 0, sizeof *ret_told);
    count = smt_sweep(subject, &options, &ret_told->result);
    if (count < 0) print_message("%s\n", smt_sweep_error());
    return count;
}

/* Sweeps `call` as the only thing in need of telling; *ret_result is freed. */
static int sweep_call(int (*call)(void *, void **), void *context, struct told *ret_told)
{
    struct smt_sweep_subject subject = {
        .name = "f", .call = call, .context = context, .release = free, .out_of_memory = ENOMEM};

    return sweep(&subject, ret_told);
}

static void assert_only(const struct told *told, const char *verdict)
{
    char one[64];

    snprintf(one, sizeof one, "%s ", verdict);
    assert_true(told->count > 0);
    for (const char *at = told->verdicts; *at; at += strlen(one))
        if (strncmp(at, one, strlen(one)) != 0)
            fail_msg("not only %s: %s", verdict, told->verdicts);
}

/* --- functions with a bug each ------------------------------------------------------- */

static int healthy(void *context, void **ret_result)
{
    char *one = malloc(10), *two = calloc(2, 8), *three;

    (void)context;
    three = one && two ? realloc(one, 100) : NULL;
    if (three) {
        memset(three, 'x', 100);
        *ret_result = three;
    } else {
        free(one);
    }
    free(two);
    return three ? 0 : ENOMEM;
}

static int leaks_on_failure(void *context, void **ret_result)
{
    char *one = malloc(10), *two;

    (void)context;
    if (!one) return ENOMEM;
    two = malloc(20);
    if (!two) return ENOMEM;
    free(two);
    *ret_result = one;
    return 0;
}

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

/* --- findings -------------------------------------------------------------------------- */

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

/* --- codes ---------------------------------------------------------------------------------- */

static int returns_length(void *context, void **ret_result)
{
    *ret_result = strdup(context);
    return *ret_result ? (int)strlen(context) : -1;
}

static bool is_length(int code)
{
    return code >= 0;
}

static void codes_that_mean_success_may_be_told(void **state)
{
    struct smt_sweep_subject subject = {.name = "length",
                                        .call = returns_length,
                                        .context = (char *)"abc",
                                        .release = free,
                                        .is_success = is_length,
                                        .out_of_memory = -1};
    struct told told;

    (void)state;
    assert_int_equal(sweep(&subject, &told), 0);
    assert_int_equal(told.result.allocations, 1);
}

static int returns_bool(void *context, void **ret_result)
{
    *ret_result = strdup(context);
    return *ret_result != NULL;
}

static bool is_true(int code)
{
    return code;
}

static void failure_may_be_0(void **state)
{
    struct smt_sweep_subject subject = {.name = "bool",
                                        .call = returns_bool,
                                        .context = (char *)"abc",
                                        .release = free,
                                        .is_success = is_true};
    struct told told;

    (void)state;
    assert_int_equal(sweep(&subject, &told), 0);
}

static int rejects(void *context, void **ret_result)
{
    char *copy = malloc(10);

    (void)context;
    (void)ret_result;
    if (!copy) return ENOMEM;
    free(copy);
    return EINVAL;
}

static void function_that_fails_unasked_is_no_pass(void **state)
{
    struct smt_sweep_subject subject = {
        .name = "rejects", .call = rejects, .out_of_memory = ENOMEM};
    struct told told;

    (void)state;
    assert_int_equal(sweep(&subject, &told), -1);
    assert_non_null(strstr(smt_sweep_error(), "rejects returns 22 though nothing is refused"));

    subject.fails = true;
    assert_int_equal(sweep(&subject, &told), 0);

    subject.call = healthy;
    subject.release = free;
    assert_int_equal(sweep(&subject, &told), -1);
    assert_non_null(strstr(smt_sweep_error(), "said to fail"));
}

static int allocates_nothing(void *context, void **ret_result)
{
    (void)context;
    (void)ret_result;
    return 0;
}

static void sweep_that_refuses_nothing_is_no_pass(void **state)
{
    struct told told;

    (void)state;
    assert_int_equal(sweep_call(allocates_nothing, NULL, &told), -1);
    assert_non_null(strstr(smt_sweep_error(), "no allocation"));
}

/* --- which allocations are caught --------------------------------------------------------- */

static int fills_a_cache(void *context, void **ret_result)
{
    static char *cache;

    (void)context;
    if (!cache) cache = malloc(100);
    if (!cache) return ENOMEM;
    memset(cache, 'x', 100);
    *ret_result = malloc(10);
    return *ret_result ? 0 : ENOMEM;
}

static void cache_is_kept_and_no_leak(void **state)
{
    struct told told;

    (void)state;
    assert_int_equal(sweep_call(fills_a_cache, NULL, &told), 0);
    assert_int_equal(told.result.kept_blocks, 1);
    assert_int_equal(told.result.allocations, 1);
}

/* A block from before the sweep comes and goes. */
static int grows_foreign_memory(void *context, void **ret_result)
{
    char **foreign = context, *grown = realloc(*foreign, 200);

    if (!grown) return ENOMEM;
    *foreign = grown;
    memset(grown, 'x', 200);
    *ret_result = malloc(10);
    return *ret_result ? 0 : ENOMEM;
}

static void foreign_pointers_go_to_the_next_allocator(void **state)
{
    char *foreign = malloc(100);
    struct told told;

    (void)state;
    assert_int_equal(sweep_call(grows_foreign_memory, &foreign, &told), 0);
    assert_int_equal(told.result.allocations, 1);
    free(foreign);
}

static void *thread_main(void *unused)
{
    void *block = malloc(1000);

    (void)unused;
    free(block);
    return block ? &thread_main : NULL;
}

static int asks_a_thread(void *context, void **ret_result)
{
    pthread_t thread;
    void *answer = NULL;

    (void)context;
    *ret_result = malloc(10);
    if (!*ret_result) return ENOMEM;
    if (pthread_create(&thread, NULL, thread_main, NULL) != 0) return EAGAIN;
    pthread_join(thread, &answer);
    return answer ? 0 : EINVAL; /* refused to the thread, this would be a wrong code */
}

static void other_threads_are_not_refused_anything(void **state)
{
    struct smt_sweep_subject subject = {
        .name = "f", .call = asks_a_thread, .release = free, .out_of_memory = ENOMEM};
    struct smt_sweep_options options = {.quiet = true, .repeat = 3};
    struct smt_sweep_result result;

    (void)state;
    /* pthread_create() itself asks for a block of the sweeping thread, which stays cached */
    assert_int_equal(smt_sweep(&subject, &options, &result), 0);
    assert_true(result.allocations >= 1 && result.allocations <= 2);
}

static int aligns(void *context, void **ret_result)
{
    void *blocks[4] = {aligned_alloc(64, 100), memalign(4096, 10), NULL, aligned_alloc(16, 16)};
    bool good = true;

    (void)context;
    if (posix_memalign(&blocks[2], 256, 1) != 0) blocks[2] = NULL;
    good = !((uintptr_t)blocks[0] % 64) && !((uintptr_t)blocks[1] % 4096) &&
           !((uintptr_t)blocks[2] % 256) && !((uintptr_t)blocks[3] % 16);
    if (blocks[0]) memset(blocks[0], 'x', 100);
    for (int i = 1; i < 4; i++)
        if (!blocks[i]) good = true, *ret_result = NULL;
    if (blocks[0] && blocks[1] && blocks[2] && blocks[3])
        *ret_result = blocks[0];
    else
        free(blocks[0]);
    for (int i = 1; i < 4; i++) free(blocks[i]);
    return !good ? EINVAL : *ret_result ? 0 : ENOMEM;
}

static void alignments_are_honoured(void **state)
{
    struct told told;

    (void)state;
    assert_int_equal(sweep_call(aligns, NULL, &told), 0);
    assert_int_equal(told.result.allocations, 4);
}

static int writes_past_an_aligned_end(void *context, void **ret_result)
{
    char *one = aligned_alloc(64, 64);

    (void)context;
    if (!one) return ENOMEM;
    ((volatile char *)one)[64] = 'x';
    *ret_result = one;
    return 0;
}

static void aligned_block_is_fenced(void **state)
{
    struct told told;

    (void)state;
    assert_true(sweep_call(writes_past_an_aligned_end, NULL, &told) > 0);
    assert_only(&told, "corrupt");
}

static int asks_for_too_much(void *context, void **ret_result)
{
    volatile size_t most = SIZE_MAX;

    (void)context;
    *ret_result = malloc(10);
    if (!*ret_result) return ENOMEM;
    if (reallocarray(*ret_result, most / 2, 3)) return EINVAL;
    return malloc(most) || calloc(most / 2, 3) ? EINVAL : 0;
}

static void sizes_that_overflow_are_refused(void **state)
{
    struct told told;

    (void)state;
    assert_int_equal(sweep_call(asks_for_too_much, NULL, &told), 0);
}

static int prints(void *context, void **ret_result)
{
    (void)context;
    puts("this must not be seen");
    *ret_result = malloc(10);
    return *ret_result ? 0 : ENOMEM;
}

static void output_of_the_function_goes_away(void **state)
{
    FILE *out = tmpfile();
    int kept = dup(STDOUT_FILENO);
    struct told told;
    int count;

    (void)state;
    fflush(stdout);
    assert_true(dup2(fileno(out), STDOUT_FILENO) >= 0);
    count = sweep_call(prints, NULL, &told);
    fflush(stdout);
    dup2(kept, STDOUT_FILENO);
    close(kept);

    assert_int_equal(count, 0);
    assert_int_equal(lseek(fileno(out), 0, SEEK_END), 0);
    fclose(out);
}

/* --- options ------------------------------------------------------------------------------ */

static void text_names_the_function_and_where_memory_was_refused(void **state)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    struct smt_sweep_subject subject = {
        .name = "leaky", .call = leaks_on_failure, .release = free, .out_of_memory = ENOMEM};
    struct smt_sweep_options options = {.out = out};

    (void)state;
    assert_int_equal(smt_sweep(&subject, &options, NULL), 1);
    fclose(out);

    assert_non_null(strstr(text, "leaky: leak, 2 times\n"));
    assert_non_null(strstr(text, "1 block, 10 bytes"));
    assert_non_null(strstr(text, "leaks_on_failure"));
    assert_non_null(strstr(text, "test_library.c:"));
    assert_non_null(strstr(text, "again: MEMTEST_REPLAY='leaky:transient:"));
    assert_null(strstr(text, "function_call"));
    free(text);
}

static char signature[128];

static void signature_note(void *context, const struct smt_sweep_finding *finding)
{
    (void)context;
    snprintf(signature, sizeof signature, "%s", finding->signature);
}

static void known_findings_do_not_count(void **state)
{
    char path[] = "/tmp/memtest-known-XXXXXX";
    int file = mkstemp(path);
    struct smt_sweep_subject subject = {
        .name = "leaky", .call = leaks_on_failure, .release = free, .out_of_memory = ENOMEM};
    struct smt_sweep_options options = {.quiet = true, .finding = signature_note};
    struct smt_sweep_result result;

    (void)state;
    assert_int_equal(smt_sweep(&subject, &options, NULL), 1);
    assert_true(dprintf(file, "%s\n", signature) > 0);
    close(file);
    options.known = path;
    assert_int_equal(smt_sweep(&subject, &options, &result), 0);
    unlink(path);

    assert_int_equal(result.findings, 0);
    assert_int_equal(result.known_findings, 1);
}

static void bad_option_is_said(void **state)
{
    struct smt_sweep_subject subject = {.name = "f", .call = healthy, .release = free};
    struct smt_sweep_options options = {.quiet = true, .modes = "sometimes"};

    (void)state;
    assert_int_equal(smt_sweep(&subject, &options, NULL), -1);
    assert_non_null(strstr(smt_sweep_error(), "sometimes"));
    subject.name = NULL;
    assert_int_equal(smt_sweep(&subject, NULL, NULL), -1);
}

static int sweeps(void *context, void **ret_result)
{
    struct told told;

    (void)context;
    *ret_result = malloc(10);
    if (!*ret_result) return ENOMEM;
    return sweep_call(healthy, NULL, &told) == -1 ? 0 : EINVAL;
}

static void sweep_inside_a_sweep_is_refused(void **state)
{
    struct smt_sweep_subject subject = {
        .name = "f", .call = sweeps, .release = free, .out_of_memory = ENOMEM};
    struct smt_sweep_options options = {.quiet = true, .repeat = 3};

    (void)state;
    assert_int_equal(smt_sweep(&subject, &options, NULL), 0);
}

static void replay_from_the_environment_repeats_one_run(void **state)
{
    struct smt_sweep_subject subject = {
        .name = "leaky", .call = leaks_on_failure, .release = free, .out_of_memory = ENOMEM};
    struct told told;
    char *text = NULL, *token, *end;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    struct smt_sweep_options options = {.out = out};

    (void)state;
    assert_int_equal(smt_sweep(&subject, &options, NULL), 1);
    fclose(out);
    token = strstr(text, "MEMTEST_REPLAY='") + strlen("MEMTEST_REPLAY='");
    end = strchr(token, '\'');
    *end = '\0';
    setenv("MEMTEST_REPLAY", token, 1);
    assert_int_equal(sweep(&subject, &told), 1);
    unsetenv("MEMTEST_REPLAY");
    free(text);

    assert_only(&told, "leak");
    assert_int_equal(told.result.refusals, 1);
}

/* Long enough that a refusal's run is forked off a walk instead of repeated. */
struct link {
    struct link *next;
    char *text;
};

static void links_release(void *result)
{
    for (struct link *link = result, *next; link; link = next) {
        next = link->next;
        free(link->text);
        free(link);
    }
}

static int makes_links(void *leaks, void **ret_result)
{
    struct link *first = NULL;

    for (int i = 0; i < 1000; i++) {
        struct link *link = calloc(1, sizeof *link);

        if (link) link->text = strdup("some text");
        if (!link || !link->text) {
            if (!leaks) free(link);
            links_release(first);
            return ENOMEM;
        }
        link->next = first;
        first = link;
    }
    *ret_result = first;
    return 0;
}

static void long_function_is_swept_from_end_to_end(void **state)
{
    struct smt_sweep_subject subject = {
        .name = "links", .call = makes_links, .release = links_release, .out_of_memory = ENOMEM};
    struct told told;

    (void)state;
    assert_int_equal(sweep(&subject, &told), 0);
    assert_int_equal(told.result.refusals, 4000);

    subject.context = (char *)"leaks";
    assert_int_equal(sweep(&subject, &told), 1);
    assert_only(&told, "leak");
}

static void without_a_child_the_same_is_found(void **state)
{
    struct smt_sweep_subject subject = {
        .name = "leaky", .call = leaks_on_failure, .release = free, .out_of_memory = ENOMEM};
    struct smt_sweep_options options = {.quiet = true, .in_this_process = true};

    (void)state;
    assert_int_equal(smt_sweep(&subject, &options, NULL), 1);
    subject.call = healthy;
    assert_int_equal(smt_sweep(&subject, &options, NULL), 0);
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
        cmocka_unit_test(codes_that_mean_success_may_be_told),
        cmocka_unit_test(failure_may_be_0),
        cmocka_unit_test(function_that_fails_unasked_is_no_pass),
        cmocka_unit_test(sweep_that_refuses_nothing_is_no_pass),
        cmocka_unit_test(cache_is_kept_and_no_leak),
        cmocka_unit_test(foreign_pointers_go_to_the_next_allocator),
        cmocka_unit_test(other_threads_are_not_refused_anything),
        cmocka_unit_test(alignments_are_honoured),
        cmocka_unit_test(aligned_block_is_fenced),
        cmocka_unit_test(sizes_that_overflow_are_refused),
        cmocka_unit_test(output_of_the_function_goes_away),
        cmocka_unit_test(text_names_the_function_and_where_memory_was_refused),
        cmocka_unit_test(known_findings_do_not_count),
        cmocka_unit_test(bad_option_is_said),
        cmocka_unit_test(sweep_inside_a_sweep_is_refused),
        cmocka_unit_test(replay_from_the_environment_repeats_one_run),
        cmocka_unit_test(long_function_is_swept_from_end_to_end),
        cmocka_unit_test(without_a_child_the_same_is_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
