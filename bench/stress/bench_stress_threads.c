/* bench_stress_threads - how much two threads do of what one does.
 *
 *   mem_rnd_alloc 16 256 TOTAL with content checks, then mem_free of as much, by
 *   wall time: in a set each, as timed tests have them, and in one set, where each
 *   frees what the other allocated too. Beside them malloc and free alone (each its
 *   own chunks, and half of the other's), and two processes.
 *
 *     bench_stress_threads [TOTAL_BYTES]     default 50000000
 *
 * Each measurement is a process of its own. In one that goes on, glibc leaves an arena
 * either in one piece or in hundreds of thousands, and the next round takes up to
 * four times as long in the latter, with one thread as with two. `again`: the process
 * did the same before, and malloc_trim() put its arenas in one piece; they need not be
 * extended then, for which glibc calls mprotect at each page.
 *
 * Two processors of a virtual machine are often not two: they share one core's
 * arithmetic units, or the host gives one of them away. Before and after each round a
 * probe keeps both busy with arithmetic; a round counts when both ran at full speed
 * both times, which is that of the fastest probe of one. All rounds are told as
 * well. Exit status 1 when a set each stays below 1.7, 3 when the machine
 * never had two processors. LD_PRELOAD another allocator to see its figures. */
#include <malloc.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stress/stress.h"

#define SIZE_MIN       16
#define SIZE_MAX_BYTES 256
#define THREADS        2
#define LEAST          1.7  /* of a set each */
#define ROUNDS         9    /* that count, of each way */
#define ROUNDS_MOST    1000 /* that are kept */
#define SECONDS_MOST   180
#define FULL_SPEED     1.1 /* of the fastest probe's time, at most */

static uint64_t total = 50000000;

/* --- threads, each on its processor --- */

struct load {
    void (*run)(struct load *load);
    void *argument;
    unsigned processor; /* which of those we may use, modulo */
};

/* A new thread would share a processor with its fellow for a good part of a round. */
static void processor_choose(unsigned wanted)
{
    cpu_set_t allowed, chosen;
    unsigned seen = 0, count;

    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
    count = (unsigned)CPU_COUNT(&allowed);
    for (int i = 0; i < CPU_SETSIZE; i++) {
        if (!CPU_ISSET(i, &allowed) || seen++ != wanted % count) continue;
        CPU_ZERO(&chosen);
        CPU_SET(i, &chosen);
        (void)sched_setaffinity(0, sizeof chosen, &chosen);
    }
}

static void *load_run(void *argument)
{
    struct load *load = argument;

    processor_choose(load->processor);
    load->run(load);
    return NULL;
}

/* Wall time of `count` threads, the first on processor `first`, in ns. */
static double loads_measure(void (*run)(struct load *), void *const *arguments, unsigned count,
                            unsigned first)
{
    struct load loads[THREADS];
    pthread_t threads[THREADS];
    uint64_t begun = smt_clock_ns();

    for (unsigned i = 0; i < count; i++) {
        loads[i] = (struct load){run, arguments[i], first + i};
        if (pthread_create(&threads[i], NULL, load_run, &loads[i]) != 0) exit(3);
    }
    for (unsigned i = 0; i < count; i++) pthread_join(threads[i], NULL);
    return (double)(smt_clock_ns() - begun);
}

/* --- the probe --- */

static void *const nothing[THREADS] = {NULL, NULL};
static double probe_best = 1e18;

/* Several additions at a time: one core's units have no room for two of these. */
static void probe_run(struct load *load)
{
    uint64_t a = 1, b = 2, c = 3, d = 4, e = 5, f = 6;

    (void)load;
    for (int i = 0; i < 6000000; i++) {
        a += b ^ 3;
        b += 3;
        c += d ^ 5;
        d += 7;
        e += f ^ 9;
        f += 1;
        __asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f));
    }
}

static void probe_one(void)
{
    for (unsigned i = 0; i < THREADS; i++) {
        double now = loads_measure(probe_run, nothing, 1, i);

        if (now < probe_best) probe_best = now;
    }
}

/* Are there two processors, at full speed? */
static bool probe_two(void)
{
    double now = loads_measure(probe_run, nothing, THREADS, 0);

    probe_one();
    return now <= FULL_SPEED * probe_best;
}

/* --- malloc and free alone --- */

struct plain {
    void **chunks, **others; /* of the fellow */
    pthread_barrier_t *filled;
};

