/* tests/cli/live/programs.c - programs that are awkward to be inside of: each ends 0
 * and says `fine` when all went as it does without the engine. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int all_functions(void)
{
    void *block = NULL;
    char *text;

    if (posix_memalign(&block, 64, 100) != 0 || (uintptr_t)block % 64) return 1;
    if (malloc_usable_size(block) < 100) return 2;
    free(block);
    if (posix_memalign(&block, 3, 100) != EINVAL) return 3;
    block = aligned_alloc(4096, 8192);
    if ((uintptr_t)block % 4096) return 4;
    block = realloc(block, 20000);
    memset(block, 1, 20000);
    free(block);
    free(memalign(128, 10));
    free(valloc(10));
    free(pvalloc(10));
    errno = 0;
    if (reallocarray(NULL, SIZE_MAX / 2, 3) || errno != ENOMEM) return 5;
    text = strdup("text");
    text = reallocarray(text, 10, 10);
    if (strcmp(text, "text") != 0) return 6;
    free(text);
    free(realloc(NULL, 0));
    free(calloc(0, 0));
    free(NULL);
    return 0;
}

static void *churn(void *context)
{
    unsigned seed = (unsigned)(uintptr_t)context;
    void *blocks[64] = {0};

    for (int i = 0; i < 20000; i++) {
        unsigned at = (unsigned)rand_r(&seed) % 64;

        free(blocks[at]);
        blocks[at] = malloc(1 + (unsigned)rand_r(&seed) % 3000);
    }
    for (int i = 0; i < 64; i++) free(blocks[i]);
    return NULL;
}

static int threads(void)
{
    pthread_t threads[8];

    for (uintptr_t i = 0; i < 8; i++) pthread_create(&threads[i], NULL, churn, (void *)i);
    for (int i = 0; i < 8; i++) pthread_join(threads[i], NULL);
    return 0;
}

static int forks(void)
{
    pthread_t busy;

    pthread_create(&busy, NULL, churn, NULL);
    for (int i = 0; i < 50; i++) {
        pid_t child = fork();
        int status;

        if (child == 0) {
            churn((void *)(uintptr_t)i);
            _exit(7);
        }
        if (waitpid(-1, &status, 0) != child || WEXITSTATUS(status) != 7) return 1;
        if (waitpid(-1, &status, 0) != -1 || errno != ECHILD) return 2; /* no child of ours */
    }
    pthread_join(busy, NULL);
    return 0;
}

/* May open nothing any more. Somebody asks the engine (without one, nobody is
 * there); it cannot answer, and does not keep the processor busy with that. */
static int no_descriptors(void)
{
    const struct rlimit none = {0, 0};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat space;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0), size;
    clock_t used;

    if (fd < 0 || stat("/proc/self/ns/pid", &space) != 0) return 1;
    size = snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "mtctl.%lu.%d",
                    (unsigned long)space.st_ino, (int)getpid());
    if (setrlimit(RLIMIT_NOFILE, &none) != 0) return 2;
    (void)connect(fd, (struct sockaddr *)&address,
                  (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)size));
    used = clock();
    usleep(300000);
    return clock() - used < CLOCKS_PER_SEC / 50 ? 0 : 3;
}

/* With the second block and all later ones refused: the child's are not. */
static int child_is_not_refused(void)
{
    int status;
    pid_t child;

    free(malloc(10));
    child = fork();
    if (child == 0) _exit(malloc(10) ? 0 : 4);
    if (waitpid(child, &status, 0) != child) return 1;
    return WEXITSTATUS(status);
}

/* Blocks all signals until a line comes, and then takes what came meanwhile. */
static int blocks_signals(void)
{
    sigset_t signals;

    sigfillset(&signals);
    pthread_sigmask(SIG_SETMASK, &signals, NULL);
    puts("blocked");
    fflush(stdout);
    while (getchar() != '\n') continue;
    sigemptyset(&signals);
    pthread_sigmask(SIG_SETMASK, &signals, NULL);
    return 0;
}

