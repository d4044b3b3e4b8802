#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "message/message.h"

#define TEXT(literal) literal, sizeof literal - 1

static struct smt_model model;

static int setup(void **state)
{
    (void)state;
    smt_model_init(&model);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    smt_model_clear(&model);
    return 0;
}

/* Exactly as large as its contents, so that a sanitizer sees a read too far. */
static char *exact_copy(const char *data, size_t size)
{
    char *copy = malloc(size ? size : 1);

    assert_non_null(copy);
    memcpy(copy, data, size);
    return copy;
}

static void assert_slice(struct smt_slice slice, const char *expected)
{
    if (slice.size != strlen(expected) || memcmp(slice.data, expected, slice.size) != 0)
        fail_msg("got \"%.*s\", expected \"%s\"", (int)slice.size, slice.data, expected);
}

static void assert_writes(const char *expected)
{
    struct smt_buffer buffer;

    smt_buffer_init(&buffer);
    smt_model_add(&model, &buffer);
    assert_string_equal(buffer.data ? buffer.data : "", expected);
    assert_int_equal(smt_model_size(&model), strlen(expected));
    smt_buffer_clear(&buffer);
}

/* Parses and writes; the same bytes must come back. */
static void assert_unchanged(const char *data, size_t size)
{
    char *copy = exact_copy(data, size), *out = malloc(size + 1);

    assert_non_null(out);
    assert_int_equal(smt_model_parse(&model, copy, size), SMT_OK);
    assert_int_equal(smt_model_size(&model), size);
    assert_int_equal(smt_model_write(&model, out, size + 1), size);
    assert_memory_equal(out, data, size);
    free(out);
    free(copy);
}

