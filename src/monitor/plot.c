/* monitor/plot.c - a picture of the trend, drawn by gnuplot as a child. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "monitor/output.h"

extern char **environ;

static const struct terminal {
    const char *ending, *name, *look;
    const char *last; /* what the end of a whole file has in it */
} terminals[] = {
    {".svg", "svg", "background rgb 'white' font 'Sans,12'", "</svg>"},
    {".png", "png", "font 'Sans,11'", "IEND"},
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

static const struct panel {
    enum smt_monitor_judged_figure figure;
    const char *title, *colour;
    double least_range; /* bytes: a flat line shall look flat */
} panels[] = {
    {SMT_MONITOR_JUDGED_RSS, "resident", "#1f77b4", 262144},
    {SMT_MONITOR_JUDGED_PRIVATE, "private dirty", "#d62728", 262144},
    {SMT_MONITOR_JUDGED_LIVE, "live (exact)", "#2ca02c", 1024},
};

#define PANELS       (sizeof(panels) / sizeof(*panels))
#define PANEL_HEIGHT 260

/* From bytes to the axis. */
struct axis {
    double low, high, unit;
    const char *unit_name;
};

static struct axis axis_make(const struct smt_monitor_process *process, const struct panel *panel)
{
    struct axis axis = {.unit = 1, .unit_name = "bytes"};

    smt_monitor_judged_range(process->samples, process->count, panel->figure, panel->least_range,
                             &axis.low, &axis.high);
    if (axis.high - axis.low >= 8 * 1048576) {
        axis.unit = 1048576;
        axis.unit_name = "MiB";
    } else if (axis.high - axis.low >= 8 * 1024) {
        axis.unit = 1024;
        axis.unit_name = "KiB";
    }
    return axis;
}

static void data_add(const struct smt_monitor_process *process, const struct panel *panel,
                     double unit, struct smt_buffer *script)
{
    smt_buffer_add_text(script, "$data << EOD\n");
    for (size_t i = 0; i < process->count; i++)
        if (smt_monitor_judged_has(&process->samples[i], panel->figure))
            smt_buffer_addf(script, "%llu %.6f\n", (unsigned long long)process->samples[i].round,
                            smt_monitor_judged_value(&process->samples[i], panel->figure) / unit);
    smt_buffer_add_text(script, "EOD\n");
}

/* The fitted line, and its interval, whose lines turn around the middle of the
 * kept rounds. False when there is no line. */
static bool fit_add(const struct smt_monitor_process *process, const struct panel *panel,
                    double unit, struct smt_buffer *script)
{
    const struct smt_monitor_trend *trend = &process->decision.figures[panel->figure].trend;
    double from, to, middle;

    if (trend->samples < 3) return false;
    from = (double)smt_monitor_judged_sample(process->samples, process->count, panel->figure,
                                             trend->warmup)
               ->round;
    to = (double)process->samples[process->count - 1].round;
    middle = (from + to) / 2;
    smt_buffer_addf(script, "fit(x) = x < %.1f ? NaN : (%.12g + %.9g * x) / %.0f\n", from,
                    trend->level, trend->slope, unit);
    if (!isfinite(trend->low) || !isfinite(trend->high)) return true;
    smt_buffer_addf(script, "low(x) = x < %.1f ? NaN : (%.12g + %.9g * (x - %.9g)) / %.0f\n", from,
                    trend->level + trend->slope * middle, trend->low, middle, unit);
    smt_buffer_addf(script, "high(x) = x < %.1f ? NaN : (%.12g + %.9g * (x - %.9g)) / %.0f\n", from,
                    trend->level + trend->slope * middle, trend->high, middle, unit);
    return true;
}

static void curves_add(const struct smt_monitor_trend *trend, const struct panel *panel,
                       bool fitted, struct smt_buffer *script)
{
    if (fitted && isfinite(trend->low) && isfinite(trend->high))
        smt_buffer_addf(script,
                        " '+' using 1:(low($1)):(high($1)) with filledcurves lc rgb '%s' fs "
                        "transparent solid 0.2 noborder title '99 %% interval', \\\n",
                        panel->colour);
    smt_buffer_addf(script,
                    " $data using 1:2 with linespoints lc rgb '%s' lw 1.5 pt 7 ps %s title '%s'",
                    panel->colour, trend->samples > 200 ? "0.2" : "0.6", panel->title);
    if (fitted)
        smt_buffer_add_text(script,
                            ", \\\n fit(x) with lines lc rgb 'black' dt 2 lw 1 title 'slope'");
    smt_buffer_add_text(script, "\n");
}

/* Each figure has its own scale: on a common one no slope is steep enough to be
 * seen. */
static void panel_add(const struct smt_monitor_process *process, const struct panel *panel,
                      const char *axis_name, struct smt_buffer *script)
{
    const struct smt_monitor_trend *trend = &process->decision.figures[panel->figure].trend;
    struct axis axis = axis_make(process, panel);
    char title[200];
    bool fitted;

    data_add(process, panel, axis.unit, script);
    fitted = fit_add(process, panel, axis.unit, script);
    snprintf(title, sizeof(title), "%s (%d), %s: %.0f bytes a round; %s", process->name,
             process->pid, panel->title, trend->slope,
             smt_monitor_verdict_text(process->decision.verdict));
    smt_buffer_add_text(script, "set title ");
    quoted_add(title, script);
    smt_buffer_addf(script,
                    " noenhanced\nset xlabel '%s'\nset ylabel '%s'\nset xrange [%llu:%llu]\n"
                    "set yrange [%.9g:%.9g]\nplot ",
                    axis_name, axis.unit_name, (unsigned long long)process->samples[0].round,
                    (unsigned long long)process->samples[process->count - 1].round +
                        (process->count == 1),
                    axis.low / axis.unit, axis.high / axis.unit);
    curves_add(trend, panel, fitted, script);
}

/* Draws the panels, or counts them when there is no script. */
static size_t panels_add(const struct smt_monitor_result *result, struct smt_buffer *script)
{
    size_t count = 0;

    for (size_t i = 0; i < result->process_count; i++)
        for (size_t p = 0; result->processes[i].count && p < PANELS; p++) {
            if (!result->processes[i].decision.figures[panels[p].figure].present) continue;
            count++;
            if (script)
                panel_add(&result->processes[i], &panels[p],
                          result->options.step ? "round" : "tick of the clock", script);
        }
    return count;
}

static void script_write(const struct smt_monitor_result *result, const char *path,
                         struct smt_buffer *script)
{
    const struct terminal *terminal = terminal_find(path);
    size_t count = panels_add(result, NULL);

    if (!count) count = 1;
    smt_buffer_addf(script, "set terminal %s size 900,%zu %s\nset output ", terminal->name,
                    count * PANEL_HEIGHT, terminal->look);
    quoted_add(path, script);
    smt_buffer_addf(script,
                    "\nset key bottom right\nset grid\nset samples 500\nset format y '%%.10g'\n"
                    "set multiplot layout %zu,1\n",
                    count);
    panels_add(result, script);
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
    good = file && fwrite(script->data, 1, script->size, file) == script->size;
    good = file && fclose(file) == 0 && good;
    if (!good)
        return smt_fail(SMT_EIO, "%s not drawn (%s), and %s cannot be written: %s", path, why, kept,
                        strerror(errno));
    return smt_fail(SMT_EUNSUPPORTED, "%s not drawn (%s); its data is kept: gnuplot %s", path, why,
                    kept);
}

/* Feeds the script to the child; the reason when that did not go well. */
static const char *gnuplot_run(const char *gnuplot, const struct smt_buffer *script)
{
    static char why[200];
    char *arguments[] = {(char *)gnuplot, (char *)"-", NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    int input = memfd_create("gnuplot script", MFD_CLOEXEC), error, how = 0;
    pid_t pid;

    if (input < 0 || pwrite(input, script->data, script->size, 0) != (ssize_t)script->size) {
        if (input >= 0) close(input);
        return "no memory to hand its script over";
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input, 0);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawnattr_init(&attributes);
    sigemptyset(&none); /* Ctrl-C ends it, though not us */
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    error = posix_spawnp(&pid, gnuplot, &actions, &attributes, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    close(input);
    if (error) {
        snprintf(why, sizeof(why), "%s: %s", gnuplot, strerror(error));
        return why;
    }
    while (waitpid(pid, &how, 0) < 0 && errno == EINTR) continue;
    return WIFEXITED(how) && WEXITSTATUS(how) == 0 ? NULL : "gnuplot failed";
}

/* gnuplot does not notice a full disk. */
static bool picture_is_whole(const char *path)
{
    const char *last = terminal_find(path)->last;
    char end[16];
    FILE *file = fopen(path, "re");
    size_t got = 0;

    if (!file) return false;
    if (fseek(file, -(long)sizeof(end), SEEK_END) == 0) got = fread(end, 1, sizeof(end), file);
    fclose(file);
    return memmem(end, got, last, strlen(last)) != NULL;
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
    else if ((why = gnuplot_run(gnuplot, &script)) ||
             (why = picture_is_whole(path) ? NULL : "gnuplot wrote only a part of it"))
        status = script_keep(&script, path, why);
    smt_buffer_clear(&script);
    return status;
}
