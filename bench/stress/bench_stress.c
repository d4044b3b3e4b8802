/* bench_stress - what the memory commands cost, beside plain malloc and free.
 *
 *   mem_rnd_alloc 16 256 TOTAL with content checks, then mem_free of all:
 *   chunks a second of CPU time (a busy machine changes little), book-keeping a
 *   chunk, and how much two threads do of what one does, beside two processes:
 *   no more than that is to be had of the machine. By CPU time it tells what
 *   threads cost each other, by wall time how they wait too, on an idle machine.
 *   In one set each frees what the other allocated too, smallest first; timed
 *   tests have a set each.
 *
 *     bench_stress [TOTAL_BYTES]     default 50000000; 1360000000 is 10 million chunks
 *
 * LD_PRELOAD another allocator to see its figures in the rows of libc. */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stress/stress.h"

#define SIZE_MIN       16
#define SIZE_MAX_BYTES 256
#define THREADS        2

static int rounds = 5; /* one when each takes seconds */

struct figures {
    uint64_t chunks, alloc_ns, free_ns;
    double overhead_bytes; /* of book-keeping, a chunk */
};

static double millions(uint64_t count, uint64_t ns)
{
    return ns ? (double)count * 1000.0 / (double)ns : 0;
}

static struct figures round_measure(struct smt_stress_set *set, uint64_t total)
{
    struct figures figures = {0};
    uint64_t begun = smt_clock_cpu_ns(), filled;

    if (!smt_stress_random_alloc(set, SIZE_MIN, SIZE_MAX_BYTES, total)) {
        fprintf(stderr, "bench_stress: refused; give a smaller TOTAL_BYTES\n");
        exit(3);
    }
    filled = smt_clock_cpu_ns();
    figures.alloc_ns = filled - begun;
    figures.chunks = smt_stress_chunks(set);
    figures.overhead_bytes = (double)smt_stress_overhead(set) / (double)figures.chunks;
    begun = smt_clock_cpu_ns();
    (void)smt_stress_free(set, UINT64_MAX);
    figures.free_ns = smt_clock_cpu_ns() - begun;
    return figures;
}

static void figures_print(const char *name, const struct figures *figures)
{
    printf("%-8s %9llu chunks  %6.1f M alloc/s  %6.1f M free/s  %5.1f bytes of records a chunk\n",
           name, (unsigned long long)figures->chunks, millions(figures->chunks, figures->alloc_ns),
           millions(figures->chunks, figures->free_ns), figures->overhead_bytes);
}

/* --- the same sizes with malloc and free alone --- */

static void plain_measure(uint64_t total)
{
    size_t room = total / SIZE_MIN + 1, count = 0;
    void **chunks = malloc(room * sizeof *chunks);
    struct figures figures = {0};
    struct smt_random random;
    uint64_t begun;

    if (!chunks) return;
    smt_random_init(&random, 1);
    begun = smt_clock_cpu_ns();
    for (uint64_t left = total; left;) {
        uint64_t size = SIZE_MIN + smt_random_below(&random, SIZE_MAX_BYTES - SIZE_MIN + 1);

        size = size < left ? size : left;
        chunks[count] = malloc(size);
        if (!chunks[count]) break;
        left -= size;
        count++;
    }
    figures.alloc_ns = smt_clock_cpu_ns() - begun;
    figures.chunks = count;
    begun = smt_clock_cpu_ns();
    for (size_t i = 0; i < count; i++) free(chunks[i]);
    figures.free_ns = smt_clock_cpu_ns() - begun;
    figures_print("plain", &figures);
    free(chunks);
}

/* --- threads --- */

struct load {
    struct smt_stress_set *set;
    uint64_t total;
    unsigned processor; /* which of those we may use, modulo */
};

/* On a busy machine a new thread would share a processor with its fellow for a
 * good part of a round. */
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
    const struct load *load = argument;

    processor_choose(load->processor);
    if (!smt_stress_random_alloc(load->set, SIZE_MIN, SIZE_MAX_BYTES, load->total)) exit(3);
    (void)smt_stress_free(load->set, load->total);
    return NULL;
}

struct seconds {
    double wall, cpu;
};

static struct seconds threads_measure(struct smt_stress_set *const *sets, uint64_t total,
                                      unsigned count, unsigned first)
{
    struct load loads[THREADS];
    pthread_t threads[THREADS];
    uint64_t begun = smt_clock_ns(), begun_cpu = smt_clock_cpu_ns();

    for (unsigned i = 0; i < count; i++) {
        loads[i] = (struct load){sets[i], total, first + i};
        if (pthread_create(&threads[i], NULL, load_run, &loads[i]) != 0) exit(3);
    }
    for (unsigned i = 0; i < count; i++) pthread_join(threads[i], NULL);
    return (struct seconds){(double)(smt_clock_ns() - begun) / 1e9,
                            (double)(smt_clock_cpu_ns() - begun_cpu) / 1e9};
}

/* --- processes: what the machine itself lets two do --- */

/* One that runs a load in a thread of its own whenever it is told to. */
struct process {
    pid_t pid;
    int channel;
};

