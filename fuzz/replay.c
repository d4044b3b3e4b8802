/* fuzz/replay.c - files through a target without any engine. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "message/message.h"
#include "oracle.h"

static const char usage[] =
    "usage: %s [-v] FILE|DIR...\n"
    "Runs each file through the target; ends at the first finding, with a signal.\n"
    "Exit status: 0 nothing found, 2 command line or input.\n";

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

static int list_run(const struct smt_message_list *list, bool is_verbose)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct smt_message *message = &list->items[i];

        smt_fuzz_file = message->name;
        if (is_verbose) printf("%s %zu", message->name, message->size_bytes);
        fflush(stdout);
        LLVMFuzzerTestOneInput((const uint8_t *)message->data, message->size_bytes);
        if (is_verbose) puts(" ok");
    }
    smt_fuzz_file = NULL;
    return 0;
}

int smt_fuzz_replay(int argc, char **argv)
{
    bool is_verbose = argc > 1 && strcmp(argv[1], "-v") == 0;
    struct smt_message_list list;
    int code = 0;

    if (argc < 2 + is_verbose || (!is_verbose && argv[1][0] == '-' && argv[1][1])) {
        fprintf(stderr, usage, argv[0]);
        return 2;
    }
    LLVMFuzzerInitialize(&argc, &argv);
    crashes_name();
    smt_message_list_init(&list);
    for (int i = 1 + is_verbose; i < argc; i++)
        if (smt_message_add_path(&list, argv[i], complain, &code) != SMT_OK)
            complain(&code, smt_fail_text());
    list_run(&list, is_verbose);
    if (!list.count) {
        fprintf(stderr, "sipmemtest-fuzz: no file to replay\n");
        code = 2;
    } else {
        printf("%s: %zu inputs, nothing found\n", smt_fuzz_target.name, list.count);
    }
    smt_message_list_clear(&list);
    return code;
}
