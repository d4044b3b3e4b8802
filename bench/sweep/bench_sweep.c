/* bench_sweep - what one injected allocation failure costs, ours beside the usual
 * ways, in one run on one message with the same operations.
 *
 *   plain     a clean run with the C library's malloc, nothing checked
 *   ours      injections in the child, oracle, fences and leak check included
 *   fork      a process forked per injection, the nth malloc refused
 *   exec      a fresh process per injection (what curl's torture tests, mallocfail do)
 *   valgrind  memcheck on a fresh process, on a sample
 *
 *     bench_sweep [MESSAGE]          default corpus/invite.sip
 *     bench_sweep --growth           how the cost grows with the number of allocations
 *     bench_sweep --one N MESSAGE    one run with the Nth allocation refused (used by itself) */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run/run.h"

#define ALL_OPS         ((1u << SMT_OP_ROUNDTRIP) - 1)
#define EXEC_SAMPLE     100
#define VALGRIND_SAMPLE 3

/* --- malloc with the nth request refused: all the other ways need ----------------- */

static uint64_t requests, refused;

static void *plain_malloc(size_t size)
{
    return ++requests == refused ? NULL : malloc(size);
}

static void *plain_calloc(size_t count, size_t size)
{
    return ++requests == refused ? NULL : calloc(count, size);
}

static void *plain_realloc(void *block, size_t size)
{
    return ++requests == refused ? NULL : realloc(block, size);
}

static void plain_run(const struct smt_parser *parser, void *state,
                      const struct smt_parser_input *input)
{
    memset(state, 0, parser->state_size_bytes);
    for (unsigned op = 0; op < SMT_OP_ROUNDTRIP; op++)
        if (parser->ops[op].run && parser->ops[op].run(state, input) &&
            (refused || op == SMT_OP_PARSE))
            break;
    parser->release(state);
}

struct plain {
    const struct smt_parser *parser;
    void *state;
    struct smt_parser_input input;
};

static struct plain plain_open(const struct smt_message *message, bool direct)
{
    static const struct smt_parser_hooks counted = {plain_malloc, plain_calloc, plain_realloc,
                                                    free};
    static const struct smt_parser_hooks bare = {malloc, calloc, realloc, free};
    struct plain plain = {&smt_parser_osip,
                          calloc(1, smt_parser_osip.state_size_bytes),
                          {message->data, message->size_bytes}};

    plain.parser->init(direct ? &bare : &counted);
    return plain;
}

static double seconds_since(uint64_t start)
{
    return (double)(smt_clock_ns() - start) / 1e9;
}

static double plain_seconds(const struct smt_message *message, int runs)
{
    struct plain plain = plain_open(message, true);
    uint64_t start;

    refused = 0;
    plain_run(plain.parser, plain.state, &plain.input);
    start = smt_clock_ns();
    for (int i = 0; i < runs; i++) plain_run(plain.parser, plain.state, &plain.input);
    free(plain.state);
    return seconds_since(start) / runs;
}

/* --- ours ------------------------------------------------------------------------------- */

struct ours {
    struct smt_worker *worker;
    uint64_t attempts;
    struct smt_job *jobs;
    struct smt_run_result *results;
};

static struct ours ours_open(const struct smt_message *message)
{
    struct smt_worker_settings settings = {.parser = &smt_parser_osip,
                                           .ops = ALL_OPS,
                                           .check_content = true,
                                           .quarantine_bytes = SMT_QUARANTINE_BYTES,
                                           .timeout_ns = 60000000000u};
    struct ours ours = {.jobs = calloc(SMT_BATCH_MAX, sizeof *ours.jobs),
                        .results = calloc(SMT_BATCH_MAX, sizeof *ours.results)};

    ours.jobs[0] = (struct smt_job){.flags = SMT_JOB_BASELINE | SMT_JOB_PREFIXES | SMT_JOB_CHECK};
    if (smt_worker_new(&settings, &ours.worker) != SMT_OK ||
        smt_worker_load(ours.worker, message) != SMT_OK ||
        smt_worker_run(ours.worker, ours.jobs, 1, ours.results) != SMT_OK) {
        fprintf(stderr, "bench_sweep: %s\n", smt_fail_text());
        exit(3);
    }
    ours.attempts = smt_worker_baseline(ours.worker)->heap.attempts;
    return ours;
}

static void ours_close(struct ours *ours)
{
    smt_worker_free(ours->worker);
    free(ours->jobs);
    free(ours->results);
}

