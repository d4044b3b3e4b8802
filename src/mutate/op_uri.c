/* Operations on URIs, in the start line or a header. */
#include "mutate/operation.h"

static const char *const schemes[] = {"sip",     "sips",   "tel", "SIP", "sIpS",    "urn",
                                      "http",    "mailto", "",    "s",   "sip:sip", "sip%",
                                      "x-y+z.1", "sip ",   "im",  "pres"};
static const char *const users[] = {"",
                                    "a",
                                    "%61",
                                    "a%40b",
                                    "%00",
                                    "%",
                                    "a:b",
                                    ":",
                                    "a;x=y",
                                    "a?b=c",
                                    "+1-201-555-0123;postd=pp22",
                                    "@",
                                    "a@b",
                                    "\"a\"",
                                    "a b",
                                    "a/b,c",
                                    "*",
                                    "\xc3\xa4",
                                    "%ff%fe",
                                    "&=+$,;?/"};
static const char *const hosts[] = {"",
                                    "h",
                                    "[::1]",
                                    "[2001:db8::1]",
                                    "[::ffff:192.0.2.1]",
                                    "[",
                                    "[]",
                                    "[::1",
                                    "::1",
                                    "[::1]]",
                                    "[[::1]]",
                                    "192.0.2.1",
                                    "256.1.1.1",
                                    "1.2.3",
                                    "h.",
                                    ".h",
                                    "h..h",
                                    "-h-",
                                    "h_h",
                                    "h:h",
                                    "[fe80::1%25eth0]",
                                    "%68ost",
                                    "h h",
                                    "[v1.x:y]",
                                    "\xe2\x98\x83.example"};
static const char *const ports[] = {":0",          ":1",     ":5060",  ":65535", ":65536",
                                    ":",           ":-1",    "::",     ":5060:", ":99999999999",
                                    ":4294967296", ":05060", ": 5060", ":5060 ", ":x",
                                    ":2147483648", ":+5"};
static const char *const parameters[] = {";lr",
                                         ";lr=",
                                         ";lr=on",
                                         ";transport=tcp",
                                         ";transport=",
                                         ";maddr=[::1]",
                                         ";ttl=256",
                                         ";user=phone",
                                         ";method=INVITE",
                                         ";",
                                         ";;",
                                         ";=",
                                         ";=x",
                                         ";a%3bb=c%3d",
                                         ";a=b=c",
                                         ";%00=x",
                                         ";comp=sigcomp",
                                         ";x=\"y;z\"",
                                         ";isub=1;ext=2",
                                         "; lr",
                                         ";lr;lr",
                                         ";a[b]=c",
                                         ";gr=urn:uuid:0"};
static const char *const headers[] = {"?",
                                      "?a",
                                      "?a=",
                                      "?a=b",
                                      "?=",
                                      "?=b",
                                      "?a=b&",
                                      "?a=b&&c=d",
                                      "?&",
                                      "?a=b&c",
                                      "?a=b=c",
                                      "?a=%0d%0aX:y",
                                      "?body=%00",
                                      "?a?b=c",
                                      "?To=sip:x%40y&To=z",
                                      "?a=%",
                                      "?route=%3Csip:p;lr%3E",
                                      "??",
                                      "?a=b;c"};
static const char *const uris[] = {"sip:a@b",
                                   "sip:",
                                   "sips:h",
                                   "sip:h",
                                   "tel:+1",
                                   "tel:",
                                   "*",
                                   "sip:@h",
                                   "sip::@h",
                                   "sip:a:@h",
                                   "sip:a@",
                                   "sip:a@b:",
                                   "sip:a@b;",
                                   "sip:a@b?",
                                   "sip:[::1]:5060",
                                   "urn:service:sos.fire",
                                   ":",
                                   "",
                                   "//a@b",
                                   "sip",
                                   "sip:a@b@c",
                                   "sip:?a=b",
                                   "sip:;lr",
                                   "sip:a@b;lr?x=y&z=",
                                   "http://h/p?q#f",
                                   "sip:a%@b",
                                   "data:,x",
                                   "sip:1:2:3@4:5:6"};
static const char *const names[] = {"\"A\" ",    "\"\" ",        "\"",        "A B ",
                                    "\"A\"",     "A \"B\" ",     "\"\\\"\" ", "\"\\\" ",
                                    "\"\\\\\" ", "\"A\" \"B\" ", "\xc3\xa4 ", "\"\xff\" ",
                                    ",",         "\"a,b\" ",     "a,b ",      "\"<\" ",
                                    "<",         "\"\r\n A\" ",  "\"A\"\t\t", "* "};
static const char *const brackets[] = {"<", ">", "<>", "<<", ">>", "><", "", " <", "> "};

/* A URI in the start line or a header, walking on from a random header. */
static size_t find_uri(struct smt_mutation_site *site, struct smt_view_uri *ret_uri)
{
    const struct smt_model *model = site->model;
    size_t count = model->header_count, from = smt_site_draw(site, count + 1);

    for (size_t i = 0; i <= count && i < 64; i++) {
        size_t index = (from + i) % (count + 1);

        if (index == count) index = SMT_MODEL_START;
        if (smt_view_uri(smt_model_text(model, index), ret_uri)) return index;
    }
    return SMT_MODEL_NONE;
}

