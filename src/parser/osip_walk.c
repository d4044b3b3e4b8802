/* Shows an osip_message_t field by field.
 *
 * A table says which strings, URI and parameter lists each kind of header has,
 * another which headers a message has; one function shows them all. Runs after
 * every injected run: no allocation, one strlen() and one call a field. */
#include "parser/osip_adapter.h"

#include <stdint.h>
#include <stdio.h>

/* What a structure consists of. No list or URI is a first member, so offset 0
 * stands for "has none". */
struct shape {
    const struct osip_text *texts;
    size_t uri;         /* osip_uri_t * */
    size_t params;      /* list of ;name=value */
    size_t uri_headers; /* list of ?name=value */
};

static const struct osip_text uri_texts[] = {
    OSIP_TEXT(osip_uri_t, scheme, "scheme"),
    OSIP_TEXT(osip_uri_t, username, "user"),
    OSIP_TEXT(osip_uri_t, password, "password"),
    OSIP_TEXT(osip_uri_t, host, "host"),
    OSIP_TEXT(osip_uri_t, port, "port"),
    OSIP_TEXT(osip_uri_t, string, "opaque part"), /* of a scheme that is not SIP's */
    OSIP_TEXT_END,
};
static const struct shape uri_shape = {
    .texts = uri_texts,
    .params = offsetof(osip_uri_t, url_params),
    .uri_headers = offsetof(osip_uri_t, url_headers),
};

static const struct osip_text via_texts[] = {
    OSIP_TEXT(osip_via_t, version, "version"), OSIP_TEXT(osip_via_t, protocol, "transport"),
    OSIP_TEXT(osip_via_t, host, "host"),       OSIP_TEXT(osip_via_t, port, "port"),
    OSIP_TEXT(osip_via_t, comment, "comment"), OSIP_TEXT_END,
};
static const struct shape via_shape = {.texts = via_texts,
                                       .params = offsetof(osip_via_t, via_params)};

static const struct osip_text from_texts[] = {
    OSIP_TEXT(osip_from_t, displayname, "display name"),
    OSIP_TEXT_END,
};
static const struct shape from_shape = {.texts = from_texts,
                                        .uri = offsetof(osip_from_t, url),
                                        .params = offsetof(osip_from_t, gen_params)};

static const struct osip_text call_id_texts[] = {
    OSIP_TEXT(osip_call_id_t, number, "value"),
    OSIP_TEXT(osip_call_id_t, host, "host"),
    OSIP_TEXT_END,
};
static const struct shape call_id_shape = {.texts = call_id_texts};

static const struct osip_text cseq_texts[] = {
    OSIP_TEXT(osip_cseq_t, number, "number"),
    OSIP_TEXT(osip_cseq_t, method, "method"),
    OSIP_TEXT_END,
};
static const struct shape cseq_shape = {.texts = cseq_texts};

static const struct osip_text content_type_texts[] = {
    OSIP_TEXT(osip_content_type_t, type, "type"),
    OSIP_TEXT(osip_content_type_t, subtype, "subtype"),
    OSIP_TEXT_END,
};
static const struct shape content_type_shape = {
    .texts = content_type_texts, .params = offsetof(osip_content_type_t, gen_params)};

static const struct osip_text value_texts[] = {
    OSIP_TEXT(osip_content_length_t, value, "value"),
    OSIP_TEXT_END,
};
static const struct shape value_shape = {.texts = value_texts};

static const struct osip_text info_texts[] = {
    OSIP_TEXT(osip_call_info_t, element, "URI"),
    OSIP_TEXT_END,
};
static const struct shape info_shape = {.texts = info_texts,
                                        .params = offsetof(osip_call_info_t, gen_params)};

static const struct osip_text encoding_texts[] = {
    OSIP_TEXT(osip_accept_encoding_t, element, "value"),
    OSIP_TEXT_END,
};
static const struct shape encoding_shape = {.texts = encoding_texts,
                                            .params = offsetof(osip_accept_encoding_t, gen_params)};

/* Credentials, challenges and Authentication-Info: as RFC 3261 25.1 and RFC
 * 2617 call them; the rest is NTLM and Kerberos. What not every release has is
 * found out when the build is configured (cmake/osip.cmake). */
