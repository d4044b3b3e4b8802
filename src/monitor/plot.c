/* monitor/plot.c - a picture of the trend, drawn by gnuplot as a child. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "monitor/output.h"

extern char **environ;

static const struct terminal {
    const char *ending, *name, *look;
} terminals[] = {
    {".svg", "svg", "background rgb 'white' font 'Sans,12'"},
    {".png", "png", "font 'Sans,11'"},
};

static const struct terminal *terminal_find(const char *path)
{
    const char *ending = strrchr(path, '.');

    for (size_t i = 0; ending && i < sizeof(terminals) / sizeof(*terminals); i++)
        if (strcmp(ending, terminals[i].ending) == 0) return &terminals[i];
    return NULL;
}

bool smt_monitor_plot_is_known(const char *path)
{
    return terminal_find(path) != NULL;
}

/* Text within gnuplot's single quotes: a quote is doubled. */
static void quoted_add(const char *text, struct smt_buffer *script)
{
    smt_buffer_add_text(script, "'");
    for (; *text; text++)
        if (*text == '\'')
            smt_buffer_add_text(script, "''");
        else if ((unsigned char)*text >= 0x20)
            smt_buffer_add(script, text, 1);
    smt_buffer_add_text(script, "'");
}

/* One block of data: round, resident, private, in MiB. */
static void data_add(const struct smt_monitor_process *process, size_t index,
                     struct smt_buffer *script)
{
    smt_buffer_addf(script, "$data%zu << EOD\n", index);
    for (size_t i = 0; i < process->count; i++)
        smt_buffer_addf(
            script, "%llu %.6f %.6f\n", (unsigned long long)process->samples[i].round,
            smt_monitor_judged_value(&process->samples[i], SMT_MONITOR_JUDGED_RSS) / 1048576,
            smt_monitor_judged_value(&process->samples[i], SMT_MONITOR_JUDGED_PRIVATE) / 1048576);
    smt_buffer_add_text(script, "EOD\n");
}

/* The lines of the interval turn around the middle of the kept rounds. */
static void fit_add(const struct smt_monitor_process *process, size_t index, const char *figure,
                    const struct smt_monitor_trend *trend, struct smt_buffer *script)
{
    double from = (double)process->samples[trend->warmup].round;
    double to = (double)process->samples[process->count - 1].round, middle = (from + to) / 2;

    smt_buffer_addf(script, "%s_fit%zu(x) = x < %.1f ? NaN : (%.9g + %.9g * x) / 1048576\n", figure,
                    index, from, trend->level, trend->slope);
    if (!isfinite(trend->low) || !isfinite(trend->high)) return;
    smt_buffer_addf(script,
                    "%s_low%zu(x) = x < %.1f ? NaN : (%.9g + %.9g * (x - %.9g)) / 1048576\n",
                    figure, index, from, trend->level + trend->slope * middle, trend->low, middle);
    smt_buffer_addf(script,
                    "%s_high%zu(x) = x < %.1f ? NaN : (%.9g + %.9g * (x - %.9g)) / 1048576\n",
                    figure, index, from, trend->level + trend->slope * middle, trend->high, middle);
}

static void curves_add(size_t index, const char *figure, const char *title, const char *colour,
                       int column, const struct smt_monitor_trend *trend, struct smt_buffer *script)
{
    if (trend->samples >= 3 && isfinite(trend->low) && isfinite(trend->high))
        smt_buffer_addf(script,
                        " '+' using 1:(%s_low%zu($1)):(%s_high%zu($1)) with filledcurves lc rgb "
                        "'%s' fs transparent solid 0.15 noborder notitle, \\\n",
                        figure, index, figure, index, colour);
    smt_buffer_addf(
        script, " $data%zu using 1:%d with linespoints lc rgb '%s' pt 7 ps 0.4 title '%s', \\\n",
        index, column, colour, title);
    if (trend->samples >= 3)
        smt_buffer_addf(script, " %s_fit%zu(x) with lines lc rgb '%s' dt 2 lw 2 notitle, \\\n",
                        figure, index, colour);
}

static void process_add(const struct smt_monitor_process *process, size_t index, const char *axis,
                        struct smt_buffer *script)
{
    const struct smt_monitor_judged *figures = process->decision.figures;
    const struct smt_monitor_judged *rss = &figures[SMT_MONITOR_JUDGED_RSS];
    const struct smt_monitor_judged *private = &figures[SMT_MONITOR_JUDGED_PRIVATE];
    char title[160];

