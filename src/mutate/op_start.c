/* Operations on the start line. */
#include "mutate/operation.h"

static const char *const methods[] = {
    "INVITE", "ACK",     "BYE",        "CANCEL", "REGISTER", "OPTIONS", "MESSAGE", "INFO",
    "PRACK",  "UPDATE",  "SUBSCRIBE",  "NOTIFY", "PUBLISH",  "REFER",   "X",       "invite",
    "InViTe", "INVITEE", "-.!%*_+`'~", "SIP",    "SIP/",     "SIP/2.0"};
static const char *const versions[] = {
    "SIP/2.0",  "sip/2.0", "SIP/1.0",   "SIP/2.00",  "SIP/7.0",  "SIP/2",
    "SIP/",     "SIP",     "SIP/2.0.0", "SIP / 2.0", "HTTP/1.1", "SIP/99999999999999999999.0",
    "SIP/2.0 ", ""};
static const char *const status_codes[] = {
    "100", "180", "200",  "301", "401", "486",  "606",        "699",        "0",   "99", "000",
    "700", "999", "1000", "-1",  "20",  "2000", "4294967496", "2147483648", "2OO", ""};
static const char *const phrases[] = {" OK",
                                      " Ringing",
                                      "",
                                      " ",
                                      " \t",
                                      " = 2**3 * ^ \"",
                                      " \xd0\xa3\xd1\x81\xd0\xbf\xd0\xb5\xd1\x85",
                                      " a:b",
                                      "OK"};
static const char *const blanks[] = {"", "  ", "\t", " \t ", "\r\n ", "\v", "   "};

/* The blanks between words: the n-th run, counted from 0; at the end when there
 * are not that many. */
static struct smt_slice blank_run(struct smt_slice line, size_t number)
{
    size_t at = 0, from = 0;

    for (;;) {
        while (at < line.size && line.data[at] != ' ' && line.data[at] != '\t') at++;
        from = at;
        while (at < line.size && (line.data[at] == ' ' || line.data[at] == '\t')) at++;
        if (at == from || number-- == 0) return smt_slice(line.data + from, at - from);
    }
}

bool smt_mutate_start_method(struct smt_mutation_site *site)
{
    struct smt_slice line = site->model->start, first = blank_run(line, 0);
    struct smt_slice method = {line.data, (size_t)(first.data - line.data)};

    site->intents |= smt_site_chance(site, 20) ? SMT_INTENT_CSEQ : 0;
    return smt_site_replace_text(site, SMT_MODEL_START, method, SMT_SITE_ONE_OF(site, methods));
}

bool smt_mutate_start_version(struct smt_mutation_site *site)
{
    struct smt_slice line = site->model->start, gap;
    const char *version = SMT_SITE_ONE_OF(site, versions);

    if (line.size >= 4 && smt_view_is(smt_slice(line.data, 4), "SIP/")) {
        gap = blank_run(line, 0);
        return smt_site_replace_text(site, SMT_MODEL_START,
                                     smt_slice(line.data, (size_t)(gap.data - line.data)), version);
    }
    gap = blank_run(line, 1);
    line.size -= (size_t)(gap.data + gap.size - line.data);
    line.data = gap.data + gap.size;
    return smt_site_replace_text(site, SMT_MODEL_START, line, version);
}

bool smt_mutate_start_status(struct smt_mutation_site *site)
{
    struct smt_buffer *text = smt_site_text(site);

    smt_buffer_add_text(text,
                        smt_site_chance(site, 90) ? "SIP/2.0 " : SMT_SITE_ONE_OF(site, versions));
    smt_buffer_add_text(text, SMT_SITE_ONE_OF(site, status_codes));
    smt_buffer_add_text(text, SMT_SITE_ONE_OF(site, phrases));
    return smt_model_set_text(site->model, SMT_MODEL_START, smt_site_text_slice(site));
}

bool smt_mutate_start_blanks(struct smt_mutation_site *site)
{
    struct smt_slice gap = blank_run(site->model->start, smt_site_draw(site, 3));

    return smt_site_replace_text(site, SMT_MODEL_START, gap, SMT_SITE_ONE_OF(site, blanks));
}

bool smt_mutate_start_splice(struct smt_mutation_site *site)
{
    if (!site->other->start.size) return false;
    return smt_model_set_text(site->model, SMT_MODEL_START, site->other->start);
}