static void gives_back_edge_cases_unchanged(void **state)
{
    static const struct {
        const char *data;
        size_t size;
    } cases[] = {
        {TEXT("")},
        {TEXT("\r")},
        {TEXT("\n")},
        {TEXT("\r\n\r\n")},
        {TEXT("x")},
        {TEXT(":")},
        {TEXT("a\r\n b\r\nc")},
        {TEXT("S\n\tx: y\n\n\n")},
        {TEXT("S\r\nNoColon\r\n: v\r\nx : \t v \r\n\r\nbody")},
        {TEXT("S\r\nA: 1\r\n \r\n\r\n")},
        {TEXT("S\rA:1\r\rb")},
        {TEXT("S\n\rA:1")},
        {TEXT("a\0b\r\nX\0: \0\r\n\r\n\0")},
        {TEXT("S\r\nA: 1\r\n ")},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_unchanged(cases[i].data, cases[i].size);
}

static void gives_back_random_bytes_unchanged(void **state)
{
    static const char letters[] = "\r\n \t:;,a\"<>-\0";
    struct smt_random random;
    char data[256];
    (void)state;

    smt_random_init(&random, 1);
    for (int i = 0; i < 20000; i++) {
        size_t size = smt_random_below(&random, sizeof data);

        for (size_t k = 0; k < size; k++)
            data[k] = letters[smt_random_below(&random, sizeof letters - 1)];
        assert_unchanged(data, size);
    }
}

static void on_error(void *context, const char *sentence)
{
    (void)context;
    fail_msg("%s", sentence);
}

static void gives_back_the_corpus_unchanged(void **state)
{
    struct smt_message_list list;
    (void)state;

    smt_message_list_init(&list);
    assert_int_equal(smt_message_add_path(&list, SMT_CORPUS, on_error, NULL), SMT_OK);
    assert_true(list.count > 100);
    for (size_t i = 0; i < list.count; i++)
        assert_unchanged(list.items[i].data, list.items[i].size_bytes);
    smt_message_list_clear(&list);
}

static void splits_a_message_into_its_pieces(void **state)
{
    static const char data[] =
        "\r\nINVITE sip:a@b SIP/2.0\r\nVia : SIP/2.0/UDP h\r\n ;x\nm:\r\n\r\nbody";
    (void)state;

    assert_int_equal(smt_model_parse(&model, TEXT(data)), SMT_OK);

    assert_slice(model.leading, "\r\n");
    assert_slice(model.start, "INVITE sip:a@b SIP/2.0");
    assert_slice(model.start_end, "\r\n");
    assert_int_equal(model.header_count, 2);
    assert_slice(smt_model_name(&model.headers[0]), "Via");
    assert_slice(smt_model_separator(&model.headers[0]), " : ");
    assert_slice(smt_model_value(&model.headers[0]), "SIP/2.0/UDP h\r\n ;x");
    assert_slice(smt_model_end(&model.headers[0]), "\n");
    assert_slice(smt_model_name(&model.headers[1]), "m");
    assert_slice(smt_model_value(&model.headers[1]), "");
    assert_slice(model.blank, "\r\n");
    assert_slice(model.body, "body");
}

static void line_without_colon_is_all_value(void **state)
{
    (void)state;

    assert_int_equal(smt_model_parse(&model, TEXT("S\r\nno colon\r\n here: x\r\n")), SMT_OK);

    assert_int_equal(model.header_count, 1);
    assert_int_equal(model.headers[0].name_size, 0);
    assert_slice(smt_model_value(&model.headers[0]), "no colon\r\n here: x");
}

static void lines_over_the_limit_count_as_body(void **state)
{
    size_t size = 2 * (SMT_MODEL_HEADERS_MAX + 10) + 2;
    char *data = malloc(size);
    (void)state;
    assert_non_null(data);
    for (size_t i = 0; i < size; i += 2) memcpy(data + i, "a\n", 2);

    assert_int_equal(smt_model_parse(&model, data, size), SMT_OK);

    assert_int_equal(model.header_count, SMT_MODEL_HEADERS_MAX);
    assert_int_equal(model.body.size, 20);
    assert_int_equal(smt_model_size(&model), size);
    free(data);
}

/* 16 MiB of CR: looking for LF at every line would take hours. */
static void time_is_linear_for_one_kind_of_line_end(void **state)
{
    size_t size = (size_t)16 << 20;
    char *data = malloc(size);
    uint64_t from;
    (void)state;
    assert_non_null(data);
    for (size_t i = 0; i < size; i++) data[i] = i % 20 ? 'a' : '\r';
    data[0] = 'S';
    from = smt_clock_cpu_ns();

    assert_int_equal(smt_model_parse(&model, data, size), SMT_OK);

    assert_true(smt_clock_cpu_ns() - from < 5000000000u);
    assert_true(model.header_count > 800000);
    free(data);
}

static void write_stops_at_capacity(void **state)
{
    char out[8] = "zzzzzzz";
    (void)state;
    assert_int_equal(smt_model_parse(&model, TEXT("S\r\nA: 1\r\n\r\nb")), SMT_OK);

    assert_int_equal(smt_model_write(&model, out, 5), 5);

    assert_memory_equal(out, "S\r\nA:zz", 7);
}

static void finds_long_and_compact_names_in_any_case(void **state)
{
    (void)state;

    assert_int_equal(smt_model_parse(&model, TEXT("S\r\nx: 1\r\nV: 2\r\nvIA: 3\r\n")), SMT_OK);

    assert_int_equal(smt_model_find(&model, "Via", 0), 1);
    assert_int_equal(smt_model_find(&model, "Via", 2), 2);
    assert_int_equal(smt_model_find(&model, "Via", 3), SMT_MODEL_NONE);
    assert_int_equal(smt_model_find(&model, "Session-Expires", 0), 0);
}

static void edits_change_what_they_name_and_nothing_else(void **state)
{
    (void)state;
    assert_int_equal(smt_model_parse(&model, TEXT("S\nA:1\nB : 2\r\nC:3\r\r\nbody")), SMT_OK);

    assert_true(smt_model_set_text(&model, 1, smt_slice_text("two")));
    assert_true(smt_model_splice(&model, SMT_MODEL_START, 1, 0, smt_slice_text("IP")));
    assert_true(smt_model_splice(&model, SMT_MODEL_BODY, 1, 2, smt_slice_text("")));
    assert_true(smt_model_insert_header(&model, 0, smt_slice_text("N"), smt_slice_text("v")));
    assert_true(smt_model_delete_headers(&model, 1, 1));

    assert_writes("SIP\nN: v\nB : two\r\nC:3\r\r\nby");
}

static void edits_out_of_range_are_refused(void **state)
{
    (void)state;
    assert_int_equal(smt_model_parse(&model, TEXT("S\r\nA: 1;x,2\r\n\r\nb")), SMT_OK);

    assert_false(smt_model_set_text(&model, 1, smt_slice_text("x")));
    assert_false(smt_model_set_text(&model, SMT_MODEL_NONE, smt_slice_text("x")));
    assert_false(smt_model_splice(&model, 0, 5, 2, smt_slice_text("x")));
    assert_false(smt_model_splice(&model, 0, 7, 0, smt_slice_text("x")));
    assert_false(smt_model_delete_headers(&model, 1, 1));
    assert_false(smt_model_insert_header(&model, 2, smt_slice_text("N"), smt_slice_text("v")));
    assert_false(smt_model_delete_item(&model, 0, 2));
    assert_false(smt_model_delete_parameter(&model, 0, 1));
    assert_false(smt_model_delete_part(&model, 0));
    assert_false(smt_model_delete_item(&model, 7, 0));
    assert_false(smt_model_delete_body_line(&model, 1));
    assert_false(smt_model_shorten(&model, 0, 6));

    assert_writes("S\r\nA: 1;x,2\r\n\r\nb");
}

static void deletes_items_with_one_comma(void **state)
{
    static const char *const expected[] = {"S\nA:\" , \"b ,<c,d>\n", "S\nA:a,<c,d>\n",
                                           "S\nA:a,\" , \"b \n"};
    (void)state;

    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(smt_model_parse(&model, TEXT("S\nA:a,\" , \"b ,<c,d>\n")), SMT_OK);
        assert_true(smt_model_delete_item(&model, 0, i));
        assert_writes(expected[i]);
    }
}