static _Noreturn void process_run(int channel, unsigned number, const char *backend, uint64_t total)
{
    const struct smt_stress_options options = {.backend = backend, .seed = 1};
    struct smt_stress stress;
    char go;

    if (smt_stress_init(&stress, &options) != SMT_OK) _exit(3);
    atomic_store(&stress.check_content, true);
    while (read(channel, &go, 1) == 1) {
        (void)threads_measure(&stress.set, total, 1, number);
        if (write(channel, &go, 1) != 1) _exit(3);
    }
    _exit(0);
}

static void processes_start(struct process *processes, const char *backend, uint64_t total)
{
    for (unsigned i = 0; i < THREADS; i++) {
        int ends[2];

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) exit(3);
        processes[i] = (struct process){fork(), ends[0]};
        if (processes[i].pid < 0) exit(3);
        if (!processes[i].pid) {
            for (unsigned j = 0; j <= i; j++) close(processes[j].channel);
            process_run(ends[1], i, backend, total);
        }
        close(ends[1]);
    }
}

static double processes_measure(const struct process *processes)
{
    uint64_t begun = smt_clock_ns();
    char go = 1;

    for (int i = 0; i < THREADS; i++)
        if (write(processes[i].channel, &go, 1) != 1) exit(3);
    for (int i = 0; i < THREADS; i++)
        if (read(processes[i].channel, &go, 1) != 1) exit(3);
    return (double)(smt_clock_ns() - begun) / 1e9;
}

static void processes_stop(const struct process *processes)
{
    for (int i = 0; i < THREADS; i++) {
        close(processes[i].channel);
        waitpid(processes[i].pid, NULL, 0);
    }
}

/* --- how both scale --- */

/* Of all rounds the best: on a busy machine what comes closest to an idle one. */
static void seconds_keep(struct seconds *best, struct seconds now)
{
    if (!best->wall || now.wall < best->wall) best->wall = now.wall;
    if (!best->cpu || now.cpu < best->cpu) best->cpu = now.cpu;
}

static void threads_print(const char *name, const char *what, const struct seconds *one,
                          const struct seconds *two)
{
    printf("%-8s %d threads, %-10s do %.2fx of one by wall time (%.3f s, %.3f s), %.2fx by CPU "
           "time\n",
           name, THREADS, what, THREADS * one->wall / two->wall, one->wall, two->wall,
           THREADS * THREADS * one->cpu / two->cpu);
}

static void scaling_measure(struct smt_stress *stress, uint64_t total)
{
    const char *name = stress->backend->name;
    struct seconds one = {0}, one_set = {0}, set_each = {0}, apart = {0};
    struct smt_stress_set *shared[THREADS], *own[THREADS];
    struct process processes[THREADS];

    processes_start(processes, name, total);
    for (int i = 0; i < THREADS; i++) {
        shared[i] = stress->set;
        own[i] = smt_stress_set_new(stress, 1);
        if (!own[i]) exit(3);
    }
    for (int i = 0; i < rounds; i++) {
        seconds_keep(&one, threads_measure(own, total, 1, 0));
        seconds_keep(&one_set, threads_measure(shared, total, THREADS, 0));
        seconds_keep(&set_each, threads_measure(own, total, THREADS, 0));
        seconds_keep(&apart, (struct seconds){.wall = processes_measure(processes)});
    }
    threads_print(name, "one set,", &one, &one_set);
    threads_print(name, "a set each,", &one, &set_each);
    printf(
        "%-8s %d processes do %.2fx of one thread by wall time (%.3f s); threads, a set each, do "
        "%.2f of that\n",
        name, THREADS, THREADS * one.wall / apart.wall, apart.wall, apart.wall / set_each.wall);
    for (int i = 0; i < THREADS; i++) smt_stress_set_free(own[i]);
    processes_stop(processes);
}

static int backend_measure(const char *name, uint64_t total)
{
    const struct smt_stress_options options = {.backend = name, .seed = 1};
    struct figures best = {0};
    struct smt_stress stress;

    if (smt_stress_init(&stress, &options) != SMT_OK) {
        fprintf(stderr, "bench_stress: %s\n", smt_fail_text());
        return 3;
    }
    atomic_store(&stress.check_content, true);
    for (int i = 0; i < rounds; i++) {
        struct figures now = round_measure(stress.set, total);

        if (!i || now.alloc_ns + now.free_ns < best.alloc_ns + best.free_ns) best = now;
    }
    figures_print(name, &best);
    scaling_measure(&stress, total);
    smt_stress_clear(&stress);
    return 0;
}

int main(int argc, char **argv)
{
    uint64_t total = 50000000;
    int status = 0;

    if (argc > 2 || (argc == 2 && (!smt_number_parse(argv[1], &total) || total < SIZE_MAX_BYTES))) {
        fprintf(stderr, "usage: bench_stress [TOTAL_BYTES]\n");
        return 2;
    }
    if (total > 500000000) rounds = 1;
    setvbuf(stdout, NULL, _IOLBF, 0);
    plain_measure(total);
    for (const struct smt_stress_backend *row = smt_stress_backends; row->name && !status; row++)
        status = backend_measure(row->name, total);
    return status;
}