static const struct osip_text authorization_texts[] = {
    OSIP_TEXT(osip_authorization_t, auth_type, "auth-scheme"),
    OSIP_TEXT(osip_authorization_t, username, "username"),
    OSIP_TEXT(osip_authorization_t, realm, "realm"),
    OSIP_TEXT(osip_authorization_t, nonce, "nonce"),
    OSIP_TEXT(osip_authorization_t, uri, "uri"),
    OSIP_TEXT(osip_authorization_t, response, "response"),
    OSIP_TEXT(osip_authorization_t, digest, "digest"),
    OSIP_TEXT(osip_authorization_t, algorithm, "algorithm"),
    OSIP_TEXT(osip_authorization_t, cnonce, "cnonce"),
    OSIP_TEXT(osip_authorization_t, opaque, "opaque"),
    OSIP_TEXT(osip_authorization_t, message_qop, "qop"),
    OSIP_TEXT(osip_authorization_t, nonce_count, "nc"),
#ifdef SMT_OSIP_AUTHORIZATION_GSSAPI_DATA
    OSIP_TEXT(osip_authorization_t, version, "version"),
    OSIP_TEXT(osip_authorization_t, targetname, "targetname"),
    OSIP_TEXT(osip_authorization_t, gssapi_data, "gssapi-data"),
#endif
#ifdef SMT_OSIP_AUTHORIZATION_CRAND
    OSIP_TEXT(osip_authorization_t, crand, "crand"),
    OSIP_TEXT(osip_authorization_t, cnum, "cnum"),
#endif
    OSIP_TEXT(osip_authorization_t, auth_param, "auth-param"),
    OSIP_TEXT_END,
};
static const struct shape authorization_shape = {.texts = authorization_texts};

static const struct osip_text challenge_texts[] = {
    OSIP_TEXT(osip_www_authenticate_t, auth_type, "auth-scheme"),
    OSIP_TEXT(osip_www_authenticate_t, realm, "realm"),
    OSIP_TEXT(osip_www_authenticate_t, domain, "domain"),
    OSIP_TEXT(osip_www_authenticate_t, nonce, "nonce"),
    OSIP_TEXT(osip_www_authenticate_t, opaque, "opaque"),
    OSIP_TEXT(osip_www_authenticate_t, stale, "stale"),
    OSIP_TEXT(osip_www_authenticate_t, algorithm, "algorithm"),
    OSIP_TEXT(osip_www_authenticate_t, qop_options, "qop"),
#ifdef SMT_OSIP_WWW_AUTHENTICATE_GSSAPI_DATA
    OSIP_TEXT(osip_www_authenticate_t, version, "version"),
    OSIP_TEXT(osip_www_authenticate_t, targetname, "targetname"),
    OSIP_TEXT(osip_www_authenticate_t, gssapi_data, "gssapi-data"),
#endif
    OSIP_TEXT(osip_www_authenticate_t, auth_param, "auth-param"),
    OSIP_TEXT_END,
};
static const struct shape challenge_shape = {.texts = challenge_texts};

static const struct osip_text authentication_info_texts[] = {
#ifdef SMT_OSIP_AUTHENTICATION_INFO_AUTH_TYPE
    OSIP_TEXT(osip_authentication_info_t, auth_type, "auth-scheme"),
#endif
    OSIP_TEXT(osip_authentication_info_t, nextnonce, "nextnonce"),
    OSIP_TEXT(osip_authentication_info_t, qop_options, "qop"),
    OSIP_TEXT(osip_authentication_info_t, rspauth, "rspauth"),
    OSIP_TEXT(osip_authentication_info_t, cnonce, "cnonce"),
    OSIP_TEXT(osip_authentication_info_t, nonce_count, "nc"),
#ifdef SMT_OSIP_AUTHENTICATION_INFO_TARGETNAME
    OSIP_TEXT(osip_authentication_info_t, snum, "snum"),
    OSIP_TEXT(osip_authentication_info_t, srand, "srand"),
    OSIP_TEXT(osip_authentication_info_t, realm, "realm"),
    OSIP_TEXT(osip_authentication_info_t, targetname, "targetname"),
    OSIP_TEXT(osip_authentication_info_t, opaque, "opaque"),
#endif
    OSIP_TEXT_END,
};
static const struct shape authentication_info_shape = {.texts = authentication_info_texts};

