/* control/: the command table and parameters. */
#include "control_fixture.h"

static enum smt_status message_test(void *context, const char *name, const void *bytes,
                                    size_t size_bytes, const atomic_bool *cancelled,
                                    struct smt_buffer *report, bool *ret_findings)
{
    (void)context;
    if (atomic_load(cancelled)) return smt_fail(SMT_EINTERRUPTED, "interrupted");
    smt_buffer_addf(report, "%s:%.*s", name, (int)size_bytes, (const char *)bytes);
    *ret_findings = size_bytes > 3;
    return SMT_OK;
}

static int setup_heap(void **state)
{
    const struct smt_control_hooks hooks = {.message_test = message_test};

    (void)state;
    return control_open("heap", &hooks);
}

static void wrong_arguments_answer_with_known_texts(void **state)
{
    static const struct {
        const char *line, *answer;
    } rows[] = {
        {"mt.mem_alloc", VALUES},
        {"mt.mem_alloc x", VALUES},
        {"mt.mem_alloc -1", VALUES},
        {"mt.mem_alloc 1.5", VALUES},
        {"mt.mem_alloc 5 q", UNITS},
        {"mt.mem_alloc 5 kk", UNITS},
        {"mt.mem_alloc 5 k 7", VALUES},
        {"mt.mem_alloc 9223372036854775807 g", VALUES},
        {"mt.mem_alloc 4611686018427387904", FAILED},
        {"mt.mem_free -1", VALUES},
        {"mt.mem_free 1 q", UNITS},
        {"mt.mem_used 1", UNITS},
        {"mt.mem_used q", UNITS},
        {"mt.mem_realloc 10", FAILED},
        {"mt.mem_realloc -10", VALUES},
        {"mt.mem_rnd_alloc 5 4 100", VALUES},
        {"mt.mem_rnd_alloc 1 200 100", VALUES},
        {"mt.mem_rnd_alloc -1 200 1000", VALUES},
        {"mt.mem_rnd_alloc 0 0 100", VALUES},
        {"mt.mem_rnd_alloc 1 2", VALUES},
        {"mt.mem_rnd_alloc 1 2 3 x", UNITS},
        {"mt.mem_test_start 5 4 100 1 2 10", VALUES},
        {"mt.mem_test_start 1 200 100 1 2 10", VALUES},
        {"mt.mem_test_start 1 2 100 3 2 10", VALUES},
        {"mt.mem_test_start 1 2 100 -3 2 10", VALUES},
        {"mt.mem_test_start 1 2 100 1 2 -10", VALUES},
        {"mt.mem_test_start 1 2 100 1 2 10 q", UNITS},
        {"mt.mem_test_start 1 2 100 1 2", VALUES},
        {"mt.mem_test_stop 99", "error: 400 - test 99 not found\n"},
        {"mt.mem_test_stop -1", "error: 400 - test -1 not found\n"},
        {"mt.mem_test_destroy 99", "error: 400 - test 99 not found\n"},
        {"mt.mem_test_list 99", "error: 400 - test 99 not found\n"},
        {"mt.mem_test_stop", VALUES},
        {"mt.lock_test 0", VALUES},
        {"mt.lock_test -5", VALUES},
        {"cfg.seti misctest mem_realloc_p 91", VALUES},
        {"cfg.seti misctest mem_check_content 2", VALUES},
        {"cfg.seti misctest nosuch 1", "error: 400 - Failed to set the variable\n"},
        {"cfg.get core x", "error: 400 - Failed to get the variable\n"},
        {"cfg.sets misctest message_data 1", VALUES},
        {"cfg.seti misctest fault_nth 1",
         "error: 400 - backend libc cannot refuse on purpose; use --backend heap\n"},
        {"cfg.seti misctest message 1", ""},
        {"cfg.sets misctest message_data x",
         "error: 400 - message test not available in this build\n"},
        {"nosuch", "error: 500 - command nosuch not found\n"},
        {"help nosuch", "error: 500 - command nosuch not found\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *answer = run(rows[i].line);

        if (strcmp(answer, rows[i].answer) != 0) fail_msg("%s: %s", rows[i].line, answer);
    }
    assert_string_equal(run("mt.mem_used"), "0\n");
}

static void commands_answer_in_the_unit_asked_for(void **state)
{
    (void)state;

    assert_string_equal(run("mt.mem_alloc 10 k"), "");
    assert_string_equal(run("mt.mem_used"), "10240\n");
    assert_string_equal(run("mem_used K"), "10\n");
    assert_string_equal(run("mt.mem_realloc 4 k"), "-6\n");
    assert_string_equal(run("mt.mem_realloc 5000"), "904\n");
    assert_string_equal(run("mt.mem_alloc 3 m"), "");
    assert_string_equal(run("mt.mem_free 1 b"), "5000\n");
    assert_string_equal(run("mt.mem_free m"), "3\n");
    assert_string_equal(run("mt.mem_rnd_alloc 1 64 10240 k"), "");
    assert_string_equal(run("mt.mem_used m"), "10\n");
    assert_string_equal(run("mt.mem_free"), "10485760\n");
    assert_string_equal(run("mt.mem_free"), "0\n");
}

static void sizes_have_64_bits(void **state)
{
    (void)state;

    assert_string_equal(run("mt.mem_alloc 5 g"), "");
    assert_string_equal(run("mt.mem_used"), "5368709120\n");
    assert_string_equal(run("mt.mem_alloc s:3221225472"), "");
    assert_string_equal(run("mt.mem_used g"), "8\n");
}

static void test_list_has_misctests_fields_in_order(void **state)
{
    (void)state;
    assert_string_equal(run("mt.mem_test_start 15 64 25000 100000 150000 3600900 k"), "1\n");

    run("mt.mem_test_list 1 k");

    assert_string_equal(printed.data, "{\n\tID           : 1\n\trun time (s) : 0\n"
                                      "\tremaining (s): 3600\n\tallocations  : 0\n"
                                      "\terrors       : 0\n\toverflows    : 0\n"
                                      "\ttotal alloc  : 0\n\tmin          : 15\n"
                                      "\tmax          : 64\n\ttotal        : 25000\n}\n");
    assert_string_equal(run("mt.mem_test_stop 1"), "");
    assert_string_equal(run("mt.mem_test_destroy_all 1"), "");
    assert_string_equal(run("mt.mem_test_list"), "");
}

static void memory_0_refuses_memory_commands_only(void **state)
{
    (void)state;

    assert_string_equal(run("cfg.seti misctest memory 0"), "");

    assert_string_equal(run("mt.mem_alloc 1"),
                        "error: 400 - memory testing is off: parameter memory is 0\n");
    assert_string_equal(run("core.version"), "mtctl " SMT_VERSION "\n");
}

static void fault_plan_provokes_refusals(void **state)
{
    (void)state;

    assert_string_equal(run("cfg.seti misctest fault_nth 2"), "");

    assert_string_equal(run("mt.mem_alloc 10"), "");
    assert_string_equal(run("mt.mem_alloc 10"), FAILED);
    assert_string_equal(run("mt.mem_alloc 10"), "");
    assert_string_equal(run("cfg.set_now_int misctest fault_limit 100"), "");
    assert_string_equal(run("mt.mem_alloc 81"), FAILED);
    assert_string_equal(run("cfg.get misctest fault_limit"), "100\n");
}

static void message_test_runs_when_switch_and_data_are_there(void **state)
{
    (void)state;

    assert_string_equal(run("cfg.sets misctest message_data abc"), "");
    assert_string_equal(run("cfg.seti misctest message 1"), "message_data:abc\n");
    assert_false(smt_control_found(&control));
    assert_string_equal(run("cfg.set_now_string misctest message_data abcd"),
                        "message_data:abcd\n");
    assert_true(smt_control_found(&control));
    assert_string_equal(run("cfg.sets misctest message_file /nonexistent/x"),
                        "error: 400 - /nonexistent/x: cannot open: No such file or directory\n");
}

static void every_row_is_listed_explained_and_survives_no_arguments(void **state)
{
    (void)state;
    for (const struct smt_command *row = smt_commands; row->name; row++) {
        char line[128];

        assert_ptr_equal(smt_command_find(row->name), row);
        assert_non_null(strstr(run("system.listMethods"), row->name));
        assert_true(strlen(row->summary) > 0);
        snprintf(line, sizeof line, "help %s", row->name);
        assert_non_null(strstr(run(line), row->summary));
        run(row->name);
    }
    for (const struct smt_parameter *row = smt_parameters; row->name; row++) {
        char line[128];

        assert_non_null(strstr(run("cfg.list"), row->name));
        snprintf(line, sizeof line, "cfg.help misctest %s", row->name);
        assert_non_null(strstr(run(line), row->summary));
        snprintf(line, sizeof line, "cfg.get misctest %s", row->name);
        run(line);
        assert_int_equal(reply.code, 0);
    }
}

/* Runs the method with these params of JSON; what the text client would see. */
static const char *run_json(const char *method, const char *params)
{
    struct smt_json_message message;
    struct smt_wire_request request = {0};
    struct smt_buffer text;

    smt_buffer_init(&text);
    smt_buffer_addf(&text, "{\"jsonrpc\":\"2.0\",\"method\":\"%s\",\"params\":%s,\"id\":1}", method,
                    params);
    smt_buffer_empty(&printed);
    smt_json_open(&message, text.data, text.size, &printed);
    assert_int_equal(smt_json_next(&message, &request, &printed), SMT_JSON_REQUEST);
    smt_command_execute(&control, &request, &reply);
    smt_json_clear(&message);
    smt_wire_request_clear(&request);
    smt_buffer_clear(&text);
    smt_text_encode_reply(&printed, &reply, "\n");
    return printed.data ? printed.data : "";
}

static void arguments_by_name_find_their_places(void **state)
{
    (void)state;

    assert_string_equal(run_json("mt.mem_alloc", "{\"unit\":\"k\",\"size\":3}"), "");

    assert_string_equal(run("mt.mem_used"), "3072\n");
    assert_string_equal(run_json("mt.mem_free", "{\"unit\":\"k\"}"), "3\n");
}

static void arguments_by_name_take_no_others_place(void **state)
{
    static const char *const wrong[] = {
        "{\"unit\":\"k\"}",        "{\"size\":1,\"sizes\":2}", "{\"siz\":1}",
        "{\"size \":1}",           "{\"[unit]\":\"k\"}",       "{\"\":1}",
        "{\"size [unit]\":\"k\"}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_string_equal(run_json("mt.mem_alloc", wrong[i]), VALUES);
    assert_string_equal(run_json("mt.mem_free", "{\"unit\":5}"), VALUES);
    assert_string_equal(run_json("mt.mem_free", "{\"unit\":\"5\"}"), VALUES);
}

static void integers_of_json_may_have_a_point(void **state)
{
    (void)state;

    assert_string_equal(run_json("mt.mem_alloc", "[10.0]"), "");
    assert_string_equal(run_json("mt.mem_alloc", "[1e2]"), "");
    assert_string_equal(run("mt.mem_used"), "110\n");
    assert_string_equal(run_json("mt.mem_alloc", "[1.5]"), VALUES);
    assert_string_equal(run_json("mt.mem_alloc", "[1e300]"), VALUES);
    assert_string_equal(run_json("mt.mem_alloc", "[-1.0]"), VALUES);
    assert_string_equal(run_json("mt.mem_alloc", "[18446744073709551615]"), VALUES);
}

#define WITH_HEAP(test) cmocka_unit_test_setup_teardown(test, setup_heap, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_CONTROL(wrong_arguments_answer_with_known_texts),
        WITH_CONTROL(commands_answer_in_the_unit_asked_for),
        WITH_CONTROL(sizes_have_64_bits),
        WITH_CONTROL(test_list_has_misctests_fields_in_order),
        WITH_CONTROL(memory_0_refuses_memory_commands_only),
        WITH_HEAP(fault_plan_provokes_refusals),
        WITH_HEAP(message_test_runs_when_switch_and_data_are_there),
        WITH_CONTROL(every_row_is_listed_explained_and_survives_no_arguments),
        WITH_CONTROL(arguments_by_name_find_their_places),
        WITH_CONTROL(arguments_by_name_take_no_others_place),
        WITH_CONTROL(integers_of_json_may_have_a_point),
    };

    return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}
