/* Operations on multipart bodies (RFC 2046 5.1.1). */
#include "mutate/operation.h"

/* Boundaries as the parameter spells them: legal, at the limit, over it, ones
 * that look like something else, ones that are a prefix of another. */
struct boundary {
    const char *parameter; /* behind "boundary=" */
    const char *delimiter; /* behind "--"; NULL: as in the parameter, without quotes */
};
#define BOUNDARIES_USUAL 4 /* the first; any parser reads them */
static const struct boundary boundaries[] = {
    {"b", NULL},
    {"\"b\"", NULL},
    {"\"bb--\"", NULL},
    {"0'()+_,-./=?", NULL},
    {"\"b b\"", NULL},
    {"\"b \"", NULL},
    {"\"\"", NULL},
    {"", NULL},
    {"--", NULL},
    {"\"-\"", NULL},
    {"\"'()+_,-./:=?\"", NULL},
    {"b;charset=x", "b"},
    {"\"b;c\"", NULL},
    {"\"b\\\"c\"", "b\"c"},
    {"\"b\\\"c\"", "b\\\"c"},
    {"b\"", "b"},
    {"\"b", "b"},
    {"'b'", NULL},
    {"b ", "b"},
    {" b", "b"},
    {"bb", "b"},
    {"b", "bb"},
    {"b", "B"},
    {"\"b\xff\"", NULL},
    {"%62", "b"},
    {"1234567890123456789012345678901234567890123456789012345678901234567890", NULL},
    {"12345678901234567890123456789012345678901234567890123456789012345678901", NULL},
};
static const char *const part_bodies[] = {
    "",
    "x",
    "x\r\n",
    "\r\n",
    "--",
    "--b-",
    "v=0\r\no=- 0 0 IN IP4 0\r\ns=-\r\nt=0 0\r\n",
    "\r\n--",
    "<xml/>",
    " --b\r\n",
    "INVITE sip:a@b SIP/2.0\r\n\r\n",
};
static const char *const part_headers[] = {
    "Content-Type: application/sdp\r\n",
    "Content-Type: text/plain\r\n",
    "c:text/plain\r\n",
    "",
    "Content-Length: 1\r\n",
    "Content-Disposition: session;handling=optional\r\n",
    "X\r\n",
    ":\r\n",
    "Content-ID: <a@b>\r\n",
    "Content-Type: application/sdp\r\nContent-Type: text/plain\r\n",
    "Content-Transfer-Encoding: binary\r\n",
    "Content-Type:\r\n",
    "Content-Type: \r\n text/plain\r\n",
    "Content-Type: multipart/mixed;boundary=b\r\n",
    "MIME-Version: 1.0\r\n",
    " folded\r\n",
};
/* Parts that are what they say. */
static const struct smt_mutation_sample contents[] = {
    {"Content-Type: application/sdp\r\n",
     "v=0\r\no=- 0 0 IN IP4 0\r\ns=-\r\nc=IN IP4 0\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n"},
    {"c:application/sdp\r\n",
     "v=0\r\no=- 0 0 IN IP4 0\r\ns=-\r\nc=IN IP4 0\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n"
     "a=sendrecv\r\nm=video 0 RTP/AVP 31\r\na=inactive\r\n"},
    {"Content-Type: text/plain\r\n", "x"},
    {"Content-Type: text/plain;\r\n charset=utf-8\r\nContent-Language:en\r\n", "x\r\n"},
    {"Content-Type: multipart/alternative;boundary=n\r\n", "--n\r\n\r\nx\r\n--n--"},
    {"Content-Type: multipart/mixed; boundary=\"b-\"\r\n", "--b-\r\nX:\r\n\r\n\r\n--b---\r\n"},
    {"Content-Type: message/sip\r\n", "INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n\r\n"},
    {"Content-Type: message/sipfrag\r\nContent-ID: <a@b>\r\n", "SIP/2.0 200 OK\r\n"},
    {"", "x"},
    {"", ""},
};
static const char *const subtypes[] = {"mixed", "mixed", "alternative", "related", "digest",
                                       "x",     "",      "MIXED",       "mixed ",  "mixed;start=a"};
