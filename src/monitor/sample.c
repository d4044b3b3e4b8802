#include "monitor/sample.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const metric_keys[SMT_MONITOR_METRICS] = {
#define METRIC_KEY(name, key, title) key,
    SMT_MONITOR_METRIC_LIST(METRIC_KEY)
#undef METRIC_KEY
};

static const char *const metric_titles[SMT_MONITOR_METRICS] = {
#define METRIC_TITLE(name, key, title) title,
    SMT_MONITOR_METRIC_LIST(METRIC_TITLE)
#undef METRIC_TITLE
};

/* A line "Label:   123 kB" and where it goes. */
struct label {
    const char *text;
    size_t length;
    enum smt_monitor_metric metric;
};

#define LABEL(text, metric)                                                                        \
    {                                                                                              \
        text, sizeof(text) - 1, SMT_MONITOR_##metric                                               \
    }

/* In the order the kernel writes them: each is looked for after the last. */
static const struct label rollup_labels[] = {
    LABEL("Rss:", RSS),
    LABEL("Pss:", PSS),
    LABEL("Private_Clean:", PRIVATE_CLEAN),
    LABEL("Private_Dirty:", PRIVATE_DIRTY),
    LABEL("Anonymous:", ANONYMOUS),
    LABEL("Swap:", SWAP),
};

static const struct label status_labels[] = {
    LABEL("VmSize:", VM_SIZE),
    LABEL("VmRSS:", VM_RSS),
};

static const struct label fallback_labels[] = {
    LABEL("VmRSS:", RSS),         LABEL("RssAnon:", PRIVATE), LABEL("RssAnon:", PRIVATE_DIRTY),
    LABEL("RssAnon:", ANONYMOUS), LABEL("VmSwap:", SWAP),
};

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

const char *smt_monitor_metric_key(enum smt_monitor_metric metric)
{
    return metric < SMT_MONITOR_METRICS ? metric_keys[metric] : "";
}

const char *smt_monitor_look_key(enum smt_monitor_look_kind look)
{
#define LOOK_KEY(name, key) key,
    static const char *const keys[] = {SMT_MONITOR_LOOK_LIST(LOOK_KEY)};
#undef LOOK_KEY

    return look < SMT_MONITOR_LOOKS ? keys[look] : "";
}

const char *smt_monitor_metric_title(enum smt_monitor_metric metric)
{
    return metric < SMT_MONITOR_METRICS ? metric_titles[metric] : "";
}

bool smt_monitor_sample_has(const struct smt_monitor_sample *sample, enum smt_monitor_metric metric)
{
    return sample->has >> metric & 1;
}

void smt_monitor_sample_set(struct smt_monitor_sample *sample, enum smt_monitor_metric metric,
                            uint64_t value)
{
    sample->has |= 1u << metric;
    sample->value[metric] = value;
}

/* The number after a label, in kB; returns bytes. */
static uint64_t kilobytes_parse(const char *at)
{
    uint64_t number = 0;

    while (*at == ' ' || *at == '\t') at++;
    for (; isdigit((unsigned char)*at); at++) number = number * 10 + (uint64_t)(*at - '0');
    return number * 1024;
}

static const char *line_next(const char *line)
{
    const char *end = strchr(line, '\n');

    return end ? end + 1 : line + strlen(line);
}

/* Takes the labels out of `text` up to `end`, adding to what is there if `sum`. */
static bool labels_take(struct smt_monitor_sample *sample, const struct label *labels, size_t count,
                        const char *text, bool sum)
{
    bool found = false;

    for (const char *line = text; *line; line = line_next(line))
        for (size_t i = 0; i < count; i++)
            if (strncmp(line, labels[i].text, labels[i].length) == 0) {
                uint64_t value = kilobytes_parse(line + labels[i].length);

                if (sum && smt_monitor_sample_has(sample, labels[i].metric))
                    value += sample->value[labels[i].metric];
                smt_monitor_sample_set(sample, labels[i].metric, value);
                found = true;
            }
    return found;
}

static void private_add_up(struct smt_monitor_sample *sample)
{
    if (smt_monitor_sample_has(sample, SMT_MONITOR_PRIVATE_DIRTY))
        smt_monitor_sample_set(sample, SMT_MONITOR_PRIVATE,
                               sample->value[SMT_MONITOR_PRIVATE_CLEAN] +
                                   sample->value[SMT_MONITOR_PRIVATE_DIRTY]);
}

bool smt_monitor_sample_rollup(struct smt_monitor_sample *sample, const char *text)
{
    size_t next = 0;

    for (const char *line = text; *line && next < COUNT(rollup_labels); line = line_next(line))
        if (strncmp(line, rollup_labels[next].text, rollup_labels[next].length) == 0) {
            smt_monitor_sample_set(sample, rollup_labels[next].metric,
                                   kilobytes_parse(line + rollup_labels[next].length));
            next++;
        }
    private_add_up(sample);
    return next > 0;
}

bool smt_monitor_sample_status(struct smt_monitor_sample *sample, const char *text)
{
    return labels_take(sample, status_labels, COUNT(status_labels), text, false);
}

/* Is this the line that starts a mapping, "55d0-55d8 rw-p ..."? Labels start
 * with a capital letter. */
static bool line_is_mapping(const char *line)
{
    return isdigit((unsigned char)*line) || (*line >= 'a' && *line <= 'f');
}

static bool mapping_is_heap(const char *line)
{
    const char *end = line_next(line);

    return end - line > 7 && strncmp(end - 7, "[heap]\n", 7) == 0;
}

