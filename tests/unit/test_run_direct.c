/* run/: runs in the caller's own process, on both heaps. */
#include "run_fixture.h"

#include <malloc.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static struct smt_direct *direct;
static struct smt_message_list list;

static void direct_start(const struct smt_parser *parser, bool libc, struct smt_heap_veto *veto)
{
    struct smt_worker_settings settings = run_settings(parser);

    settings.libc_backend = libc;
    if (smt_direct_new(&settings, veto, &direct) != SMT_OK) fail_msg("%s", smt_fail_text());
}

static int tear_down(void **state)
{
    (void)state;
    smt_direct_free(direct);
    direct = NULL;
    smt_message_list_clear(&list);
    return 0;
}

static void direct_load(const char *name)
{
    char path[512];

    snprintf(path, sizeof path, "%s/selftest/%s.sip", SMT_TESTS, name);
    smt_message_list_clear(&list);
    smt_message_list_init(&list);
    if (smt_message_add_file(&list, path) != SMT_OK) fail_msg("%s", smt_fail_text());
    smt_direct_load(direct, list.items[0].data, list.items[0].size_bytes, false);
}

static const struct smt_job clean;

static void healthy_message_shows_nothing(void **state)
{
    (void)state;
    for (int libc = 0; libc < 2; libc++) {
        direct_start(&smt_parser_selftest, libc, NULL);
        direct_load("healthy-invite-sdp");

        assert_int_equal(smt_direct_run(direct, &clean)->verdicts, 0);
        tear_down(NULL);
    }
}

static void leaks_name_the_same_request_on_both_heaps(void **state)
{
    uint64_t attempts[2];

    (void)state;
    for (int libc = 0; libc < 2; libc++) {
        const struct smt_run_result *result;

        direct_start(&smt_parser_selftest, libc, NULL);
        direct_load("bug-leak");

        result = smt_direct_run(direct, &clean);
        assert_int_equal(result->verdicts, SMT_VERDICT_BIT(LEAK));
        assert_int_equal(result->leak.blocks, 1);
        attempts[libc] = result->leak.attempts[0];
        tear_down(NULL);
    }
    assert_int_not_equal(attempts[0], 0);
    assert_int_equal(attempts[0], attempts[1]);
}

static void a_leaked_request_has_its_stack(void **state)
{
    static const struct smt_job survey = {.flags = SMT_JOB_SURVEY};
    const struct smt_stack *stack;
    uint64_t attempt;

    (void)state;
    direct_start(&smt_parser_selftest, false, NULL);
    direct_load("bug-leak");
    attempt = smt_direct_run(direct, &clean)->leak.attempts[0];

    smt_direct_run(direct, &survey);
    stack = smt_direct_site(direct, attempt);
    assert_non_null(stack);
    assert_true(stack->depth > 0);
    assert_null(smt_direct_site(direct, 0));
    assert_null(smt_direct_site(direct, 1u << 20));
}

static void what_a_run_leaves_is_given_back(void **state)
{
    size_t before;

    (void)state;
    direct_start(&smt_parser_selftest, true, NULL);
    direct_load("bug-leak");
    for (int i = 0; i < 10; i++) smt_direct_run(direct, &clean);

    before = mallinfo2().uordblks;
    for (int i = 0; i < 20000; i++) smt_direct_run(direct, &clean);
    assert_in_range(mallinfo2().uordblks, 0,
                    before + 100000); /* five bytes a run; the table may grow */
}

struct counting_veto {
    struct smt_heap_veto veto;
    bool answer;
    uint64_t attempt;
    unsigned asked;
    struct smt_stack stack;
};

static bool veto_count(struct smt_heap_veto *veto, uint64_t attempt, uintptr_t caller)
{
    struct counting_veto *self = (struct counting_veto *)veto;

    self->attempt = attempt;
    self->asked++;
    smt_direct_stack(direct, caller, &self->stack);
    return self->answer;
}

static void a_veto_lets_a_request_through(void **state)
{
    static const struct smt_job third = {.plan = {.rule_count = 1, .rules = {{3, 1}}}};

    (void)state;
    for (int libc = 0; libc < 2; libc++) {
        struct counting_veto veto = {.veto = {veto_count}};

        direct_start(&smt_parser_selftest, libc, &veto.veto);
        direct_load("healthy-invite-sdp");

        assert_int_equal(smt_direct_run(direct, &third)->heap.refusals, 0);
        veto.answer = true;
        assert_int_equal(smt_direct_run(direct, &third)->heap.refusals, 1);
        assert_int_equal(veto.asked, 2);
        assert_int_equal(veto.attempt, 3);
        assert_true(veto.stack.depth > 0);
        tear_down(NULL);
    }
}

static void digests_alone_are_baseline_enough(void **state)
{
    static const struct smt_job baseline = {.flags = SMT_JOB_BASELINE | SMT_JOB_DIGESTS};
    static const struct smt_job check = {.flags = SMT_JOB_CHECK};

    (void)state;
    direct_start(&smt_parser_selftest, false, NULL);
    direct_load("bug-nondeterministic");
    smt_direct_run(direct, &baseline);
    assert_false(smt_direct_run(direct, &check)->matches_baseline);

    direct_load("healthy-invite-sdp");
    smt_direct_run(direct, &baseline);
    assert_true(smt_direct_run(direct, &check)->matches_baseline);
}

/* --- a parser that reads and writes as its first byte says --------------------------- */

static int reader_parse(void *state, const struct smt_parser_input *input)
{
    volatile char *data = (char *)(uintptr_t)input->data;

    (void)state;
    if (data[0] == 'b') return data[input->size_bytes] != 0;
    if (data[0] == 'B') return data[input->size_bytes + 1] != 0;
    if (data[0] == 'f') return data[-1] != 0;
    if (data[0] == 'w') data[1] = 'x';
    return 0;
}