static const char *const breaks[] = {"\r\n", "\r\n", "\r\n", "\r\n", "\r\n",
                                     "\r\n", "\r\n", "\n",   "\r",   "\r\n "};

/* The bytes between the dashes and the line end. */
static struct smt_slice delimiter_of(const struct boundary *boundary)
{
    struct smt_slice text =
        smt_slice_text(boundary->delimiter ? boundary->delimiter : boundary->parameter);

    if (!boundary->delimiter && text.size > 1 && *text.data == '"') text.data++, text.size -= 2;
    return text;
}

static void add_delimiter(struct smt_mutation_site *site, struct smt_slice boundary,
                          const char *behind)
{
    smt_buffer_add_text(&site->text, "--");
    smt_buffer_add(&site->text, boundary.data, boundary.size);
    smt_buffer_add_text(&site->text, behind);
}

/* A delimiter, one to two headers, a blank line, a body. */
static void add_part(struct smt_mutation_site *site, struct smt_slice boundary,
                     struct smt_slice content)
{
    size_t headers = smt_site_draw(site, 3);

    add_delimiter(site, boundary, SMT_SITE_ONE_OF(site, breaks));
    for (size_t i = 0; i < headers; i++)
        smt_buffer_add_text(&site->text, SMT_SITE_ONE_OF(site, part_headers));
    if (!smt_site_chance(site, 10)) smt_buffer_add_text(&site->text, SMT_SITE_ONE_OF(site, breaks));
    smt_buffer_add(&site->text, content.data, content.size);
    if (!smt_site_chance(site, 10)) smt_buffer_add_text(&site->text, "\r\n");
}

/* A part that a parser reads to its end. */
static void add_usual_part(struct smt_mutation_site *site, struct smt_slice boundary)
{
    const struct smt_mutation_sample *content = &SMT_SITE_ONE_OF(site, contents);

    add_delimiter(site, boundary, "\r\n");
    smt_buffer_add_text(&site->text, content->name);
    smt_buffer_add_text(&site->text, "\r\n");
    smt_buffer_add_text(&site->text, content->value);
    smt_buffer_add_text(&site->text, "\r\n");
}

/* Half of the bodies we make are usual ones: what lies behind the parts is reached
 * only through those. */
static bool is_usual(struct smt_mutation_site *site)
{
    return smt_site_chance(site, 50);
}

/* What a body is built with. */
struct drawn_boundary {
    char parameter[96];
    struct smt_slice delimiter; /* may lie in `parameter` */
};

/* Quotes, blanks and escapes at both ends, of which a parser takes some for the
 * boundary's own: the delimiter is one way to read it. */
static void compose_boundary(struct smt_mutation_site *site, struct drawn_boundary *ret_boundary)
{
    static const char *const opens[] = {"\"", "\"", "\"", "", "'", " \"", "\\\""};
    static const char *const insides[] = {"", "", "b", "b b", "-", "b\\"};
    static const char *const closes[] = {"", "", "\"", " ", "\"\"", "\\\"", "\" ", "'", "\"x"};
    const char *open = SMT_SITE_ONE_OF(site, opens), *inside = SMT_SITE_ONE_OF(site, insides);
    const char *close = SMT_SITE_ONE_OF(site, closes);
    size_t open_size = strlen(open), inside_size = strlen(inside), all;
    char *text = ret_boundary->parameter;

    strcpy(stpcpy(stpcpy(text, open), inside), close);
    all = strlen(text);
    switch (smt_site_draw(site, 4)) {
    case 0:
        ret_boundary->delimiter = smt_slice(text, all);
        break;
    case 1:
        ret_boundary->delimiter = smt_slice(text + open_size, all - open_size);
        break;
    default:
        ret_boundary->delimiter = smt_slice(text + open_size, inside_size);
        break;
    }
}

static void draw_boundary(struct smt_mutation_site *site, bool usual,
                          struct drawn_boundary *ret_boundary)
{
    size_t count = usual ? BOUNDARIES_USUAL : sizeof boundaries / sizeof *boundaries;
    const struct boundary *boundary = &boundaries[smt_site_draw(site, count)];

