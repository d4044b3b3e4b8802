/* cli/mtctl_monitor.c - `mtctl monitor`: options in, reports and exit status
 * out. */
#include <errno.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base.h"
#include "cli/mtctl.h"
#include "control/control.h"
#include "monitor/monitor.h"

#define LIST_MOST 64

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
    const char *plots[LIST_MOST];
    size_t plot_count;
    const char *baseline_path;
    bool strict, verbose;
    bool rounds_given, clock_given, settle_given, timeout_given, budget_given;
    struct smt_monitor_live live;
    struct smt_cli_request request;
};

/* --- the command line --- */

static struct monitor_cli *cli_of(void *options)
{
    return options;
}

static enum smt_status number_take(const struct smt_cli_option *row, const char *text,
                                   uint64_t least, uint64_t most, uint64_t *ret_number)
{
    uint64_t number = 0;

    if (!smt_number_parse(text, &number) || number < least || number > most)
        return smt_fail(SMT_EUSAGE, "--%s: '%s' is no whole number from %llu to %llu", row->name,
                        text, (unsigned long long)least, (unsigned long long)most);
    *ret_number = number;
    return SMT_OK;
}

/* Seconds with a fraction, as milliseconds; 0 is one too. */
static enum smt_status seconds_take(const struct smt_cli_option *row, const char *text,
                                    uint64_t *ret_ms)
{
    uint64_t ns = 0;

    if (strcmp(text, "0") != 0 && !smt_cli_seconds_parse(text, &ns))
        return smt_fail(SMT_EUSAGE, "--%s: '%s' is no number of seconds", row->name, text);
    *ret_ms = (ns + 500000) / 1000000;
    return SMT_OK;
}

static enum smt_status list_add(const struct smt_cli_option *row, const char **list, size_t *count,
                                const char *name)
{
    if (!*name) return smt_fail(SMT_EUSAGE, "--%s: an empty name matches nothing", row->name);
    if (*count == LIST_MOST)
        return smt_fail(SMT_EUSAGE, "--%s: at most %d of them", row->name, LIST_MOST);
    list[(*count)++] = name;
    return SMT_OK;
}

static SMT_CLI_SETTER(set_pid)
{
    struct monitor_cli *cli = cli_of(options);
    uint64_t pid = 0;
    enum smt_status status = number_take(row, arg, 1, 4194304, &pid);

    if (status != SMT_OK) return status;
    if (cli->options.pid_count == LIST_MOST)
        return smt_fail(SMT_EUSAGE, "--%s: at most %d of them", row->name, LIST_MOST);
    cli->pids[cli->options.pid_count++] = (int)pid;
    return SMT_OK;
}

static SMT_CLI_SETTER(set_process)
{
    return list_add(row, cli_of(options)->names, &cli_of(options)->options.name_count, arg);
}

/* The names stay in the command line. */
static SMT_CLI_SETTER(set_all)
{
    struct monitor_cli *cli = cli_of(options);
    char *rest = NULL;
    enum smt_status status = SMT_OK;

    if (!arg[strspn(arg, ",")]) return list_add(row, cli->all, &cli->options.all_count, "");
    for (char *name = strtok_r((char *)(uintptr_t)arg, ",", &rest); name && status == SMT_OK;
         name = strtok_r(NULL, ",", &rest))
        status = list_add(row, cli->all, &cli->options.all_count, name);
    return status;
}

static SMT_CLI_SETTER(set_rounds)
{
    cli_of(options)->rounds_given = true;
    return number_take(row, arg, 1, 100000000, &cli_of(options)->options.rounds);
}

static SMT_CLI_SETTER(set_step_timeout)
{
    cli_of(options)->timeout_given = true;
    return seconds_take(row, arg, &cli_of(options)->options.step_timeout_ms);
}

static SMT_CLI_SETTER(set_settle)
{
    cli_of(options)->settle_given = true;
    return number_take(row, arg, 0, 86400000, &cli_of(options)->options.settle_ms);
}