/* Mean seconds over the given attempts, repeated; crashes are counted. */
static double ours_seconds(struct ours *ours, const uint64_t *attempts, size_t count, int repeat,
                           size_t *ret_crashes)
{
    uint64_t start = smt_clock_ns();

    *ret_crashes = 0;
    for (int r = 0; r < repeat; r++)
        for (size_t at = 0; at < count;) {
            size_t batch = 0;

            for (; batch < SMT_BATCH_MAX && at < count; batch++, at++)
                ours->jobs[batch] =
                    (struct smt_job){.plan = {.rule_count = 1, .rules = {{attempts[at], 1}}}};
            if (smt_worker_run(ours->worker, ours->jobs, batch, ours->results) != SMT_OK) exit(3);
            for (size_t i = 0; i < batch; i++)
                *ret_crashes += (ours->results[i].verdicts & SMT_VERDICT_BIT(CRASH)) != 0;
        }
    *ret_crashes /= (size_t)repeat;
    return seconds_since(start) / (double)(count * (size_t)repeat);
}

/* --- the other ways ----------------------------------------------------------------------- */

static double fork_seconds(const struct smt_message *message, uint64_t attempts)
{
    struct plain plain = plain_open(message, false);
    uint64_t start = smt_clock_ns();

    for (uint64_t n = 1; n <= attempts; n++) {
        pid_t child = fork();

        if (child == 0) {
            requests = 0;
            refused = n;
            plain_run(plain.parser, plain.state, &plain.input);
            _exit(0);
        }
        waitpid(child, NULL, 0);
    }
    free(plain.state);
    return seconds_since(start) / (double)attempts;
}

static double exec_seconds(char *const *argv, uint64_t attempts, int sample)
{
    uint64_t start = smt_clock_ns();

    for (int i = 0; i < sample; i++) {
        pid_t child = fork();

        if (child == 0) {
            char number[32];

            snprintf(number, sizeof number, "%llu",
                     (unsigned long long)(1 + attempts * (uint64_t)i / (uint64_t)sample));
            for (int a = 0; argv[a]; a++)
                if (strcmp(argv[a], "N") == 0) ((char **)argv)[a] = number;
            if (!freopen("/dev/null", "w", stderr)) _exit(127);
            execvp(argv[0], argv);
            _exit(127);
        }
        waitpid(child, NULL, 0);
    }
    return seconds_since(start) / sample;
}

static int one(uint64_t number, const char *path)
{
    struct smt_message_list messages;
    struct plain plain;

    smt_message_list_init(&messages);
    if (smt_message_add_file(&messages, path) != SMT_OK) return 2;
    plain = plain_open(&messages.items[0], false);
    refused = number;
    plain_run(plain.parser, plain.state, &plain.input);
    free(plain.state);
    smt_message_list_clear(&messages);
    return 0;
}

/* --- reports -------------------------------------------------------------------------------- */

static void row(const char *name, double seconds, double plain, double ours)
{
    printf("%-34s %12.2f us %9.2f x plain", name, seconds * 1e6, seconds / plain);
    if (ours > 0) printf(" %10.1f x ours", seconds / ours);
    printf("\n");
}

/* Injections of which five in a hundred crash, against those that never do. */
static void crash_rows(struct ours *ours, double plain)
{
    uint64_t *quiet = calloc(ours->attempts + 1, sizeof *quiet),
             *crash = calloc(ours->attempts + 1, sizeof *crash);
    uint64_t *mixed = calloc(ours->attempts * 2 + 1, sizeof *mixed);
    size_t quiets = 0, crashes = 0, count = 0, seen;
    double calm, rough;

    for (uint64_t n = 1; n <= ours->attempts; n++) {
        size_t one_crash;

        ours_seconds(ours, &n, 1, 1, &one_crash);
        if (one_crash)
            crash[crashes++] = n;
        else
            quiet[quiets++] = n;
    }
    if (!crashes) {
        printf("no injection crashes this parser: nothing to compare\n");
    } else {
        for (size_t i = 0; i < quiets; i++) {
            if (i % 19 == 18) mixed[count++] = crash[(i / 19) % crashes];
            mixed[count++] = quiet[i];
        }
        calm = ours_seconds(ours, quiet, quiets, 20, &seen);
        rough = ours_seconds(ours, mixed, count, 20, &seen);
        row("ours, no crash among them", calm, plain, 0);
        row("ours, 5 % of injections crash", rough, plain, 0);
        printf("%-34s %12.2f (target: at most 2)\n", "5 % crashes / none", rough / calm);
    }
    free(quiet);
    free(crash);
    free(mixed);
}

