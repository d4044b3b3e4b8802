/* cli/mtctl_monitor.c - `mtctl monitor`: options in, reports and exit status
 * out. */
#include <argp.h>
#include <errno.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/base.h"
#include "cli/mtctl.h"
#include "control/control.h"
#include "monitor/monitor.h"

#define LIST_MOST 64

enum {
    KEY_PID = 'p',
    KEY_PROCESS = 'P',
    KEY_VERBOSE = 'v',
    KEY_ROUNDS = 256,
    KEY_STEP,
    KEY_STEP_TIMEOUT,
    KEY_SETTLE,
    KEY_INTERVAL,
    KEY_DURATION,
    KEY_ALL,
    KEY_BASELINE,
    KEY_PLOT,
    KEY_FORMAT,
    KEY_LIMIT,
    KEY_STRICT,
    KEY_VIA,
};

static const struct argp_option options[] = {
    {NULL, 0, NULL, 0, "What to watch:", 1},
    {"pid", KEY_PID, "N", 0, "the process with this number; repeatable", 0},
    {"process", KEY_PROCESS, "NAME", 0,
     "every process of this program, also those that start later; repeatable", 0},
    {"all", KEY_ALL, "NAME,NAME", 0, "compare the resident memory of these at start and end", 0},
    {"via", KEY_VIA, "COMMAND", 0,
     "watch, and run the step, in the shell that COMMAND opens: 'ssh admin@box'", 0},
    {NULL, 0, NULL, 0, "When to look:", 2},
    {"step", KEY_STEP, "COMMAND", 0, "run this in each round; it must undo what it does", 0},
    {"rounds", KEY_ROUNDS, "N", 0, "how many rounds (default 30)", 0},
    {"step-timeout", KEY_STEP_TIMEOUT, "S", 0,
     "a step that takes longer hangs (default 60; 0: none)", 0},
    {"settle", KEY_SETTLE, "MS", 0, "wait between step and look (default 100)", 0},
    {"interval", KEY_INTERVAL, "MS", 0, "without --step: look this often (default 1000)", 0},
    {"duration", KEY_DURATION, "S", 0, "without --step: for this long (default 60)", 0},
    {NULL, 0, NULL, 0, "What to say:", 3},
    {"limit", KEY_LIMIT, "SIZE", 0, "tell when this much would be resident (k, m, g)", 0},
    {"baseline", KEY_BASELINE, "FILE", 0,
     "json of an earlier run; what rises no faster than there is not suspected", 0},
    {"strict", KEY_STRICT, NULL, 0, "exit 1 also for `look further' and `undecided'", 0},
    {"format", KEY_FORMAT, "NAME[:FILE]", 0,
     "text (default), json, html; FILE - is standard output; repeatable", 0},
    {"plot", KEY_PLOT, "FILE", 0, "draw the trend with gnuplot: FILE.svg or FILE.png", 0},
    {"verbose", KEY_VERBOSE, NULL, 0, "full mappings and process lines; what steps print", 0},
    {NULL, 0, NULL, 0, NULL, 0},
};

struct report {
    const struct smt_monitor_format *format;
    const char *path; /* NULL: standard output */
};

struct monitor_cli {
    struct smt_monitor_options options;
    int pids[LIST_MOST];
    const char *names[LIST_MOST];
    const char *all[LIST_MOST];
    struct report reports[LIST_MOST];
    size_t report_count;
    const char *plot, *baseline_path;
    bool strict, verbose;
    bool rounds_given, clock_given, settle_given;
    struct smt_monitor_live live;
};

static uint64_t number_take(struct argp_state *state, const char *option, const char *text,
                            uint64_t least, uint64_t most)
{
    uint64_t number = 0;

    if (!smt_number_parse(text, &number) || number < least || number > most)
        argp_error(state, "--%s %s: must be a whole number from %llu to %llu", option, text,
                   (unsigned long long)least, (unsigned long long)most);
    return number;
}

/* Seconds with a fraction, as milliseconds. */
static uint64_t seconds_take(struct argp_state *state, const char *option, const char *text)
{
    char *end;
    double seconds = strtod(text, &end);

    if (end == text || *end || !(seconds >= 0 && seconds <= 1e8))
        argp_error(state, "--%s %s: must be a number of seconds", option, text);
    return (uint64_t)(seconds * 1000 + 0.5);
}

static void list_add(struct argp_state *state, const char **list, size_t *count, const char *name)
{
    if (!*name) argp_error(state, "an empty name matches nothing");
    if (*count == LIST_MOST) argp_error(state, "more than %d names", LIST_MOST);
    list[(*count)++] = name;
}

static void all_add(struct argp_state *state, struct monitor_cli *cli, char *names)
{
    char *rest = NULL;

    for (char *name = strtok_r(names, ",", &rest); name; name = strtok_r(NULL, ",", &rest))
        list_add(state, cli->all, &cli->options.all_count, name);
}

