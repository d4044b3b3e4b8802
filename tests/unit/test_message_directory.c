/* message/: reading a directory, and the manifests in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "message_folder.h"

#define OTHER_USER 65534 /* "nobody", but any will do */

static const struct smt_message *message_find(const struct test_folder *folder, const char *name)
{
    for (size_t i = 0; i < folder->list.count; i++)
        if (strcmp(folder->list.items[i].name, test_folder_path(folder, name)) == 0)
            return &folder->list.items[i];
    fail_msg("%s was not read", name);
    return NULL;
}

static void files_come_in_byte_order_of_their_whole_path(void **state)
{
    static const char *const names[] = {"b.sip", "a/z.sip",  "a.sip", "a-b.sip", "B.sip",
                                        "a/b/c", "\xc3\xa9", "a0",    "10",      "9"};
    struct test_folder *folder = *state;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        test_folder_write_text(folder, names[i], "x");

    assert_int_equal(test_folder_add(folder, ""), SMT_OK);

    assert_string_equal(test_folder_names(folder),
                        "10 9 B.sip a-b.sip a.sip a/b/c a/z.sip a0 b.sip \xc3\xa9");
    assert_int_equal(folder->complaint_count, 0);
}

static void names_are_the_typed_directory_and_one_slash(void **state)
{
    struct test_folder *folder = *state;
    char expected[4096];

    test_folder_write_text(folder, "d/x.sip", "x");

    assert_int_equal(test_folder_add(folder, "d"), SMT_OK);
    assert_int_equal(test_folder_add(folder, "d/"), SMT_OK);

    snprintf(expected, sizeof expected, "%s/d/x.sip", folder->path);
    assert_string_equal(folder->list.items[0].name, expected);
    assert_string_equal(folder->list.items[1].name, expected);
}

static void what_is_no_message_is_skipped_in_silence(void **state)
{
    struct test_folder *folder = *state;

    test_folder_write_text(folder, ".hidden", "x");
    test_folder_write_text(folder, ".git/config", "x");
    test_folder_write_text(folder, "README", "x");
    test_folder_write_text(folder, "README.txt", "x");
    test_folder_write_text(folder, "notes.md", "x");
    test_folder_write_text(folder, "sub/README.md", "x");
    test_folder_write_text(folder, "MANIFEST.tsv", "# nothing\n");
    test_folder_write_text(folder, "readme", "x");
    assert_int_equal(mkfifo(test_folder_path(folder, "pipe"), 0600), 0);

    assert_int_equal(test_folder_add(folder, ""), SMT_OK);

    assert_string_equal(test_folder_names(folder), "readme");
    assert_int_equal(folder->complaint_count, 0);
}

static void skipped_names_are_read_when_named(void **state)
{
    struct test_folder *folder = *state;

    test_folder_write_text(folder, ".hidden.md", "x");

    assert_int_equal(test_folder_add(folder, ".hidden.md"), SMT_OK);

    assert_string_equal(test_folder_names(folder), ".hidden.md");
}

static void links_to_files_are_read_and_loops_are_not_entered(void **state)
{
    struct test_folder *folder = *state;

    test_folder_write_text(folder, "sub/real.sip", "x");
    test_folder_link(folder, "sub/real.sip", "link.sip");
    test_folder_link(folder, "..", "sub/up");
    test_folder_link(folder, ".", "sub/self");

    assert_int_equal(test_folder_add(folder, ""), SMT_OK);

    assert_string_equal(test_folder_names(folder), "link.sip sub/real.sip");
    assert_int_equal(folder->complaint_count, 0);
}

static void argument_may_be_a_link_to_a_directory(void **state)
{
    struct test_folder *folder = *state;

    test_folder_write_text(folder, "real/x.sip", "x");
    test_folder_link(folder, "real", "alias");

    assert_int_equal(test_folder_add(folder, "alias"), SMT_OK);

    assert_string_equal(test_folder_names(folder), "alias/x.sip");
}

