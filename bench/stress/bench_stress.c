/* bench_stress - what the memory commands cost, beside plain malloc and free.
 *
 *   mem_rnd_alloc 16 256 TOTAL with content checks, then mem_free of all:
 *   chunks a second of CPU time (a busy machine changes little), and book-keeping
 *   a chunk. How threads scale: bench_stress_threads.
 *
 *     bench_stress [TOTAL_BYTES]     default 50000000; 1360000000 is 10 million chunks
 *
 * LD_PRELOAD another allocator to see its figures in the rows of libc. */
#include <stdio.h>
#include <stdlib.h>

#include "stress/stress.h"

#define SIZE_MIN       16
#define SIZE_MAX_BYTES 256

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
