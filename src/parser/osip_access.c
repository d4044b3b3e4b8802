/* The access operation: asks every getter that does not allocate, then reads
 * each byte of each string of what the run holds. */
#include "parser/osip_adapter.h"

/* Getters by position walk the list from its start; past this many elements
 * only the iterators go on, or long messages would become quadratic. */
enum { POSITIONS = 64 };

/* A walk that reads every byte and adds up what it read. */
struct reader {
    struct smt_walk walk; /* first: a walk is its reader */
    unsigned long sum;
};

static void bytes_read(struct reader *reader, const void *bytes, size_t size_bytes)
{
    const unsigned char *at = bytes;
    unsigned long word;

    for (; size_bytes >= sizeof(word); at += sizeof(word), size_bytes -= sizeof(word)) {
        memcpy(&word, at, sizeof(word));
        reader->sum += word;
    }
    while (size_bytes--) reader->sum += *at++;
}

/* Looking for the end reads every byte too, and makes the program's course
 * depend on it, which is what valgrind notices of bytes never written. */
static void text_read(struct reader *reader, const char *text)
{
    if (text) reader->sum += strlen(text);
}

static void reader_field(struct smt_walk *walk, const char *name, const void *bytes,
                         size_t size_bytes)
{
    (void)name; /* ours, or copied from what was read */
    bytes_read((struct reader *)walk, bytes, size_bytes);
}

static void reader_enter(struct smt_walk *walk, const char *name, int index)
{
    (void)index;
    text_read((struct reader *)walk, name); /* a header's, in the parser's memory */
}

static void reader_leave(struct smt_walk *walk)
{
    (void)walk;
}

static void reader_init(struct reader *reader)
{
    *reader = (struct reader){.walk = {reader_enter, reader_leave, reader_field}};
}

/* The pointer a getter returned; what it points to is read elsewhere. */
static void element_read(struct reader *reader, const void *element)
{
    reader->sum += (unsigned long)(size_t)element & 1;
}

/* ---- parameters and URIs ---- */

static void params_read(struct reader *reader, osip_list_t *params)
{
    osip_list_iterator_t at;
    int i = 0;

    for (osip_uri_param_t *param = osip_list_get_first(params, &at);
         osip_list_iterator_has_elem(at); param = osip_list_get_next(&at)) {
        osip_uri_param_t *found = NULL;

        if (!param || !param->gname || i++ >= POSITIONS) continue;
        reader->sum += (unsigned long)osip_uri_param_get_byname(params, param->gname, &found);
        if (!found) continue;
        text_read(reader, osip_generic_param_get_name(found));
        text_read(reader, osip_generic_param_get_value(found));
    }
}

static void uri_read(struct reader *reader, osip_uri_t *uri)
{
    if (!uri) return;
    text_read(reader, osip_uri_get_scheme(uri));
    text_read(reader, osip_uri_get_username(uri));
    text_read(reader, osip_uri_get_password(uri));
    text_read(reader, osip_uri_get_host(uri));
    text_read(reader, osip_uri_get_port(uri));
    params_read(reader, &uri->url_params);
    params_read(reader, &uri->url_headers);
}

/* ---- headers of which there can be several ---- */

static void from_read(struct reader *reader, void *header)
{
    osip_from_t *from = header;
    osip_generic_param_t *param = NULL;

    text_read(reader, osip_from_get_displayname(from));
    uri_read(reader, osip_from_get_url(from));
    params_read(reader, &from->gen_params);
    if (osip_from_param_get(from, 0, &param) >= 0) element_read(reader, param);
}

static void via_read(struct reader *reader, void *header)
{
    osip_via_t *via = header;

    text_read(reader, osip_via_get_version(via));
    text_read(reader, osip_via_get_protocol(via));
    text_read(reader, osip_via_get_host(via));
    text_read(reader, osip_via_get_port(via));
    text_read(reader, osip_via_get_comment(via));
    params_read(reader, &via->via_params);
}

static void authorization_read(struct reader *reader, void *header)
{
    osip_authorization_t *authorization = header;

    text_read(reader, osip_authorization_get_auth_type(authorization));
    text_read(reader, osip_authorization_get_username(authorization));
    text_read(reader, osip_authorization_get_realm(authorization));
    text_read(reader, osip_authorization_get_nonce(authorization));
    text_read(reader, osip_authorization_get_uri(authorization));
    text_read(reader, osip_authorization_get_response(authorization));
    text_read(reader, osip_authorization_get_digest(authorization));
    text_read(reader, osip_authorization_get_algorithm(authorization));
    text_read(reader, osip_authorization_get_cnonce(authorization));
    text_read(reader, osip_authorization_get_opaque(authorization));
    text_read(reader, osip_authorization_get_message_qop(authorization));
    text_read(reader, osip_authorization_get_nonce_count(authorization));
}

