#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "message/message.h"

static void assert_slice(struct smt_slice slice, const char *expected)
{
    if (slice.size != strlen(expected) || memcmp(slice.data, expected, slice.size) != 0)
        fail_msg("got \"%.*s\", expected \"%s\"", (int)slice.size, slice.data, expected);
}

static void items_end_at_commas_outside_quotes_and_angles(void **state)
{
    struct smt_slice text = smt_slice_text("\"a,\\\",b\" <sip:c,d>;x=\",\",, e"), item;
    size_t at = 0;
    (void)state;

    assert_true(smt_view_item(text, &at, &item));
    assert_slice(item, "\"a,\\\",b\" <sip:c,d>;x=\",\"");
    assert_true(smt_view_item(text, &at, &item));
    assert_slice(item, "");
    assert_true(smt_view_item(text, &at, &item));
    assert_slice(item, " e");
    assert_false(smt_view_item(text, &at, &item));
}

static void parameters_are_found_inside_a_uri_too(void **state)
{
    struct smt_slice text = smt_slice_text("\";no\" <sip:a;lr?h=v>; tag = \"x;y\" ;e=;f");
    struct smt_view_parameter parameter;
    size_t at = 0;
    (void)state;

    assert_true(smt_view_parameter(text, &at, &parameter));
    assert_slice(parameter.whole, ";lr");
    assert_false(parameter.has_value);
    assert_true(smt_view_parameter(text, &at, &parameter));
    assert_slice(parameter.name, "tag");
    assert_slice(parameter.value, " \"x;y\" ");
    assert_true(smt_view_parameter(text, &at, &parameter));
    assert_true(parameter.has_value);
    assert_slice(parameter.value, "");
    assert_true(smt_view_parameter(text, &at, &parameter));
    assert_slice(parameter.name, "f");
    assert_false(smt_view_parameter(text, &at, &parameter));
}

static void uri_has_all_its_pieces(void **state)
{
    struct smt_view_uri uri;
    (void)state;

    assert_true(smt_view_uri(
        smt_slice_text("\"x <sip:no>\" <sips:bob:pw@[2001:db8::1]:5061;lr;x=y?a=b&c>;tag=1"),
        &uri));

    assert_slice(uri.scheme, "sips");
    assert_slice(uri.user, "bob");
    assert_slice(uri.password, "pw");
    assert_slice(uri.host, "[2001:db8::1]");
    assert_slice(uri.port, "5061");
    assert_slice(uri.parameters, ";lr;x=y");
    assert_slice(uri.headers, "?a=b&c");
}

static void uri_of_a_start_line_ends_at_a_blank(void **state)
{
    struct smt_view_uri uri;
    (void)state;

    assert_true(smt_view_uri(smt_slice_text("INVITE sip:h:1 SIP/2.0"), &uri));

    assert_slice(uri.whole, "sip:h:1");
    assert_false(uri.has_user);
    assert_slice(uri.host, "h");
    assert_slice(uri.port, "1");
}

static void values_without_a_uri_have_none(void **state)
{
    struct smt_view_uri uri;
    (void)state;

    assert_false(smt_view_uri(smt_slice_text("70"), &uri));
    assert_false(smt_view_uri(smt_slice_text(""), &uri));
    assert_false(smt_view_uri(smt_slice_text("\"sip:a"), &uri));
}

static void names_have_long_and_compact_form(void **state)
{
    (void)state;

    assert_slice(smt_view_other_name(smt_slice_text("VIA")), "v");
    assert_slice(smt_view_other_name(smt_slice_text("L")), "Content-Length");
    assert_slice(smt_view_other_name(smt_slice_text("CSeq")), "");
    assert_true(smt_view_is_name(smt_slice_text("V"), "Via"));
    assert_false(smt_view_is_name(smt_slice_text("Vi"), "Via"));
}

static void parts_are_split_at_their_boundary(void **state)
{
    static const char data[] = "S\r\nc: Multipart/mixed; x=1; Boundary=\"b c\"\r\n\r\n"
                               "preamble\r\n--b c\r\nA: 1\r\n\r\none\r\n--b cd\r\n--b c \t\r\n\r\n"
                               "--b c\n--b c--\r\nepilogue";
    struct smt_model model;
    struct smt_slice boundary;
    struct smt_view_part part;
    size_t at = 0;
    (void)state;
    smt_model_init(&model);
    assert_int_equal(smt_model_parse(&model, data, sizeof data - 1), SMT_OK);

    assert_true(smt_view_boundary(&model, &boundary));
    assert_slice(boundary, "b c");
    assert_true(smt_view_part(model.body, boundary, &at, &part));
    assert_slice(part.headers, "A: 1\r\n");
    assert_slice(part.content, "one\r\n--b cd\r\n");
    assert_true(smt_view_part(model.body, boundary, &at, &part));
    assert_slice(part.delimiter, "--b c \t\r\n");
    assert_slice(part.content, "");
    assert_true(smt_view_part(model.body, boundary, &at, &part));
    assert_slice(part.whole, "--b c\n");
    assert_false(part.is_close);
    assert_true(smt_view_part(model.body, boundary, &at, &part));
    assert_true(part.is_close);
    assert_false(smt_view_part(model.body, boundary, &at, &part));
    smt_model_clear(&model);
}

static void other_types_have_no_boundary(void **state)
{
    static const char data[] = "S\r\nc: text/plain;boundary=b\r\n\r\n--b\r\n";
    struct smt_model model;
    struct smt_slice boundary;
    (void)state;
    smt_model_init(&model);

    assert_int_equal(smt_model_parse(&model, data, sizeof data - 1), SMT_OK);

    assert_false(smt_view_boundary(&model, &boundary));
    smt_model_clear(&model);
}

static void body_lines_end_with_any_line_end(void **state)
{
    struct smt_slice body = smt_slice_text("v=0\ro=1\n\r\ns=");
    struct smt_view_line line;
    size_t at = 0;
    (void)state;

    assert_true(smt_view_line(body, &at, &line));
    assert_slice(line.end, "\r");
    assert_true(smt_view_line(body, &at, &line));
    assert_slice(line.whole, "o=1\n");
    assert_true(smt_view_line(body, &at, &line));
    assert_slice(line.whole, "\r\n");
    assert_true(smt_view_line(body, &at, &line));
    assert_slice(line.text, "s=");
    assert_false(smt_view_line(body, &at, &line));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_end_at_commas_outside_quotes_and_angles),
        cmocka_unit_test(parameters_are_found_inside_a_uri_too),
        cmocka_unit_test(uri_has_all_its_pieces),
        cmocka_unit_test(uri_of_a_start_line_ends_at_a_blank),
        cmocka_unit_test(values_without_a_uri_have_none),
        cmocka_unit_test(names_have_long_and_compact_form),
        cmocka_unit_test(parts_are_split_at_their_boundary),
        cmocka_unit_test(other_types_have_no_boundary),
        cmocka_unit_test(body_lines_end_with_any_line_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