static size_t plain_fill(void **chunks)
{
    struct smt_random random;
    size_t count = 0;

    smt_random_init(&random, 1);
    for (uint64_t left = total; left;) {
        uint64_t size = SIZE_MIN + smt_random_below(&random, SIZE_MAX_BYTES - SIZE_MIN + 1);

        size = size < left ? size : left;
        chunks[count] = malloc(size);
        if (!chunks[count]) exit(3);
        memset(chunks[count++], 1, size);
        left -= size;
    }
    return count;
}

static void plain_own(struct load *load)
{
    const struct plain *plain = load->argument;
    size_t count = plain_fill(plain->chunks);

    for (size_t i = 0; i < count; i++) free(plain->chunks[i]);
}

/* Every other chunk is the fellow's, who makes as many. */
static void plain_crossed(struct load *load)
{
    const struct plain *plain = load->argument;
    size_t count = plain_fill(plain->chunks);

    pthread_barrier_wait(plain->filled);
    for (size_t i = 0; i < count; i++) free(i % 2 ? plain->others[i] : plain->chunks[i]);
}

static void plain_prepare(const char *backend, bool is_shared, unsigned threads, void **arguments)
{
    static struct plain plain[THREADS];
    static pthread_barrier_t filled;
    size_t room = (total / SIZE_MIN + 1) * sizeof(void *);

    (void)backend;
    (void)is_shared;
    pthread_barrier_init(&filled, NULL, threads);
    for (unsigned i = 0; i < threads; i++) {
        plain[i] = (struct plain){.chunks = malloc(room), .filled = &filled};
        if (!plain[i].chunks) exit(3);
        arguments[i] = &plain[i];
    }
    for (unsigned i = 0; i < threads; i++) plain[i].others = plain[threads - 1 - i].chunks;
}

/* --- the engine --- */

static void set_run(struct load *load)
{
    struct smt_stress_set *set = load->argument;

    if (!smt_stress_random_alloc(set, SIZE_MIN, SIZE_MAX_BYTES, total)) exit(3);
    (void)smt_stress_free(set, total);
}

static void set_prepare(const char *backend, bool is_shared, unsigned threads, void **arguments)
{
    static struct smt_stress stress;
    const struct smt_stress_options options = {.backend = backend, .seed = 1};

    if (smt_stress_init(&stress, &options) != SMT_OK) exit(3);
    atomic_store(&stress.check_content, true);
    for (unsigned i = 0; i < threads; i++) {
        arguments[i] = is_shared ? stress.set : smt_stress_set_new(&stress, 1);
        if (!arguments[i]) exit(3);
    }
}

/* --- ways, in turns --- */

struct way {
    const char *name, *what;
    bool is_judged, is_shared, again;
    unsigned processes; /* with a thread each, rather than one with THREADS */
    void (*prepare)(const char *backend, bool is_shared, unsigned threads, void **arguments);
    void (*run_one)(struct load *load);
    void (*run)(struct load *load);
    double counted[ROUNDS], all[ROUNDS_MOST];
    int counted_rounds, all_rounds;
};

#define PLAIN  .name = "plain", .prepare = plain_prepare, .run_one = plain_own
#define ENGINE .prepare = set_prepare, .run_one = set_run, .run = set_run

static struct way ways[] = {
    {PLAIN, .what = "threads, own chunks", .run = plain_own},
    {PLAIN, .what = "threads, half the other's", .run = plain_crossed},
    {PLAIN, .what = "processes", .run = plain_own, .processes = THREADS},
    {ENGINE, .name = "libc", .what = "threads, a set each", .is_judged = true},
    {ENGINE, .name = "libc", .what = "threads, a set each, again", .is_judged = true,
     .again = true},
    {ENGINE, .name = "libc", .what = "threads, one set", .is_shared = true},
    {ENGINE, .name = "libc", .what = "processes", .processes = THREADS},
    {ENGINE, .name = "heap", .what = "threads, a set each", .is_judged = true},
    {ENGINE, .name = "heap", .what = "threads, a set each, again", .is_judged = true,
     .again = true},
    {ENGINE, .name = "heap", .what = "threads, one set", .is_shared = true},
    {ENGINE, .name = "heap", .what = "processes", .processes = THREADS},
};

#define WAYS (sizeof ways / sizeof *ways)

struct process {
    pid_t pid;
    int channel;
};

static void way_run(const struct way *way, void *const *arguments, unsigned threads, unsigned first)
{
    (void)loads_measure(threads > 1 ? way->run : way->run_one, arguments, threads, first);
}

