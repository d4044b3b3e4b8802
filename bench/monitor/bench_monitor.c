/* bench_monitor - what a look at a process costs.
 *
 * For children with 2, 8 and 32 MB resident in small pages, and 32 MB in huge
 * ones: a sample against a bare read of the same smaps_rollup (open descriptor, and
 * opened each time), and against what a script does, `ps` and `pmap -d`. Then
 * whole tests at 10 looks a second: CPU time as a share of one core, what of it is not the
 * kernel's reading, and the mean look; of processes that change also without a budget. Scripts
 * are compared by CPU time, which other programs on the machine do not lengthen.
 * Exit status 1 when a figure is beyond what docs/monitor.md promises.
 * Usage: bench_monitor [SECONDS]; shorter than a minute, the looks that a decision needs
 * whatever they cost are a larger share. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "monitor/monitor.h"

#define LOOKS     400
#define SCRIPTS   15
#define PACED     50 /* bare reads, ten a second */
#define UNLIMITED 20 /* seconds of a test without a budget */
#define HUGE_PAGE (2u << 20)

static int failures;

static void expect(const char *what, double value, double most)
{
    printf("  %-44s %9.3f  (at most %g)%s\n", what, value, most, value <= most ? "" : "  MISSED");
    failures += value > most;
}

/* A child that holds so much memory, every page written, until it is killed. `moves`:
 * fifty times a second it gives a page back and takes another. */
