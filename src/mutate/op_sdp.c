/* Operations on SDP (RFC 8866) lines. */
#include "mutate/operation.h"

static const char *const lines[] = {
    "v=0",
    "v=1",
    "v=",
    "o=- 0 0 IN IP4 0",
    "o=a 18446744073709551616 -1 IN IP6 ::",
    "o=",
    "o=- 1 1 IN IP4",
    "s=",
    "s=-",
    "s= ",
    "i=\xc3\xa4",
    "u=http://h/",
    "e=a@b (c)",
    "p=+1",
    "c=IN IP4 224.2.1.1/127/3",
    "c=IN IP6 FF15::101/3",
    "c=",
    "c=IN",
    "c=IN IP4 h/",
    "b=AS:128",
    "b=X-y:",
    "b=CT:4294967296",
    "b=:",
    "t=0 0",
    "t=3034423619 3042462419",
    "t=",
    "t=0",
    "r=604800 3600 0 90000",
    "r=7d 1h 0 25h",
    "z=2882844526 -1h 2898848070 0",
    "z=",
    "k=clear:x",
    "k=prompt",
    "k=",
    "k=uri:",
    "a=sendrecv",
    "a=rtpmap:0 PCMU/8000",
    "a=rtpmap:255 x/4294967296/2",
    "a=fmtp:101 0-15",
    "a=",
    "a=:",
    "a=:x",
    "a=x:",
    "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x|2^20|1:4",
    "a=candidate:1 1 UDP 1 192.0.2.1 1 typ host",
    "m=audio 49170 RTP/AVP 0 8 101",
    "m=video 0 RTP/SAVPF 96",
    "m=audio 65536/65536 RTP/AVP -1",
    "m=",
    "m=audio",
    "m=audio 1",
    "m=audio 1/ RTP/AVP",
    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
    "m= 0 ",
    "=",
    "x=y",
    "X",
    "vv=0",
    "v =0",
    " v=0",
    "a",
};

static const char *const whole[] = {
    "v=0\r\no=a 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP "
    "0 8\r\n"
    "a=rtpmap:0 PCMU/8000\r\na=sendrecv\r\nm=video 4002 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n",
    "v=0\no=- 0 0 IN IP6 ::1\ns= \nt=0 0\n",
    "v=0\r\no=- 1 1 IN IP4 h\r\ns=s\r\ni=i\r\nu=http://h\r\ne=e@h\r\np=+1\r\nc=IN IP4 "
    "224.1.1.1/1\r\n"
    "b=AS:1\r\nt=1 2\r\nr=1 2 3\r\nt=3 4\r\nr=7d 1h 0\r\nz=1 -1h\r\nk=base64:eA==\r\na=recvonly\r\n"
    "m=audio 1/2 RTP/AVP 0\r\ni=i\r\nc=IN IP4 h\r\nb=TIAS:1\r\nk=prompt\r\na=ptime:20",
    "v=0",
    "v=0\r\n",
    "v=0\r\n\r\n",
    "",
};

/* A line at random; false when there is none. */
static bool find_line(struct smt_mutation_site *site, struct smt_view_line *ret_line)
{
    struct smt_view_line line, chosen = {0};
    size_t at = 0, seen = 0;

    while (seen < 256 && smt_view_line(site->model->body, &at, &line))
        if (smt_site_draw(site, ++seen) == 0) chosen = line;
    *ret_line = chosen;
    return seen > 0;
}

bool smt_mutate_sdp_build(struct smt_mutation_site *site)
{
    struct smt_model *model = site->model;
    struct smt_slice type = smt_slice_text("application/sdp");
    size_t index;

    if (!model->blank.size) model->blank = smt_model_line_end(model);
    model->body = smt_slice_text(SMT_SITE_ONE_OF(site, whole));
    if (smt_model_find(model, "Content-Length", 0) == SMT_MODEL_NONE)
        smt_model_insert_header(model, 0, smt_slice_text("Content-Length"), smt_slice("0", 1));
    index = smt_model_find(model, "Content-Type", 0);
    if (index != SMT_MODEL_NONE) return smt_model_set_text(model, index, type);
    return smt_model_insert_header(model, model->header_count, smt_slice_text("Content-Type"),
                                   type);
}

bool smt_mutate_sdp_duplicate(struct smt_mutation_site *site)
{
    struct smt_view_line line;
    size_t count = smt_site_chance(site, 80) ? 1 : 1 + smt_site_draw(site, 100);

    if (!find_line(site, &line)) return false;
    smt_site_text(site);
    for (size_t i = 0; i < count && site->text.size + line.whole.size <= site->room; i++)
        smt_buffer_add(&site->text, line.whole.data, line.whole.size);
    return site->text.size && smt_site_replace(site, SMT_MODEL_BODY, smt_slice(line.whole.data, 0),
                                               smt_site_text_slice(site));
}

