/* control/script: mtctl -f. */
#include <stdlib.h>

#include "control_fixture.h"

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

static void nothing_is_a_script_that_does_nothing(void **state)
{
    static const char *const texts[] = {"", "\n", "#!ifdef A\nmem_alloc(1);\n#!endif\n"};
    struct smt_buffer shown;
    unsigned fault;

    (void)state;
    smt_buffer_init(&shown);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        fault = 9;

        assert_int_equal(script(texts[i], &shown, &fault), SMT_OK);

        assert_int_equal(fault, 0);
        assert_int_equal(shown.size, 0);
    }
    smt_buffer_clear(&shown);
}

/* What a script of these lines has allocated, if it shows nothing else. */
static const char *script_used(const char *lines, struct smt_buffer *shown)
{
    struct smt_buffer text;
    unsigned fault;

    smt_buffer_init(&text);
    smt_buffer_addf(&text, "mem_free();\n%s\nmem_used\n", lines);
    assert_int_equal(script(text.data, shown, &fault), SMT_OK);
    assert_int_equal(fault, 0);
    smt_buffer_clear(&text);
    return shown->data;
}

struct used_row {
    const char *lines, *used;
};

static void assert_used(const struct used_row *rows, size_t count)
{
    struct smt_buffer shown;

    smt_buffer_init(&shown);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(script_used(rows[i].lines, &shown), rows[i].used);
    smt_buffer_clear(&shown);
}

static void what_conditions_guard_runs_once(void **state)
{
    static const struct used_row rows[] = {
        {"route{mem_alloc(1);}", "1\n"},
        {"if (a) { mem_alloc(1); } else if (b) { mem_alloc(2); } else mem_alloc(4);", "7\n"},
        {"while(1) mem_alloc(3);", "3\n"},
        {"if(x){mem_alloc(1);}else{mem_alloc(2);}", "3\n"},
        {"switch(x) { case 1: case \"a:b\": mem_alloc(1); break; default: mem_alloc(2); }", "3\n"},
        {"if (!x(\"a)b{\")) # {\n\tmem_alloc(5);", "5\n"},
        {"if x == 1 { mem_alloc(6); }", "6\n"},
        {"$var(x) = \"{\"; mem_alloc(1);", "1\n"},
        {"route [1] { $var(x) = '}'; other(); mem_alloc(1); }\nmem_alloc(2);", "3\n"},
        {"debug=3\nlisten = udp:1.2.3.4\nmem_alloc(1);", "1\n"},
        {"if (mem_alloc(9)) exit;", "0\n"},
    };

    (void)state;
    assert_used(rows, sizeof rows / sizeof *rows);
}

static void ifdef_chooses_the_lines_that_are_read(void **state)
{
    static const struct used_row rows[] = {
        {"#!ifdef A\nmem_alloc(1);\n#!else\nmem_alloc(2);\n#!endif", "2\n"},
        {"#!define A\n#!ifdef A\nmem_alloc(1);\n#!else\nmem_alloc(2);\n#!endif", "1\n"},
        {"#!ifndef A\nmem_alloc(1);\n#!endif\nmem_alloc(2);", "3\n"},
        {"#!define AB\n#!ifdef A\nmem_alloc(1);\n#!endif", "0\n"},
        {"#!ifdef A\n#!define B\n#!ifdef B\n#!else\nmem_alloc(1);\n#!endif\n#!endif\n"
         "#!ifndef B\nmem_alloc(2);\n#!endif",
         "2\n"},
        {"#!define A 1 \\\n  mem_alloc(1);\nmem_alloc(2);", "2\n"},
        {"#!KAMAILIO\n##!ifdef A\nmem_alloc(1);\n#!endif\n#!else\nmem_alloc(2);", "3\n"},
    };

    (void)state;
    assert_used(rows, sizeof rows / sizeof *rows);
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
    static const char *const pieces[] = {"#!ifdef A\n", "#!else\n", "#!endif\n", "#!define A\n",
                                         "if (",        "else ",    "case 1:",   "route[A]",
                                         "{",           "}",        "'",         "mem_alloc(",
                                         ")",           ";",        "\n",        "\"",
                                         "/*",          "*/",       "#",         "//",
                                         "modparam",    "12",       ",",         " ",
                                         "...",         "\\",       "(",         "k"};
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_CONTROL(kamailio_excerpts_run_as_they_stand),
        WITH_CONTROL(nothing_is_a_script_that_does_nothing),
        WITH_CONTROL(what_conditions_guard_runs_once),
        WITH_CONTROL(ifdef_chooses_the_lines_that_are_read),
        WITH_CONTROL(script_ends_at_the_first_fault),
        WITH_CONTROL(unreadable_statements_name_their_line),
        WITH_CONTROL(zero_byte_in_a_script_is_told),
        WITH_CONTROL(random_scripts_are_survived),
    };

    return cmocka_run_group_tests_name("control/script", tests, NULL, NULL);
}
