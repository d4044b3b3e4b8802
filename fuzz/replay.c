/* fuzz/replay.c - files through a target without any engine. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "message/message.h"
#include "oracle.h"

static const char usage[] =
    "usage: %s [-v] [-k] [-p] FILE|DIR...\n"
    "Runs each file through the target; ends at the first finding, with a signal.\n"
    "  -v  one line a file, and what is refused as sipmemtest --oom-at takes it\n"
    "  -k  each file in a process of its own: goes on, says how many had a finding\n"
    "  -p  looks for reads beside blocks and of memory never written, too (our heap only)\n"
    "Exit status: 0 nothing found, 1 findings (-k), 2 command line or input.\n";

/* Which file a crash belongs to. Only in builds where no sanitizer says more. */
static void crash_name(int signal_number)
{
    static const char before[] = "sipmemtest-fuzz: crash: in ";

    if (signal_number != SIGABRT && smt_fuzz_file) {
        if (write(STDERR_FILENO, before, sizeof before - 1) < 0) _exit(1);
        if (write(STDERR_FILENO, smt_fuzz_file, strlen(smt_fuzz_file)) < 0) _exit(1);
        if (write(STDERR_FILENO, "\n", 1) < 0) _exit(1);
    }
    raise(signal_number);
}

static void crashes_name(void)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    struct sigaction action = {.sa_handler = crash_name,
                               .sa_flags = (int)SA_RESETHAND | SA_NODEFER},
                     old;

    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL)
            sigaction(signals[i], &action, NULL);
}

static void complain(void *context, const char *sentence)
{
    *(int *)context = 2;
    fprintf(stderr, "sipmemtest-fuzz: %s\n", sentence);
}

struct options {
    bool is_verbose, keeps_going, looks_closely;
};

static void message_run(const struct smt_message *message, bool is_verbose)
{
    smt_fuzz_file = message->name;
    if (is_verbose) printf("%s %zu", message->name, message->size_bytes);
    fflush(stdout);
    LLVMFuzzerTestOneInput((const uint8_t *)message->data, message->size_bytes);
    if (is_verbose) puts(" ok");
    smt_fuzz_file = NULL;
}

/* In a process of its own; false when it did not end as it should. */
static bool message_run_apart(const struct smt_message *message, bool is_verbose)
{
    int status = 0;
    pid_t child;

    fflush(stdout);
    child = fork();
    if (child == 0) {
        message_run(message, is_verbose);
        fflush(stdout);
        _exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) < 0) return false;
    if (status && is_verbose) puts(" FOUND");
    return !status;
}

static size_t list_run(const struct smt_message_list *list, const struct options *options)
{
    size_t found = 0;

    for (size_t i = 0; i < list->count; i++)
        if (!options->keeps_going)
            message_run(&list->items[i], options->is_verbose);
        else
            found += !message_run_apart(&list->items[i], options->is_verbose);
    return found;
}

/* The first argument that is no option; 0: there is none, or an unknown option. */
static int options_read(int argc, char **argv, struct options *ret_options)
{
    int at = 1;

    for (; at < argc && argv[at][0] == '-' && argv[at][1]; at++) {
        if (strcmp(argv[at], "-v") == 0)
            ret_options->is_verbose = true;
        else if (strcmp(argv[at], "-k") == 0)
            ret_options->keeps_going = true;
        else if (strcmp(argv[at], "-p") == 0)
            ret_options->looks_closely = true;
        else
            return 0;
    }
    return at < argc ? at : 0;
}

int smt_fuzz_replay(int argc, char **argv)
{
    struct options options = {0};
    struct smt_message_list list;
    int code = 0, first = options_read(argc, argv, &options);
    size_t found;

    if (!first) {
        fprintf(stderr, usage, argv[0]);
        return 2;
    }
    if (options.is_verbose) setenv("SMT_FUZZ_SHOW_PLAN", "1", 1);
    if (options.looks_closely) setenv("SMT_FUZZ_PAGES", "1", 1);
    LLVMFuzzerInitialize(&argc, &argv);
    crashes_name();
    smt_message_list_init(&list);
    for (int i = first; i < argc; i++)
        if (smt_message_add_path(&list, argv[i], complain, &code) != SMT_OK)
            complain(&code, smt_fail_text());
    found = list_run(&list, &options);
    if (!list.count)
        complain(&code, "no file to replay");
    else if (found)
        printf("%s: %zu inputs, %zu with a finding\n", smt_fuzz_target.name, list.count, found);
    else
        printf("%s: %zu inputs, nothing found\n", smt_fuzz_target.name, list.count);
    smt_message_list_clear(&list);
    return code ? code : found > 0;
}