    if (smt_site_chance(site, usual ? 10 : 40)) {
        compose_boundary(site, ret_boundary);
        return;
    }
    strcpy(ret_boundary->parameter, boundary->parameter);
    ret_boundary->delimiter = delimiter_of(boundary);
}

static bool set_type(struct smt_mutation_site *site, const char *parameter)
{
    struct smt_model *model = site->model;
    size_t index = smt_model_find(model, "Content-Type", 0);
    struct smt_buffer *text = smt_site_text(site);

    smt_buffer_add_text(text, "multipart/");
    smt_buffer_add_text(text, SMT_SITE_ONE_OF(site, subtypes));
    smt_buffer_add_text(text, smt_site_chance(site, 80) ? ";boundary=" : " ; BOUNDARY = ");
    smt_buffer_add_text(text, parameter);
    if (index != SMT_MODEL_NONE) return smt_model_set_text(model, index, smt_site_text_slice(site));
    return smt_model_insert_header(model, model->header_count, smt_slice_text("Content-Type"),
                                   smt_site_text_slice(site));
}

/* The scratch becomes the body of a multipart type with this boundary. */
static bool set_body(struct smt_mutation_site *site, const char *parameter)
{
    struct smt_model *model = site->model;

    if (!smt_model_set_text(model, SMT_MODEL_BODY, smt_site_text_slice(site))) return false;
    if (!model->blank.size) model->blank = smt_model_line_end(model);
    site->intents |= SMT_INTENT_BOUNDARY;
    if (smt_model_find(model, "Content-Length", 0) == SMT_MODEL_NONE)
        smt_model_insert_header(model, model->header_count, smt_slice_text("Content-Length"),
                                smt_slice("0", 1));
    return set_type(site, parameter);
}

bool smt_mutate_multipart_build(struct smt_mutation_site *site)
{
    bool usual = is_usual(site);
    struct drawn_boundary boundary;
    struct smt_slice delimiter;
    size_t parts = smt_site_draw(site, 5);

    draw_boundary(site, usual, &boundary);
    delimiter = boundary.delimiter;
    smt_site_text(site);
    for (size_t i = 0; i < parts; i++)
        if (usual)
            add_usual_part(site, delimiter);
        else
            add_part(site, delimiter, smt_slice_text(SMT_SITE_ONE_OF(site, part_bodies)));
    if (usual || !smt_site_chance(site, 25)) add_delimiter(site, delimiter, "--\r\n");
    return set_body(site, boundary.parameter);
}

/* One part: the old body under its old type. Nested where it was multipart. */
bool smt_mutate_multipart_nest(struct smt_mutation_site *site)
{
    bool usual = is_usual(site);
    struct drawn_boundary boundary;
    struct smt_slice delimiter, body = site->model->body;
    size_t type = smt_model_find(site->model, "Content-Type", 0);

    draw_boundary(site, usual, &boundary);
    delimiter = boundary.delimiter;
    smt_site_text(site);
    if (smt_site_chance(site, 30)) add_usual_part(site, delimiter);
    add_delimiter(site, delimiter, "\r\n");
    if (type != SMT_MODEL_NONE) {
        struct smt_slice value = smt_model_text(site->model, type);

        smt_buffer_add_text(&site->text, "Content-Type: ");
        smt_buffer_add(&site->text, value.data, value.size);
        smt_buffer_add_text(&site->text, "\r\n");
    }
    smt_buffer_add_text(&site->text, "\r\n");
    smt_buffer_add(&site->text, body.data, body.size);
    smt_buffer_add_text(&site->text, "\r\n");
    if (smt_site_chance(site, 30)) add_part(site, delimiter, smt_slice("x", 1));
    if (usual || !smt_site_chance(site, 20)) add_delimiter(site, delimiter, "--\r\n");
    return set_body(site, boundary.parameter);
}

bool smt_mutate_multipart_boundary(struct smt_mutation_site *site)
{
    struct drawn_boundary boundary;

    draw_boundary(site, false, &boundary);
    site->intents |= SMT_INTENT_BOUNDARY;
    return set_type(site, boundary.parameter);
}

