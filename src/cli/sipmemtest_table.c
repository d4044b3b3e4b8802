/* cli/sipmemtest_table.c - the one table of sipmemtest's options, at the end,
 * and those setters that no ready one of cli/cli.h replaces. */
#include <stdlib.h>
#include <string.h>

#include "cli/sipmemtest.h"

static struct smt_sipmemtest_options *whole(void *options)
{
    return options;
}

/* --- messages --------------------------------------------------------------------------- */

static SMT_CLI_SETTER(set_message_file)
{
    (void)row;
    return smt_sipmemtest_input_add(options, SMT_SOURCE_FILE, arg);
}

static SMT_CLI_SETTER(set_message_data)
{
    (void)row;
    return smt_sipmemtest_input_add(options, SMT_SOURCE_DATA, arg);
}

static SMT_CLI_SETTER(set_crlf)
{
    enum smt_crlf mode = SMT_CRLF_KEEP;
    enum smt_status status = smt_message_crlf_parse(arg, &mode);

    (void)row;
    whole(options)->crlf = mode;
    return status;
}

/* One element of a --range list: a number, or two with a dash. */
static bool span_parse(const char *text, struct smt_span *ret_span)
{
    if (smt_cli_range_parse(text, &ret_span->first, &ret_span->last)) return true;
    if (!smt_number_parse(text, &ret_span->first) || !ret_span->first) return false;
    ret_span->last = ret_span->first;
    return true;
}

static SMT_CLI_SETTER(set_range)
{
    struct smt_sipmemtest_options *all = whole(options);
    struct smt_sweep_settings *sweep = &all->sweep;

    for (const char *at = arg;;) {
        size_t length = strcspn(at, ",");
        char element[48] = "";
        struct smt_span *spans =
            reallocarray(all->spans, sweep->message_span_count + 1, sizeof *spans);

        if (!spans) return smt_fail(SMT_ENOMEM, "out of memory for --range");
        sweep->messages = all->spans = spans;
        if (length < sizeof element) memcpy(element, at, length);
        if (!span_parse(element, &spans[sweep->message_span_count]))
            return smt_fail(SMT_EUSAGE,
                            "--%s: '%.*s' is no message number or range from 1 up, as 5 or 1-3,7",
                            row->name, (int)length, at);
        sweep->message_span_count++;
        at += length;
        if (!*at++) return SMT_OK;
    }
}

/* --- the parser and its heap -------------------------------------------------------------- */

static SMT_CLI_SETTER(set_parser)
{
    (void)row;
    whole(options)->has_parser = true;
    return smt_parser_find(arg, &whole(options)->sweep.worker.parser);
}

static void parsers_add(struct smt_buffer *words)
{
    for (size_t i = 0; smt_parsers[i]; i++) smt_buffer_addf(words, "%s ", smt_parsers[i]->name);
}

static SMT_CLI_SETTER(set_ops)
{
    (void)row;
    whole(options)->sweep.ops_text = arg;
    return smt_op_parse_list(arg, &whole(options)->sweep.worker.ops);
}

static void ops_add(struct smt_buffer *words)
{
    for (unsigned op = 0; op < SMT_OP_COUNT; op++)
        smt_buffer_addf(words, "%s ", smt_op_name((enum smt_op)op));
    smt_buffer_add_text(words, "all");
}

static const struct {
    const char *name;
    unsigned bits;
} checks[] = {{"fences", SMT_CHECK_FENCES},
              {"pages", SMT_CHECK_PAGES},
              {"uninit", SMT_CHECK_UNINIT},
              {"all", SMT_CHECK_ALL}};

static void checks_add(struct smt_buffer *words)
{
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
        smt_buffer_addf(words, "%s ", checks[i].name);
}

static unsigned check_bits(const char *word, size_t length)
{
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
        if (strlen(checks[i].name) == length && memcmp(checks[i].name, word, length) == 0)
            return checks[i].bits;
    return 0;
}

static SMT_CLI_SETTER(set_check)
{
    unsigned bits = 0;

    for (const char *at = arg;;) {
        size_t length = strcspn(at, ",");
        unsigned more = check_bits(at, length);

        if (!more)
            return smt_fail(SMT_EUSAGE,
                            "--%s: unknown check '%.*s'; known: fences, pages, uninit, all",
                            row->name, (int)length, at);
        bits |= more;
        at += length;
        if (!*at++) break;
    }
    whole(options)->sweep.checks = bits;
    whole(options)->has_checks = true;
    return SMT_OK;
}

