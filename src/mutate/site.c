/* Choices and edits that many operations share. */
#include "mutate/operation.h"

/* Sizes of fixed buffers and limits found in SIP stacks, RFCs and transports:
 * libosip2 5.3.1 has 16, 30, 70, 80, 150, 256, 1024, 2024, 4000 and 8000;
 * RFC 2046 70; RFC 3261 18.1.1 1300; UDP over IPv4 65,507. */
static const uint16_t buffer_sizes[] = {5,    10,   16,    20,    30,    32,    50,   64,   70,
                                        80,   100,  128,   150,   200,   255,   256,  300,  500,
                                        512,  1000, 1024,  1300,  1500,  2024,  2048, 4000, 4096,
                                        8000, 8192, 10000, 16384, 32768, 65507, 65535};

static const char *const numbers[] = {
    "0",
    "1",
    "2",
    "-1",
    "9",
    "10",
    "99",
    "100",
    "127",
    "128",
    "255",
    "256",
    "699",
    "700",
    "999",
    "1000",
    "32767",
    "32768",
    "-32768",
    "65534",
    "65535",
    "65536",
    "70000",
    "99999",
    "16777215",
    "16777216",
    "2147483646",
    "2147483647",
    "2147483648",
    "-2147483648",
    "-2147483649",
    "4294967294",
    "4294967295",
    "4294967296",
    "4294967297",
    "9999999999",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "99999999999999999999999999999999",
    "1.5",
    "1e9",
    "0x7fffffff",
    "+1",
    "00000000000000000001",
    "",
};

static struct smt_slice none(void)
{
    return smt_slice("", 0);
}

size_t smt_site_value(struct smt_mutation_site *site)
{
    if (!site->model->header_count) return SMT_MODEL_NONE;
    for (int i = 0; i < 4; i++) {
        size_t index = smt_site_header(site);

        if (site->model->headers[index].value_size) return index;
    }
    return SMT_MODEL_NONE;
}

/* "INVITE sip:a@b SIP/2.0", "SIP/2.0 200" */
static bool is_start_line(struct smt_slice line)
{
    static const char version[] = "SIP/2.0";
    size_t size = sizeof version - 1;

    if (line.size <= size) return false;
    return memcmp(line.data + line.size - size, version, size) == 0 ||
           (memcmp(line.data, version, size) == 0 && line.data[size] == ' ');
}

bool smt_site_take_piece(struct smt_model *model, struct smt_slice bytes)
{
    struct smt_model_header value = {.data = bytes.data, .value_size = (uint32_t)bytes.size};
    bool is_sdp =
        bytes.size > 1 && bytes.data[1] == '=' && bytes.data[0] >= 'a' && bytes.data[0] <= 'z';

    if (!is_sdp) {
        if (!model->start.size || model->leading.size || model->body.size || model->blank.size)
            return false;
        if (is_start_line(model->start)) return false;
        for (size_t i = 0; i < model->header_count; i++) /* folds of the value */
            if (!memchr(" \t", *model->headers[i].data, 2)) return false;
        if (!model->header_count && model->start_end.size) return false;
    }
    smt_model_delete_headers(model, 0, SIZE_MAX);
    model->leading = model->start = model->start_end = model->blank = none();
    model->body = is_sdp ? bytes : none();
    return is_sdp || smt_model_insert_lines(model, 0, value, 1);
}

size_t smt_site_where(struct smt_mutation_site *site)
{
    size_t drawn = smt_site_draw(site, 8);

    if (site->is_piece) return site->model->body.size ? SMT_MODEL_BODY : smt_site_value(site);
    if (drawn == 0 && site->model->body.size) return SMT_MODEL_BODY;
    if (drawn <= 1 || !site->model->header_count)
        return site->model->start.size ? SMT_MODEL_START : SMT_MODEL_NONE;
    return smt_site_value(site);
}

bool smt_site_replace(struct smt_mutation_site *site, size_t where, struct smt_slice view,
                      struct smt_slice with)
{
    struct smt_slice text = smt_model_text(site->model, where);

    return smt_model_splice(site->model, where, (size_t)(view.data - text.data), view.size, with);
}