static int compare(const char *self, const char *path)
{
    struct smt_message_list messages;
    char *fresh[] = {(char *)self, "--one", "N", (char *)path, NULL};
    char *checked[] = {"valgrind", "-q", (char *)self, "--one", "N", (char *)path, NULL};
    uint64_t *attempts;
    double plain, mine, other;
    struct ours ours;
    size_t crashes;

    smt_message_list_init(&messages);
    if (smt_message_add_file(&messages, path) != SMT_OK) {
        fprintf(stderr, "bench_sweep: %s\n", smt_fail_text());
        return 2;
    }
    plain = plain_seconds(&messages.items[0], 5000);
    ours = ours_open(&messages.items[0]);
    attempts = calloc(ours.attempts + 1, sizeof *attempts);
    for (uint64_t n = 0; n < ours.attempts; n++) attempts[n] = n + 1;
    mine = ours_seconds(&ours, attempts, (size_t)ours.attempts, 20, &crashes);
    printf("%s, %llu allocations, %zu of the injections crash\n", path,
           (unsigned long long)ours.attempts, crashes);
    row("plain clean run", plain, plain, 0);
    row("ours, mean injection", mine, plain, 0);
    printf("%-34s %12.2f (target: at most 0.8)\n", "ours / plain clean run", mine / plain);
    crash_rows(&ours, plain);
    other = fork_seconds(&messages.items[0], ours.attempts);
    row("fork per injection", other, plain, mine);
    other = exec_seconds(fresh, ours.attempts, EXEC_SAMPLE);
    row("process per injection", other, plain, mine);
    if (system("command -v valgrind >/dev/null 2>&1") == 0)
        row("valgrind per injection", exec_seconds(checked, ours.attempts, VALGRIND_SAMPLE), plain,
            mine);
    else
        printf("valgrind is not installed: left out\n");
    free(attempts);
    ours_close(&ours);
    smt_message_list_clear(&messages);
    return 0;
}

static char *grown_message(unsigned headers)
{
    struct smt_buffer text;

    smt_buffer_init(&text);
    smt_buffer_add_text(
        &text,
        "OPTIONS sip:b.example SIP/2.0\r\nVia: SIP/2.0/UDP a.example;branch=z9hG4bK1\r\n"
        "From: <sip:a@a.example>;tag=1\r\nTo: <sip:b@b.example>\r\nCall-ID: grow@a.example\r\n"
        "CSeq: 1 OPTIONS\r\n");
    for (unsigned i = 0; i < headers; i++) smt_buffer_addf(&text, "X-%u: v\r\n", i);
    smt_buffer_add_text(&text, "Content-Length: 0\r\n\r\n");
    return smt_buffer_take(&text);
}

static double seconds_of(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

/* Processor time of children that have ended, and of theirs. */
static double children_seconds(void)
{
    struct rusage used;

    getrusage(RUSAGE_CHILDREN, &used);
    return seconds_of(used.ru_utime) + seconds_of(used.ru_stime);
}

/* What an injection of a spread sample costs; the child's start and its few
 * clean runs are divided among them. */
static double sample_seconds(const struct smt_message *message, size_t *ret_sample,
                             uint64_t *ret_attempts)
{
    double before = children_seconds();
    struct ours ours = ours_open(message);
    size_t sample = ours.attempts < 500 ? (size_t)ours.attempts : 500, crashes;
    int repeat = ours.attempts < 10000 ? 20 : 1;
    uint64_t *attempts = calloc(sample, sizeof *attempts);

    for (size_t n = 0; n < sample; n++) attempts[n] = 1 + ours.attempts * n / sample;
    ours_seconds(&ours, attempts, sample, repeat, &crashes);
    free(attempts);
    *ret_sample = sample;
    *ret_attempts = ours.attempts;
    ours_close(&ours);
    return (children_seconds() - before) / ((double)sample * repeat);
}

/* One line a size, for bench/plot, in processor time: other programs at work
 * matter less then. */
static int growth(void)
{
    static const unsigned headers[] = {1, 70, 770, 3850};

    printf("# allocations plain_us injection_us sample\n");
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        char *text = grown_message(headers[i]);
        struct smt_message message = {.name = "grown", .data = text, .size_bytes = strlen(text)};
        int runs = headers[i] < 1000 ? 200 : 20;
        uint64_t attempts, start;
        double plain, mine;
        size_t sample;

        mine = sample_seconds(&message, &sample, &attempts);
        start = smt_clock_cpu_ns();
        plain_seconds(&message, runs);
        plain = (double)(smt_clock_cpu_ns() - start) / 1e9 / (runs + 1);
        printf("%llu %.1f %.1f %zu\n", (unsigned long long)attempts, plain * 1e6, mine * 1e6,
               sample);
        fflush(stdout);
        free(text);
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "--one") == 0)
        return one(strtoull(argv[2], NULL, 10), argv[3]);
    if (argc == 2 && strcmp(argv[1], "--growth") == 0) return growth();
    return compare(argv[0], argc > 1 ? argv[1] : "corpus/invite.sip");
}