/* Cannot be stopped: a debugger has it, and it blocks all signals. */
static int cannot_be_stopped(void)
{
    int ends[2];
    char seized = 'n';
    sigset_t signals;
    pid_t program = getpid();

    if (pipe(ends) != 0) return 1;
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
    if (fork() == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (ptrace(PTRACE_SEIZE, program, NULL, NULL) == 0) seized = 'y';
        if (write(ends[1], &seized, 1) == 1) pause();
        _exit(0);
    }
    sigfillset(&signals);
    pthread_sigmask(SIG_SETMASK, &signals, NULL);
    return read(ends[0], &seized, 1) == 1 && seized == 'y' ? 0 : 2;
}

static int descriptors(void)
{
    int first;

    closefrom(3);
    first = open("/dev/null", O_RDONLY);
    closefrom(3);
    free(malloc(10));
    return first == 3 && open("/dev/null", O_RDONLY) == 3 ? 0 : 1;
}

static volatile sig_atomic_t handled;

static void on_signal(int number)
{
    (void)number;
    free(malloc(100));
    handled++;
}

/* A handler that allocates, while its thread does, too. Only the C library's own
 * quick path stands that; so do we. */
static int signals(void)
{
    struct itimerval often = {{0, 200}, {0, 200}};

    signal(SIGALRM, on_signal);
    setitimer(ITIMER_REAL, &often, NULL);
    while (handled < 200) free(malloc(200));
    setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
    return 0;
}

static int bad_frees(void)
{
    static long place[8];
    char *block = malloc(40);

    free(block);
    free(block);
    free(&place[2]);
    return 0;
}

static void *last_words(void *context)
{
    (void)context;
    usleep(50000);
    return NULL;
}

static int first_thread_leaves(void)
{
    pthread_t other;

    pthread_create(&other, NULL, last_words, NULL);
    puts("fine");
    fflush(stdout);
    pthread_exit(NULL);
}

static int execs(void)
{
    static char path[] = "/proc/self/exe", name[] = "all_functions";
    char *arguments[] = {path, name, NULL};

    free(malloc(10));
    execv(arguments[0], arguments);
    return 1;
}

static int everything_freed(void)
{
    void **pool = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    /* Blocks that only a mapping of the program's own points to. */
    for (int i = 0; i < 100; i++) pool[i] = malloc(100);
    return 0;
}

__attribute__((noinline)) static void always_lost(void)
{
    char *volatile block = malloc(100);

    if (block) block[0] = 1;
}

__attribute__((noinline)) static char *second_make(void)
{
    return malloc(200);
}

/* Loses one block always, and another one when a third is refused. */
static int leaks_when_refused(void)
{
    char *volatile block, *volatile third;

    always_lost();
    block = second_make();
    third = malloc(300);
    if (!third) {
        block = NULL;
        return 1;
    }
    free(third);
    free(block);
    return 0;
}

/* Does not survive the refusal of the first block; waits for ever without the second. */
static int waits_when_refused(void)
{
    char *volatile first = malloc(100), *volatile second;

    if (!first) abort();
    second = malloc(200);
    while (!second) pause();
    return 0;
}

/* main() would say "fine", into a buffer. */
static int allocates_nothing(void)
{
    return 1;
}

static const struct {
    const char *name;
    int (*run)(void);
} programs[] = {
    {"all_functions", all_functions},
    {"threads", threads},
    {"forks", forks},
    {"no_descriptors", no_descriptors},
    {"child_is_not_refused", child_is_not_refused},
    {"blocks_signals", blocks_signals},
    {"cannot_be_stopped", cannot_be_stopped},
    {"descriptors", descriptors},
    {"signals", signals},
    {"bad_frees", bad_frees},
    {"first_thread_leaves", first_thread_leaves},
    {"execs", execs},
    {"everything_freed", everything_freed},
    {"leaks_when_refused", leaks_when_refused},
    {"waits_when_refused", waits_when_refused},
    {"allocates_nothing", allocates_nothing},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < sizeof programs / sizeof *programs; i++)
        if (strcmp(programs[i].name, argv[1]) == 0) {
            int status = programs[i].run();

            if (status == 0) puts("fine");
            return status;
        }
    return 99;
}
