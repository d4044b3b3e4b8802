/* sweep/group.c - sorts what runs show by verdict, site and place, without
 * naming anything. */
#include <stdlib.h>

#include "sweep/inside.h"

static uint64_t mix(uint64_t hash, uint64_t value)
{
    return (hash ^ value) * 0x9FB21C651E98DF25u ^ (hash >> 31);
}

static uint64_t fault_place_hash(const struct smt_run_result *result)
{
    const struct smt_run_fault *fault = &result->fault;

    if (fault->exited) return mix(mix(1, (uint64_t)fault->code), fault->stack_hash);
    if (fault->place == SMT_PLACE_STACK) return 11; /* which of the functions ended it is chance */
    return mix(mix(mix(2, fault->pc), (uint64_t)fault->place * 2 + fault->is_write),
               fault->stack_hash ^ fault->block_caller);
}

static uint64_t code_place_hash(const struct smt_run_result *result)
{
    if (result->failed_op == SMT_OP_COUNT) return 3;
    return mix(mix(3, result->failed_op), (uint64_t)result->codes[result->failed_op]);
}

/* Was it only seen afterwards? Who did it is known only when the run is done
 * again: such runs are groups of their own. */
static bool is_seen_late(const struct smt_run_result *result, enum smt_verdict verdict)
{
    return !result->fault.signal && (SMT_VERDICT_BIT(CORRUPT) | SMT_VERDICT_BIT(USE_AFTER_FREE) |
                                     SMT_VERDICT_BIT(UNINITIALIZED)) &
                                        (1u << verdict);
}

/* Where this verdict failed, as addresses and codes. All runs of one verdict,
 * site and place must get one signature (signature.c): what is reported would
 * else depend on which of them stands for the group, and so on how a sweep is
 * divided. */
static uint64_t place_hash(const struct smt_run_result *result, enum smt_verdict verdict)
{
    switch (verdict) {
    case SMT_VERDICT_CRASH:
    case SMT_VERDICT_OVER_READ:
        return fault_place_hash(result);
    case SMT_VERDICT_CORRUPT:
    case SMT_VERDICT_USE_AFTER_FREE:
        if (result->fault.signal) return fault_place_hash(result);
        return mix(mix(4, result->damage.caller), result->damage.offset < 0);
    case SMT_VERDICT_BAD_FREE:
        return mix(5, result->heap.bad_free_caller);
    case SMT_VERDICT_LEAK:
        return mix(6, result->leak.hash);
    case SMT_VERDICT_MISMATCH:
        return mix(7, (uint64_t)(uintptr_t)result->contradiction);
    case SMT_VERDICT_SWALLOWED:
        return mix(8, result->differing_ops & -result->differing_ops);
    case SMT_VERDICT_WRONG_CODE:
        return code_place_hash(result);
    case SMT_VERDICT_HANG:
        return mix(10, (uint64_t)result->last_op);
    case SMT_VERDICT_UNINITIALIZED:
        return result->fault.signal ? fault_place_hash(result) : 9;
    default:
        return 0;
    }
}

struct site *smt_sweep_site_of(const struct smt_sweep *sweep, uint64_t attempt)
{
    const struct survey *survey = &sweep->survey;

    if (!survey->done || !attempt || attempt > survey->attempts) return NULL;
    return survey->site_of[attempt - 1] < survey->site_count
               ? survey->sites[survey->site_of[attempt - 1]]
               : NULL;
}

/* Does the new run stand better for the group than the one that does? Of equals
 * the first does: modes come in order. */
static bool is_smaller(const struct smt_sweep *sweep, const struct group *group, size_t bytes,
                       uint64_t allocation)
{
    if (bytes != group->message_bytes) return bytes < group->message_bytes;
    if (sweep->message != group->message) return sweep->message < group->message;
    return allocation < group->allocation;
}

/* What is nobody's but this message's: a run of its own, or its expectation. */
static void key_narrow(const struct smt_sweep *sweep, const struct smt_run_result *result,
                       uint64_t allocation, struct group_key *key)
{
    bool is_late = is_seen_late(result, (enum smt_verdict)key->verdict);

    if (is_late || key->verdict == SMT_VERDICT_UNEXPECTED)
        key->place = mix(key->place, sweep->message + 1);
    if (is_late && allocation) key->site = mix(key->site, allocation);
}

static struct group *group_find(struct smt_sweep *sweep, const struct group_key *key)
{
    struct group *group;

    HASH_FIND(hh, sweep->groups, key, sizeof *key, group);
    if (group) return group;
    group = calloc(1, sizeof *group);
    if (!group) return NULL;
    group->key = *key;
    group->message_bytes = SIZE_MAX;
    HASH_ADD(hh, sweep->groups, key, sizeof group->key, group);
    return group;
}

/* Does the message show this at this place although nothing is refused? Then
 * no refusal is to blame for it. */
static bool shows_when_clean(const struct smt_sweep *sweep, enum smt_verdict verdict,
                             uint64_t place)
{
    const struct smt_run_result *baseline = smt_worker_baseline(sweep->worker);

    return baseline->verdicts & (1u << verdict) && place_hash(baseline, verdict) == place;
}

/* The stack that the hang signal noted, while it is there. */
static struct smt_stack *hang_keep(struct smt_sweep *sweep)
{
    const struct smt_evidence *evidence = smt_worker_evidence(sweep->worker);
    struct smt_stack *stack = calloc(1, sizeof *stack);

    if (stack && evidence->has_failed_at) *stack = evidence->failed_at;
    return stack;
}

void smt_sweep_group_note(struct smt_sweep *sweep, const struct smt_job *job,
                          const struct smt_run_result *result, bool is_clean_run,
                          enum smt_mode mode, uint32_t verdicts)
{
    size_t bytes = sweep->messages->items[sweep->message].size_bytes;
    uint64_t allocation = is_clean_run ? 0 : result->heap.first_refused;
    const struct site *site = NULL;

    if (!is_clean_run) {
        if (!allocation && job->plan.rule_count) allocation = job->plan.rules[0].first;
        site = smt_sweep_site_of(sweep, allocation);
    }
    for (uint32_t left = smt_verdict_defects(verdicts); left; left &= left - 1) {
        enum smt_verdict verdict = smt_verdict_naming(left);
        struct group_key key = {site ? site->hash : 0, place_hash(result, verdict), verdict};
        bool is_clean = is_clean_run || shows_when_clean(sweep, verdict, key.place);
        struct group *group;

        if (is_clean)
            key.site = 0;
        else
            key.site = mix(key.site, sweep->second_site);
        key_narrow(sweep, result, is_clean ? 0 : allocation, &key);
        group = group_find(sweep, &key);
        if (!group) return; /* out of memory: counted, not explained */
        if (verdict == SMT_VERDICT_HANG && !group->hung_at) group->hung_at = hang_keep(sweep);
        group->occurrences++;
        if (!is_smaller(sweep, group, bytes, is_clean ? 0 : allocation)) continue;
        group->message = sweep->message;
        group->message_bytes = bytes;
        group->mode = mode;
        group->is_clean_run = is_clean;
        group->allocation = is_clean ? 0 : allocation;
        group->job = is_clean && !is_clean_run ? (struct smt_job){.flags = SMT_JOB_CHECK} : *job;
        group->result = is_clean && !is_clean_run ? *smt_worker_baseline(sweep->worker) : *result;
        group->is_stale = true;
    }
}
