/* SDP bodies: found by Content-Type, parsed, cloned, rendered; shown line by
 * line under the names of RFC 8866. */
#include "parser/osip_adapter.h"

#include <stdio.h>
#include <strings.h>

static const struct osip_text session_texts[] = {
    OSIP_TEXT(sdp_message_t, v_version, "v="),
    OSIP_TEXT(sdp_message_t, o_username, "o= username"),
    OSIP_TEXT(sdp_message_t, o_sess_id, "o= sess-id"),
    OSIP_TEXT(sdp_message_t, o_sess_version, "o= sess-version"),
    OSIP_TEXT(sdp_message_t, o_nettype, "o= nettype"),
    OSIP_TEXT(sdp_message_t, o_addrtype, "o= addrtype"),
    OSIP_TEXT(sdp_message_t, o_addr, "o= unicast-address"),
    OSIP_TEXT(sdp_message_t, s_name, "s="),
    OSIP_TEXT(sdp_message_t, i_info, "i="),
    OSIP_TEXT(sdp_message_t, u_uri, "u="),
    OSIP_TEXT(sdp_message_t, z_adjustments, "z="),
    OSIP_TEXT_END,
};
static const struct osip_text media_texts[] = {
    OSIP_TEXT(sdp_media_t, m_media, "media"),
    OSIP_TEXT(sdp_media_t, m_port, "port"),
    OSIP_TEXT(sdp_media_t, m_number_of_port, "number of ports"),
    OSIP_TEXT(sdp_media_t, m_proto, "proto"),
    OSIP_TEXT(sdp_media_t, i_info, "i="),
    OSIP_TEXT_END,
};
static const struct osip_text connection_texts[] = {
    OSIP_TEXT(sdp_connection_t, c_nettype, "nettype"),
    OSIP_TEXT(sdp_connection_t, c_addrtype, "addrtype"),
    OSIP_TEXT(sdp_connection_t, c_addr, "connection-address"),
    OSIP_TEXT(sdp_connection_t, c_addr_multicast_ttl, "ttl"),
    OSIP_TEXT(sdp_connection_t, c_addr_multicast_int, "number of addresses"),
    OSIP_TEXT_END,
};
static const struct osip_text bandwidth_texts[] = {
    OSIP_TEXT(sdp_bandwidth_t, b_bwtype, "bwtype"),
    OSIP_TEXT(sdp_bandwidth_t, b_bandwidth, "bandwidth"),
    OSIP_TEXT_END,
};
static const struct osip_text time_texts[] = {
    OSIP_TEXT(sdp_time_descr_t, t_start_time, "start-time"),
    OSIP_TEXT(sdp_time_descr_t, t_stop_time, "stop-time"),
    OSIP_TEXT_END,
};
static const struct osip_text key_texts[] = {
    OSIP_TEXT(sdp_key_t, k_keytype, "method"),
    OSIP_TEXT(sdp_key_t, k_keydata, "key"),
    OSIP_TEXT_END,
};

/* ---- show ---- */

static void line_show(const char *name, int index, const void *line, const struct osip_text *texts,
                      struct smt_walk *walk)
{
    if (!line) return;
    walk->enter(walk, name, index);
    smt_parser_osip_show_texts(line, texts, walk);
    walk->leave(walk);
}

static void lines_show(const char *name, const osip_list_t *list, const struct osip_text *texts,
                       struct smt_walk *walk)
{
    int i = 0;

    for (const __node_t *node = osip_node_first(list); node; node = osip_node_next(list, node, i++))
        line_show(name, i, node->element, texts, walk);
}

static void strings_show(const char *name, const osip_list_t *list, struct smt_walk *walk)
{
    int i = 0;

    for (const __node_t *node = osip_node_first(list); node; node = osip_node_next(list, node, i++))
        if (node->element) walk->field(walk, name, node->element, strlen(node->element));
}

static void attributes_show(const osip_list_t *list, struct smt_walk *walk)
{
    int i = 0;

    for (const __node_t *node = osip_node_first(list); node;
         node = osip_node_next(list, node, i++)) {
        const sdp_attribute_t *attribute = node->element;

        if (!attribute) continue;
        smt_parser_osip_show_named("a=", attribute->a_att_field, attribute->a_att_value, walk);
    }
}

static void times_show(const osip_list_t *list, struct smt_walk *walk)
{
    int i = 0;

    for (const __node_t *node = osip_node_first(list); node;
         node = osip_node_next(list, node, i++)) {
        const sdp_time_descr_t *time = node->element;

        if (!time) continue;
        walk->enter(walk, "t=", i);
        smt_parser_osip_show_texts(time, time_texts, walk);
        strings_show("r=", &time->r_repeats, walk);
        walk->leave(walk);
    }
}

static void medias_show(const osip_list_t *list, struct smt_walk *walk)
{
    int i = 0;

    for (const __node_t *node = osip_node_first(list); node;
         node = osip_node_next(list, node, i++)) {
        const sdp_media_t *media = node->element;

        if (!media) continue;
        walk->enter(walk, "m=", i);
        smt_parser_osip_show_texts(media, media_texts, walk);
        strings_show("fmt", &media->m_payloads, walk);
        lines_show("c=", &media->c_connections, connection_texts, walk);
        lines_show("b=", &media->b_bandwidths, bandwidth_texts, walk);
        line_show("k=", -1, media->k_key, key_texts, walk);
        attributes_show(&media->a_attributes, walk);
        walk->leave(walk);
    }
}

