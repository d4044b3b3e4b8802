#include "message/view.h"

#include <string.h>

/* Long and compact names of headers. */
static const struct {
    const char *name, *compact;
} compact_names[] = {
    {"Via", "v"},
    {"From", "f"},
    {"To", "t"},
    {"Call-ID", "i"},
    {"Contact", "m"},
    {"Content-Length", "l"},
    {"Content-Type", "c"},
    {"Content-Encoding", "e"},
    {"Subject", "s"},
    {"Supported", "k"},
    {"Event", "o"},
    {"Allow-Events", "u"},
    {"Refer-To", "r"},
    {"Referred-By", "b"},
    {"Session-Expires", "x"},
    {"Accept-Contact", "a"},
    {"Reject-Contact", "j"},
    {"Request-Disposition", "d"},
    {"Identity", "y"},
};

#define COMPACT_NAME_COUNT (sizeof compact_names / sizeof compact_names[0])

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z');
}

bool smt_view_is(struct smt_slice text, const char *word)
{
    size_t i = 0;

    for (; i < text.size && word[i]; i++)
        if (lower(text.data[i]) != lower(word[i])) return false;
    return i == text.size && !word[i];
}

struct smt_slice smt_view_trim(struct smt_slice text)
{
    while (text.size && is_space(text.data[text.size - 1])) text.size--;
    while (text.size && is_space(*text.data)) text.data++, text.size--;
    return text;
}

struct smt_slice smt_view_other_name(struct smt_slice name)
{
    for (size_t i = 0; i < COMPACT_NAME_COUNT; i++) {
        if (smt_view_is(name, compact_names[i].name))
            return smt_slice_text(compact_names[i].compact);
        if (smt_view_is(name, compact_names[i].compact))
            return smt_slice_text(compact_names[i].name);
    }
    return smt_slice("", 0);
}

bool smt_view_is_name(struct smt_slice name, const char *long_name)
{
    if (name.size != 1) return smt_view_is(name, long_name);
    for (size_t i = 0; i < COMPACT_NAME_COUNT; i++)
        if (lower(*name.data) == *compact_names[i].compact)
            return smt_view_is(smt_slice_text(compact_names[i].name), long_name);
    return smt_view_is(name, long_name);
}

/* The byte behind a quoted string that begins at `at`. */
static const char *skip_quoted(const char *at, const char *end)
{
    for (at++; at < end && *at != '"'; at++)
        if (*at == '\\' && at + 1 < end) at++;
    return at < end ? at + 1 : end;
}

bool smt_view_item(struct smt_slice text, size_t *at, struct smt_slice *ret_item)
{
    const char *end = text.data + text.size, *from = text.data + *at, *p = from;
    bool in_angles = false;

    if (*at > text.size) return false;
    while (p < end && (in_angles || *p != ',')) {
        if (*p == '"' && !in_angles) {
            p = skip_quoted(p, end);
            continue;
        }
        if (*p == '<' || *p == '>') in_angles = *p == '<';
        p++;
    }
    *ret_item = smt_slice(from, (size_t)(p - from));
    *at = (size_t)(p - text.data) + 1;
    return true;
}

/* Where a parameter that begins at `at` ends. */
static const char *parameter_end(const char *at, const char *end)
{
    while (at < end && !memchr(";,>?", *at, 4)) at = *at == '"' ? skip_quoted(at, end) : at + 1;
    return at;
}

bool smt_view_parameter(struct smt_slice text, size_t *at, struct smt_view_parameter *ret_view)
{
    const char *end = text.data + text.size, *p = text.data + *at, *stop, *equals;

    if (*at >= text.size) return false;
    while (p < end && *p != ';') p = *p == '"' ? skip_quoted(p, end) : p + 1;
    if (p == end) return false;
    stop = parameter_end(p + 1, end);
    equals = memchr(p, '=', (size_t)(stop - p));
    ret_view->whole = smt_slice(p, (size_t)(stop - p));
    ret_view->has_value = equals != NULL;
    if (!equals) equals = stop;
    ret_view->name = smt_view_trim(smt_slice(p + 1, (size_t)(equals - p - 1)));
    ret_view->value = smt_slice(stop, 0);
    if (ret_view->has_value) ret_view->value = smt_slice(equals + 1, (size_t)(stop - equals - 1));
    *at = (size_t)(stop - text.data);
    return true;
}