static pid_t child_start(size_t bytes, bool huge, bool moves)
{
    int ready[2];
    char byte = 0;
    pid_t pid;

    if (pipe(ready)) exit(3);
    pid = fork();
    if (pid == 0) {
        char *memory = mmap(NULL, bytes + HUGE_PAGE, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        memory += HUGE_PAGE - (uintptr_t)memory % HUGE_PAGE;
        madvise(memory, bytes, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
        for (size_t i = 0; i < bytes; i += 4096) memory[i] = 1;
        if (write(ready[1], &byte, 1) != 1) _exit(3);
        for (size_t at = 0;; at = (at + 4096) % bytes) {
            while (!moves) pause();
            usleep(20000);
            madvise(memory + at, 4096, MADV_DONTNEED);
            memory[at] = 1;
        }
    }
    if (read(ready[0], &byte, 1) != 1) exit(3);
    close(ready[0]);
    close(ready[1]);
    return pid;
}

static int double_compare(const void *a, const void *b)
{
    return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

struct target {
    pid_t pid;
    char path[64];
    int fd;
    struct smt_monitor_source *source;
    struct smt_monitor_file file;
    struct smt_buffer text;
};

static void look_sample(struct target *target)
{
    struct smt_monitor_sample sample = {0};
    int error;

    smt_buffer_empty(&target->text);
    if (smt_monitor_read_again(target->source, &target->file, &target->text, &error)) exit(3);
    if (!smt_monitor_sample_rollup(&sample, target->text.data)) exit(3);
}

static void look_pread(struct target *target)
{
    char text[4096];

    if (pread(target->fd, text, sizeof(text), 0) <= 0) exit(3);
}

static void look_open(struct target *target)
{
    char text[4096];
    int fd = open(target->path, O_RDONLY | O_CLOEXEC);

    if (read(fd, text, sizeof(text)) <= 0) exit(3);
    close(fd);
}

static void look_script(struct target *target)
{
    char command[160];

    snprintf(command, sizeof(command), "{ ps -o rss= -p %d; pmap -d %d; } >/dev/null", target->pid,
             target->pid);
    if (system(command)) exit(3);
}

/* The medians, in microseconds, of several ways to look, taken in turns so that
 * the machine's moods hit all alike. */
static void looks_measure(struct target *target, void (*const *looks)(struct target *),
                          size_t look_count, size_t count, double *ret_medians)
{
    static double times[4][LOOKS];

    for (size_t i = 0; i < count; i++)
        for (size_t look = 0; look < look_count; look++) {
            uint64_t began = smt_clock_ns();

            looks[look](target);
            times[look][i] = (double)(smt_clock_ns() - began) / 1000;
        }
    for (size_t look = 0; look < look_count; look++) {
        qsort(times[look], count, sizeof(double), double_compare);
        ret_medians[look] = times[look][count / 2];
    }
}

/* CPU time of this process or of its children that ended, in microseconds. */
static double cpu_us(int who)
{
    struct rusage usage;

    getrusage(who, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static double script_cpu_measure(struct target *target, double *ret_median_us)
{
    static void (*const scripts[])(struct target *) = {look_script};
    double before = cpu_us(RUSAGE_CHILDREN);

    looks_measure(target, scripts, 1, SCRIPTS, ret_median_us);
    return (cpu_us(RUSAGE_CHILDREN) - before) / SCRIPTS;
}

static void target_measure(size_t megabytes, bool huge)
{
    static void (*const looks[])(struct target *) = {look_sample, look_pread, look_open};
    struct target target = {.pid = child_start(megabytes << 20, huge, false),
                            .file = SMT_MONITOR_FILE};
    double us[3], script, script_cpu;

    snprintf(target.path, sizeof(target.path), "/proc/%d/smaps_rollup", target.pid);
    snprintf(target.file.path, sizeof(target.file.path), "%s", target.path);
    target.fd = open(target.path, O_RDONLY | O_CLOEXEC);
    if (target.fd < 0 || smt_monitor_local_new(-1, &target.source)) exit(3);
    looks_measure(&target, looks, 3, LOOKS, us);
    script_cpu = script_cpu_measure(&target, &script);
    printf("%zu MB resident%s: sample %.1f us, bare read %.1f us (%.1f us opened each time), "
           "ps + pmap -d %.0f us, of which CPU %.0f us\n",
           megabytes, huge ? " in huge pages" : "", us[0], us[1], us[2], script, script_cpu);
    expect("sample / bare read of the open file", us[0] / us[1], 1.2);
    if (us[1] < 200)
        expect("sample, microseconds", us[0], 200);
    else
        printf("  a full look costs what the kernel takes, more than 200 us here; ours: %.1f us\n",
               us[0] - us[1]);
    expect("sample / CPU time of (ps + pmap -d)", us[0] / script_cpu, 1.0 / 20);
    smt_monitor_file_close(&target.file);
    smt_monitor_source_free(target.source);
    smt_buffer_clear(&target.text);
    close(target.fd);
    kill(target.pid, SIGKILL);
    waitpid(target.pid, NULL, 0);
}

static double mean(const double *values, size_t count)
{
    double sum = 0;

    for (size_t i = 0; i < count; i++) sum += values[i];
    return sum / (double)count;
}

/* CPU time of one bare read when there are ten a second: dearer than in a row,
 * for by then the kernel's page descriptors have left the caches. */
static double bare_measure(int pid)
{
    struct target target = {.pid = pid};
    double us[PACED];

    snprintf(target.path, sizeof(target.path), "/proc/%d/smaps_rollup", pid);
    target.fd = open(target.path, O_RDONLY | O_CLOEXEC);
    for (size_t i = 0; i < PACED; i++) {
        double before;

        usleep(100000);
        before = cpu_us(RUSAGE_SELF);
        look_pread(&target);
        us[i] = cpu_us(RUSAGE_SELF) - before;
    }
    close(target.fd);
    return mean(us, PACED);
}

/* A whole test at ten looks a second. */
struct clock_test {
    double percent; /* of a core, all told */
    double look_us; /* CPU time of one look, full or not */
    double bare;    /* percent: its full looks, had they been bare reads */
    size_t looks[SMT_MONITOR_LOOKS];
};

static struct clock_test clock_run(int pid, unsigned seconds, double share, double bare_us)
{
    struct smt_monitor_options options = {.pids = &pid,
                                          .pid_count = 1,
                                          .interval_ms = 100,
                                          .duration_ms = seconds * 1000,
                                          .cpu_share = share,
                                          .stop_fd = -1};
    struct smt_monitor_result *result;
    double before = cpu_us(RUSAGE_SELF);
    struct clock_test test;

    if (smt_monitor_watch(&options, &result)) exit(3);
    test.percent = (cpu_us(RUSAGE_SELF) - before) / 1e4 / seconds;
    test.look_us = (double)result->look_ns / 1000 / (double)result->processes[0].count;
    memcpy(test.looks, result->processes[0].looks, sizeof(test.looks));
    test.bare = (double)test.looks[SMT_MONITOR_LOOK_FULL] * bare_us / 1e4 / seconds;
    smt_monitor_result_free(result);
    return test;
}

static void clock_print(const char *name, const struct clock_test *test)
{
    printf("  %s: %.3f %% of a core, %.0f us a look; %zu looks full, %zu of no change, %zu brief\n",
           name, test->percent, test->look_us, test->looks[SMT_MONITOR_LOOK_FULL],
           test->looks[SMT_MONITOR_LOOK_SAME], test->looks[SMT_MONITOR_LOOK_BRIEF]);
}

static void clock_measure(size_t megabytes, bool moves, unsigned seconds)
{
    int pid = child_start(megabytes << 20, false, moves);
    double bare_us = bare_measure(pid);
    struct clock_test test = clock_run(pid, seconds, smt_monitor_budget_share(100), bare_us), all;

    printf("a whole test, 10 looks a second for %u s at %zu MB resident that %s; a bare read "
           "takes %.0f us at that pace\n",
           seconds, megabytes, moves ? "change" : "stand still", bare_us);
    clock_print("as it is", &test);
    expect("percent of one core", test.percent, 0.5);
    expect("percent of one core beyond bare reads", test.percent - test.bare, 0.25);
    if (megabytes <= 32) expect("CPU time of a look, microseconds", test.look_us, 200);
    if (moves) {
        all = clock_run(pid, UNLIMITED, 0, bare_us);
        clock_print("without a budget", &all);
        /* above, two readings of smaps are what there is beyond */
        if (megabytes <= 32)
            expect("percent of one core beyond bare reads", all.percent - all.bare, 0.25);
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

int main(int argc, char **argv)
{
    unsigned seconds = argc > 1 ? (unsigned)atoi(argv[1]) : 60;

    if (!seconds) seconds = 1;
    setvbuf(stdout, NULL, _IOLBF, 0);
    target_measure(2, false);
    target_measure(8, false);
    target_measure(32, false);
    target_measure(32, true);
    for (int moves = 0; moves < 2; moves++) {
        clock_measure(2, moves, seconds);
        clock_measure(8, moves, seconds);
        clock_measure(32, moves, seconds);
    }
    clock_measure(256, true, 2 * seconds);
    return failures > 0;
}
