/* libmemtest: what may be asked of a sweep, and how it is told. */
#define _GNU_SOURCE /* memfd_create() */
#include <sys/mman.h>
#include <unistd.h>

#include "library_fixture.h"

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
    assert_non_null(strstr(text, "library_fixture.h:"));
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
    int file = memfd_create("known", MFD_CLOEXEC);
    char path[32];
    struct smt_sweep_subject subject = {
        .name = "leaky", .call = leaks_on_failure, .release = free, .out_of_memory = ENOMEM};
    struct smt_sweep_options options = {.quiet = true, .finding = signature_note};
    struct smt_sweep_result result;

    (void)state;
    assert_int_equal(smt_sweep(&subject, &options, NULL), 1);
    assert_true(dprintf(file, "%s\n", signature) > 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    options.known = path;
    assert_int_equal(smt_sweep(&subject, &options, &result), 0);
    close(file);

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
