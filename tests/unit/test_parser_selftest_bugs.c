/* parser/selftest: each planted bug shows, in the modes its row names. The
 * allocator here is the slowest and simplest there is: every block on pages of
 * its own, against an inaccessible one; every run in a child. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "selftest_run.h"

/* ---- what a run is given, and what is seen of it ---- */

struct conditions {
    bool at_front;        /* blocks begin after the inaccessible page, not end at it */
    unsigned char fill;   /* of new blocks */
    uint64_t first, last; /* attempts refused */
    uint64_t also;        /* one more attempt refused */
    unsigned runs_before; /* clean runs in front of the run */
    bool clean_run_after; /* look at a clean run after it instead */
};

struct observation {
    struct selftest_run run;
    uint64_t attempts;
    long live_blocks;
    bool refused, bad_free;
    bool died, ran_out_of_time; /* filled in by the parent */
};

/* ---- the allocator ---- */

#define BLOCKS_MAX 8192
#define PAGE       4096u

static struct {
    char *block, *pages;
    size_t size_bytes, page_bytes;
    bool live;
} blocks[BLOCKS_MAX];
static size_t block_count;
static struct conditions now;
static struct observation *seen; /* shared with the parent */

static bool is_refused(void)
{
    uint64_t attempt = ++seen->attempts;
    bool refused = (attempt >= now.first && attempt <= now.last) || attempt == now.also;

    seen->refused |= refused;
    return refused;
}