static SMT_CLI_SETTER(set_interval)
{
    cli_of(options)->clock_given = true;
    return number_take(row, arg, 1, 86400000, &cli_of(options)->options.interval_ms);
}

static SMT_CLI_SETTER(set_duration)
{
    cli_of(options)->clock_given = true;
    return seconds_take(row, arg, &cli_of(options)->options.duration_ms);
}

/* Percent of a core, as a part of it. */
static SMT_CLI_SETTER(set_cpu_budget)
{
    struct monitor_cli *cli = cli_of(options);
    uint64_t billionths = 0; /* of a percent */

    if (strcmp(arg, "0") != 0 &&
        (!smt_cli_seconds_parse(arg, &billionths) || billionths > (uint64_t)100000000000))
        return smt_fail(SMT_EUSAGE, "--%s: '%s' is no percentage from 0 to 100", row->name, arg);
    cli->options.cpu_share = (double)billionths / 1e11;
    cli->budget_given = true;
    return SMT_OK;
}

/* For the shell: not nothing. */
static enum smt_status command_take(const struct smt_cli_option *row, const char *arg,
                                    const char **ret_command)
{
    if (!arg[strspn(arg, " \t\n")])
        return smt_fail(SMT_EUSAGE, "--%s: an empty command", row->name);
    *ret_command = arg;
    return SMT_OK;
}

static SMT_CLI_SETTER(set_step)
{
    return command_take(row, arg, &cli_of(options)->options.step);
}

static SMT_CLI_SETTER(set_via)
{
    return command_take(row, arg, &cli_of(options)->options.via);
}

/* Why the file cannot be written, as an errno; 0 when it can. */
static int output_trouble(const char *path)
{
    char *copy = strdup(path);
    const char *folder = copy ? dirname(copy) : ".";
    bool is_there = access(path, F_OK) == 0;
    struct stat file;
    int trouble = 0;

    if (access(is_there ? path : folder, is_there ? W_OK : W_OK | X_OK) != 0) trouble = errno;
    if (is_there && stat(path, &file) == 0 && S_ISDIR(file.st_mode)) trouble = EISDIR;
    free(copy);
    return trouble;
}

/* An hour's test must not end with a report that cannot be written. */
static enum smt_status output_check(const struct smt_cli_option *row, const char *path)
{
    int trouble = output_trouble(path);

    if (!trouble) return SMT_OK;
    return smt_fail(SMT_EUSAGE, "--%s %s: cannot be written: %s", row->name, path,
                    strerror(trouble));
}

static SMT_CLI_SETTER(set_plot)
{
    enum smt_status status;

    if (!smt_monitor_plot_is_known(arg))
        return smt_fail(SMT_EUSAGE, "--%s: '%s' must end in .svg or .png", row->name, arg);
    status = output_check(row, arg);
    return status ? status
                  : list_add(row, cli_of(options)->plots, &cli_of(options)->plot_count, arg);
}

static SMT_CLI_SETTER(set_format)
{
    struct monitor_cli *cli = cli_of(options);
    struct report report = {NULL, NULL};
    char *colon = strchr((char *)(uintptr_t)arg, ':');

    if (colon) {
        *colon = '\0';
        report.path = colon + 1;
    }
    report.format = smt_monitor_format_find(arg);
    if (!report.format)
        return smt_fail(SMT_EUSAGE, "--%s: no format '%s'; known: text, json, html", row->name,
                        arg);
    if (colon && !*report.path)
        return smt_fail(SMT_EUSAGE, "--%s: no file after the colon", row->name);
    if (colon && strcmp(report.path, "-") == 0) report.path = NULL;
    if (report.path && output_check(row, report.path) != SMT_OK) return SMT_EUSAGE;
    if (cli->report_count == LIST_MOST)
        return smt_fail(SMT_EUSAGE, "--%s: at most %d of them", row->name, LIST_MOST);
    cli->reports[cli->report_count++] = report;
    return SMT_OK;
}