bool smt_monitor_sample_smaps(struct smt_monitor_sample *sample, const char *text)
{
    bool whole = !smt_monitor_sample_has(sample, SMT_MONITOR_RSS), heap = false;
    uint64_t heap_bytes = 0;

    if (!*text) return false;
    for (const char *line = text; *line; line = line_next(line))
        if (line_is_mapping(line))
            heap = mapping_is_heap(line);
        else if (heap && strncmp(line, "Rss:", 4) == 0)
            heap_bytes += kilobytes_parse(line + 4);
    smt_monitor_sample_set(sample, SMT_MONITOR_HEAP, heap_bytes);
    if (whole) {
        labels_take(sample, rollup_labels, COUNT(rollup_labels), text, true);
        private_add_up(sample);
    }
    return true;
}

bool smt_monitor_sample_statm(struct smt_monitor_sample *sample, const char *text)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    unsigned long long size, resident;

    if (sscanf(text, "%llu %llu", &size, &resident) != 2 || !size) return false;
    smt_monitor_sample_set(sample, SMT_MONITOR_VM_SIZE, size * page);
    smt_monitor_sample_set(sample, SMT_MONITOR_VM_RSS, resident * page);
    return true;
}

void smt_monitor_sample_fallback(struct smt_monitor_sample *sample, const char *status_text)
{
    labels_take(sample, fallback_labels, COUNT(fallback_labels), status_text, false);
}

/* The numbers of a line, unsigned; false when there are fewer. By hand: sscanf() measures
 * all the text there is first, which here is the lines of all processes. */
static bool numbers_parse(const char *at, uint64_t *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        at += strspn(at, " -");
        if (!isdigit((unsigned char)*at)) return false;
        for (numbers[i] = 0; isdigit((unsigned char)*at); at++)
            numbers[i] = numbers[i] * 10 + (uint64_t)(*at - '0');
    }
    return true;
}

size_t smt_monitor_name_escape(const char *raw, size_t length, char *ret_name)
{
    struct smt_buffer escaped;
    size_t plain = 0;

    while (plain < length && raw[plain] >= ' ' && raw[plain] < 0x7F && raw[plain] != '\\') plain++;
    smt_buffer_init(&escaped);
    if (plain < length) { /* hardly ever */
        smt_buffer_add_escaped(&escaped, raw, length);
        raw = escaped.failed ? "" : escaped.data;
        length = escaped.failed ? 0 : escaped.size;
    }
    if (length >= SMT_MONITOR_NAME_ROOM) length = SMT_MONITOR_NAME_ROOM - 1;
    memcpy(ret_name, raw, length);
    ret_name[length] = '\0';
    smt_buffer_clear(&escaped);
    return length;
}

/* Fields of stat as proc(5) counts them, from the fourth on. */
#define FIELD(number) fields[(number)-4]

bool smt_monitor_stat_parse(const char *text, struct smt_monitor_stat *ret_stat)
{
    struct smt_monitor_stat stat = {0};
    const char *end = strchr(text, '\n'), *open = strchr(text, '('), *close = NULL;
    uint64_t fields[24 - 3], pid;

    /* A name may contain parentheses: it ends at the last one of the line. It may contain line
     * feeds, too, and then at the last one of the first line that has any. */
    if (!end) end = text + strlen(text);
    for (const char *at = open; at && *at && (at < end || !close); at++)
        if (*at == ')')
            close = at;
        else if (at >= end && *at == '\n')
            end = line_next(at + 1);
    if (!open || !close || !numbers_parse(text, &pid, 1)) return false;
    smt_monitor_name_escape(open + 1, (size_t)(close - open - 1), stat.name);
    close += 1 + strspn(close + 1, " ");
    if (!*close || !numbers_parse(close + 1, fields, 24 - 3)) return false;
    stat.pid = (int)pid;
    stat.state = *close;
    stat.parent = (int)FIELD(4);
    stat.faults = FIELD(10) + FIELD(12);
    stat.cpu_ticks = FIELD(14) + FIELD(15);
    stat.threads = (uint32_t)FIELD(20);
    stat.start = FIELD(22);
    stat.size_bytes = FIELD(23);
    stat.rss_pages = FIELD(24);
    *ret_stat = stat;
    return true;
}

void smt_monitor_ps_line(const struct smt_monitor_stat *stat, const char *status_text,
                         const char *cmdline, size_t cmdline_size, struct smt_buffer *line)
{
    const char *user = strstr(status_text, "\nUid:");
    unsigned int uid = 0;
    uint64_t seconds = stat->cpu_ticks / (uint64_t)sysconf(_SC_CLK_TCK);

    if (user) sscanf(user, "\nUid: %u", &uid);
    smt_buffer_addf(line, "uid %u pid %d ppid %d stat %c vsz %llu kB rss %llu kB threads %u time ",
                    uid, stat->pid, stat->parent, stat->state,
                    (unsigned long long)(stat->size_bytes / 1024),
                    (unsigned long long)(stat->rss_pages * 4), stat->threads);
    smt_buffer_addf(line, "%llu:%02llu ", (unsigned long long)(seconds / 60),
                    (unsigned long long)(seconds % 60));
    if (!cmdline_size) smt_buffer_addf(line, "[%s]", stat->name);
    for (size_t from = 0, length; from < cmdline_size; from += length + 1) {
        length = strnlen(cmdline + from, cmdline_size - from);
        if (from) smt_buffer_add_text(line, " ");
        smt_buffer_add_escaped(line, cmdline + from, length);
    }
}