static void deletes_parameters_with_their_semicolon(void **state)
{
    static const char *const expected[] = {"S\nA:<sip:a;y=z>;t=\";\";u\n",
                                           "S\nA:<sip:a;x>;t=\";\";u\n", "S\nA:<sip:a;x;y=z>;u\n",
                                           "S\nA:<sip:a;x;y=z>;t=\";\"\n"};
    (void)state;

    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(smt_model_parse(&model, TEXT("S\nA:<sip:a;x;y=z>;t=\";\";u\n")), SMT_OK);
        assert_true(smt_model_delete_parameter(&model, 0, i));
        assert_writes(expected[i]);
    }
}

static void fixes_the_length_only_when_asked(void **state)
{
    (void)state;
    assert_int_equal(smt_model_parse(&model, TEXT("S\nl: 4\n\nv=0\no=1\n")), SMT_OK);
    assert_false(smt_model_length_is_exact(&model));

    assert_true(smt_model_delete_body_line(&model, 0));
    assert_true(smt_model_length_is_exact(&model));
    assert_true(smt_model_set_text(&model, SMT_MODEL_BODY, smt_slice_text("0123456789")));
    assert_writes("S\nl: 4\n\n0123456789");

    assert_true(smt_model_fix_length(&model));
    assert_writes("S\nl: 10\n\n0123456789");
}

/* Every edit that deletes leaves fewer bytes, and at last nothing to delete. */
static void deleting_edits_come_to_an_end(void **state)
{
    static const char data[] =
        "S\r\nContent-Type: multipart/x;boundary=b\r\nA: <sip:a;x>;y, z;t\r\n\r\n"
        "--b\r\n\r\nv=0\r\n--b--\r\n";
    size_t size;
    (void)state;
    assert_int_equal(smt_model_parse(&model, TEXT(data)), SMT_OK);

    for (size = smt_model_size(&model);
         smt_model_delete_parameter(&model, 1, 0) || smt_model_delete_part(&model, 0) ||
         smt_model_delete_body_line(&model, 0) || smt_model_delete_headers(&model, 0, 1);) {
        assert_true(smt_model_size(&model) < size);
        size = smt_model_size(&model);
    }

    assert_writes("S\r\n\r\n");
}

static void memory_of_edits_is_used_again(void **state)
{
    struct smt_model_chunk *chunks;
    (void)state;
    assert_int_equal(smt_model_parse(&model, TEXT("S\nA:1\n")), SMT_OK);
    assert_true(smt_model_set_text(&model, 0, smt_slice_text("x")));
    chunks = model.chunks;

    for (int i = 0; i < 1000; i++) {
        assert_int_equal(smt_model_parse(&model, TEXT("S\nA:1\n")), SMT_OK);
        assert_true(smt_model_set_text(&model, 0, smt_slice_text("some value that takes room")));
    }

    assert_ptr_equal(model.chunks, chunks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(gives_back_edge_cases_unchanged, setup, teardown),
        cmocka_unit_test_setup_teardown(gives_back_random_bytes_unchanged, setup, teardown),
        cmocka_unit_test_setup_teardown(gives_back_the_corpus_unchanged, setup, teardown),
        cmocka_unit_test_setup_teardown(splits_a_message_into_its_pieces, setup, teardown),
        cmocka_unit_test_setup_teardown(line_without_colon_is_all_value, setup, teardown),
        cmocka_unit_test_setup_teardown(lines_over_the_limit_count_as_body, setup, teardown),
        cmocka_unit_test_setup_teardown(time_is_linear_for_one_kind_of_line_end, setup, teardown),
        cmocka_unit_test_setup_teardown(write_stops_at_capacity, setup, teardown),
        cmocka_unit_test_setup_teardown(finds_long_and_compact_names_in_any_case, setup, teardown),
        cmocka_unit_test_setup_teardown(edits_change_what_they_name_and_nothing_else, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(edits_out_of_range_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(deletes_items_with_one_comma, setup, teardown),
        cmocka_unit_test_setup_teardown(deletes_parameters_with_their_semicolon, setup, teardown),
        cmocka_unit_test_setup_teardown(fixes_the_length_only_when_asked, setup, teardown),
        cmocka_unit_test_setup_teardown(deleting_edits_come_to_an_end, setup, teardown),
        cmocka_unit_test_setup_teardown(memory_of_edits_is_used_again, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