    data_add(process, index, script);
    if (rss->trend.samples >= 3) fit_add(process, index, "rss", &rss->trend, script);
    if (private->trend.samples >= 3) fit_add(process, index, "private", &private->trend, script);
    snprintf(title, sizeof(title), "%s (%d): %s", process->name, process->pid,
             smt_monitor_verdict_text(process->decision.verdict));
    smt_buffer_add_text(script, "set title ");
    quoted_add(title, script);
    smt_buffer_addf(
        script, " noenhanced\nset xlabel '%s'\nset ylabel 'MiB'\nset xrange [%llu:%llu]\nplot ",
        axis, (unsigned long long)process->samples[0].round,
        (unsigned long long)process->samples[process->count - 1].round + (process->count == 1));
    curves_add(index, "rss", "resident", "#1f77b4", 2, &rss->trend, script);
    if (private->present)
        curves_add(index, "private", "private dirty", "#d62728", 3, &private->trend, script);
    smt_buffer_add_text(script, " NaN notitle\n");
}

static void script_write(const struct smt_monitor_result *result, const char *path,
                         struct smt_buffer *script)
{
    const struct terminal *terminal = terminal_find(path);
    size_t shown = 0, index = 0;

    for (size_t i = 0; i < result->process_count; i++) shown += result->processes[i].count > 0;
    smt_buffer_addf(script, "set terminal %s size 900,%zu %s\nset output ", terminal->name,
                    (shown ? shown : 1) * 420, terminal->look);
    quoted_add(path, script);
    smt_buffer_addf(script,
                    "\nset key outside bottom center horizontal\nset grid\nset samples 500\n"
                    "set multiplot layout %zu,1\n",
                    shown ? shown : 1);
    for (size_t i = 0; i < result->process_count; i++)
        if (result->processes[i].count)
            process_add(&result->processes[i], index++,
                        result->options.step ? "round" : "tick of the clock", script);
    smt_buffer_add_text(script, "unset multiplot\n");
}

/* The script stays beside the picture that could not be drawn. */
static enum smt_status script_keep(const struct smt_buffer *script, const char *path,
                                   const char *why)
{
    char kept[4096];
    FILE *file;
    bool good;

    snprintf(kept, sizeof(kept), "%s.gp", path);
    file = fopen(kept, "we");
    if (!file)
        return smt_fail(SMT_EIO, "%s not drawn (%s), and %s cannot be written: %s", path, why, kept,
                        strerror(errno));
    good = fwrite(script->data, 1, script->size, file) == script->size;
    good = fclose(file) == 0 && good;
    if (!good) return smt_fail(SMT_EIO, "%s: cannot write: %s", kept, strerror(errno));
    return smt_fail(SMT_EUNSUPPORTED, "%s not drawn (%s); its data is kept: gnuplot %s", path, why,
                    kept);
}

/* Feeds the script to the child; the reason when that did not go well. */
static const char *gnuplot_run(const char *gnuplot, const struct smt_buffer *script)
{
    static char why[200];
    char *arguments[] = {(char *)gnuplot, (char *)"-", NULL};
    posix_spawn_file_actions_t actions;
    FILE *input = tmpfile();
    int error, how = 0;
    pid_t pid;

    if (!input || fwrite(script->data, 1, script->size, input) != script->size || fflush(input))
        return "no room for a temporary file";
    rewind(input);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, fileno(input), 0);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    error = posix_spawnp(&pid, gnuplot, &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    fclose(input);
    if (error) {
        snprintf(why, sizeof(why), "%s: %s", gnuplot, strerror(error));
        return why;
    }
    while (waitpid(pid, &how, 0) < 0 && errno == EINTR) continue;
    return WIFEXITED(how) && WEXITSTATUS(how) == 0 ? NULL : "gnuplot failed";
}

enum smt_status smt_monitor_plot(const struct smt_monitor_result *result, const char *path,
                                 const char *gnuplot)
{
    enum smt_status status = SMT_OK;
    struct smt_buffer script;
    const char *why;

    if (!terminal_find(path))
        return smt_fail(SMT_EUSAGE, "%s: a plot must end in .svg or .png", path);
    smt_buffer_init(&script);
    script_write(result, path, &script);
    if (script.failed)
        status = smt_fail(SMT_ENOMEM, "out of memory for the plot");
    else if ((why = gnuplot_run(gnuplot, &script)))
        status = script_keep(&script, path, why);
    smt_buffer_clear(&script);
    return status;
}
