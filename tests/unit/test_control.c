/* control/: the command table, parameters, scripts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "control/control.h"

static struct smt_control control;
static struct smt_wire_reply reply;
static struct smt_buffer printed;

/* Runs a line; the answer as printed. */
static const char *run(const char *line)
{
    struct smt_wire_request request = {0};

    smt_buffer_empty(&printed);
    if (smt_text_decode_request(line, strlen(line), &request) != SMT_OK) return smt_fail_text();
    smt_command_execute(&control, &request, &reply);
    smt_text_encode_reply(&printed, &reply, "\n");
    smt_wire_request_clear(&request);
    return printed.data ? printed.data : "";
}

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

static int setup_with(const char *backend, bool hooked)
{
    const struct smt_stress_options options = {
        .backend = backend, .limit_bytes = (uint64_t)16 << 30, .seed = 3};
    const struct smt_control_hooks hooks = {.message_test = hooked ? message_test : NULL};

    return smt_control_init(&control, &options, &hooks) == SMT_OK ? 0 : -1;
}

static int setup(void **state)
{
    (void)state;
    return setup_with("libc", false);
}

static int setup_heap(void **state)
{
    (void)state;
    return setup_with("heap", true);
}

static int teardown(void **state)
{
    (void)state;
    smt_control_clear(&control);
    smt_wire_reply_clear(&reply);
    smt_buffer_clear(&printed);
    return 0;
}

#define VALUES "error: 400 - invalid parameter values\n"
#define UNITS  "error: 500 - bad param use b|k|m|g\n"
#define FAILED "error: 400 - memory allocation failed\n"

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

/* --- scripts --- */

static enum smt_status script_call(void *context, const struct smt_wire_request *request,
                                   struct smt_wire_reply *ret_reply)
{
    (void)context;
    smt_command_execute(&control, request, ret_reply);
    return SMT_OK;
}

static void script_show(void *context, const struct smt_wire_reply *shown)
{
    smt_text_encode_reply(context, shown, "\n");
}

/* What the script shows, and how it ends. */
static enum smt_status script(const char *text, struct smt_buffer *shown, unsigned *ret_fault_line)
{
    const struct smt_script_target target = {
        .context = shown, .call = script_call, .show = script_show};

    smt_buffer_empty(shown);
    return smt_script_run("test.cfg", text, strlen(text), &target, ret_fault_line);
}

static void kamailio_excerpts_run_as_they_stand(void **state)
{
    static const char text[] = "#!KAMAILIO\n"
                               "...\n"
                               "loadmodule \"misctest.so\"\n"
                               "modparam(\"misctest\", \"memory\", 1)\n"
                               "modparam(\"misctest\", \"mem_check_content\", 1)\n"
                               "modparam(\"tm\", \"fr_timer\", 30)\n"
                               "...\n"
                               "mem_alloc(1048576); # 1MB\n"
                               "  mt_mem_alloc( 4096 ) ;\n"
                               "/* mem_alloc(7);\n ; */ mt.mem_used // bytes\n"
                               "mt.mem_free 1 k; mem_used\n"
                               "mem_free();\n"
                               "/*/ mem_alloc(1); */\f\n"
                               "mt_mem_free(); mt.mem_used";
    struct smt_buffer shown;
    unsigned fault = 9;

    (void)state;
    smt_buffer_init(&shown);

    assert_int_equal(script(text, &shown, &fault), SMT_OK);

    assert_int_equal(fault, 0);
    assert_string_equal(shown.data, "1052672\n4\n1048576\n0\n");
    assert_string_equal(run("cfg.get misctest mem_check_content"), "1\n");
    smt_buffer_clear(&shown);
}

static void script_ends_at_the_first_fault(void **state)
{
    struct smt_buffer shown;
    unsigned fault = 0;

    (void)state;
    smt_buffer_init(&shown);

    assert_int_equal(script("mem_alloc(-1);\nmem_alloc(5);\n", &shown, &fault), SMT_OK);

    assert_int_equal(fault, 1);
    assert_string_equal(shown.data, VALUES);
    assert_string_equal(run("mem_used"), "0\n");
    smt_buffer_clear(&shown);
}

static void unreadable_statements_name_their_line(void **state)
{
    static const struct {
        const char *text, *sentence;
    } rows[] = {
        {"\n\nbad(3)\n", "test.cfg:3: no such function: bad"},
        {"mem_used\n\nmem_alloc(x);\n", "test.cfg:3: expected mem_alloc(size)"},
        {"/*\n\n*/ modparam(\"misctest\")", "test.cfg:3: expected modparam(\"module\", \"name\", "
                                            "value)"},
        {"mt.mem_alloc \"x", "test.cfg:1: a quote is not closed"},
        {"mem_used\nmem_alloc(10\nmem_used\n", "test.cfg:2: a parenthesis is not closed"},
        {"mem_alloc(10;\nmem_used\n", "test.cfg:1: a parenthesis is not closed"},
        {"mem_free(1);", "test.cfg:1: expected mem_free()"},
        {"\n\"\"\n", "test.cfg:2: expected a command"},
    };
    struct smt_buffer shown;
    unsigned fault;

    (void)state;
    smt_buffer_init(&shown);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(script(rows[i].text, &shown, &fault), SMT_EINPUT);
        assert_string_equal(smt_fail_text(), rows[i].sentence);
    }
    smt_buffer_clear(&shown);
}

static void zero_byte_in_a_script_is_told(void **state)
{
    const struct smt_script_target target = {.call = script_call, .show = script_show};
    unsigned fault;

    (void)state;

    assert_int_equal(smt_script_run("test.cfg", "mem_used\0 1\n", 12, &target, &fault), SMT_EINPUT);

    assert_string_equal(smt_fail_text(), "test.cfg:1: a zero byte does not belong in a script");
}

static void random_scripts_are_survived(void **state)
{
    static const char *const pieces[] = {"mem_alloc(", ")",   ";",  "\n",       "\"", "/*",
                                         "*/",         "#",   "//", "modparam", "12", ",",
                                         " ",          "...", "\\", "(",        "k"};
    struct smt_random random;
    struct smt_buffer text, shown;
    unsigned fault;

    (void)state;
    smt_random_init(&random, 99);
    smt_buffer_init(&text);
    smt_buffer_init(&shown);
    for (int round = 0; round < 20000; round++) {
        smt_buffer_empty(&text);
        for (size_t i = smt_random_below(&random, 20); i > 0; i--)
            smt_buffer_add_text(&text,
                                pieces[smt_random_below(&random, sizeof pieces / sizeof *pieces)]);

        (void)!script(text.data ? text.data : "", &shown, &fault);
    }
    smt_buffer_clear(&text);
    smt_buffer_clear(&shown);
}

#define WITH_CONTROL(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
#define WITH_HEAP(test)    cmocka_unit_test_setup_teardown(test, setup_heap, teardown)

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
        WITH_CONTROL(kamailio_excerpts_run_as_they_stand),
        WITH_CONTROL(script_ends_at_the_first_fault),
        WITH_CONTROL(unreadable_statements_name_their_line),
        WITH_CONTROL(zero_byte_in_a_script_is_told),
        WITH_CONTROL(random_scripts_are_survived),
    };

    return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}
