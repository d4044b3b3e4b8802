#include "cli/mtctl_run.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/mtctl.h"
#include "control/control.h"

#define LIBRARY "libmtpreload.so"

#ifndef SMT_LIBDIR
#define SMT_LIBDIR "/usr/local/lib"
#endif

/* --- the command line --- */

static struct smt_mtctl_run *run_of(void *options)
{
    return options;
}

static SMT_CLI_SETTER(set_scan)
{
    uint64_t seconds;

    run_of(options)->scan = arg;
    if (smt_number_parse(arg, &seconds)) return SMT_OK;
    return smt_fail(SMT_EUSAGE, "--%s: '%s' is no number of seconds", row->name, arg);
}

static SMT_CLI_SETTER(set_oom)
{
    (void)row;
    run_of(options)->oom = arg ? arg : "1";
    return SMT_OK;
}

static SMT_CLI_SETTER(set_timeout)
{
    if (smt_number_parse(arg, &run_of(options)->timeout_s) && run_of(options)->timeout_s)
        return SMT_OK;
    return smt_fail(SMT_EUSAGE, "--%s: '%s' is no number of seconds above 0", row->name, arg);
}

static enum smt_status program_take(void *options, char **words, size_t count)
{
    (void)count;
    run_of(options)->program = words;
    return SMT_OK;
}

#define AT(member) offsetof(struct smt_mtctl_run, member)

static const struct smt_cli_option table[] = {
    {0, NULL, NULL, 0, "Leaks:", NULL, NULL, NULL, 0},
    {0, "idle", NULL, 0, "Track nothing until a command asks for it", NULL, NULL, smt_cli_set_true,
     AT(idle)},
    {0, "kmemleak", "on|off", 0, "off: no reachability scans, irreversibly", "on off", NULL,
     smt_cli_set_choice, AT(kmemleak_off)},
    {0, "scan", "SECS", 0, "Scan by itself so often; 0 never; default 600", NULL, NULL, set_scan,
     0},
    {0, "at-exit", NULL, 0, "Scan when PROGRAM ends, and report what leaked", NULL, NULL,
     smt_cli_set_true, AT(at_exit)},
    {0, "suppress", "FILE", 0, "Functions whose leaks are not reported, as globs", "FILE", NULL,
     smt_cli_set_text, AT(suppress)},
    {0, NULL, NULL, 0, "Refused allocations:", NULL, NULL, NULL, 0},
    {0, "oom", "FROM-TO", SMT_CLI_OPTIONAL,
     "Start PROGRAM once per refused allocation, all or these", NULL, NULL, set_oom, 0},
    {0, "oom-mode", "LIST", SMT_CLI_LIST,
     "transient, persistent, window:K; default transient,persistent",
     "transient persistent window:4", NULL, smt_cli_set_text, AT(oom_mode)},
    {0, "only-site", "GLOB", 0, "Only allocations under a function named so; implies --oom", NULL,
     NULL, smt_cli_set_text, AT(only_site)},
    {0, "timeout", "S", 0, "A refusal that takes longer hangs; default 10", NULL, NULL, set_timeout,
     0},
    {0, NULL, NULL, 0, "Results:", NULL, NULL, NULL, 0},
    {0, "json", NULL, 0, "Reports as JSON lines", NULL, NULL, smt_cli_set_true, AT(json)},
    {'v', "verbose", NULL, 0, "Show the output of programs that are refused memory", NULL, NULL,
     smt_cli_set_true, AT(verbose)},
    {0, "library", "PATH", SMT_CLI_HIDDEN, "The object to preload", "FILE", NULL, smt_cli_set_text,
     AT(library)},
    SMT_CLI_HELP_ROW(AT(request)),
    {0},
};

static const struct smt_cli_example examples[] = {
    {"mtctl run --at-exit -- ./program", "What leaked, when it ends."},
    {"mtctl run --oom -- ./program", "Each of its allocations refused once."},
    {"mtctl run -- ./daemon", "Then, while it runs: mtctl -s pid:N kmemleak"},
    {NULL, NULL},
};

