/* report/: every format of the table is fed the same runs, compared with golden
 * files (scripts/update-golden rewrites them) and read by a program that is not
 * ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "report_fixture.h"

typedef void run_teller(struct smt_sink *sink);

static const struct {
    const char *name;
    run_teller *tell;
} runs[] = {
    {"full", fixture_run_full},
    {"healthy", fixture_run_healthy},
    {"nothing", fixture_run_nothing},
    {"replay", fixture_run_replay},
};

static char folder[SMT_TEMPORARY_BYTES];

#define PATH_BYTES (sizeof folder + 128)

/* What a format writes for a run, in a file named after both. */
static void report_make(const char *format, const struct smt_report_settings *settings,
                        run_teller *tell, const char *path)
{
    struct smt_report *report;
    char spec[PATH_BYTES + 32];

    snprintf(spec, sizeof spec, "%s:%s", format, path);
    assert_int_equal(smt_report_open(spec, settings, &report), SMT_OK);
    tell(smt_report_sink(report));
    assert_int_equal(smt_report_close(report), SMT_OK);
}

/* The version of the tool changes without anything being wrong. */
static void version_hide(struct smt_buffer *text)
{
    static const char *const before[] = {"sipmemtest ", "\"version\":\"", "\"version\": \"",
                                         "\"semanticVersion\": \""};
    char *at, find[64], replace[64];

    for (size_t i = 0; i < COUNT(before); i++) {
        snprintf(find, sizeof find, "%s" SMT_VERSION, before[i]);
        snprintf(replace, sizeof replace, "%s@.@.@", before[i]);
        if (strlen(find) != strlen(replace)) continue;
        while ((at = memmem(text->data, text->size, find, strlen(find))))
            memcpy(at, replace, strlen(replace));
    }
}

static void golden_compare(const char *golden, const char *path)
{
    struct smt_buffer is, should;

    smt_buffer_init(&is);
    smt_buffer_init(&should);
    assert_int_equal(smt_buffer_load(&is, path, 1 << 20), SMT_OK);
    if (is.data) version_hide(&is);
    if (getenv("SMT_UPDATE_GOLDEN")) {
        FILE *file = fopen(golden, "w");

        assert_non_null(file);
        fwrite(is.data ? is.data : "", 1, is.size, file);
        assert_int_equal(fclose(file), 0);
    }
    assert_int_equal(smt_buffer_load(&should, golden, 1 << 20), SMT_OK);
    if (is.size != should.size || (is.size && memcmp(is.data, should.data, is.size) != 0)) {
        print_error("%s differs from %s\n", path, golden);
        fail();
    }
    smt_buffer_clear(&is);
    smt_buffer_clear(&should);
}

static int folder_make(void **state)
{
    (void)state;
    return smt_temporary_folder("test-report", folder) == SMT_OK ? 0 : -1;
}