static SMT_CLI_SETTER(set_content)
{
    unsigned on = 0;
    enum smt_status status;

    (void)arg;
    status =
        smt_cli_set_choice(&on, &(struct smt_cli_option){.name = row->name, .words = "0 1"}, arg);
    whole(options)->no_content = !on;
    return status;
}

static SMT_CLI_SETTER(set_decoys)
{
    uint64_t count = 0;

    if (!smt_number_parse(arg, &count) || count > SMT_DECOYS_MAX)
        return smt_fail(SMT_EUSAGE, "--%s: '%s' is no number from 0 to %u", row->name, arg,
                        SMT_DECOYS_MAX);
    whole(options)->sweep.worker.decoys = count;
    whole(options)->has_decoys = true;
    return SMT_OK;
}

/* --- refused allocations ------------------------------------------------------------------ */

static SMT_CLI_SETTER(set_oom)
{
    struct smt_sweep_settings *sweep = &whole(options)->sweep;
    const char *range = arg;

    sweep->oom = true;
    if (!arg || strcmp(arg, "1") == 0) return SMT_OK;
    if (strncmp(arg, "1:", 2) == 0) range = arg + 2;
    if (!smt_cli_range_parse(range, &sweep->range.first, &sweep->range.last))
        return smt_fail(SMT_EUSAGE,
                        "--%s: '%s' is no range of allocations, as --oom=7-10 or --oom=1:7-10",
                        row->name, arg);
    return SMT_OK;
}

static SMT_CLI_SETTER(set_oom_mode)
{
    struct smt_sweep_settings *sweep = &whole(options)->sweep;

    (void)row;
    whole(options)->has_modes = true;
    return smt_mode_parse_list(arg, &sweep->modes, &sweep->window);
}

static void modes_add(struct smt_buffer *words)
{
    for (unsigned mode = 0; mode < SMT_MODE_COUNT; mode++)
        smt_buffer_addf(words, "%s%s ", smt_mode_name((enum smt_mode)mode),
                        mode == SMT_MODE_WINDOW ? ":4" : "");
}

static SMT_CLI_SETTER(set_oom_at)
{
    enum smt_status status = smt_fault_plan_parse(arg, &whole(options)->sweep.plan);

    if (status != SMT_OK) return smt_fail(status, "--%s: %s", row->name, smt_fail_text());
    whole(options)->sweep.has_plan = true;
    return SMT_OK;
}

static SMT_CLI_SETTER(set_oom_trace)
{
    unsigned *trace = &whole(options)->trace;

    *trace = arg && strcmp(arg, "2") == 0 ? 2 : 1;
    if (arg && strcmp(arg, "1") != 0 && strcmp(arg, "2") != 0)
        return smt_fail(SMT_EUSAGE, "--%s: '%s' is not known; known: 1 (findings), 2 (all)",
                        row->name, arg);
    return SMT_OK;
}

static SMT_CLI_SETTER(set_oom_budget)
{
    struct smt_sweep_settings *sweep = &whole(options)->sweep;
    size_t length = strlen(arg);
    char seconds[32] = "";

    if (length && length < sizeof seconds && arg[length - 1] == 's') {
        memcpy(seconds, arg, length - 1);
        if (smt_cli_seconds_parse(seconds, &sweep->budget_ns)) return SMT_OK;
    } else if (smt_number_parse(arg, &sweep->budget_injections) && sweep->budget_injections) {
        return SMT_OK;
    }
    return smt_fail(SMT_EUSAGE, "--%s: '%s' is no budget above 0, as 5000 injections or 30s",
                    row->name, arg);
}

static SMT_CLI_SETTER(set_seed)
{
    whole(options)->has_seed = true;
    return smt_cli_set_number(&whole(options)->sweep.seed,
                              &(struct smt_cli_option){.name = row->name}, arg);
}

static SMT_CLI_SETTER(set_shard)
{
    struct smt_sweep_settings *sweep = &whole(options)->sweep;
    unsigned shard = 0, shards = 0;
    int used = 0;

    if (strspn(arg, "0123456789/") != strlen(arg) || strlen(arg) > 16 ||
        sscanf(arg, "%7u/%7u%n", &shard, &shards, &used) != 2 || arg[used] || !shard ||
        shard > shards)
        return smt_fail(SMT_EUSAGE, "--%s: '%s' is no share I of N from 1 up, as 1/4", row->name,
                        arg);
    sweep->shard = shard;
    sweep->shards = shards;
    return SMT_OK;
}

