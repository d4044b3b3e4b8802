/* sweep/minimize.c - the smallest message that still shows a finding.
 *
 * The mutate room proposes smaller and smaller messages (headers, parameters,
 * body parts, lines, halves of values); each candidate gets the finding's run, found
 * again by its token, and is kept while the signature stays the same. */
#include <stdlib.h>
#include <string.h>

#include "mutate/mutate.h"
#include "sweep/inside.h"

struct shrink {
    struct smt_sweep *sweep; /* of its own: one message, no sinks */
    struct smt_message message;
    struct smt_message_list list;
    struct token token;
    const char *signature;
    char *replay; /* token of the smallest message so far */
};

/* The group whose finding has the signature, explained; NULL when none has. */
static enum smt_status signature_find(struct shrink *shrink, const struct smt_finding **ret_finding)
{
    struct group *group, *next;
    enum smt_status status = smt_sweep_explain(shrink->sweep);

    *ret_finding = NULL;
    HASH_ITER(hh, shrink->sweep->groups, group, next)
    if (group->finding && strcmp(group->finding->signature, shrink->signature) == 0)
        *ret_finding = group->finding;
    return status;
}

/* One run of the candidate, as the token says. A token that no longer fits is
 * no failure: the candidate is just not good. */
static enum smt_status candidate_run(struct shrink *shrink, bool *ret_fits)
{
    struct smt_sweep *sweep = shrink->sweep;
    struct smt_run_result result;
    struct smt_job job;
    enum smt_status status;

    smt_sweep_forget(sweep);
    status = smt_sweep_load(sweep, 0);
    if (status == SMT_OK && !shrink->token.is_clean) status = smt_sweep_survey(sweep);
    if (status != SMT_OK) return status;
    *ret_fits = smt_sweep_token_resolve(sweep, &shrink->token, &job) == SMT_OK;
    if (!*ret_fits) return SMT_OK;
    status = smt_worker_run(sweep->worker, &job, 1, &result);
    if (status == SMT_OK)
        smt_sweep_group_note(sweep, &job, &result, shrink->token.is_clean, shrink->token.mode,
                             result.verdicts);
    return status;
}

static enum smt_status candidate_shows(struct shrink *shrink, const void *bytes, size_t size_bytes,
                                       bool *ret_shows)
{
    const struct smt_finding *finding;
    enum smt_status status;
    bool fits;

    *ret_shows = false;
    if (!size_bytes) return SMT_OK;
    shrink->message.data = (char *)bytes;
    shrink->message.size_bytes = size_bytes;
    status = candidate_run(shrink, &fits);
    if (status != SMT_OK || !fits) return status;
    status = signature_find(shrink, &finding);
    if (status != SMT_OK || !finding) return status;
    *ret_shows = true;
    free(shrink->replay);
    shrink->replay = strdup(finding->replay);
    return SMT_OK;
}

static enum smt_status trim_run(struct shrink *shrink, struct smt_trim *trim,
                                const struct smt_message *message)
{
    size_t steps = smt_trim_start(trim, (const uint8_t *)message->data, message->size_bytes);
    enum smt_status status = SMT_OK;

    for (size_t step = 0; step < steps && status == SMT_OK;) {
        const uint8_t *bytes;
        size_t size = smt_trim_next(trim, &bytes);
        bool shows;

        status = candidate_shows(shrink, bytes, size, &shows);
        step = smt_trim_accept(trim, shows);
    }
    return status;
}

static enum smt_status shrink_init(struct shrink *shrink, const struct smt_sweep *sweep,
                                   const struct smt_finding *finding)
{
    struct smt_sweep_settings settings = sweep->settings;
    enum smt_status status = smt_sweep_token_parse(finding->replay, &shrink->token);

    settings.known = NULL;
    shrink->signature = finding->signature;
    shrink->message.name = finding->message;
    shrink->list = (struct smt_message_list){.items = &shrink->message, .count = 1, .capacity = 1};
    if (status == SMT_OK) status = smt_sweep_new(&settings, &shrink->list, NULL, 0, &shrink->sweep);
    return status;
}

enum smt_status smt_sweep_minimize(struct smt_sweep *sweep, const struct smt_finding *finding,
                                   struct smt_buffer *ret_message, char **ret_replay)
{
    const struct smt_message *message = &sweep->messages->items[finding->message_index - 1];
    struct shrink shrink = {0};
    struct smt_trim *trim = smt_trim_new();
    enum smt_status status = trim ? shrink_init(&shrink, sweep, finding) : SMT_ENOMEM;
    bool shows = false;

    if (status == SMT_OK)
        status = candidate_shows(&shrink, message->data, message->size_bytes, &shows);
    if (status == SMT_OK && shows) status = trim_run(&shrink, trim, message);
    if (status == SMT_OK) {
        const uint8_t *bytes = (const uint8_t *)message->data;
        size_t size = shows ? smt_trim_best(trim, &bytes) : message->size_bytes;

        smt_buffer_add(ret_message, bytes, size);
        *ret_replay = strdup(shows && shrink.replay ? shrink.replay : finding->replay);
    }
    free(shrink.replay);
    smt_sweep_free(shrink.sweep);
    smt_trim_free(trim);
    return status;
}