/* Headers the library knows, in the order it renders them. */
#define LIST(member)   offsetof(osip_message_t, member), true
#define SINGLE(member) offsetof(osip_message_t, member), false
static const struct header_row {
    const char *name;
    size_t offset;
    bool is_list; /* a list of headers, else a pointer to the only one */
    const struct shape *shape;
} header_rows[] = {
    {"Via", LIST(vias), &via_shape},
    {"Record-Route", LIST(record_routes), &from_shape},
    {"Route", LIST(routes), &from_shape},
    {"From", SINGLE(from), &from_shape},
    {"To", SINGLE(to), &from_shape},
    {"Call-ID", SINGLE(call_id), &call_id_shape},
    {"CSeq", SINGLE(cseq), &cseq_shape},
    {"Contact", LIST(contacts), &from_shape},
    {"Authorization", LIST(authorizations), &authorization_shape},
    {"WWW-Authenticate", LIST(www_authenticates), &challenge_shape},
    {"Proxy-Authenticate", LIST(proxy_authenticates), &challenge_shape},
    {"Proxy-Authorization", LIST(proxy_authorizations), &authorization_shape},
    {"Call-Info", LIST(call_infos), &info_shape},
    {"Content-Type", SINGLE(content_type), &content_type_shape},
    {"MIME-Version", SINGLE(mime_version), &value_shape},
    {"Allow", LIST(allows), &value_shape},
    {"Content-Encoding", LIST(content_encodings), &value_shape},
    {"Alert-Info", LIST(alert_infos), &info_shape},
    {"Error-Info", LIST(error_infos), &info_shape},
    {"Accept", LIST(accepts), &content_type_shape},
    {"Accept-Encoding", LIST(accept_encodings), &encoding_shape},
    {"Accept-Language", LIST(accept_languages), &encoding_shape},
    {"Authentication-Info", LIST(authentication_infos), &authentication_info_shape},
    {"Proxy-Authentication-Info", LIST(proxy_authentication_infos), &authentication_info_shape},
    {"Content-Length", SINGLE(content_length), &value_shape},
};
#undef LIST
#undef SINGLE

static const struct osip_text start_line_texts[] = {
    OSIP_TEXT(osip_message_t, sip_method, "method"),
    OSIP_TEXT(osip_message_t, sip_version, "version"),
    OSIP_TEXT(osip_message_t, reason_phrase, "reason phrase"),
    OSIP_TEXT_END,
};

static const void *member_at(const void *structure, size_t offset)
{
    return (const char *)structure + offset;
}

static const void *pointer_at(const void *structure, size_t offset)
{
    return *(const void *const *)member_at(structure, offset);
}

void smt_parser_osip_show_texts(const void *structure, const struct osip_text *texts,
                                struct smt_walk *walk)
{
    for (; texts->name; texts++) {
        const char *text = pointer_at(structure, texts->offset);

        if (text) walk->field(walk, texts->name, text, strlen(text));
    }
}

/* FNV-1a, 64 bit (Fowler, Noll, Vo). */
static uint64_t name_hash(const char *name, size_t size_bytes)
{
    uint64_t hash = 0xcbf29ce484222325u;

    for (size_t i = 0; i < size_bytes; i++) hash = (hash ^ (unsigned char)name[i]) * 0x100000001b3u;
    return hash;
}

/* Writes prefix + name. Of a name too long the hash follows the beginning. */
static void name_build(char *name_buffer, size_t buffer_size_bytes, const char *prefix,
                       const char *name, size_t name_size_bytes)
{
    size_t prefix_size = strlen(prefix), room = buffer_size_bytes - prefix_size - 1;

    memcpy(name_buffer, prefix, prefix_size);
    if (name_size_bytes <= room) {
        memcpy(name_buffer + prefix_size, name, name_size_bytes);
        name_buffer[prefix_size + name_size_bytes] = '\0';
        return;
    }
    room -= 17;
    memcpy(name_buffer + prefix_size, name, room);
    snprintf(name_buffer + prefix_size + room, 18, "~%016llx",
             (unsigned long long)name_hash(name, name_size_bytes));
}

void smt_parser_osip_show_named(const char *prefix, const char *name, const char *value,
                                struct smt_walk *walk)
{
    char full_name[128];

    if (!name) name = "";
    name_build(full_name, sizeof(full_name), prefix, name, strlen(name));
    walk->field(walk, full_name, value ? value : "", value ? strlen(value) : 0);
}

static void params_show(const char *prefix, const osip_list_t *list, struct smt_walk *walk)
{
    int i = 0;

    for (const __node_t *node = osip_node_first(list); node;
         node = osip_node_next(list, node, i++)) {
        const osip_uri_param_t *param = node->element;

        if (param) smt_parser_osip_show_named(prefix, param->gname, param->gvalue, walk);
    }
}

/* A URI inside a header is entered as "URI" here; it has no URI itself. */
static void shape_show(const void *structure, const struct shape *shape, struct smt_walk *walk)
{
    const void *uri = shape->uri ? pointer_at(structure, shape->uri) : NULL;

    smt_parser_osip_show_texts(structure, shape->texts, walk);
    if (uri) {
        walk->enter(walk, "URI", -1);
        shape_show(uri, &uri_shape, walk);
        walk->leave(walk);
    }
    if (shape->params) params_show(";", member_at(structure, shape->params), walk);
    if (shape->uri_headers) params_show("?", member_at(structure, shape->uri_headers), walk);
}