/* --- results -------------------------------------------------------------------------------- */

static SMT_CLI_SETTER(set_break)
{
    (void)row;
    (void)arg;
    whole(options)->do_break = whole(options)->sweep.worker.in_process = true;
    return SMT_OK;
}

static void formats_add(struct smt_buffer *words)
{
    for (size_t i = 0; smt_report_formats[i]; i++)
        smt_buffer_addf(words, "%s ", smt_report_formats[i]->name);
}

/* --- the table ------------------------------------------------------------------------------ */

#define AT(member) offsetof(struct smt_sipmemtest_options, member)
#define HEADING(text)                                                                              \
    {                                                                                              \
        0, NULL, NULL, 0, text, NULL, NULL, NULL, 0                                                \
    }
#define FLAG(letter, name, member, text)                                                           \
    {                                                                                              \
        letter, name, NULL, 0, text, NULL, NULL, smt_cli_set_true, AT(member)                      \
    }
#define ACTION(letter, name, text)                                                                 \
    {                                                                                              \
        letter, name, NULL, 0, text, NULL, NULL, smt_sipmemtest_set_action, 0                      \
    }
#define CHOICE(name, arg, member, words, text)                                                     \
    {                                                                                              \
        0, name, arg, 0, text, words, NULL, smt_cli_set_choice, AT(member)                         \
    }