static void challenge_read(struct reader *reader, void *header)
{
    osip_www_authenticate_t *challenge = header;

    text_read(reader, osip_www_authenticate_get_auth_type(challenge));
    text_read(reader, osip_www_authenticate_get_realm(challenge));
    text_read(reader, osip_www_authenticate_get_domain(challenge));
    text_read(reader, osip_www_authenticate_get_nonce(challenge));
    text_read(reader, osip_www_authenticate_get_opaque(challenge));
    text_read(reader, osip_www_authenticate_get_stale(challenge));
    text_read(reader, osip_www_authenticate_get_algorithm(challenge));
    text_read(reader, osip_www_authenticate_get_qop_options(challenge));
}

static void authentication_info_read(struct reader *reader, void *header)
{
    osip_authentication_info_t *info = header;

    text_read(reader, osip_authentication_info_get_nextnonce(info));
    text_read(reader, osip_authentication_info_get_qop_options(info));
    text_read(reader, osip_authentication_info_get_rspauth(info));
    text_read(reader, osip_authentication_info_get_cnonce(info));
    text_read(reader, osip_authentication_info_get_nonce_count(info));
}

static void info_read(struct reader *reader, void *header)
{
    text_read(reader, osip_call_info_get_uri(header));
    params_read(reader, &((osip_call_info_t *)header)->gen_params);
}

static void encoding_read(struct reader *reader, void *header)
{
    text_read(reader, osip_accept_encoding_get_element(header));
    params_read(reader, &((osip_accept_encoding_t *)header)->gen_params);
}

static void content_type_read(struct reader *reader, void *header)
{
    params_read(reader, &((osip_content_type_t *)header)->gen_params);
}

static void value_read(struct reader *reader, void *header)
{
    element_read(reader, header); /* no getter */
}

static void other_header_read(struct reader *reader, void *header)
{
    text_read(reader, osip_header_get_name(header));
    text_read(reader, osip_header_get_value(header));
}

static void body_read(struct reader *reader, void *body)
{
    if (((osip_body_t *)body)->content_type)
        content_type_read(reader, ((osip_body_t *)body)->content_type);
}

/* X(list in osip_message_t, type, getter by position, how one is read) */
#define HEADER_LISTS(X)                                                                            \
    X(vias, osip_via_t, osip_message_get_via, via_read)                                            \
    X(record_routes, osip_record_route_t, osip_message_get_record_route, from_read)                \
    X(routes, osip_route_t, osip_message_get_route, from_read)                                     \
    X(contacts, osip_contact_t, osip_message_get_contact, from_read)                               \
    X(authorizations, osip_authorization_t, osip_message_get_authorization, authorization_read)    \
    X(www_authenticates, osip_www_authenticate_t, osip_message_get_www_authenticate,               \
      challenge_read)                                                                              \
    X(proxy_authenticates, osip_proxy_authenticate_t, osip_message_get_proxy_authenticate,         \
      challenge_read)                                                                              \
    X(proxy_authorizations, osip_proxy_authorization_t, osip_message_get_proxy_authorization,      \
      authorization_read)                                                                          \
    X(call_infos, osip_call_info_t, osip_message_get_call_info, info_read)                         \
    X(allows, osip_allow_t, osip_message_get_allow, value_read)                                    \
    X(content_encodings, osip_content_encoding_t, osip_message_get_content_encoding, value_read)   \
    X(alert_infos, osip_alert_info_t, osip_message_get_alert_info, info_read)                      \
    X(error_infos, osip_error_info_t, osip_message_get_error_info, info_read)                      \
    X(accepts, osip_accept_t, osip_message_get_accept, content_type_read)                          \
    X(accept_encodings, osip_accept_encoding_t, osip_message_get_accept_encoding, encoding_read)   \
    X(accept_languages, osip_accept_language_t, osip_message_get_accept_language, encoding_read)   \
    X(authentication_infos, osip_authentication_info_t, osip_message_get_authentication_info,      \
      authentication_info_read)                                                                    \
    X(proxy_authentication_infos, osip_proxy_authentication_info_t,                                \
      osip_message_get_proxy_authentication_info, authentication_info_read)                        \
    X(headers, osip_header_t, osip_message_get_header, other_header_read)                          \
    X(bodies, osip_body_t, osip_message_get_body, body_read)