static void header_show(const char *name, int index, const void *header, const struct shape *shape,
                        struct smt_walk *walk)
{
    if (!header) return;
    walk->enter(walk, name, index);
    shape_show(header, shape, walk);
    walk->leave(walk);
}

static void header_list_show(const struct header_row *row, const osip_list_t *list,
                             struct smt_walk *walk)
{
    int i = 0;

    for (const __node_t *node = osip_node_first(list); node; node = osip_node_next(list, node, i++))
        header_show(row->name, i, node->element, row->shape, walk);
}

/* Headers the library keeps as name and value. Counted per name, so that a
 * lost one does not rename those after it; comparing all names with all would
 * be quadratic, so past NAMES_COUNTED the index is the position. */
enum { NAMES_COUNTED = 128 };

static int name_index(const char *const *names, int count, const char *name)
{
    int index = 0;

    for (int i = 0; i < count; i++)
        if (names[i][0] == name[0] && strcmp(names[i], name) == 0) index++;
    return index;
}

static void other_headers_show(const osip_list_t *list, struct smt_walk *walk)
{
    const char *names[NAMES_COUNTED];
    int i = 0;

    for (const __node_t *node = osip_node_first(list); node;
         node = osip_node_next(list, node, i++)) {
        const osip_header_t *header = node->element;
        const char *name = header && header->hname ? header->hname : "";
        int index = i < NAMES_COUNTED ? name_index(names, i, name) : i;

        if (i < NAMES_COUNTED) names[i] = name;
        if (!header) continue;
        walk->enter(walk, name, index);
        if (header->hvalue) walk->field(walk, "value", header->hvalue, strlen(header->hvalue));
        walk->leave(walk);
    }
}

static void bodies_show(const osip_list_t *list, struct smt_walk *walk)
{
    int i = 0;

    for (const __node_t *node = osip_node_first(list); node;
         node = osip_node_next(list, node, i++)) {
        const osip_body_t *body = node->element;

        if (!body) continue;
        walk->enter(walk, "body", i);
        header_show("Content-Type", -1, body->content_type, &content_type_shape, walk);
        other_headers_show(body->headers, walk);
        if (body->body) walk->field(walk, "content", body->body, body->length);
        walk->leave(walk);
    }
}

static void start_line_show(const osip_message_t *message, struct smt_walk *walk)
{
    char digits[16];
    size_t at = sizeof(digits);
    unsigned code = message->status_code < 0 ? 0 : (unsigned)message->status_code;

    smt_parser_osip_show_texts(message, start_line_texts, walk);
    for (; code && at; code /= 10) digits[--at] = (char)('0' + code % 10);
    if (at < sizeof(digits)) walk->field(walk, "status code", digits + at, sizeof(digits) - at);
    header_show("Request-URI", -1, message->req_uri, &uri_shape, walk);
}

void smt_parser_osip_show_message(const osip_message_t *message, struct smt_walk *walk)
{
    if (!message) return;
    start_line_show(message, walk);
    for (size_t i = 0; i < sizeof(header_rows) / sizeof(header_rows[0]); i++) {
        const struct header_row *row = &header_rows[i];

        if (row->is_list)
            header_list_show(row, member_at(message, row->offset), walk);
        else
            header_show(row->name, -1, pointer_at(message, row->offset), row->shape, walk);
    }
    other_headers_show(&message->headers, walk);
    bodies_show(&message->bodies, walk);
}

/* A SIP message's text has a start line in front and a body after an empty
 * line (RFC 3261 7); SDP has neither, and names of one letter. */
void smt_parser_osip_show_text(const char *text, size_t size_bytes, char separator,
                               struct smt_walk *walk)
{
    const char *end, *next;
    bool is_sip = separator == ':';

    if (!text) return;
    end = text + size_bytes;
    for (const char *line = text; line < end; line = next) {
        const char *newline = memchr(line, '\n', (size_t)(end - line)), *stop, *after;
        char name[128];

        stop = newline ? newline : end;
        next = newline ? newline + 1 : end;
        if (stop > line && stop[-1] == '\r') stop--;
        if (is_sip && stop == line) {
            walk->field(walk, "body", next, (size_t)(end - next));
            return;
        }
        if (is_sip && line == text) {
            walk->field(walk, "start line", line, (size_t)(stop - line));
            continue;
        }
        after = memchr(line, separator, (size_t)(stop - line));
        after = after ? after + 1 : line;
        name_build(name, sizeof(name), "", line, (size_t)(after - line));
        walk->field(walk, name, after, (size_t)(stop - after));
    }
}