#define AT(member) offsetof(struct monitor_cli, member)

static const struct smt_cli_option table[] = {
    {0, NULL, NULL, 0, "What to watch:", NULL, NULL, NULL, 0},
    {'p', "pid", "N", 0, "The process with this number; repeatable", NULL, NULL, set_pid, 0},
    {'P', "process", "NAME", 0,
     "Every process of this program, also those that start later; repeatable", NULL, NULL,
     set_process, 0},
    {0, "all", "NAME,NAME", 0, "Compare the resident memory of these at start and end", NULL, NULL,
     set_all, 0},
    {0, "via", "COMMAND", 0,
     "Watch, and run the step, in the shell that COMMAND opens: 'ssh admin@box'", NULL, NULL,
     set_via, 0},
    {0, NULL, NULL, 0, "When to look:", NULL, NULL, NULL, 0},
    {0, "step", "COMMAND", 0, "Run this in each round; it must undo what it does", NULL, NULL,
     set_step, 0},
    {0, "rounds", "N", 0, "How many rounds; default 30", NULL, NULL, set_rounds, 0},
    {0, "step-timeout", "S", 0, "A step that takes longer hangs; default 60, 0 for none", NULL,
     NULL, set_step_timeout, 0},
    {0, "settle", "MS", 0, "Wait between step and look; default 100", NULL, NULL, set_settle, 0},
    {0, "interval", "MS", 0, "Without --step: look this often; default 1000", NULL, NULL,
     set_interval, 0},
    {0, "duration", "S", 0, "Without --step: for this long; default 60", NULL, NULL, set_duration,
     0},
    {0, "cpu-budget", "PERCENT", 0,
     "Without --step: of one core, for looks at every page; 0 for no limit; default 0.1, and more "
     "of fewer than four looks a second, up to 0.4 of one",
     NULL, NULL, set_cpu_budget, 0},
    {0, NULL, NULL, 0, "What to say:", NULL, NULL, NULL, 0},
    {0, "limit", "SIZE", 0, "Tell when this much would be resident, as 512m", NULL, NULL,
     smt_cli_set_size, AT(options.limit_bytes)},
    {0, "baseline", "FILE", 0,
     "JSON of an earlier run; what rises no faster than there is not suspected", "FILE", NULL,
     smt_cli_set_text, AT(baseline_path)},
    {0, "strict", NULL, 0, "Exit 1 also for `look further' and `undecided'", NULL, NULL,
     smt_cli_set_true, AT(strict)},
    {0, "format", "NAME[:FILE]", 0,
     "text (default), json, html; FILE - is standard output; repeatable", "text json html", NULL,
     set_format, 0},
    {0, "plot", "FILE", 0, "Draw the trend with gnuplot: FILE.svg or FILE.png; repeatable", "FILE",
     NULL, set_plot, 0},
    {'v', "verbose", NULL, 0, "Full mappings and process lines; what steps print", NULL, NULL,
     smt_cli_set_true, AT(verbose)},
    SMT_CLI_HELP_ROW(AT(request)),
    {0},
};

static const struct smt_cli_example examples[] = {
    {"mtctl monitor --process kamailio --step ./call --rounds 100",
     "Does a call leak? One a round, a hundred times."},
    {"mtctl monitor --pid 4711 --interval 500 --duration 600", "Ten minutes without a step."},
    {NULL, NULL},
};

const struct smt_cli_program smt_mtctl_monitor_program = {
    .name = "mtctl monitor",
    .summary = "watch the memory of processes round after round",
    .usage = "[OPTION...]",
    .description =
        "Repeats a step, watches the memory of processes, decides whether they leak. Those that "
        "mtctl run started tell their live bytes exactly, and which stacks grow.\n"
        "Exit status: 0 steady, and without --strict look further or undecided; 1 leak suspected; "
        "2 command line or input; 3 the test ended abnormally; 130 interrupted (Ctrl-C, SIGTERM, "
        "the end of the terminal), with the results so far.",
    .options = table,
    .examples = examples,
};