/* Left behind when a test failed: the files are what one wants to see. */
static int folder_remove(void **state)
{
    char command[sizeof folder + 16];

    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

static void every_format_writes_what_the_golden_file_holds(void **state)
{
    static const struct smt_report_settings settings;
    size_t formats = 0;

    (void)state;

    for (; smt_report_formats[formats]; formats++)
        for (size_t run = 0; run < COUNT(runs); run++) {
            const char *name = smt_report_formats[formats]->name;
            char path[PATH_BYTES], golden[PATH_BYTES];

            snprintf(path, sizeof path, "%s/%s.%s", folder, runs[run].name, name);
            snprintf(golden, sizeof golden, SMT_TESTS "/golden/report/%s.%s", runs[run].name, name);
            report_make(name, &settings, runs[run].tell, path);
            golden_compare(golden, path);
        }

    assert_true(formats >= 2);
}

static void every_format_is_well_formed_for_another_reader(void **state)
{
    static const struct smt_report_settings settings;

    (void)state;

    for (size_t i = 0; smt_report_formats[i]; i++)
        for (size_t run = 0; run < COUNT(runs); run++) {
            const char *name = smt_report_formats[i]->name;
            char path[PATH_BYTES], command[2 * PATH_BYTES];

            snprintf(path, sizeof path, "%s/read-%s.%s", folder, runs[run].name, name);
            report_make(name, &settings, runs[run].tell, path);
            snprintf(command, sizeof command,
                     "python3 " SMT_TESTS "/report/wellformed.py %s %s '%s'", name, runs[run].name,
                     path);
            assert_int_equal(system(command), 0);
        }
}

static void text_obeys_its_settings(void **state)
{
    static const struct {
        const char *name;
        struct smt_report_settings settings;
    } rows[] = {
        {"quiet", {.quiet = true}}, {"verbose", {.verbose = true}}, {"color", {.color = true}},
        {"trace1", {.trace = 1}},   {"trace2", {.trace = 2}},
    };

    (void)state;

    for (size_t i = 0; i < COUNT(rows); i++) {
        char path[PATH_BYTES], golden[PATH_BYTES];

        snprintf(path, sizeof path, "%s/%s.text", folder, rows[i].name);
        snprintf(golden, sizeof golden, SMT_TESTS "/golden/report/%s.text", rows[i].name);
        report_make("text", &rows[i].settings, fixture_run_full, path);
        golden_compare(golden, path);
    }
}

static void only_color_sends_escape_sequences_to_the_terminal(void **state)
{
    static const struct smt_report_settings settings = {.verbose = true};
    struct smt_buffer text;
    char path[PATH_BYTES];

    (void)state;
    snprintf(path, sizeof path, "%s/plain.text", folder);
    smt_buffer_init(&text);

    report_make("text", &settings, fixture_run_full, path);

    assert_int_equal(smt_buffer_load(&text, path, 1 << 20), SMT_OK);
    assert_null(memchr(text.data, '\033', text.size));
    smt_buffer_clear(&text);
}

static void a_full_disk_is_said_by_every_format(void **state)
{
    static const struct smt_report_settings settings;

    (void)state;

    for (size_t i = 0; smt_report_formats[i]; i++) {
        struct smt_report *report;
        char spec[64];

        snprintf(spec, sizeof spec, "%s:/dev/full", smt_report_formats[i]->name);
        assert_int_equal(smt_report_open(spec, &settings, &report), SMT_OK);
        fixture_run_full(smt_report_sink(report));

        assert_int_equal(smt_report_close(report), SMT_EIO);
        assert_non_null(strstr(smt_fail_text(), "/dev/full"));
        assert_non_null(strstr(smt_fail_text(), "No space left on device"));
    }
}

static void a_folder_that_is_missing_is_said_at_once(void **state)
{
    static const struct smt_report_settings settings;
    struct smt_report *report = NULL;

    (void)state;

    assert_int_equal(smt_report_open("json:/nowhere/at/all.json", &settings, &report), SMT_EIO);

    assert_null(report);
    assert_non_null(strstr(smt_fail_text(), "/nowhere/at/all.json"));
}

static void an_unknown_format_lists_the_known_ones(void **state)
{
    static const struct smt_report_settings settings;
    struct smt_report *report = NULL;

    (void)state;

    assert_int_equal(smt_report_open("yaml:x", &settings, &report), SMT_EUSAGE);

    for (size_t i = 0; smt_report_formats[i]; i++)
        assert_non_null(strstr(smt_fail_text(), smt_report_formats[i]->name));
    assert_non_null(strstr(smt_fail_text(), "'yaml'"));
    assert_int_equal(smt_report_open("json:", &settings, &report), SMT_EUSAGE);
    assert_int_equal(smt_report_open("", &settings, &report), SMT_EUSAGE);
    assert_null(report);
}

static void json_lines_are_there_before_the_run_ends(void **state)
{
    static const struct smt_report_settings settings;
    struct smt_report *report;
    struct smt_buffer text;
    char path[PATH_BYTES], spec[PATH_BYTES + 8];

    (void)state;
    snprintf(path, sizeof path, "%s/alive.json", folder);
    snprintf(spec, sizeof spec, "json:%s", path);
    smt_buffer_init(&text);
    assert_int_equal(smt_report_open(spec, &settings, &report), SMT_OK);

    fixture_message(smt_report_sink(report), 1, "bye.sip", 0, 5, 0);

    assert_int_equal(smt_buffer_load(&text, path, 1 << 20), SMT_OK);
    assert_non_null(strstr(text.data, "\"name\":\"bye.sip\""));
    assert_int_equal(text.data[text.size - 1], '\n');
    smt_buffer_clear(&text);
    assert_int_equal(smt_report_close(report), SMT_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_format_writes_what_the_golden_file_holds),
        cmocka_unit_test(every_format_is_well_formed_for_another_reader),
        cmocka_unit_test(text_obeys_its_settings),
        cmocka_unit_test(only_color_sends_escape_sequences_to_the_terminal),
        cmocka_unit_test(a_full_disk_is_said_by_every_format),
        cmocka_unit_test(a_folder_that_is_missing_is_said_at_once),
        cmocka_unit_test(an_unknown_format_lists_the_known_ones),
        cmocka_unit_test(json_lines_are_there_before_the_run_ends),
    };

    return cmocka_run_group_tests_name("report", tests, folder_make, folder_remove);
}