/* Parameter and body together: what the parts hold stays readable. */
bool smt_mutate_multipart_rename(struct smt_mutation_site *site)
{
    struct drawn_boundary boundary;
    struct smt_slice body = site->model->body, old;
    struct smt_view_part part;
    const char *copied = body.data;
    size_t at = 0;

    if (!smt_view_boundary(site->model, &old)) return false;
    draw_boundary(site, false, &boundary);
    smt_site_text(site);
    while (smt_view_part(body, old, &at, &part)) {
        smt_buffer_add(&site->text, copied, (size_t)(part.whole.data - copied));
        add_delimiter(site, boundary.delimiter, "");
        copied = part.whole.data + 2 + old.size;
    }
    if (copied == body.data) return false;
    smt_buffer_add(&site->text, copied, (size_t)(body.data + body.size - copied));
    return set_body(site, boundary.parameter);
}

/* A part at random; `want_close` takes the close delimiter instead. */
static bool find_part(struct smt_mutation_site *site, bool want_close,
                      struct smt_view_part *ret_part)
{
    struct smt_slice boundary;
    struct smt_view_part part;
    size_t at = 0, seen = 0;

    if (!smt_view_boundary(site->model, &boundary)) return false;
    while (seen < 64 && smt_view_part(site->model->body, boundary, &at, &part)) {
        if (part.is_close != want_close) continue;
        if (smt_site_draw(site, ++seen) == 0 || seen == 1) *ret_part = part;
    }
    return seen > 0;
}

bool smt_mutate_multipart_close(struct smt_mutation_site *site)
{
    struct smt_view_part part;
    size_t how = smt_site_draw(site, 3);

    if (how < 2 && find_part(site, true, &part))
        return how ? smt_site_replace(site, SMT_MODEL_BODY, smt_slice(part.whole.data, 0),
                                      part.whole)
                   : smt_site_replace(site, SMT_MODEL_BODY, part.whole, smt_slice("", 0));
    if (!find_part(site, false, &part)) return false;
    while (part.delimiter.size &&
           memchr("\r\n \t", part.delimiter.data[part.delimiter.size - 1], 4))
        part.delimiter.size--;
    part.delimiter.data += part.delimiter.size;
    part.delimiter.size = 0;
    return smt_site_replace_text(site, SMT_MODEL_BODY, part.delimiter, "--");
}

bool smt_mutate_multipart_edges(struct smt_mutation_site *site)
{
    static const char *const edges[] = {"preamble\r\n", "\r\n", "--\r\n", " \r\n", "-",
                                        "\r\n\r\n",     "\0",   "--b"};
    static const char *const paddings[] = {" ", "\t", "  \t ", " x", "-", "\r"};
    const char *edge = SMT_SITE_ONE_OF(site, edges);
    struct smt_slice body = site->model->body;
    struct smt_view_part part;

    switch (smt_site_draw(site, 3)) {
    case 0:
        return smt_site_insert(site, SMT_MODEL_BODY, 0, smt_slice_text(edge));
    case 1:
        return smt_site_insert(site, SMT_MODEL_BODY, body.size, smt_slice_text(edge));
    default:
        break;
    }
    if (!find_part(site, false, &part)) return false;
    while (part.delimiter.size && memchr("\r\n", part.delimiter.data[part.delimiter.size - 1], 2))
        part.delimiter.size--;
    return smt_site_insert(site, SMT_MODEL_BODY,
                           (size_t)(part.delimiter.data + part.delimiter.size - body.data),
                           smt_slice_text(SMT_SITE_ONE_OF(site, paddings)));
}

bool smt_mutate_part_duplicate(struct smt_mutation_site *site)
{
    struct smt_view_part part;

    return find_part(site, false, &part) &&
           smt_site_replace(site, SMT_MODEL_BODY, smt_slice(part.whole.data, 0), part.whole);
}