bool smt_site_replace_text(struct smt_mutation_site *site, size_t where, struct smt_slice view,
                           const char *with)
{
    return smt_site_replace(site, where, view, smt_slice_text(with));
}

bool smt_site_insert(struct smt_mutation_site *site, size_t where, size_t offset,
                     struct smt_slice what)
{
    return smt_model_splice(site->model, where, offset, 0, what);
}

struct smt_buffer *smt_site_text(struct smt_mutation_site *site)
{
    smt_buffer_empty(&site->text);
    return &site->text;
}

struct smt_slice smt_site_text_slice(const struct smt_mutation_site *site)
{
    return site->text.size ? smt_slice(site->text.data, site->text.size) : none();
}

void smt_site_fill(struct smt_mutation_site *site, size_t count, char byte)
{
    char block[256];

    memset(block, byte, sizeof block);
    for (; count > sizeof block; count -= sizeof block)
        smt_buffer_add(&site->text, block, sizeof block);
    smt_buffer_add(&site->text, block, count);
}

/* Small ones more often: they leave room for more mutations on top. */
size_t smt_site_length(struct smt_mutation_site *site)
{
    size_t length;

    if (smt_site_draw(site, 2))
        length = (size_t)1 << smt_site_draw(site, 1 + smt_site_draw(site, 17));
    else
        length = SMT_SITE_ONE_OF(site, buffer_sizes);
    length += smt_site_draw(site, 3);
    length -= 1;
    return length < site->room ? length : site->room;
}

const char *smt_site_number(struct smt_mutation_site *site)
{
    return SMT_SITE_ONE_OF(site, numbers);
}

enum byte_class { CLASS_DIGIT = 1, CLASS_TOKEN = 2 };

static unsigned char_class(char c)
{
    if (c >= '0' && c <= '9') return CLASS_DIGIT | CLASS_TOKEN;
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_')
        return CLASS_TOKEN;
    return 0;
}

/* The run of bytes of a class that covers or follows a random place; when there
 * is none up to the end, the first. */
static bool find_run(struct smt_mutation_site *site, struct smt_slice text, unsigned class,
                     struct smt_slice *ret_run)
{
    size_t drawn = smt_site_draw(site, text.size), from, to;

    for (from = drawn; from < text.size && !(char_class(text.data[from]) & class);) from++;
    if (from == text.size)
        for (from = 0; from < drawn && !(char_class(text.data[from]) & class);) from++;
    if (from >= text.size || !(char_class(text.data[from]) & class)) return false;
    for (to = from; to < text.size && char_class(text.data[to]) & class;) to++;
    while (from && char_class(text.data[from - 1]) & class) from--;
    *ret_run = smt_slice(text.data + from, to - from);
    return true;
}

bool smt_site_digits(struct smt_mutation_site *site, struct smt_slice text,
                     struct smt_slice *ret_digits)
{
    return find_run(site, text, CLASS_DIGIT, ret_digits);
}

bool smt_site_token(struct smt_mutation_site *site, struct smt_slice text,
                    struct smt_slice *ret_token)
{
    return find_run(site, text, CLASS_TOKEN, ret_token);
}

bool smt_site_is_delimiter(char c)
{
    return c && strchr("/=;:,@<>()[]?&\" \t.", c);
}

bool smt_site_delimiter(struct smt_mutation_site *site, struct smt_slice text,
                        const char **ret_delimiter)
{
    size_t drawn = smt_site_draw(site, text.size), at;

    for (at = drawn; at < text.size && !smt_site_is_delimiter(text.data[at]);) at++;
    if (at == text.size)
        for (at = 0; at < drawn && !smt_site_is_delimiter(text.data[at]);) at++;
    if (at >= text.size || !smt_site_is_delimiter(text.data[at])) return false;
    *ret_delimiter = text.data + at;
    return true;
}

bool smt_site_parameter(struct smt_mutation_site *site, size_t where,
                        struct smt_view_parameter *ret_parameter)
{
    struct smt_slice text = smt_model_text(site->model, where);
    struct smt_view_parameter view;
    size_t at = 0, seen = 0;

    while (seen < 64 && smt_view_parameter(text, &at, &view))
        if (smt_site_draw(site, ++seen) == 0 || seen == 1)
            *ret_parameter = view; /* reservoir of one */
    return seen > 0;
}