/* From the ":" of a piece, or of the "@", or nothing. */
static struct smt_slice with_mark(struct smt_slice piece, bool has_mark)
{
    return has_mark ? smt_slice(piece.data - 1, piece.size + 1) : piece;
}

bool smt_mutate_uri_scheme(struct smt_mutation_site *site)
{
    struct smt_view_uri uri;
    size_t where = find_uri(site, &uri);

    return where != SMT_MODEL_NONE &&
           smt_site_replace_text(site, where, uri.scheme, SMT_SITE_ONE_OF(site, schemes));
}

/* Replaces user and password: by one of the table, a long one, or nothing at all. */
bool smt_mutate_uri_user(struct smt_mutation_site *site)
{
    struct smt_view_uri uri;
    size_t where = find_uri(site, &uri), how = smt_site_draw(site, 8);
    struct smt_buffer *text = smt_site_text(site);
    struct smt_slice old;

    if (where == SMT_MODEL_NONE) return false;
    old = smt_slice(uri.user.data, (size_t)(uri.host.data - uri.user.data));
    if (how == 0) return old.size && smt_site_replace(site, where, old, smt_slice("", 0));
    if (how == 1)
        smt_site_fill(site, smt_site_length(site), 'u');
    else
        smt_buffer_add_text(text, SMT_SITE_ONE_OF(site, users));
    if (how <= 3) {
        smt_buffer_add_text(text, ":");
        smt_buffer_add_text(text, SMT_SITE_ONE_OF(site, users));
    }
    smt_buffer_add_text(text, "@");
    return smt_site_replace(site, where, old, smt_site_text_slice(site));
}

bool smt_mutate_uri_host(struct smt_mutation_site *site)
{
    struct smt_view_uri uri;
    size_t where = find_uri(site, &uri);

    if (where == SMT_MODEL_NONE) return false;
    if (smt_site_chance(site, 85))
        return smt_site_replace_text(site, where, uri.host, SMT_SITE_ONE_OF(site, hosts));
    smt_site_text(site);
    smt_site_fill(site, smt_site_length(site), 'h');
    return smt_site_replace(site, where, uri.host, smt_site_text_slice(site));
}

bool smt_mutate_uri_port(struct smt_mutation_site *site)
{
    struct smt_view_uri uri;
    size_t where = find_uri(site, &uri);

    return where != SMT_MODEL_NONE &&
           smt_site_replace_text(site, where, with_mark(uri.port, uri.has_port),
                                 SMT_SITE_ONE_OF(site, ports));
}

bool smt_mutate_uri_parameter(struct smt_mutation_site *site)
{
    struct smt_view_uri uri;
    size_t where = find_uri(site, &uri);

    if (where == SMT_MODEL_NONE) return false;
    if (smt_site_chance(site, 60)) uri.parameters.size = 0; /* insert in front */
    return smt_site_replace_text(site, where, uri.parameters, SMT_SITE_ONE_OF(site, parameters));
}

bool smt_mutate_uri_headers(struct smt_mutation_site *site)
{
    struct smt_view_uri uri;
    size_t where = find_uri(site, &uri);

    return where != SMT_MODEL_NONE &&
           smt_site_replace_text(site, where, uri.headers, SMT_SITE_ONE_OF(site, headers));
}

bool smt_mutate_uri_replace(struct smt_mutation_site *site)
{
    struct smt_view_uri uri;
    size_t where = find_uri(site, &uri);

    return where != SMT_MODEL_NONE &&
           smt_site_replace_text(site, where, uri.whole, SMT_SITE_ONE_OF(site, uris));
}

/* At the edge of a URI: what is there, if it is a bracket, gives way. */
bool smt_mutate_uri_brackets(struct smt_mutation_site *site)
{
    struct smt_view_uri uri;
    size_t where = find_uri(site, &uri);
    struct smt_slice text, at;

    if (where == SMT_MODEL_NONE) return false;
    text = smt_model_text(site->model, where);
    at = smt_slice(uri.whole.data, 0);
    if (smt_site_chance(site, 50)) {
        at.data += uri.whole.size;
        if (at.data < text.data + text.size && *at.data == '>') at.size = 1;
    } else if (at.data > text.data && at.data[-1] == '<') {
        at.data--, at.size = 1;
    }
    return smt_site_replace_text(site, where, at, SMT_SITE_ONE_OF(site, brackets));
}

/* What is in front of "<", when there is one. */
bool smt_mutate_uri_name(struct smt_mutation_site *site)
{
    struct smt_view_uri uri;
    size_t where = find_uri(site, &uri);
    struct smt_slice text, name;

    if (where == SMT_MODEL_NONE || where == SMT_MODEL_START) return false;
    text = smt_model_text(site->model, where);
    name = smt_slice(text.data, (size_t)(uri.whole.data - text.data));
    if (name.size && name.data[name.size - 1] == '<') name.size--;
    return smt_site_replace_text(site, where, name, SMT_SITE_ONE_OF(site, names));
}