void smt_parser_osip_sdp_show_message(const sdp_message_t *sdp, struct smt_walk *walk)
{
    if (!sdp) return;
    smt_parser_osip_show_texts(sdp, session_texts, walk);
    strings_show("e=", &sdp->e_emails, walk);
    strings_show("p=", &sdp->p_phones, walk);
    line_show("c=", -1, sdp->c_connection, connection_texts, walk);
    lines_show("b=", &sdp->b_bandwidths, bandwidth_texts, walk);
    times_show(&sdp->t_descrs, walk);
    line_show("k=", -1, sdp->k_key, key_texts, walk);
    attributes_show(&sdp->a_attributes, walk);
    medias_show(&sdp->m_medias, walk);
}

static void text_show(const char *name, const char *text, struct smt_walk *walk)
{
    if (!text) return;
    walk->enter(walk, name, -1);
    smt_parser_osip_show_text(text, strlen(text), '=', walk);
    walk->leave(walk);
}

void smt_parser_osip_sdp_show(const void *state, struct smt_walk *walk)
{
    const struct osip_state *run = state;
    char sum[17];

    for (int i = 0; i < run->sdp_count; i++) {
        const struct osip_sdp *sdp = &run->sdp[i];

        walk->enter(walk, "SDP", sdp->body);
        smt_parser_osip_sdp_show_message(sdp->message, walk);
        if (sdp->clone) {
            walk->enter(walk, "clone", -1);
            smt_parser_osip_sdp_show_message(sdp->clone, walk);
            walk->leave(walk);
        }
        text_show("text", sdp->text, walk);
        text_show("clone text", sdp->clone_text, walk);
        walk->leave(walk);
    }
    if (!run->sdp_passing_sum) return;
    snprintf(sum, sizeof(sum), "%016lx", run->sdp_passing_sum);
    walk->field(walk, "sum of later SDP bodies", sum, strlen(sum));
}

/* ---- run ---- */

static bool content_type_is_sdp(const osip_content_type_t *content_type)
{
    return content_type && content_type->type && content_type->subtype &&
           strcasecmp(content_type->type, "application") == 0 &&
           strcasecmp(content_type->subtype, "sdp") == 0;
}

/* A part of a multipart body says itself what it is; a single body leaves that
 * to the message. */
static bool body_is_sdp(const osip_message_t *message, const osip_body_t *body)
{
    if (!body || !body->body) return false;
    return content_type_is_sdp(body->content_type ? body->content_type : message->content_type);
}

/* What a failed call left in its output pointer is not looked at. */
static int sdp_copy(struct osip_sdp *sdp)
{
    sdp_message_t *clone = NULL;
    char *text = NULL;
    int code = sdp_message_clone(sdp->message, &clone);

    if (code) return code;
    sdp->clone = clone;
    code = sdp_message_to_str(sdp->message, &text);
    if (code) return code;
    sdp->text = text;
    if (!clone) return 0;
    text = NULL;
    code = sdp_message_to_str(clone, &text);
    if (!code) sdp->clone_text = text;
    return code;
}

static int sdp_run(struct osip_sdp *sdp, const osip_body_t *body)
{
    int code = sdp_message_init(&sdp->message);

    if (code) {
        sdp->message = NULL;
        return code;
    }
    code = sdp_message_parse(sdp->message, body->body);
    return code ? code : sdp_copy(sdp);
}

static bool sdp_differs(const struct osip_sdp *sdp)
{
    return sdp->text && sdp->clone_text && strcmp(sdp->text, sdp->clone_text) != 0;
}

void smt_parser_osip_sdp_release(struct osip_sdp *sdp)
{
    sdp_message_t *message = sdp->message, *clone = sdp->clone;

    osip_text_release(&sdp->clone_text);
    osip_text_release(&sdp->text);
    sdp->clone = NULL;
    sdp_message_free(clone);
    sdp->message = NULL;
    sdp_message_free(message);
}

/* One past those that can be kept: read here, since access comes too late. Of
 * what it was, a sum remains to be shown. */
static int sdp_run_passing(struct osip_state *run, const osip_body_t *body)
{
    struct osip_sdp *sdp = &run->sdp_passing;
    int code = sdp_run(sdp, body);

    if (!code)
        run->sdp_passing_sum +=
            1 + smt_parser_osip_sdp_read(sdp->message) + smt_parser_osip_sdp_read(sdp->clone);
    if (sdp_differs(sdp)) run->sdp_passing_differs = true;
    smt_parser_osip_sdp_release(sdp);
    return code;
}

int smt_parser_osip_sdp(void *state, const struct smt_parser_input *input)
{
    struct osip_state *run = state;
    const osip_list_t *bodies;
    int first_code = 0, i = 0;

    (void)input;
    if (!run->is_parsed) return 0;
    bodies = &run->message->bodies;
    for (const __node_t *node = osip_node_first(bodies); node;
         node = osip_node_next(bodies, node, i++)) {
        const osip_body_t *body = node->element;
        int code;

        if (!body_is_sdp(run->message, body)) continue;
        if (run->sdp_count < OSIP_SDP_KEPT) {
            run->sdp[run->sdp_count].body = i;
            code = sdp_run(&run->sdp[run->sdp_count++], body);
        } else {
            code = sdp_run_passing(run, body);
        }
        if (!first_code) first_code = code;
        if (smt_parser_osip_is_out_of_memory(code)) break;
    }
    return first_code;
}

const char *smt_parser_osip_sdp_contradiction(const void *state)
{
    const struct osip_state *run = state;
    bool differs = run->sdp_passing_differs;

    for (int i = 0; i < run->sdp_count; i++) differs = differs || sdp_differs(&run->sdp[i]);
    return differs ? "the SDP's clone renders differently from the SDP" : NULL;
}