bool smt_mutate_sdp_delete(struct smt_mutation_site *site)
{
    struct smt_view_line line;

    return find_line(site, &line) &&
           smt_site_replace(site, SMT_MODEL_BODY, line.whole, smt_slice("", 0));
}

bool smt_mutate_sdp_swap(struct smt_mutation_site *site)
{
    struct smt_view_line a, b;
    const char *end;

    if (!find_line(site, &a) || !find_line(site, &b) || a.whole.data == b.whole.data) return false;
    if (b.whole.data < a.whole.data) {
        struct smt_view_line kept = a;

        a = b, b = kept;
    }
    end = a.whole.data + a.whole.size;
    smt_site_text(site);
    smt_buffer_add(&site->text, b.whole.data, b.whole.size);
    smt_buffer_add(&site->text, end, (size_t)(b.whole.data - end));
    smt_buffer_add(&site->text, a.whole.data, a.whole.size);
    end = b.whole.data + b.whole.size;
    return smt_site_replace(site, SMT_MODEL_BODY,
                            smt_slice(a.whole.data, (size_t)(end - a.whole.data)),
                            smt_site_text_slice(site));
}

bool smt_mutate_sdp_add(struct smt_mutation_site *site)
{
    struct smt_view_line line;

    if (!find_line(site, &line)) return false;
    smt_site_text(site);
    smt_buffer_add_text(&site->text, SMT_SITE_ONE_OF(site, lines));
    smt_buffer_add_text(&site->text, "\r\n");
    return smt_site_replace(site, SMT_MODEL_BODY, smt_slice(line.whole.data, 0),
                            smt_site_text_slice(site));
}

bool smt_mutate_sdp_type(struct smt_mutation_site *site)
{
    static const char *const types[] = {
        "v=", "o=", "s=", "i=", "u=", "e=", "p=",  "c=",  "b=",  "t=", "r=", "z=",  "k=",
        "a=", "m=", "x=", "=",  "",   "m",  " m=", "m =", "m= ", "M=", "==", "mm=", "\xc3\xa4="};
    struct smt_view_line line;
    size_t size;

    if (!find_line(site, &line)) return false;
    size = line.text.size < 2 ? line.text.size : 2;
    return smt_site_replace_text(site, SMT_MODEL_BODY, smt_slice(line.text.data, size),
                                 SMT_SITE_ONE_OF(site, types));
}

bool smt_mutate_sdp_number(struct smt_mutation_site *site)
{
    struct smt_slice digits;

    return smt_site_digits(site, site->model->body, &digits) &&
           smt_site_replace_text(site, SMT_MODEL_BODY, digits, smt_site_number(site));
}

bool smt_mutate_sdp_length(struct smt_mutation_site *site)
{
    struct smt_view_line line;
    size_t length = smt_site_length(site);

    if (!find_line(site, &line) || line.text.size < 2) return false;
    smt_site_text(site);
    smt_site_fill(site, length, 'x');
    line.text.data += 2;
    line.text.size -= 2;
    if (smt_site_chance(site, 50)) line.text.size = 0; /* the old value stays behind */
    return smt_site_replace(site, SMT_MODEL_BODY, line.text, smt_site_text_slice(site));
}

/* Fields are what blanks part: one goes with its blank, or is doubled, or only
 * its blank is. */
bool smt_mutate_sdp_fields(struct smt_mutation_site *site)
{
    struct smt_view_line line;
    struct smt_slice field;
    const char *blank = NULL;

    for (int i = 0; i < 4 && !blank; i++)
        if (find_line(site, &line) && line.text.size)
            blank = memchr(line.text.data, ' ', line.text.size);
    if (!blank) return false;
    field = smt_slice(blank, 1);
    while (field.data + field.size < line.text.data + line.text.size &&
           field.data[field.size] != ' ')
        field.size++;
    if (smt_site_chance(site, 40))
        return smt_site_replace(site, SMT_MODEL_BODY, field, smt_slice("", 0));
    if (smt_site_chance(site, 50))
        return smt_site_replace(site, SMT_MODEL_BODY, smt_slice(field.data, 0), field);
    return smt_site_replace_text(site, SMT_MODEL_BODY, smt_slice(blank, 1),
                                 smt_site_chance(site, 50) ? "  " : "\t");
}