static enum smt_status options_check(const struct monitor_cli *cli)
{
    const struct smt_monitor_options *watch = &cli->options;
    const struct {
        bool is_wrong;
        const char *sentence;
    } rules[] = {
        {!watch->pid_count && !watch->name_count, "nothing to watch: give --pid or --process"},
        {watch->step && cli->clock_given,
         "--interval and --duration are for a test without --step"},
        {!watch->step && (cli->rounds_given || cli->settle_given || cli->timeout_given),
         "--rounds, --settle and --step-timeout need a --step"},
        {(watch->step || watch->via) && cli->budget_given,
         "--cpu-budget is for a test without --step and without --via"},
        {!watch->step && watch->duration_ms < watch->interval_ms,
         "--duration is shorter than --interval: not one look"},
    };

    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (rules[i].is_wrong) return smt_fail(SMT_EUSAGE, "%s", rules[i].sentence);
    return SMT_OK;
}

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

/* A terminal that can go back to the line above? */
static bool is_drawable(FILE *stream)
{
    const char *type = getenv("TERM");

    return isatty(fileno(stream)) && type && *type && strcmp(type, "dumb") != 0;
}

/* From now on Ctrl-C, or the end of the terminal, makes this descriptor readable instead of ending
 * us. Not under nohup: a signal that is blocked is noticed though it is ignored. */
static int stop_open(void)
{
    struct sigaction hangup;
    sigset_t stops;

    sigemptyset(&stops);
    sigaddset(&stops, SIGINT);
    sigaddset(&stops, SIGTERM);
    if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN)
        sigaddset(&stops, SIGHUP);
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

/* Has a text report, which tells what went wrong too, been shown where errors
 * are: on the terminal? */
static bool text_is_shown(const struct monitor_cli *cli)
{
    bool is_shown = !cli->report_count;

    for (size_t i = 0; i < cli->report_count; i++)
        is_shown |= cli->reports[i].format == &smt_monitor_formats[0] && !cli->reports[i].path;
    return is_shown && isatty(STDOUT_FILENO);
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
    for (size_t i = 0; i < cli->plot_count; i++)
        if (smt_monitor_plot(result, cli->plots[i], "gnuplot"))
            fprintf(stderr, "mtctl monitor: %s\n", smt_fail_text());
    if (result->abnormal) {
        if (!text_is_shown(cli)) fprintf(stderr, "mtctl monitor: %s\n", result->abnormal);
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
    int code = smt_cli_start(&smt_mtctl_monitor_program, argc, argv, &cli, &cli.request);

    if (code != SMT_CLI_GO_ON) return code;
    status = options_check(&cli);
    if (status != SMT_OK) return complain(status);
    if (!cli.options.step && !cli.options.via && !cli.budget_given)
        cli.options.cpu_share = smt_monitor_budget_share(cli.options.interval_ms);
    cli.options.pids = cli.pids;
    cli.options.names = cli.names;
    cli.options.all_names = cli.all;
    cli.options.stop_fd = stop_open();
    cli.options.observe = live_observe;
    cli.options.observe_output = output_observe;
    cli.options.observe_context = &cli;
    if (is_drawable(stderr)) cli.live.stream = stderr;
    if (cli.baseline_path) {
        status = smt_monitor_baseline_load(cli.baseline_path, &baseline);
        cli.options.baseline = &baseline;
        if (!status && baseline.stepped != !!cli.options.step)
            status = smt_fail(SMT_EINPUT, "%s: is of a test %s --step, and this is one %s",
                              cli.baseline_path, baseline.stepped ? "with" : "without",
                              baseline.stepped ? "without" : "with");
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