static const char *reader_version(void)
{
    return "0";
}

static int reader_init(const struct smt_parser_hooks *hooks)
{
    return hooks == NULL;
}

static bool reader_is_out_of_memory(int code)
{
    return code == -1;
}

static void reader_release(void *state)
{
    (void)state;
}

static const struct smt_parser reader = {
    .interface_version = SMT_PARSER_INTERFACE,
    .name = "reader",
    .summary = "reads where it is told",
    .state_size_bytes = 1,
    .anchor = &reader,
    .version = reader_version,
    .init = reader_init,
    .is_out_of_memory = reader_is_out_of_memory,
    .release = reader_release,
    .ops = {[SMT_OP_PARSE] = {reader_parse, NULL, NULL}},
};

/* Does a run of this message end its process? */
static bool run_dies(const char *text, bool zero_ended, const struct smt_job *job)
{
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        signal(SIGSEGV, SIG_DFL);
        smt_direct_load(direct, text, strlen(text), zero_ended);
        smt_direct_run(direct, job);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
}

static void the_message_lies_at_inaccessible_pages(void **state)
{
    static const struct smt_job head = {.guard = {.mode = SMT_GUARD_HEAD, .first = 1, .last = 1}};

    (void)state;
    direct_start(&reader, false, NULL);

    assert_true(run_dies("behind", false, &clean));
    assert_false(run_dies("behind", true, &clean));
    assert_true(run_dies("Behind", true, &clean));
    assert_true(run_dies("front", false, &head));
    assert_false(run_dies("front", false, &clean));
    assert_false(run_dies("nowhere", false, &clean));
}

static void a_write_to_the_message_is_told_and_mended(void **state)
{
    (void)state;
    direct_start(&reader, false, NULL);
    smt_direct_load(direct, "write", 5, false);
    assert_int_equal(smt_direct_run(direct, &clean)->verdicts, SMT_VERDICT_BIT(CORRUPT));
    assert_int_equal(smt_direct_run(direct, &clean)->damage.count, 0);

    smt_direct_load(direct, "nothing", 7, false);
    assert_int_equal(smt_direct_run(direct, &clean)->verdicts, 0);
}

/* --- a parser that keeps its first block and needs another ----------------------------- */

static const struct smt_parser_hooks *keeper_hooks;
static void *volatile keeper_block;

static int keeper_init(const struct smt_parser_hooks *hooks)
{
    keeper_hooks = hooks;
    return 0;
}

static int keeper_parse(void *state, const struct smt_parser_input *input)
{
    void *other;

    (void)state;
    (void)input;
    keeper_block = keeper_hooks->malloc(8);
    other = keeper_hooks->malloc(8);
    keeper_hooks->free(other);
    return other ? 0 : -1;
}

static bool leaks_are_wanted, leaks_were_asked;

static bool leaks_ask(void)
{
    leaks_were_asked = true;
    return leaks_are_wanted;
}

static void caches_are_told_from_leaks_where_that_is_wanted(void **state)
{
    static const struct smt_job second = {.plan = {.rule_count = 1, .rules = {{2, 1}}}};
    struct smt_parser keeper = reader;
    struct smt_worker_settings settings = run_settings(&keeper);

    (void)state;
    keeper.init = keeper_init;
    keeper.ops[SMT_OP_PARSE].run = keeper_parse;
    settings.are_leaks_wanted = leaks_ask;
    assert_int_equal(smt_direct_new(&settings, NULL, &direct), SMT_OK);
    smt_direct_load(direct, "text", 4, false);

    leaks_were_asked = leaks_are_wanted = false;
    assert_int_equal(smt_direct_run(direct, &clean)->verdicts, SMT_VERDICT_BIT(CACHED));
    assert_false(leaks_were_asked);
    assert_int_equal(smt_direct_run(direct, &second)->verdicts, SMT_VERDICT_BIT(LEAK));
    leaks_are_wanted = true;
    assert_int_equal(smt_direct_run(direct, &second)->verdicts, SMT_VERDICT_BIT(CACHED));
}

/* --- sites ------------------------------------------------------------------------------ */

#define SITES 1024

static void sites_count(const char *name, uint8_t *counters)
{
    memset(counters, 0, SITES);
    direct_load(name);
    smt_direct_run(direct, &clean);
}

static void sites_tell_ways_apart(void **state)
{
    uint8_t first[SITES], again[SITES], other[SITES], none[SITES] = {0};

    (void)state;
    for (int libc = 0; libc < 2; libc++) {
        uint8_t *const all[] = {first, again, other};
        const char *const names[] = {"healthy-invite-sdp", "healthy-invite-sdp",
                                     "healthy-multipart"};

        direct_start(&smt_parser_selftest, libc, NULL);
        for (int i = 0; i < 3; i++) {
            smt_direct_count_sites(direct, all[i], SITES);
            sites_count(names[i], all[i]);
        }
        smt_direct_count_sites(direct, NULL, 0);

        assert_memory_not_equal(first, none, SITES);
        assert_memory_equal(first, again, SITES);
        assert_memory_not_equal(first, other, SITES);
        tear_down(NULL);
    }
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(healthy_message_shows_nothing),
        TEST(leaks_name_the_same_request_on_both_heaps),
        TEST(a_leaked_request_has_its_stack),
        TEST(what_a_run_leaves_is_given_back),
        TEST(a_veto_lets_a_request_through),
        TEST(digests_alone_are_baseline_enough),
        TEST(the_message_lies_at_inaccessible_pages),
        TEST(a_write_to_the_message_is_told_and_mended),
        TEST(caches_are_told_from_leaks_where_that_is_wanted),
        TEST(sites_tell_ways_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
