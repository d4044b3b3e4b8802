/* monitor/watch: a whole test of a process of our own, with an engine and without. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "monitor/monitor.h"

/* An engine that says the process leaks 24 bytes each time it is asked. */
static bool leaking_live(void *context, int pid, uint64_t round,
                         struct smt_monitor_engine_live *ret_live)
{
    uint64_t *asked = context;

    (void)pid;
    assert_int_equal(round, *asked);
    ret_live->blocks = 100 + *asked;
    ret_live->bytes = 5000 + 24 * (*asked)++;
    return true;
}

static void leaking_stacks(void *context, int pid, uint64_t from_round, double bytes_per_round,
                           struct smt_buffer *text)
{
    (void)context;
    assert_int_equal(from_round, 0);
    smt_buffer_addf(text, "%.0f bytes a round in %d: parse < main", bytes_per_round, pid);
}

static bool absent_live(void *context, int pid, uint64_t round,
                        struct smt_monitor_engine_live *ret_live)
{
    (void)context;
    (void)pid;
    (void)round;
    (void)ret_live;
    return false;
}

static bool troubled_live(void *context, int pid, uint64_t round,
                          struct smt_monitor_engine_live *ret_live)
{
    (void)context;
    (void)pid;
    (void)round;
    ret_live->trouble = "it sleeps";
    return false;
}

/* A program of its own that only waits, once it has come to that: a forked child
 * that shares our pages has more of its own whenever we write to ours. */
static pid_t waiting_start(int *ret_input)
{
    int in[2], out[2];
    char byte = 'x';
    pid_t pid;

    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    pid = fork();
    if (pid == 0) {
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        execlp("cat", "cat", NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    assert_int_equal(write(in[1], &byte, 1), 1);
    assert_int_equal(read(out[0], &byte, 1), 1);
    close(out[0]);
    *ret_input = in[1];
    return pid;
}

/* So many rounds of `true` beside it. */
static struct smt_monitor_result *rounds_watch(const struct smt_monitor_engine *engine,
                                               uint64_t rounds, pid_t *child)
{
    struct smt_monitor_options options = {
        .pid_count = 1, .step = "true", .rounds = rounds, .stop_fd = -1, .engine = engine};
    struct smt_monitor_result *result = NULL;
    int input, pid;

    *child = pid = waiting_start(&input);
    options.pids = &pid;

    assert_int_equal(smt_monitor_watch(&options, &result), SMT_OK);

    close(input);
    waitpid(*child, NULL, 0);
    return result;
}

static struct smt_monitor_result *child_watch(const struct smt_monitor_engine *engine, pid_t *child)
{
    return rounds_watch(engine, 12, child);
}

static bool settling_live(void *context, int pid, uint64_t round,
                          struct smt_monitor_engine_live *ret_live)
{
    (void)context, (void)pid;
    ret_live->bytes = 1000000 * round / (round + 20);
    return true;
}

static void named_stacks(void *context, int pid, uint64_t from_round, double bytes_per_round,
                         struct smt_buffer *output)
{
    (void)context, (void)pid, (void)from_round, (void)bytes_per_round;
    smt_buffer_add_text(output, "cache_fill < main");
}

static void stacks_of_growth_that_slows_down_are_named(void **state)
{
    struct smt_monitor_engine engine = {NULL, settling_live, named_stacks};
    struct smt_monitor_result *result;
    pid_t child;

    (void)state;

    result = rounds_watch(&engine, 40, &child);

    assert_int_equal(result->verdict, SMT_MONITOR_SUSPECTED);
    assert_string_equal(result->processes[0].stacks, "cache_fill < main");
    smt_monitor_result_free(result);
}

static void engine_decides_and_names_the_stacks(void **state)
{
    uint64_t asked = 0;
    struct smt_monitor_engine engine = {&asked, leaking_live, leaking_stacks};
    struct smt_monitor_result *result;
    char expected[64];
    pid_t child;

    (void)state;

    result = child_watch(&engine, &child);

    assert_int_equal(asked, 13);
    assert_int_equal(result->verdict, SMT_MONITOR_SUSPECTED);
    snprintf(expected, sizeof(expected), "24 bytes a round in %d: parse < main", child);
    assert_string_equal(result->processes[0].stacks, expected);
    assert_int_equal(result->processes[0].samples[12].value[SMT_MONITOR_LIVE_BLOCKS], 112);
    smt_monitor_result_free(result);
}

static void process_without_engine_is_judged_by_its_pages(void **state)
{
    struct smt_monitor_engine engine = {NULL, absent_live, NULL};
    struct smt_monitor_result *result;
    pid_t child;

    (void)state;

    result = child_watch(&engine, &child);

    assert_int_equal(result->verdict, SMT_MONITOR_STEADY);
    assert_false(result->processes[0].decision.figures[SMT_MONITOR_JUDGED_LIVE].present);
    assert_null(result->processes[0].stacks);
    smt_monitor_result_free(result);
}

static void engine_in_trouble_is_mentioned_once(void **state)
{
    struct smt_monitor_engine engine = {NULL, troubled_live, NULL};
    struct smt_monitor_result *result;
    pid_t child;

    (void)state;

    result = child_watch(&engine, &child);

    assert_int_equal(result->verdict, SMT_MONITOR_STEADY);
    assert_int_equal(result->event_count, 1);
    assert_non_null(strstr(result->events[0].text, "its engine tells no live bytes: it sleeps"));
    smt_monitor_result_free(result);
}

static void every_format_writes_something(void **state)
{
    struct smt_monitor_result *result;
    pid_t child;

    (void)state;
    result = child_watch(NULL, &child);

    for (const struct smt_monitor_format *row = smt_monitor_formats; row->name; row++) {
        struct smt_buffer text;

        smt_buffer_init(&text);
        assert_int_equal(row->write(result, true, &text), SMT_OK);
        assert_non_null(strstr(text.data, "steady"));
        assert_ptr_equal(smt_monitor_format_find(row->name), row);
        smt_buffer_clear(&text);
    }
    assert_null(smt_monitor_format_find("pdf"));
    smt_monitor_result_free(result);
}

static void picture_that_cannot_be_drawn_keeps_its_data(void **state)
{
    char folder[SMT_TEMPORARY_BYTES], path[sizeof folder + 16], kept[sizeof path + 4];
    struct smt_monitor_result *result;
    pid_t child;

    (void)state;
    result = child_watch(NULL, &child);
    assert_int_equal(smt_temporary_folder("test-plot", folder), SMT_OK);
    snprintf(path, sizeof(path), "%s/plot.svg", folder);
    snprintf(kept, sizeof(kept), "%s.gp", path);

    assert_int_equal(smt_monitor_plot(result, path, "/nonexistent/gnuplot"), SMT_EUNSUPPORTED);

    assert_non_null(strstr(smt_fail_text(), kept));
    assert_int_equal(unlink(kept), 0);
    assert_int_equal(rmdir(folder), 0);
    smt_monitor_result_free(result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(engine_decides_and_names_the_stacks),
        cmocka_unit_test(stacks_of_growth_that_slows_down_are_named),
        cmocka_unit_test(process_without_engine_is_judged_by_its_pages),
        cmocka_unit_test(engine_in_trouble_is_mentioned_once),
        cmocka_unit_test(every_format_writes_something),
        cmocka_unit_test(picture_that_cannot_be_drawn_keeps_its_data),
    };

    return cmocka_run_group_tests_name("monitor watch", tests, NULL, NULL);
}