static void *paged_new(size_t size_bytes, unsigned char fill)
{
    size_t payload = (size_bytes + PAGE - 1) / PAGE * PAGE, total = payload + PAGE;
    char *pages = mmap(NULL, total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *block = now.at_front ? pages + PAGE : pages + payload - size_bytes;

    if (pages == MAP_FAILED || block_count == BLOCKS_MAX) abort();
    mprotect(now.at_front ? pages : pages + payload, PAGE, PROT_NONE);
    memset(block, fill, size_bytes);
    blocks[block_count].block = block;
    blocks[block_count].pages = pages;
    blocks[block_count].size_bytes = size_bytes;
    blocks[block_count].page_bytes = total;
    blocks[block_count++].live = true;
    seen->live_blocks++;
    return block;
}

static void paged_free(void *block)
{
    if (!block) return;
    for (size_t i = 0; i < block_count; i++) {
        if (blocks[i].block != block || !blocks[i].live) continue;
        blocks[i].live = false;
        mprotect(blocks[i].pages, blocks[i].page_bytes, PROT_NONE);
        seen->live_blocks--;
        return;
    }
    seen->bad_free = true;
}

static void *paged_malloc(size_t size_bytes)
{
    return is_refused() ? NULL : paged_new(size_bytes, now.fill);
}

static void *paged_calloc(size_t count, size_t size_bytes)
{
    return is_refused() ? NULL : paged_new(count * size_bytes, 0);
}

static void *paged_realloc(void *old, size_t size_bytes)
{
    size_t old_size_bytes = 0;
    char *block;

    if (is_refused()) return NULL;
    for (size_t i = 0; i < block_count; i++)
        if (old && blocks[i].block == old && blocks[i].live) old_size_bytes = blocks[i].size_bytes;
    seen->bad_free |= old && !old_size_bytes;
    block = paged_new(size_bytes, now.fill);
    if (old_size_bytes)
        memcpy(block, old, old_size_bytes < size_bytes ? old_size_bytes : size_bytes);
    if (old_size_bytes) paged_free(old);
    return block;
}

static const struct smt_parser_hooks hooks = {paged_malloc, paged_calloc, paged_realloc,
                                              paged_free};

/* ---- runs ---- */

static struct smt_buffer message;

static void load(const char *prefix, const char *name)
{
    char path[1024];

    snprintf(path, sizeof path, "%s/selftest/%s%s.sip", SMT_TESTS, prefix, name);
    smt_buffer_empty(&message);
    assert_int_equal(smt_buffer_load(&message, path, 65536), SMT_OK);
}

/* The message at the end of read-only pages. */
static struct smt_parser_input paged_input(void)
{
    size_t payload = (message.size + PAGE - 1) / PAGE * PAGE;
    char *pages =
        mmap(NULL, payload + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *data = pages + payload - message.size;

    if (pages == MAP_FAILED) abort();
    memcpy(data, message.data, message.size);
    mprotect(pages, payload, PROT_READ);
    mprotect(pages + payload, PAGE, PROT_NONE);
    return (struct smt_parser_input){data, message.size};
}

static void child(const struct conditions *conditions)
{
    struct rlimit second = {1, 1}, none = {0, 0}, stack = {8u << 20, 8u << 20};
    struct smt_parser_input input = paged_input();
    const struct conditions calm = {.at_front = conditions->at_front, .fill = conditions->fill};

    for (int number = 1; number < 32; number++) signal(number, SIG_DFL); /* cmocka has its own */
    setrlimit(RLIMIT_CPU, &second);
    setrlimit(RLIMIT_CORE, &none);
    setrlimit(RLIMIT_STACK, &stack);                 /* some have none */
    if (!freopen("/dev/null", "w", stderr)) abort(); /* a sanitizer's report */
    now = calm;
    smt_parser_selftest.init(&hooks);
    for (unsigned i = 0; i < conditions->runs_before; i++)
        selftest_run(&input, true, &seen->attempts);
    now = *conditions;
    seen->attempts = 0;
    seen->run = selftest_run(&input, now.first || now.also, &seen->attempts);
    now = calm;
    if (conditions->clean_run_after) seen->run = selftest_run(&input, false, &seen->attempts);
    _exit(0);
}

static struct observation observe(struct conditions conditions)
{
    struct observation result;
    pid_t pid;
    int status;

    memset(seen, 0, sizeof *seen);
    fflush(NULL);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) child(&conditions);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    result = *seen;
    result.ran_out_of_time =
        WIFSIGNALED(status) && (WTERMSIG(status) == SIGXCPU || WTERMSIG(status) == SIGKILL);
    result.died = !result.ran_out_of_time && !(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    return result;
}

/* ---- verdicts, seen with the plainest means ---- */

#define FILL_A 0xA5
#define FILL_B 0x5A

static bool faults_on_either_page(struct conditions c)
{
    c.at_front = false;
    if (observe(c).died) return true;
    c.at_front = true;
    return observe(c).died;
}

static bool dies(struct conditions c)
{
    return observe(c).died;
}

static bool runs_out_of_time(struct conditions c)
{
    return observe(c).ran_out_of_time;
}

static bool frees_badly(struct conditions c)
{
    return observe(c).bad_free;
}

static bool leaks(struct conditions c)
{
    struct observation o = observe(c);

    return !o.died && !o.ran_out_of_time && o.live_blocks > 0;
}

static bool differs_by_fill(struct conditions c)
{
    struct observation a = observe(c), b;

    c.fill = FILL_B;
    b = observe(c);
    return a.run.shown != b.run.shown || a.run.first_error != b.run.first_error ||
           a.attempts != b.attempts;
}

static bool contradicts_itself(struct conditions c)
{
    return observe(c).run.contradicted;
}

static bool is_accepted(struct conditions c)
{
    return observe(c).run.codes[SMT_OP_PARSE] == SMT_SELFTEST_OK;
}

static bool changes_its_allocations(struct conditions c)
{
    uint64_t attempts = observe(c).attempts;

    c.runs_before = 1;
    return observe(c).attempts != attempts;
}

static bool differs_from_clean(const struct observation *o, const struct conditions *c)
{
    return o->run.shown != observe((struct conditions){.fill = c->fill}).run.shown;
}

/* The operation in which the refusal fell, if that reported success; else -1. */
static int refused_but_successful(const struct observation *o, const struct conditions *c)
{
    for (int op = 0; op < SMT_OP_COUNT && o->refused && !o->died; op++)
        if (o->run.attempts_by[op] >= c->first) return op;
    return -1;
}

static bool succeeds_though_refused(struct conditions c, bool with_same_result)
{
    struct observation o = observe(c), clean;
    int op = refused_but_successful(&o, &c);

    if (op < 0) return false;
    clean = observe((struct conditions){.fill = c.fill});
    return (o.run.shown_by[op] == clean.run.shown_by[op]) == with_same_result;
}

static bool swallows(struct conditions c)
{
    return succeeds_though_refused(c, false);
}

static bool is_benign(struct conditions c)
{
    return succeeds_though_refused(c, true);
}

static bool gives_wrong_code(struct conditions c)
{
    return observe(c).run.first_error == SMT_SELFTEST_SYNTAX;
}

static bool poisons(struct conditions c)
{
    struct observation o;

    c.clean_run_after = true;
    o = observe(c);
    return !o.died && differs_from_clean(&o, &c);
}

static const struct {
    const char *verdict;
    bool (*shows)(struct conditions conditions);
} detectors[] = {
    {"crash", dies},
    {"hang", runs_out_of_time},
    {"corrupt", faults_on_either_page},
    {"over-read", faults_on_either_page},
    {"use-after-free", faults_on_either_page},
    {"bad-free", frees_badly},
    {"leak", leaks},
    {"cached", leaks},
    {"uninitialized", differs_by_fill},
    {"mismatch", contradicts_itself},
    {"unexpected", is_accepted},
    {"swallowed", swallows},
    {"wrong-code", gives_wrong_code},
    {"poisoned", poisons},
    {"nondeterministic", changes_its_allocations},
    {"benign", is_benign},
};

static bool detect(const char *verdict, struct conditions conditions)
{
    conditions.fill = FILL_A;
    for (size_t i = 0; i < sizeof detectors / sizeof *detectors; i++)
        if (strcmp(detectors[i].verdict, verdict) == 0) return detectors[i].shows(conditions);
    fail_msg("no detector for the verdict '%s'", verdict);
    return false;
}

/* ---- facts ---- */

static void every_bug_has_its_message_and_every_message_its_bug(void **state)
{
    DIR *folder = opendir(SMT_TESTS "/selftest");
    struct dirent *entry;
    size_t rows = 0, files = 0;

    (void)state;
    assert_non_null(folder);

    for (; smt_selftest_bugs[rows].name; rows++) {
        const struct smt_selftest_bug *bug = &smt_selftest_bugs[rows];
        char wanted[128];

        snprintf(wanted, sizeof wanted, "\r\nX-Bug: %s\r\n", bug->name);
        load("bug-", bug->name);
        if (!memmem(message.data, message.size, wanted, strlen(wanted)))
            fail_msg("bug-%s.sip does not ask for its bug", bug->name);
    }
    while ((entry = readdir(folder))) files += strncmp(entry->d_name, "bug-", 4) == 0;

    assert_int_equal(files, rows);
    closedir(folder);
}

static void bugs_of_clean_runs_show_without_a_refusal(void **state)
{
    (void)state;

    for (const struct smt_selftest_bug *bug = smt_selftest_bugs; bug->name; bug++) {
        bool shown;

        if (bug->shows & SMT_SELFTEST_DECOYS) continue; /* no detector here has them */
        load("bug-", bug->name);
        shown = detect(bug->verdict, (struct conditions){.first = 0});
        if (shown != ((bug->shows & SMT_SELFTEST_CLEAN_RUN) != 0))
            fail_msg("%s: %s in a clean run", bug->name, shown ? "shows" : "does not show");
    }
}

/* The other verdicts that a message's run could give by mistake. */
static void healthy_messages_show_nothing(void **state)
{
    static const char *const names[] = {"invite-sdp", "multipart", "multipart-odd", "folded",
                                        "bytes",      "minimal",   "body-to-end"};

    (void)state;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        load("healthy-", names[i]);
        for (size_t d = 0; d < sizeof detectors / sizeof *detectors; d++) {
            if (strcmp(detectors[d].verdict, "unexpected") == 0) continue;
            if (detect(detectors[d].verdict, (struct conditions){.first = 0}))
                fail_msg("%s: %s", names[i], detectors[d].verdict);
        }
    }
}

/* Does refusing some attempt show the bug? */
static bool shows_under_refusal(const struct smt_selftest_bug *bug, unsigned mode)
{
    uint64_t attempts = observe((struct conditions){.fill = FILL_A}).attempts;

    for (uint64_t n = 1; n <= attempts; n++) {
        struct conditions c = {.first = n, .last = n};

        if (mode == SMT_SELFTEST_PERSISTENT) c.last = UINT64_MAX;
        if (mode != SMT_SELFTEST_DOUBLE) {
            if (detect(bug->verdict, c)) return true;
            continue;
        }
        for (c.also = n + 1; c.also <= n + 3; c.also++)
            if (detect(bug->verdict, c)) return true;
    }
    return false;
}

static void bugs_under_refusal_show_in_their_modes_only(void **state)
{
    static const unsigned modes[] = {SMT_SELFTEST_TRANSIENT, SMT_SELFTEST_PERSISTENT};

    (void)state;

    for (const struct smt_selftest_bug *bug = smt_selftest_bugs; bug->name; bug++) {
        if (!(bug->shows & SMT_SELFTEST_UNDER_REFUSAL)) continue;
        load("bug-", bug->name);
        for (size_t i = 0; i < 2; i++) {
            bool shown = shows_under_refusal(bug, modes[i]);

            if (shown != ((bug->shows & modes[i]) != 0))
                fail_msg("%s: %s when refusals are %s", bug->name,
                         shown ? "shows" : "does not show", i ? "persistent" : "transient");
        }
        if (bug->shows & SMT_SELFTEST_DOUBLE)
            assert_true(shows_under_refusal(bug, SMT_SELFTEST_DOUBLE));
    }
}

static int map_observation(void **state)
{
    (void)state;
    smt_buffer_init(&message);
    seen = mmap(NULL, sizeof *seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return seen == MAP_FAILED;
}

static int unmap_observation(void **state)
{
    (void)state;
    smt_buffer_clear(&message);
    return munmap(seen, sizeof *seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_bug_has_its_message_and_every_message_its_bug),
        cmocka_unit_test(bugs_of_clean_runs_show_without_a_refusal),
        cmocka_unit_test(healthy_messages_show_nothing),
        cmocka_unit_test(bugs_under_refusal_show_in_their_modes_only),
    };

    return cmocka_run_group_tests(tests, map_observation, unmap_observation);
}