/* Where the URI may begin and must end: inside <>, else the first word that
 * looks like "scheme:", up to a blank, comma or quote. */
static bool find_uri(struct smt_slice text, const char **ret_from, const char **ret_end)
{
    const char *end = text.data + text.size, *p = text.data, *word = p;

    for (; p < end; p++) {
        if (*p == '"') {
            p = skip_quoted(p, end) - 1;
            word = p + 1;
        } else if (*p == '<') {
            const char *close = memchr(p, '>', (size_t)(end - p));

            *ret_from = p + 1;
            *ret_end = close ? close : end;
            return true;
        } else if (*p == ':' && p > word) {
            *ret_from = word;
            while (p < end && !is_space(*p) && *p != ',' && *p != '"') p++;
            *ret_end = p;
            return true;
        } else if (!is_alnum(*p) && !memchr("+-.", *p, 3)) {
            word = p + 1;
        }
    }
    return false;
}

static const char *find_any(const char *at, const char *end, const char *bytes)
{
    while (at < end && !(*at && strchr(bytes, *at))) at++;
    return at;
}

/* user[:password]@, when there is an @ in front of the first ; or ? that ends
 * the host; returns where the host begins. */
static const char *split_user(const char *at, const char *end, struct smt_view_uri *uri)
{
    const char *sign = memchr(at, '@', (size_t)(end - at)), *colon;

    uri->user = uri->password = smt_slice(at, 0);
    uri->has_user = sign != NULL;
    uri->has_password = false;
    if (!sign) return at;
    colon = memchr(at, ':', (size_t)(sign - at));
    uri->has_password = colon != NULL;
    uri->user = smt_slice(at, (size_t)((colon ? colon : sign) - at));
    uri->password = smt_slice(sign, 0);
    if (colon) uri->password = smt_slice(colon + 1, (size_t)(sign - colon - 1));
    return sign + 1;
}

static const char *split_host(const char *at, const char *end, struct smt_view_uri *uri)
{
    const char *from = at;

    if (at < end && *at == '[') at = find_any(at, end, "]");
    at = find_any(at, end, ":;?");
    uri->host = smt_slice(from, (size_t)(at - from));
    uri->has_port = at < end && *at == ':';
    uri->port = smt_slice(at, 0);
    if (!uri->has_port) return at;
    from = ++at;
    at = find_any(at, end, ";?");
    uri->port = smt_slice(from, (size_t)(at - from));
    return at;
}

bool smt_view_uri(struct smt_slice text, struct smt_view_uri *ret_uri)
{
    const char *at, *end, *from;

    if (!find_uri(text, &at, &end)) return false;
    ret_uri->whole = smt_slice(at, (size_t)(end - at));
    from = at;
    at = find_any(at, end, ":");
    ret_uri->scheme = smt_slice(from, (size_t)(at - from));
    if (at < end) at++;
    at = split_user(at, end, ret_uri);
    at = split_host(at, end, ret_uri);
    from = at;
    at = find_any(at, end, "?");
    ret_uri->parameters = smt_slice(from, (size_t)(at - from));
    ret_uri->headers = smt_slice(at, (size_t)(end - at));
    return true;
}

bool smt_view_line(struct smt_slice body, size_t *at, struct smt_view_line *ret_line)
{
    const char *end = body.data + body.size, *from = body.data + *at, *p = from;
    size_t end_size = 0;

    if (*at >= body.size) return false;
    while (p < end && *p != '\r' && *p != '\n') p++;
    if (p < end) end_size = *p == '\r' && p + 1 < end && p[1] == '\n' ? 2 : 1;
    ret_line->text = smt_slice(from, (size_t)(p - from));
    ret_line->end = smt_slice(p, end_size);
    ret_line->whole = smt_slice(from, (size_t)(p - from) + end_size);
    *at += ret_line->whole.size;
    return true;
}
