/* bench/live/heap.c - a heap to be scanned: COUNT blocks of SIZE bytes in lists of a
 * hundred, each list held by one pointer; then `ready`, and it waits for its
 * input to end. Built with -fsanitize=leak it times LeakSanitizer's check. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define LIST 100

struct block {
    struct block *next;
    char payload[];
};

struct block **lists;

#ifdef TIME_LEAK_CHECK
int __lsan_do_recoverable_leak_check(void);

/* Of this process and of those it waited for: the check is one. */
static double processor_seconds(void)
{
    struct rusage usages[2];
    double seconds = 0;

    getrusage(RUSAGE_SELF, &usages[0]);
    getrusage(RUSAGE_CHILDREN, &usages[1]);
    for (int i = 0; i < 2; i++)
        seconds += (double)(usages[i].ru_utime.tv_sec + usages[i].ru_stime.tv_sec) +
                   (double)(usages[i].ru_utime.tv_usec + usages[i].ru_stime.tv_usec) / 1e6;
    return seconds;
}
#endif

int main(int argc, char **argv)
{
    size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000;
    size_t size = argc > 2 ? strtoul(argv[2], NULL, 10) : 1024;
    char letter;

    lists = calloc(count / LIST + 1, sizeof *lists);
    for (size_t i = 0; i < count; i++) {
        struct block *block = malloc(size);

        memset(block, 'x', size);
        block->next = lists[i / LIST];
        lists[i / LIST] = block;
    }
#ifdef TIME_LEAK_CHECK
    struct timespec begin, end;
    double used = processor_seconds();

    clock_gettime(CLOCK_MONOTONIC, &begin);
    __lsan_do_recoverable_leak_check();
    clock_gettime(CLOCK_MONOTONIC, &end);
    printf("%.3f s, %.2f s of processor time\n",
           (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9,
           processor_seconds() - used);
    fflush(stdout);
    _exit(0);
#endif
    printf("ready\n");
    fflush(stdout);
    while (read(0, &letter, 1) == 1) continue;
    return 0;
}