const struct smt_cli_program smt_mtctl_run_program = {
    .name = "mtctl run",
    .summary = "a program with the memory engine in it",
    .usage = "[OPTION...] -- PROGRAM [ARGUMENT...]",
    .description = "Runs PROGRAM with the memory engine in it. `mtctl -s pid:N memscope ...' and "
                   "`kmemleak ...' ask it while it runs.\n"
                   "Exit status: PROGRAM's; with --at-exit 1 when it was 0 and something leaked, "
                   "3 when that is not known; "
                   "with --oom 1 when something was found, 2 when there was nothing to refuse, "
                   "130 when it was stopped.",
    .options = table,
    .examples = examples,
    .take_rest = program_take,
    .argument_words = "COMMAND",
};

/* --- the object --- */

static bool library_at(char *path, const char *folder, const char *below)
{
    int size = snprintf(path, PATH_MAX, "%s%s%s", folder, below, LIBRARY);

    return size > 0 && size < PATH_MAX && access(path, R_OK) == 0;
}

/* Beside this program, in its prefix, or where it was to be installed. */
static bool library_find(char *path)
{
    char own[PATH_MAX - 64];
    ssize_t size = readlink("/proc/self/exe", own, sizeof own - 1);
    char *slash;

    if (size > 0) {
        own[size] = '\0';
        slash = strrchr(own, '/');
        if (slash) slash[1] = '\0';
        if (library_at(path, own, "") || library_at(path, own, "../lib/") ||
            library_at(path, own, "../lib/x86_64-linux-gnu/"))
            return true;
    }
    return library_at(path, SMT_LIBDIR, "/");
}

/* In front of what is preloaded already: the next malloc may be one of those. */
static void preload_add(const char *library)
{
    const char *before = getenv("LD_PRELOAD");
    char *joined = NULL;

    if (before && *before && asprintf(&joined, "%s:%s", library, before) < 0) joined = NULL;
    setenv("LD_PRELOAD", joined ? joined : library, 1);
    free(joined);
}

/* Sets the environment of this process so that what is started next has the
 * engine in it; 0 or an exit status. */
static int run_prepare(const struct smt_mtctl_run *run)
{
    char path[PATH_MAX], *resolved;

    if (run->library)
        snprintf(path, sizeof path, "%s", run->library);
    else if (!library_find(path)) {
        fprintf(stderr, "mtctl: %s is neither beside mtctl nor in " SMT_LIBDIR "\n", LIBRARY);
        return 3;
    }
    resolved = realpath(path, NULL);
    if (!resolved) {
        fprintf(stderr, "mtctl: %s: %s\n", path, strerror(errno));
        return 3;
    }
    preload_add(resolved);
    free(resolved);
    if (run->idle) setenv("MT_IDLE", "1", 1);
    if (run->kmemleak_off) setenv("MT_KMEMLEAK", "off", 1);
    if (run->scan) setenv("MT_SCAN", run->scan, 1);
    return 0;
}

/* --- this program itself --- */

#define SELF          "MTCTL_LIVE" /* PID:LD_PRELOAD as it was */
#define ARGUMENTS_MAX ((size_t)1 << 20)

/* What this process starts later is not to be watched. */
static bool self_is_watched(void)
{
    const char *self = getenv(SELF);
    char *before;

    if (!self || strtol(self, &before, 10) != getpid() || *before != ':') return false;
    if (before[1])
        setenv("LD_PRELOAD", before + 1, 1);
    else
        unsetenv("LD_PRELOAD");
    unsetenv(SELF);
    return true;
}

static enum smt_status self_exec(void)
{
    struct smt_buffer text;
    enum smt_status status;
    char **arguments;
    size_t count = 0;

    smt_buffer_init(&text);
    status = smt_buffer_load(&text, "/proc/self/cmdline", ARGUMENTS_MAX);
    if (status != SMT_OK) return status;
    arguments = calloc(text.size + 1, sizeof *arguments);
    if (!arguments) return smt_fail(SMT_ENOMEM, "no memory for the arguments");
    for (size_t at = 0; at < text.size; at += strlen(text.data + at) + 1)
        arguments[count++] = text.data + at;
    execv("/proc/self/exe", arguments);
    status = smt_fail(SMT_ESYS, "--live: cannot start anew: %s", strerror(errno));
    free(arguments);
    smt_buffer_clear(&text);
    return status;
}

