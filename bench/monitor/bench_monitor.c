/* bench_monitor - what a look at a process costs.
 *
 * For children with 2, 8 and 32 MB resident: a sample against a bare read of
 * the same smaps_rollup (open descriptor, and opened each time), and against
 * what a script does, `ps` and `pmap -d`. Then a whole test at 10 looks a
 * second: CPU time as a share of one core. Prints ratios; exit status 1 when
 * one is beyond what docs/monitor.md promises. */
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

#define LOOKS   400
#define SCRIPTS 15

static int failures;

static void expect(const char *what, double value, double most)
{
    printf("  %-44s %9.3f  (at most %g)%s\n", what, value, most, value <= most ? "" : "  MISSED");
    failures += value > most;
}

/* A child that holds so much memory, every page written, until it is killed. */
static pid_t child_start(size_t bytes)
{
    int ready[2];
    char byte = 0;
    pid_t pid;

    if (pipe(ready)) exit(3);
    pid = fork();
    if (pid == 0) {
        char *memory =
            mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        for (size_t i = 0; i < bytes; i += 4096) memory[i] = 1;
        if (write(ready[1], &byte, 1) != 1) _exit(3);
        for (;;) pause();
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

    snprintf(command, sizeof(command), "{ ps -o rss= -p %d; pmap -d %d | tail -n 1; } >/dev/null",
             target->pid, target->pid);
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

static void target_measure(size_t megabytes)
{
    static void (*const looks[])(struct target *) = {look_sample, look_pread, look_open};
    static void (*const scripts[])(struct target *) = {look_script};
    struct target target = {.pid = child_start(megabytes << 20), .file = SMT_MONITOR_FILE};
    double us[3], script;

    snprintf(target.path, sizeof(target.path), "/proc/%d/smaps_rollup", target.pid);
    snprintf(target.file.path, sizeof(target.file.path), "%s", target.path);
    target.fd = open(target.path, O_RDONLY | O_CLOEXEC);
    if (target.fd < 0 || smt_monitor_local_new(-1, &target.source)) exit(3);
    looks_measure(&target, looks, 3, LOOKS, us);
    looks_measure(&target, scripts, 1, SCRIPTS, &script);
    printf("%zu MB resident: sample %.1f us, bare read %.1f us (%.1f us opened each time), "
           "ps + pmap -d %.0f us\n",
           megabytes, us[0], us[1], us[2], script);
    expect("sample / bare read of the open file", us[0] / us[1], 1.2);
    if (us[1] < 200)
        expect("sample, microseconds", us[0], 200);
    else
        printf("  the kernel alone takes more than 200 us to read this roll-up\n");
    expect("sample / (ps + pmap -d)", us[0] / script, 1.0 / 20);
    smt_monitor_file_close(&target.file);
    smt_monitor_source_free(target.source);
    smt_buffer_clear(&target.text);
    close(target.fd);
    kill(target.pid, SIGKILL);
    waitpid(target.pid, NULL, 0);
}

static void clock_measure(size_t megabytes, unsigned seconds)
{
    int pid = child_start(megabytes << 20);
    struct smt_monitor_options options = {.pids = &pid,
                                          .pid_count = 1,
                                          .interval_ms = 100,
                                          .duration_ms = seconds * 1000,
                                          .stop_fd = -1};
    struct smt_monitor_result *result;
    struct rusage before, after;
    double cpu;

    getrusage(RUSAGE_SELF, &before);
    if (smt_monitor_watch(&options, &result)) exit(3);
    getrusage(RUSAGE_SELF, &after);
    cpu = (double)(after.ru_utime.tv_sec - before.ru_utime.tv_sec + after.ru_stime.tv_sec -
                   before.ru_stime.tv_sec) +
          (double)(after.ru_utime.tv_usec - before.ru_utime.tv_usec + after.ru_stime.tv_usec -
                   before.ru_stime.tv_usec) /
              1e6;
    printf("a whole test, 10 looks a second for %u s at %zu MB resident\n", seconds, megabytes);
    expect("percent of one core", 100 * cpu / seconds, 0.5);
    smt_monitor_result_free(result);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

int main(int argc, char **argv)
{
    unsigned seconds = argc > 1 ? (unsigned)atoi(argv[1]) : 20;

    target_measure(2);
    target_measure(8);
    target_measure(32);
    clock_measure(8, seconds ? seconds : 1);
    return failures > 0;
}