/* A process that is ready to run a load with so many threads. */
static struct process process_start(const struct way *way, unsigned threads, unsigned first)
{
    struct process process;
    int ends[2];
    char byte = 0;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) exit(3);
    process = (struct process){fork(), ends[0]};
    if (process.pid < 0) exit(3);
    if (!process.pid) {
        void *arguments[THREADS];

        way->prepare(way->name, way->is_shared, threads, arguments);
        if (way->again) {
            way_run(way, arguments, threads, first);
            malloc_trim(0);
        }
        if (write(ends[1], &byte, 1) != 1 || read(ends[1], &byte, 1) != 1) _exit(3);
        way_run(way, arguments, threads, first);
        _exit(write(ends[1], &byte, 1) == 1 ? 0 : 3);
    }
    close(ends[1]);
    if (read(process.channel, &byte, 1) != 1) exit(3);
    return process;
}

/* The host takes back pages that nobody has used for a while: it is to give them
 * before we measure, not while. */
static void pages_touch(void)
{
    size_t size_bytes = 2 * THREADS * total;
    pid_t pid = fork();

    if (!pid) {
        char *pages =
            mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (pages == MAP_FAILED) _exit(3);
        for (size_t i = 0; i < size_bytes; i += 4096) pages[i] = 1;
        _exit(0);
    }
    if (pid > 0) waitpid(pid, NULL, 0);
}

/* Wall time of so many processes with so many threads each, in ns. */
static double processes_measure(const struct way *way, unsigned count, unsigned threads)
{
    struct process processes[THREADS];
    uint64_t begun, ended;
    char byte = 0;

    pages_touch();
    for (unsigned i = 0; i < count; i++) processes[i] = process_start(way, threads, i);
    begun = smt_clock_ns();
    for (unsigned i = 0; i < count; i++)
        if (write(processes[i].channel, &byte, 1) != 1) exit(3);
    for (unsigned i = 0; i < count; i++)
        if (read(processes[i].channel, &byte, 1) != 1) exit(3);
    ended = smt_clock_ns();
    for (unsigned i = 0; i < count; i++) {
        close(processes[i].channel);
        waitpid(processes[i].pid, NULL, 0);
    }
    return (double)(ended - begun);
}

static void round_measure(struct way *way)
{
    bool two = probe_two();
    double one = processes_measure(way, 1, 1);
    double both = way->processes ? processes_measure(way, way->processes, 1)
                                 : processes_measure(way, 1, THREADS);
    double ratio = THREADS * one / both;

    two = probe_two() && two;
    if (two) way->counted[way->counted_rounds++] = ratio;
    if (way->all_rounds < ROUNDS_MOST) way->all[way->all_rounds++] = ratio;
}

static int ratio_compare(const void *a, const void *b)
{
    return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

static double ratios_print(double *ratios, int count)
{
    if (!count) {
        printf("  %-22s", "-");
        return LEAST;
    }
    qsort(ratios, (size_t)count, sizeof *ratios, ratio_compare);
    printf("  %.2fx (%.2f to %.2f)  ", ratios[count / 2], ratios[0], ratios[count - 1]);
    return ratios[count / 2];
}

static int way_print(struct way *way)
{
    bool missed;

    printf("%-6s %-28s", way->name, way->what);
    missed = ratios_print(way->counted, way->counted_rounds) < LEAST && way->is_judged;
    printf("%5d", way->counted_rounds);
    (void)ratios_print(way->all, way->all_rounds);
    printf("%5d%s\n", way->all_rounds, missed ? "  MISSED" : "");
    return way->is_judged && !way->counted_rounds ? 3 : missed;
}

/* True when all ways have enough rounds that count. */
static bool ways_measure(void)
{
    bool complete = true;

    for (size_t i = 0; i < WAYS; i++) {
        if (ways[i].counted_rounds == ROUNDS) continue;
        round_measure(&ways[i]);
        complete = false;
    }
    return complete;
}

int main(int argc, char **argv)
{
    uint64_t begun = smt_clock_ns();
    int status = 0;

    if (argc > 2 || (argc == 2 && (!smt_number_parse(argv[1], &total) || total < SIZE_MAX_BYTES))) {
        fprintf(stderr, "usage: bench_stress_threads [TOTAL_BYTES]\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 0; i < 50; i++) probe_one();
    while (!ways_measure() && smt_clock_ns() - begun < (uint64_t)SECONDS_MOST * 1000000000)
        continue;
    printf("two of one, median (least to most)   with two processors, rounds   of all, rounds\n");
    for (size_t i = 0; i < WAYS; i++) {
        int now = way_print(&ways[i]);

        status = now > status ? now : status;
    }
    if (status == 3)
        fprintf(stderr, "bench_stress_threads: the machine did not have two processors at full "
                        "speed: try again when its host is idle\n");
    return status;
}