static void unusable_files_are_complaints_and_the_others_go_on(void **state)
{
    struct test_folder *folder = *state;

    test_folder_write_text(folder, "a.sip", "x");
    test_folder_write(folder, "b.sip", "", 0);
    test_folder_link(folder, "nowhere", "c.sip");
    test_folder_link(folder, "d.sip", "d.sip");
    test_folder_write_text(folder, "e.sip", "x");
    assert_int_equal(truncate(test_folder_path(folder, "e.sip"), SMT_MESSAGE_LIMIT_BYTES + 1), 0);
    test_folder_write_text(folder, "f.sip", "x");

    assert_int_equal(test_folder_add(folder, ""), SMT_OK);

    assert_string_equal(test_folder_names(folder), "a.sip f.sip");
    assert_int_equal(folder->complaint_count, 4);
    assert_true(test_folder_has_complaint(folder, "b.sip: empty message"));
    assert_true(test_folder_has_complaint(folder, "c.sip: cannot read where it links to: No such"));
    assert_true(
        test_folder_has_complaint(folder, "d.sip: cannot read where it links to: Too many"));
    assert_true(test_folder_has_complaint(folder, "e.sip: larger than the limit"));
}

static void unreadable_files_and_folders_are_complaints(void **state)
{
    struct test_folder *folder = *state;
    enum smt_status status;

    if (geteuid() == 0) { /* who may read everything */
        assert_int_equal(chown(folder->path, OTHER_USER, (gid_t)-1), 0);
        assert_int_equal(seteuid(OTHER_USER), 0);
    }
    test_folder_write_text(folder, "a.sip", "x");
    test_folder_write_text(folder, "b.sip", "x");
    test_folder_write_text(folder, "sub/c.sip", "x");
    assert_int_equal(chmod(test_folder_path(folder, "a.sip"), 0), 0);
    assert_int_equal(chmod(test_folder_path(folder, "sub"), 0), 0);

    status = test_folder_add(folder, "");
    chmod(test_folder_path(folder, "sub"), 0700);
    if (getuid() == 0) assert_int_equal(seteuid(0), 0);

    assert_int_equal(status, SMT_OK);
    assert_string_equal(test_folder_names(folder), "b.sip");
    assert_int_equal(folder->complaint_count, 2);
    assert_true(test_folder_has_complaint(folder, "a.sip: cannot open: Permission denied"));
    assert_true(test_folder_has_complaint(folder, "sub/: cannot read the directory"));
}

static void directory_without_messages_is_unusable(void **state)
{
    struct test_folder *folder = *state;

    test_folder_write_text(folder, "d/sub/README.md", "x");

    assert_int_equal(test_folder_add(folder, "d"), SMT_EINPUT);

    assert_non_null(strstr(smt_fail_text(), "/d/: no message in this directory"));
    assert_int_equal(folder->list.count, 0);
}

static void deep_folders_are_read(void **state)
{
    struct test_folder *folder = *state;
    char name[1300] = "";

    for (int i = 0; i < 600; i++) strcat(name, "d/");
    strcat(name, "x.sip");
    test_folder_write_text(folder, name, "x");

    assert_int_equal(test_folder_add(folder, ""), SMT_OK);

    assert_string_equal(test_folder_names(folder), name);
}

static void manifest_says_what_is_expected(void **state)
{
    struct test_folder *folder = *state;

    test_folder_write_text(folder, "a.sip", "x");
    test_folder_write_text(folder, "b c.sip", "x");
    test_folder_write_text(folder, "d.sip", "x");
    test_folder_write_text(folder, "sub/e.sip", "x");
    test_folder_write_text(folder, "MANIFEST.tsv",
                           "# file\texpectation\n\n   \n"
                           "sub/e.sip\treject\r\n"
                           "  # more\n"
                           "b c.sip\teither\t# not sure\n"
                           "a.sip\taccept # no end of line");

    assert_int_equal(test_folder_add(folder, ""), SMT_OK);

    assert_int_equal(message_find(folder, "a.sip")->expectation, SMT_EXPECT_ACCEPT);
    assert_true(message_find(folder, "a.sip")->has_expectation);
    assert_int_equal(message_find(folder, "b c.sip")->expectation, SMT_EXPECT_EITHER);
    assert_true(message_find(folder, "b c.sip")->has_expectation);
    assert_false(message_find(folder, "d.sip")->has_expectation);
    assert_int_equal(message_find(folder, "sub/e.sip")->expectation, SMT_EXPECT_REJECT);
    assert_int_equal(folder->complaint_count, 0);
}