#define GETTER(list, type, getter, read)                                                           \
    static void *list##_get(osip_message_t *message, int position)                                 \
    {                                                                                              \
        type *found = NULL;                                                                        \
                                                                                                   \
        return getter(message, position, &found) < 0 ? NULL : found;                               \
    }
HEADER_LISTS(GETTER)
#undef GETTER

static const struct header_list {
    size_t offset;
    void *(*get)(osip_message_t *message, int position);
    void (*read)(struct reader *reader, void *header);
} header_lists[] = {
#define ROW(list, type, getter, read) {offsetof(osip_message_t, list), list##_get, read},
    HEADER_LISTS(ROW)
#undef ROW
};

static void header_list_read(struct reader *reader, osip_message_t *message,
                             const struct header_list *row)
{
    osip_list_t *list = (osip_list_t *)((char *)message + row->offset);
    osip_list_iterator_t at;
    void *found = NULL;

    for (int i = 0; i < POSITIONS && !osip_list_eol(list, i); i++) {
        element_read(reader, row->get(message, i));
        if (osip_message_get_knownheaderlist(list, i, &found) >= 0) element_read(reader, found);
    }
    for (void *header = osip_list_get_first(list, &at); osip_list_iterator_has_elem(at);
         header = osip_list_get_next(&at))
        if (header) row->read(reader, header);
}

/* ---- the message ---- */

static void single_headers_read(struct reader *reader, osip_message_t *message)
{
    osip_call_id_t *call_id = osip_message_get_call_id(message);
    osip_cseq_t *cseq = osip_message_get_cseq(message);
    osip_from_t *from = osip_message_get_from(message);
    osip_to_t *to = osip_message_get_to(message);

    if (call_id) {
        text_read(reader, osip_call_id_get_number(call_id));
        text_read(reader, osip_call_id_get_host(call_id));
        reader->sum += (unsigned long)osip_call_id_match(call_id, call_id);
    }
    if (cseq) {
        text_read(reader, osip_cseq_get_number(cseq));
        text_read(reader, osip_cseq_get_method(cseq));
        reader->sum += (unsigned long)osip_cseq_match(cseq, cseq);
    }
    if (from) from_read(reader, from);
    if (to) from_read(reader, to);
    if (from && to) {
        reader->sum += (unsigned long)osip_from_tag_match(from, from);
        reader->sum += (unsigned long)osip_to_tag_match(to, to);
    }
    if (osip_message_get_content_type(message))
        content_type_read(reader, osip_message_get_content_type(message));
    element_read(reader, osip_message_get_content_length(message));
    element_read(reader, osip_message_get_mime_version(message));
}

static void headers_by_name_read(struct reader *reader, osip_message_t *message)
{
    for (int i = 0; i < POSITIONS; i++) {
        osip_header_t *header = NULL, *found = NULL;

        if (osip_message_get_header(message, i, &header) < 0 || !header) return;
        if (!header->hname) continue;
        if (osip_message_header_get_byname(message, header->hname, 0, &found) >= 0 && found)
            other_header_read(reader, found);
    }
}

static void message_read(struct reader *reader, osip_message_t *message)
{
    if (!message) return;
    text_read(reader, osip_message_get_version(message));
    text_read(reader, osip_message_get_method(message));
    text_read(reader, osip_message_get_reason_phrase(message));
    text_read(reader, osip_message_get_reason(osip_message_get_status_code(message)));
    uri_read(reader, osip_message_get_uri(message));
    single_headers_read(reader, message);
    for (size_t i = 0; i < sizeof(header_lists) / sizeof(header_lists[0]); i++)
        header_list_read(reader, message, &header_lists[i]);
    headers_by_name_read(reader, message);
    smt_parser_osip_show_message(message, &reader->walk);
    if (osip_message_get__property(message) == 1 && message->message)
        bytes_read(reader, message->message, message->message_length);
}

/* ---- SDP; position -1 is the session ---- */