/* In front of another one, or of the close delimiter. */
bool smt_mutate_part_add(struct smt_mutation_site *site)
{
    struct smt_slice boundary;
    struct smt_view_part part;

    if (!find_part(site, smt_site_chance(site, 50), &part)) return false;
    if (!smt_view_boundary(site->model, &boundary)) return false;
    smt_site_text(site);
    add_usual_part(site, boundary);
    return smt_site_replace(site, SMT_MODEL_BODY, smt_slice(part.whole.data, 0),
                            smt_site_text_slice(site));
}

bool smt_mutate_part_delete(struct smt_mutation_site *site)
{
    struct smt_view_part part;

    return find_part(site, false, &part) &&
           smt_site_replace(site, SMT_MODEL_BODY, part.whole, smt_slice("", 0));
}

/* Two neighbours, which is enough: more than two change places in more steps. */
bool smt_mutate_part_swap(struct smt_mutation_site *site)
{
    struct smt_slice boundary;
    struct smt_view_part first, second;
    size_t at = 0, skip = smt_site_draw(site, 3);

    if (!smt_view_boundary(site->model, &boundary)) return false;
    if (!smt_view_part(site->model->body, boundary, &at, &second)) return false;
    for (;;) {
        first = second;
        if (!smt_view_part(site->model->body, boundary, &at, &second) || second.is_close)
            return false;
        if (skip-- == 0) break;
    }
    smt_site_text(site);
    smt_buffer_add(&site->text, second.whole.data, second.whole.size);
    smt_buffer_add(&site->text, first.whole.data, first.whole.size);
    return smt_site_replace(site, SMT_MODEL_BODY,
                            smt_slice(first.whole.data, first.whole.size + second.whole.size),
                            smt_site_text_slice(site));
}

bool smt_mutate_part_empty(struct smt_mutation_site *site)
{
    struct smt_view_part part;
    struct smt_slice gone;

    if (!find_part(site, false, &part)) return false;
    gone = part.content;
    if (smt_site_chance(site, 30)) gone = part.headers;
    if (smt_site_chance(site, 30))
        gone = smt_slice(part.headers.data, part.whole.size - part.delimiter.size);
    return gone.size && smt_site_replace_text(site, SMT_MODEL_BODY, gone,
                                              smt_site_chance(site, 50) ? "\r\n" : "");
}

bool smt_mutate_part_header(struct smt_mutation_site *site)
{
    struct smt_view_part part;

    if (!find_part(site, false, &part)) return false;
    return smt_site_replace_text(site, SMT_MODEL_BODY, smt_slice(part.headers.data, 0),
                                 SMT_SITE_ONE_OF(site, part_headers));
}

/* A fold at a blank or a colon of a part's headers; a folded line of its own
 * when there is none. */
bool smt_mutate_part_fold(struct smt_mutation_site *site)
{
    static const char *const folds[] = {"\r\n ", "\r\n\t", "\n ", "\r ", "\r\n \r\n ", "\r\n  \t"};
    const char *fold = SMT_SITE_ONE_OF(site, folds), *found;
    struct smt_view_part part;

    if (!find_part(site, false, &part)) return false;
    found = part.headers.size ? memchr(part.headers.data, smt_site_chance(site, 50) ? ';' : ':',
                                       part.headers.size)
                              : NULL;
    if (found) return smt_site_replace_text(site, SMT_MODEL_BODY, smt_slice(found + 1, 0), fold);
    return smt_site_replace_text(site, SMT_MODEL_BODY, smt_slice(part.headers.data, 0),
                                 "Content-Type:\r\n text/plain\r\n\t;x=y\r\n");
}

bool smt_mutate_part_line_end(struct smt_mutation_site *site)
{
    static const char *const ends[] = {"\n", "\r", "\n\r", "", "\r\n\r\n", "\r\r\n", "\r\n "};
    struct smt_view_part part;
    struct smt_view_line line;
    struct smt_slice end = {"", 0};
    size_t at = 0, seen = 0;

    if (!find_part(site, false, &part)) return false;
    while (seen < 16 && smt_view_line(part.whole, &at, &line))
        if (line.end.size && smt_site_draw(site, ++seen) == 0) end = line.end;
    return end.size &&
           smt_site_replace_text(site, SMT_MODEL_BODY, end, SMT_SITE_ONE_OF(site, ends));
}