/* An hour's test must not end with a report that cannot be written. */
static void output_check(struct argp_state *state, const char *option, const char *path)
{
    char *copy = strdup(path);
    const char *folder = copy ? dirname(copy) : ".";

    if (access(path, F_OK) == 0 ? access(path, W_OK) != 0 : access(folder, W_OK | X_OK) != 0)
        argp_error(state, "--%s %s: cannot be written: %s", option, path, strerror(errno));
    free(copy);
}

static void format_add(struct argp_state *state, struct monitor_cli *cli, char *text)
{
    struct report report = {NULL, NULL};
    char *colon = strchr(text, ':');

    if (colon) {
        *colon = '\0';
        report.path = colon + 1;
    }
    report.format = smt_monitor_format_find(text);
    if (!report.format) argp_error(state, "--format %s: no such format", text);
    if (colon && !*report.path) argp_error(state, "--format %s: no file after the colon", text);
    if (colon && strcmp(report.path, "-") == 0) report.path = NULL;
    if (report.path) output_check(state, "format", report.path);
    if (cli->report_count == LIST_MOST) argp_error(state, "more than %d formats", LIST_MOST);
    cli->reports[cli->report_count++] = report;
}

/* The options that say what to look at and when. */
static error_t watch_option(int key, char *argument, struct argp_state *state)
{
    struct monitor_cli *cli = state->input;
    struct smt_monitor_options *watch = &cli->options;

    switch (key) {
    case KEY_PID:
        if (watch->pid_count == LIST_MOST) argp_error(state, "more than %d pids", LIST_MOST);
        cli->pids[watch->pid_count++] = (int)number_take(state, "pid", argument, 1, 4194304);
        return 0;
    case KEY_PROCESS:
        list_add(state, cli->names, &watch->name_count, argument);
        return 0;
    case KEY_ALL:
        all_add(state, cli, argument);
        return 0;
    case KEY_VIA:
        watch->via = argument;
        return 0;
    case KEY_STEP:
        if (!argument[strspn(argument, " \t\n")]) argp_error(state, "--step: an empty step");
        watch->step = argument;
        return 0;
    case KEY_ROUNDS:
        watch->rounds = number_take(state, "rounds", argument, 1, 100000000);
        cli->rounds_given = true;
        return 0;
    case KEY_STEP_TIMEOUT:
        watch->step_timeout_ms = seconds_take(state, "step-timeout", argument);
        return 0;
    case KEY_SETTLE:
        watch->settle_ms = number_take(state, "settle", argument, 0, 86400000);
        cli->settle_given = true;
        return 0;
    case KEY_INTERVAL:
        watch->interval_ms = number_take(state, "interval", argument, 1, 86400000);
        cli->clock_given = true;
        return 0;
    case KEY_DURATION:
        watch->duration_ms = seconds_take(state, "duration", argument);
        cli->clock_given = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static void options_check(struct argp_state *state, const struct monitor_cli *cli)
{
    const struct smt_monitor_options *watch = &cli->options;

    if (!watch->pid_count && !watch->name_count)
        argp_error(state, "nothing to watch: give --pid or --process");
    if (watch->step && cli->clock_given)
        argp_error(state, "--interval and --duration are for a test without --step");
    if (!watch->step && (cli->rounds_given || cli->settle_given))
        argp_error(state, "--rounds and --settle need a --step");
    if (!watch->step && watch->duration_ms < watch->interval_ms)
        argp_error(state, "--duration is shorter than --interval: not one look");
}

static error_t option_parse(int key, char *argument, struct argp_state *state)
{
    struct monitor_cli *cli = state->input;

    switch (key) {
    case KEY_LIMIT:
        if (!smt_number_parse_size(argument, &cli->options.limit_bytes))
            argp_error(state, "--limit %s: is no size; expected one as 512m or 2g", argument);
        return 0;
    case KEY_BASELINE:
        cli->baseline_path = argument;
        return 0;
    case KEY_PLOT:
        if (!smt_monitor_plot_is_known(argument))
            argp_error(state, "--plot %s: must end in .svg or .png", argument);
        output_check(state, "plot", argument);
        cli->plot = argument;
        return 0;
    case KEY_FORMAT:
        format_add(state, cli, argument);
        return 0;
    case KEY_STRICT:
        cli->strict = true;
        return 0;
    case KEY_VERBOSE:
        cli->verbose = true;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "%s: unexpected argument", argument);
        return 0;
    case ARGP_KEY_END:
        options_check(state, cli);
        return 0;
    default:
        return watch_option(key, argument, state);
    }
}

static const struct argp parser = {
    .options = options,
    .parser = option_parse,
    .doc = "Repeat a step, watch the memory of processes, decide whether they leak. Those that "
           "`mtctl run' started tell their live bytes exactly, and which stacks grow."
           "\vExit status: 0 steady; 1 leak suspected; 2 command line or input; 3 the test ended "
           "abnormally; 130 interrupted, with the results so far.",
};

static void live_observe(void *context, const struct smt_monitor_result *result)
{
    struct monitor_cli *cli = context;

    if (cli->live.stream) smt_monitor_live_draw(&cli->live, result);
}

static void output_observe(void *context, uint64_t round, const char *text, size_t size_bytes)
{
    struct monitor_cli *cli = context;

    if (!cli->verbose) return;
    if (cli->live.stream) smt_monitor_live_clear(&cli->live);
    fprintf(stderr, "round %llu: the step printed:\n%.*s%s", (unsigned long long)round,
            (int)size_bytes, text, text[size_bytes - 1] == '\n' ? "" : "\n");
}

/* From now on Ctrl-C makes this descriptor readable instead of ending us. */
static int stop_open(void)
{
    sigset_t stops;

    sigemptyset(&stops);
    sigaddset(&stops, SIGINT);
    sigaddset(&stops, SIGTERM);
    sigprocmask(SIG_BLOCK, &stops, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &stops, SFD_CLOEXEC);
}

static enum smt_status report_write(const struct report *report, bool verbose,
                                    const struct smt_monitor_result *result)
{
    struct smt_buffer text;
    enum smt_status status;
    FILE *file = stdout;
    bool good;

    smt_buffer_init(&text);
    status = report->format->write(result, verbose, &text);
    if (!status && report->path) file = fopen(report->path, "we");
    if (!status && !file)
        status = smt_fail(SMT_EIO, "%s: cannot write: %s", report->path, strerror(errno));
    if (!status) {
        good = fwrite(text.data, 1, text.size, file) == text.size;
        good = (report->path ? fclose(file) : fflush(file)) == 0 && good;
        if (!good)
            status = smt_fail(SMT_EIO, "%s: cannot write: %s",
                              report->path ? report->path : "standard output", strerror(errno));
    }
    smt_buffer_clear(&text);
    return status;
}

static int complain(enum smt_status status)
{
    if (status) fprintf(stderr, "mtctl monitor: %s\n", smt_fail_text());
    return smt_status_exit(status);
}

static int worst(int a, int b)
{
    return a > b ? a : b;
}

static int result_report(struct monitor_cli *cli, const struct smt_monitor_result *result)
{
    static const struct report standard = {&smt_monitor_formats[0], NULL};
    bool lost = false;
    int code = 0;

    if (result->verdict == SMT_MONITOR_SUSPECTED ||
        (cli->strict && result->verdict != SMT_MONITOR_STEADY))
        code = 1;
    for (size_t i = 0; i < cli->report_count; i++) {
        int written = complain(report_write(&cli->reports[i], cli->verbose, result));

        code = worst(code, written);
        lost = lost || (written && cli->reports[i].path);
    }
    if (!cli->report_count || lost)
        code = worst(code, complain(report_write(&standard, cli->verbose, result)));
    /* A picture that could not be drawn takes nothing from the result. */
    if (cli->plot && smt_monitor_plot(result, cli->plot, "gnuplot"))
        fprintf(stderr, "mtctl monitor: %s\n", smt_fail_text());
    if (result->abnormal) {
        fprintf(stderr, "mtctl monitor: %s\n", result->abnormal);
        code = worst(code, 3);
    }
    return result->interrupted ? 130 : code;
}

int smt_mtctl_monitor(int argc, char **argv)
{
    struct monitor_cli cli = {.options = {.rounds = 30,
                                          .step_timeout_ms = 60000,
                                          .settle_ms = 100,
                                          .interval_ms = 1000,
                                          .duration_ms = 60000}};
    struct smt_monitor_baseline baseline = {0};
    struct smt_monitor_result *result = NULL;
    struct smt_live_monitor *engines = NULL;
    enum smt_status status = SMT_OK;
    char name[] = "mtctl monitor";
    int code;

    argv[0] = name;
    argp_err_exit_status = 2;
    argp_parse(&parser, argc, argv, 0, NULL, &cli);
    cli.options.pids = cli.pids;
    cli.options.names = cli.names;
    cli.options.all_names = cli.all;
    cli.options.stop_fd = stop_open();
    cli.options.observe = live_observe;
    cli.options.observe_output = output_observe;
    cli.options.observe_context = &cli;
    if (isatty(STDERR_FILENO)) cli.live.stream = stderr;
    if (cli.baseline_path) {
        status = smt_monitor_baseline_load(cli.baseline_path, &baseline);
        cli.options.baseline = &baseline;
    }
    /* Process ids of another host mean nothing here. */
    if (!cli.options.via) engines = smt_live_monitor_new();
    if (engines) cli.options.engine = smt_live_monitor_engine(engines);
    if (!status) status = smt_monitor_watch(&cli.options, &result);
    if (cli.live.stream) smt_monitor_live_clear(&cli.live);
    code = status ? complain(status) : result_report(&cli, result);
    smt_monitor_result_free(result);
    smt_monitor_baseline_clear(&baseline);
    smt_live_monitor_free(engines);
    if (cli.options.stop_fd >= 0) close(cli.options.stop_fd);
    return code;
}