static void nearest_manifest_counts(void **state)
{
    struct test_folder *folder = *state;

    test_folder_write_text(folder, "s/t/a.sip", "x");
    test_folder_write_text(folder, "s/t/b.sip", "x");
    test_folder_write_text(folder, "MANIFEST.tsv", "s/t/a.sip\taccept\ns/t/b.sip\taccept\n");
    test_folder_write_text(folder, "s/t/MANIFEST.tsv", "a.sip\treject\n");

    assert_int_equal(test_folder_add(folder, ""), SMT_OK);

    assert_int_equal(message_find(folder, "s/t/a.sip")->expectation, SMT_EXPECT_REJECT);
    assert_int_equal(message_find(folder, "s/t/b.sip")->expectation, SMT_EXPECT_ACCEPT);
    assert_int_equal(folder->complaint_count, 0);
}

static void manifest_applies_to_a_file_named_alone(void **state)
{
    struct test_folder *folder = *state;

    test_folder_write_text(folder, "a.sip", "x");
    test_folder_write_text(folder, "sub/a.sip", "x");
    test_folder_write_text(folder, "MANIFEST.tsv", "a.sip\treject\nmissing.sip\taccept\n");
    test_folder_write_text(folder, "sub/MANIFEST.tsv", "a.sip\taccept\n");

    assert_int_equal(test_folder_add(folder, "a.sip"), SMT_OK);
    assert_int_equal(test_folder_add(folder, "sub/a.sip"), SMT_OK);
    assert_int_equal(test_folder_add(folder, "a.sip"), SMT_OK);

    assert_int_equal(folder->list.items[0].expectation, SMT_EXPECT_REJECT);
    assert_int_equal(folder->list.items[1].expectation, SMT_EXPECT_ACCEPT);
    assert_int_equal(folder->list.items[2].expectation, SMT_EXPECT_REJECT);
    assert_int_equal(folder->complaint_count, 0); /* the folder was not asked for */
}

static void listed_files_that_are_not_read_are_complaints(void **state)
{
    struct test_folder *folder = *state;

    test_folder_write_text(folder, "a.sip", "x");
    test_folder_write_text(folder, "README.md", "x");
    test_folder_write_text(folder, "sub/b.sip", "x");
    test_folder_write_text(folder, "MANIFEST.tsv", "a.sip\taccept\nREADME.md\taccept\n");
    test_folder_write_text(folder, "sub/MANIFEST.tsv", "b.sip\taccept\n\ngone.sip\treject\n");

    assert_int_equal(test_folder_add(folder, ""), SMT_OK);

    assert_int_equal(folder->list.count, 2);
    assert_int_equal(folder->complaint_count, 2);
    assert_true(
        test_folder_has_complaint(folder, "/sub/MANIFEST.tsv:3: 'gone.sip' is listed but missing"));
    assert_true(test_folder_has_complaint(
        folder, "/MANIFEST.tsv:2: 'README.md' is listed but not read as a message"));
}

