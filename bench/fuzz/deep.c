/* bench/fuzz/deep.c - fuzz/selftest.c that goes on after a bug: executions and
 * seconds of CPU until each one.
 *
 * The structures that bugs wait for are noted and the deeds left out, so that one
 * run measures all of them: a line each on standard error, when first seen,
 *
 *     deep: deep-fold 4711 0.082
 *
 * and the end of the process with the last, or after SMT_DEEP_LIMIT executions
 * (default: none), with "deep: done". SMT_DEEP_LOG=FILE: written there instead,
 * appended; engines hide what a target prints. AFL++: one process has them all,
 * up to afl_main.c's ROUNDS, so there the count goes on in FILE.count. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "oracle.h"
#include "parser/selftest.h"

const struct smt_fuzz_target smt_fuzz_target = {
    .name = "selftest",
    .parser = &smt_parser_selftest_deep,
    .ops = (1u << SMT_OP_COUNT) - 1,
};

/* Shared by all processes of one measurement. */
struct progress {
    uint64_t executions, seen;
};

static struct progress *progress;
static uint64_t all, limit = UINT64_MAX;
static FILE *out;

static struct progress *progress_map(const char *log)
{
    static struct progress own;
    struct progress *shared;
    char path[4096];
    int file;

    out = stderr;
    if (!log) return &own;
    out = fopen(log, "a");
    snprintf(path, sizeof path, "%s.count", log);
    file = open(path, O_RDWR | O_CREAT, 0600);
    if (!out || file < 0 || ftruncate(file, sizeof *shared)) {
        perror(path);
        exit(3);
    }
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    return shared == MAP_FAILED ? &own : shared;
}

static void deep_init(void)
{
    const char *text = getenv("SMT_DEEP_LIMIT");

    if (text && !smt_number_parse(text, &limit)) limit = UINT64_MAX;
    for (size_t i = 0; smt_selftest_deep_bugs[i].bug.name; i++) all |= (uint64_t)1 << i;
    smt_selftest_watch.only_watch = true;
    progress = progress_map(getenv("SMT_DEEP_LOG"));
}

static void deep_report(uint64_t fresh)
{
    double seconds = (double)smt_clock_cpu_ns() / 1e9;

    for (size_t i = 0; smt_selftest_deep_bugs[i].bug.name; i++)
        if (fresh >> i & 1)
            fprintf(out, "deep: %s %llu %.3f\n", smt_selftest_deep_bugs[i].bug.name,
                    (unsigned long long)progress->executions, seconds);
    progress->seen |= fresh;
    if (progress->seen == all || progress->executions >= limit) {
        fprintf(out, "deep: done %llu %.3f\n", (unsigned long long)progress->executions, seconds);
        fflush(out);
        _exit(0);
    }
    fflush(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    if (!progress) deep_init();
    progress->executions++;
    smt_selftest_watch.due = 0;
    smt_fuzz_one(data, size_bytes);
    if (smt_selftest_watch.due & ~progress->seen || progress->executions >= limit)
        deep_report(smt_selftest_watch.due & ~progress->seen);
    return 0;
}