static void connection_read(struct reader *reader, sdp_message_t *sdp, int media, int position)
{
    text_read(reader, sdp_message_c_nettype_get(sdp, media, position));
    text_read(reader, sdp_message_c_addrtype_get(sdp, media, position));
    text_read(reader, sdp_message_c_addr_get(sdp, media, position));
    text_read(reader, sdp_message_c_addr_multicast_ttl_get(sdp, media, position));
    text_read(reader, sdp_message_c_addr_multicast_int_get(sdp, media, position));
}

static void section_read(struct reader *reader, sdp_message_t *sdp, int media)
{
    text_read(reader, sdp_message_i_info_get(sdp, media));
    text_read(reader, sdp_message_k_keytype_get(sdp, media));
    text_read(reader, sdp_message_k_keydata_get(sdp, media));
    for (int i = 0; i < POSITIONS && sdp_message_connection_get(sdp, media, i); i++) {
        connection_read(reader, sdp, media, i);
        if (media < 0) break; /* the only one, whatever the position */
    }
    for (int i = 0; i < POSITIONS && sdp_message_bandwidth_get(sdp, media, i); i++) {
        text_read(reader, sdp_message_b_bwtype_get(sdp, media, i));
        text_read(reader, sdp_message_b_bandwidth_get(sdp, media, i));
    }
    for (int i = 0; i < POSITIONS && sdp_message_attribute_get(sdp, media, i); i++) {
        text_read(reader, sdp_message_a_att_field_get(sdp, media, i));
        text_read(reader, sdp_message_a_att_value_get(sdp, media, i));
    }
}

static void media_read(struct reader *reader, sdp_message_t *sdp, int media)
{
    text_read(reader, sdp_message_m_media_get(sdp, media));
    text_read(reader, sdp_message_m_port_get(sdp, media));
    text_read(reader, sdp_message_m_number_of_port_get(sdp, media));
    text_read(reader, sdp_message_m_proto_get(sdp, media));
    for (int i = 0; i < POSITIONS; i++) {
        const char *payload = sdp_message_m_payload_get(sdp, media, i);

        if (!payload) break;
        text_read(reader, payload);
    }
    section_read(reader, sdp, media);
}

static void session_read(struct reader *reader, sdp_message_t *sdp)
{
    text_read(reader, sdp_message_v_version_get(sdp));
    text_read(reader, sdp_message_o_username_get(sdp));
    text_read(reader, sdp_message_o_sess_id_get(sdp));
    text_read(reader, sdp_message_o_sess_version_get(sdp));
    text_read(reader, sdp_message_o_nettype_get(sdp));
    text_read(reader, sdp_message_o_addrtype_get(sdp));
    text_read(reader, sdp_message_o_addr_get(sdp));
    text_read(reader, sdp_message_s_name_get(sdp));
    text_read(reader, sdp_message_u_uri_get(sdp));
    text_read(reader, sdp_message_e_email_get(sdp, 0));
    text_read(reader, sdp_message_p_phone_get(sdp, 0));
    text_read(reader, sdp_message_t_start_time_get(sdp, 0));
    text_read(reader, sdp_message_t_stop_time_get(sdp, 0));
    text_read(reader, sdp_message_r_repeat_get(sdp, 0, 0));
    text_read(reader, sdp_message_z_adjustments_get(sdp));
    section_read(reader, sdp, -1);
}

unsigned long smt_parser_osip_sdp_read(sdp_message_t *sdp)
{
    struct reader reader;

    if (!sdp) return 0;
    reader_init(&reader);
    session_read(&reader, sdp);
    for (int i = 0; i < POSITIONS && !sdp_message_endof_media(sdp, i); i++)
        media_read(&reader, sdp, i);
    smt_parser_osip_sdp_show_message(sdp, &reader.walk);
    return reader.sum;
}

int smt_parser_osip_access(void *state, const struct smt_parser_input *input)
{
    struct osip_state *run = state;
    struct reader reader;

    (void)input;
    if (!run->is_parsed) return 0;
    reader_init(&reader);
    message_read(&reader, run->message);
    message_read(&reader, run->clone);
    for (int i = 0; i < run->sdp_count; i++) {
        reader.sum += smt_parser_osip_sdp_read(run->sdp[i].message);
        reader.sum += smt_parser_osip_sdp_read(run->sdp[i].clone);
        text_read(&reader, run->sdp[i].text);
        text_read(&reader, run->sdp[i].clone_text);
    }
    if (run->text) bytes_read(&reader, run->text, run->text_size_bytes);
    if (run->clone_text) bytes_read(&reader, run->clone_text, run->clone_text_size_bytes);
    run->sink += reader.sum;
    return 0;
}