static void broken_manifest_lines_are_named(void **state)
{
    static const struct {
        const char *text;
        const char *says;
    } rows[] = {
        {"# one\na.sip accept\n", "/MANIFEST.tsv:2: no TAB behind the file"},
        {"a.sip", "/MANIFEST.tsv:1: no TAB behind the file"},
        {"a.sip\t\n", "/MANIFEST.tsv:1: '' is no expectation"},
        {"a.sip\t# accept\n", "/MANIFEST.tsv:1: '' is no expectation"},
        {"a.sip\tacept\n", "/MANIFEST.tsv:1: 'acept' is no expectation"},
        {"a.sip\tAccept\n", "/MANIFEST.tsv:1: 'Accept' is no expectation"},
        {"a.sip\taccept reject\n", "/MANIFEST.tsv:1: 'accept reject' is no expectation"},
        {"\taccept\n", "/MANIFEST.tsv:1: '' is no plain path"},
        {"/a.sip\taccept\n", "/MANIFEST.tsv:1: '/a.sip' is no plain path"},
        {"./a.sip\taccept\n", "/MANIFEST.tsv:1: './a.sip' is no plain path"},
        {"../a.sip\taccept\n", "/MANIFEST.tsv:1: '../a.sip' is no plain path"},
        {"s/../a.sip\taccept\n", "/MANIFEST.tsv:1: 's/../a.sip' is no plain path"},
        {"s//a.sip\taccept\n", "/MANIFEST.tsv:1: 's//a.sip' is no plain path"},
        {"s/\taccept\n", "/MANIFEST.tsv:1: 's/' is no plain path"},
        {"a.sip\taccept\n\na.sip\taccept\n",
         "/MANIFEST.tsv:3: 'a.sip' is listed before, on line 1"},
    };
    struct test_folder *folder = *state;

    test_folder_write_text(folder, "a.sip", "x");

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        test_folder_write_text(folder, "MANIFEST.tsv", rows[i].text);

        assert_int_equal(test_folder_add(folder, ""), SMT_EINPUT);
        if (!strstr(smt_fail_text(), rows[i].says)) fail_msg("row %zu: %s", i, smt_fail_text());
        assert_int_equal(test_folder_add(folder, "a.sip"), SMT_EINPUT);
        if (!strstr(smt_fail_text(), rows[i].says)) fail_msg("row %zu: %s", i, smt_fail_text());
        assert_int_equal(folder->list.count, 0);
    }
}

static void nul_in_a_manifest_is_a_broken_line(void **state)
{
    struct test_folder *folder = *state;

    test_folder_write_text(folder, "a", "x");
    test_folder_write(folder, "MANIFEST.tsv", "a\0b\taccept\n", 11);

    assert_int_equal(test_folder_add(folder, ""), SMT_EINPUT);

    assert_non_null(strstr(smt_fail_text(), "/MANIFEST.tsv:1: 'a' is no plain path"));
}

static void broken_manifest_in_a_sub_folder_names_that_folder(void **state)
{
    struct test_folder *folder = *state;

    test_folder_write_text(folder, "s/a.sip", "x");
    test_folder_write_text(folder, "s/MANIFEST.tsv", "a.sip\taccept\na.sip\treject\n");

    assert_int_equal(test_folder_add(folder, ""), SMT_EINPUT);

    assert_non_null(strstr(smt_fail_text(), "/s/MANIFEST.tsv:2: 'a.sip' is listed before"));
}

static void manifest_that_cannot_be_read_is_no_absent_manifest(void **state)
{
    struct test_folder *folder = *state;

    test_folder_write_text(folder, "a.sip", "x");
    test_folder_link(folder, "nowhere", "MANIFEST.tsv");

    assert_int_equal(test_folder_add(folder, ""), SMT_EINPUT);

    assert_non_null(strstr(smt_fail_text(), "/MANIFEST.tsv: cannot open"));
}

#define IN_FOLDER(test)                                                                            \
    cmocka_unit_test_setup_teardown(test, test_folder_setup, test_folder_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(files_come_in_byte_order_of_their_whole_path),
        IN_FOLDER(names_are_the_typed_directory_and_one_slash),
        IN_FOLDER(what_is_no_message_is_skipped_in_silence),
        IN_FOLDER(skipped_names_are_read_when_named),
        IN_FOLDER(links_to_files_are_read_and_loops_are_not_entered),
        IN_FOLDER(argument_may_be_a_link_to_a_directory),
        IN_FOLDER(unusable_files_are_complaints_and_the_others_go_on),
        IN_FOLDER(unreadable_files_and_folders_are_complaints),
        IN_FOLDER(directory_without_messages_is_unusable),
        IN_FOLDER(deep_folders_are_read),
        IN_FOLDER(manifest_says_what_is_expected),
        IN_FOLDER(nearest_manifest_counts),
        IN_FOLDER(manifest_applies_to_a_file_named_alone),
        IN_FOLDER(listed_files_that_are_not_read_are_complaints),
        IN_FOLDER(broken_manifest_lines_are_named),
        IN_FOLDER(nul_in_a_manifest_is_a_broken_line),
        IN_FOLDER(broken_manifest_in_a_sub_folder_names_that_folder),
        IN_FOLDER(manifest_that_cannot_be_read_is_no_absent_manifest),
    };

    return cmocka_run_group_tests_name("message/directory", tests, NULL, NULL);
}