const struct smt_cli_option smt_sipmemtest_table[] = {
    HEADING("Messages:"),
    {0, "message-file", "PATH", 0, "A message from a file, `-' for standard input; repeatable",
     "FILE", NULL, set_message_file, 0},
    {0, "message-data", "STRING", 0,
     "A message from the command line; \\r \\n \\t \\0 \\xHH \\\\ are decoded; repeatable", NULL,
     NULL, set_message_data, 0},
    {0, "crlf", "keep|fix|strict", 0,
     "Line ends of headers: as they are (default), made CRLF, or an error unless CRLF",
     "keep fix strict", NULL, set_crlf, 0},
    FLAG(0, "split", split, "An input holds several messages; Content-Length tells them apart"),
    {0, "range", "LIST", 0, "Run only messages with these numbers, as 5 or 1-3,7", NULL, NULL,
     set_range, 0},

    HEADING("Parser and clean runs:"),
    {0, "parser", "NAME", 0, "The parser under test, or ./adapter.so; default osip", NULL,
     parsers_add, set_parser, 0},
    ACTION(0, "list-parsers", "List the parsers and exit"),
    {0, "ops", "LIST", SMT_CLI_LIST,
     "What is done with a message: parse,sdp,clone,render,access,roundtrip; default all, which is "
     "everything but roundtrip",
     NULL, ops_add, set_ops, 0},
    {0, "repeat", "N", 0, "Clean runs per message; default 1000, and at most 2 seconds", NULL, NULL,
     smt_cli_set_number, AT(sweep.repeat)},
    {0, "timeout", "S", 0, "CPU seconds a message's first run may take; default 10", NULL, NULL,
     smt_cli_set_seconds, AT(sweep.worker.timeout_ns)},
    FLAG(0, "in-process", sweep.worker.in_process,
         "Start no child and catch no signals; for debuggers and sanitizers"),

    HEADING("Memory of the parser:"),
    {0, "mem-check-content", "0|1", 0,
     "Fences around blocks and patterns in them; default 1, and 0 removes fences from --check",
     "0 1", NULL, set_content, 0},
    {0, "check", "LIST", SMT_CLI_LIST,
     "fences: writes beside blocks; pages: reads beside them; uninit: memory never written; "
     "default all",
     NULL, checks_add, set_check, 0},
    CHOICE("heap", "arena|libc", heap, "arena libc",
           "Where memory comes from; libc leaves all checks to valgrind or a sanitizer"),
    {0, "heap-limit", "SIZE", 0,
     "One more run that has only so much memory at a time, as on a small device", NULL, NULL,
     smt_cli_set_size, AT(sweep.heap_limit_bytes)},
    {0, "decoys", "N", 0,
     "Put N checked chunks of 256 bytes behind each block: writes far beyond it are found too; at "
     "most 4096",
     NULL, NULL, set_decoys, 0},
    {0, "quarantine", "SIZE", 0, "Keep so many released bytes from use; default 64m", NULL, NULL,
     smt_cli_set_size, AT(quarantine_bytes)},

    HEADING("Refused allocations:"),
    {0, "oom", "1[:FROM-TO]|FROM-TO", SMT_CLI_OPTIONAL,
     "Refuse every allocation of every message in turn, or only allocations FROM to TO",
     "1 1:", NULL, set_oom, 0},
    {0, "oom-mode", "LIST", SMT_CLI_LIST,
     "transient (one is refused), persistent (and all later ones), window:K (K in a row), double "
     "(a second one in the error path), limit (of bytes); default transient,persistent",
     NULL, modes_add, set_oom_mode, 0},
    {0, "oom-at", "LIST[:persistent]", 0,
     "One run that refuses exactly these, as 7 or 3,9-12 or 7:persistent or limit=4k", NULL, NULL,
     set_oom_at, 0},
    {0, "oom-trace", "1|2", SMT_CLI_OPTIONAL,
     "Print the stack of each injection that was a finding (1, default) or of all (2)", "1 2", NULL,
     set_oom_trace, 0},
    {0, "oom-budget", "N|Ns", 0, "At most N injections, or N seconds; new sites come first", NULL,
     NULL, set_oom_budget, 0},
    {0, "seed", "N", 0, "Of a budget's choice; without it one is drawn and printed", NULL, NULL,
     set_seed, 0},
    {0, "only-site", "GLOB", 0,
     "Refuse only where a function on the stack has such a name; repeatable", NULL, NULL,
     smt_cli_set_texts, AT(only_sites)},
    {0, "skip-site", "GLOB", 0, "Refuse nothing where one has; repeatable", NULL, NULL,
     smt_cli_set_texts, AT(skip_sites)},
    {0, "shard", "I/N", 0, "Do only the I-th of N shares of the injections", NULL, NULL, set_shard,
     0},

    {0, "jobs", "N", 0, "Share the work among N processes; the result is that of one", NULL, NULL,
     smt_cli_set_number, AT(jobs)},
    {0, "resume", "FILE", 0,
     "Keep in FILE what is done; the same command continues there after it was ended", "FILE", NULL,
     smt_cli_set_text, AT(resume)},

    HEADING("One run again:"),
    {0, "replay", "TOKEN", 0, "Repeat the run of a finding on its message, fully explained", NULL,
     NULL, smt_cli_set_text, AT(replay)},
    {0, "break", NULL, 0, "Stop with SIGTRAP at the call that is refused; implies --in-process",
     NULL, NULL, set_break, 0},

    HEADING("Results:"),
    {0, "format", "NAME[:FILE]", 0,
     "How results are written, and where: default text to standard output; repeatable", NULL,
     formats_add, smt_cli_set_texts, AT(formats)},
    ACTION(0, "list-formats", "List the formats and exit"),
    {0, "known", "FILE", 0,
     "Findings listed in FILE are known: only new ones make exit "
     "status 1; repeatable",
     "FILE", NULL, smt_cli_set_texts, AT(known)},
    FLAG(0, "update-known", update_known, "Write all findings to the file of --known and exit 0"),
    {0, "save-findings", "DIR", 0,
     "Save each finding as a folder in DIR: the message, the command that repeats it there, the "
     "finding as JSON",
     "DIR", NULL, smt_cli_set_text, AT(save_findings)},
    FLAG(0, "minimize", minimize,
         "Make the saved messages as small as they go while they show the same finding"),
    FLAG('q', "quiet", quiet, "Summary and findings only"),
    FLAG('v', "verbose", verbose, "All frames and blocks"),
    FLAG(0, "debug", debug,
         "Print the text of the clean and of the injected run, and what the "
         "parser itself prints"),
    CHOICE("color", "auto|always|never", color, SMT_CLI_WHEN_WORDS,
           "Colours; default auto: on a terminal, unless NO_COLOR is set"),
    CHOICE("progress", "auto|always|never", progress, SMT_CLI_WHEN_WORDS,
           "A bar on standard error; default auto: when that is a terminal"),

    HEADING("This program:"),
    ACTION('h', "help", "Show this text and exit"),
    ACTION('V', "version", "Show the versions of this program and of the parsers, and exit"),
    {0, "print-man", NULL, SMT_CLI_HIDDEN, "The man page", NULL, NULL, smt_sipmemtest_set_action,
     0},
    {0, "print-completion", "SHELL", SMT_CLI_HIDDEN, "A completion script", "bash", NULL,
     smt_sipmemtest_set_action, 0},
    {0},
};