int smt_mtctl_run_self(void)
{
    const struct smt_mtctl_run run = {0};
    const char *before = getenv("LD_PRELOAD");
    char *self = NULL;
    int status;

    if (self_is_watched()) return 0;
    if (asprintf(&self, "%d:%s", (int)getpid(), before ? before : "") < 0) return 3;
    status = run_prepare(&run);
    if (status == 0) {
        setenv(SELF, self, 1);
        status = smt_status_exit(self_exec());
        fprintf(stderr, "mtctl: %s\n", smt_fail_text());
    }
    free(self);
    return status;
}

/* --- the report at its end --- */

static int status_exit(int status)
{
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* On standard error, for standard output is the program's. 0 no leaks, 1 some, 3
 * nobody knows: the exit status of a program that ended well. */
static int report_show(const struct smt_mtctl_run *run, char *report, char **suppressed)
{
    struct smt_live_reply reply;
    struct smt_buffer text;
    size_t leaks, dropped;

    smt_live_reply_parse(&reply, report, 0);
    if (reply.code) {
        fprintf(stderr, "mtctl: leaks at the end of %s (pid %d) are not known: %s\n", reply.comm,
                reply.process, reply.fault);
        smt_live_reply_clear(&reply);
        return smt_status_exit(SMT_EUNSUPPORTED);
    }
    dropped = smt_live_reply_suppress(&reply, suppressed);
    leaks = reply.item_count;
    smt_buffer_init(&text);
    if (run->json)
        smt_live_reply_json(&reply, &text);
    else
        smt_live_reply_text(&reply, false, &text);
    if (text.size) fwrite(text.data, 1, text.size, stderr);
    if (!run->json)
        fprintf(stderr, "mtctl: %zu leak%s at the end of %s (pid %d)\n", leaks,
                smt_number_ending(leaks), reply.comm, reply.process);
    if (dropped && !run->json) fprintf(stderr, "mtctl: %zu suppressed\n", dropped);
    smt_buffer_clear(&text);
    smt_live_reply_clear(&reply);
    return leaks > 0;
}

static int run_at_exit(const struct smt_mtctl_run *run)
{
    static const char *const none[] = {NULL};
    struct smt_mtctl_ended ended;
    char **suppressed = NULL;
    enum smt_status status = SMT_OK;
    int exit_status, shown = 0;

    if (run->suppress) status = smt_live_suppressions_load(run->suppress, &suppressed);
    if (status == SMT_OK) {
        smt_mtctl_signals_take(false);
        status = smt_mtctl_run_once(run, none, false, 0, &ended);
        smt_mtctl_signals_give_back();
    }
    if (status != SMT_OK) {
        fprintf(stderr, "mtctl: %s\n", smt_fail_text());
        return smt_status_exit(status);
    }
    exit_status = status_exit(ended.status);
    if (!ended.report)
        fprintf(stderr, "mtctl: no report: the program did not end by exit\n");
    else
        shown = report_show(run, ended.report, suppressed);
    if (exit_status == 0) exit_status = shown;
    free(ended.report);
    smt_live_suppressions_free(suppressed);
    return exit_status;
}

int smt_mtctl_run(int argc, char **argv)
{
    struct smt_mtctl_run run = {.timeout_s = 10, .oom_mode = "transient,persistent"};
    int status = smt_cli_start(&smt_mtctl_run_program, argc, argv, &run, &run.request);

    if (status != SMT_CLI_GO_ON) return status;
    if (!run.program) {
        (void)smt_fail(SMT_EUSAGE, "PROGRAM is missing: mtctl run -- PROGRAM [ARGUMENT...]");
        smt_cli_complain(&smt_mtctl_run_program);
        return smt_status_exit(SMT_EUSAGE);
    }
    if (run.at_exit && (run.idle || run.kmemleak_off)) {
        (void)smt_fail(SMT_EUSAGE, "--at-exit needs what --%s switches off",
                       run.idle ? "idle" : "kmemleak");
        smt_cli_complain(&smt_mtctl_run_program);
        return smt_status_exit(SMT_EUSAGE);
    }
    status = run_prepare(&run);
    if (status) return status;
    if (run.oom || run.only_site) return smt_mtctl_run_oom(&run);
    if (run.at_exit) return run_at_exit(&run);
    smt_mtctl_run_exec(&run);
    return 3;
}
