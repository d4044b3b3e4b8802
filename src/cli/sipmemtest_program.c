/* cli/sipmemtest_program.c - the words around the options: what --help and the
 * man page say of the program as a whole. */
#include "cli/sipmemtest.h"
#include "cli/sipmemtest_merge.h"
#include "cli/sipmemtest_mutate.h"
#include "run/verdict.h"

static const struct smt_cli_subcommand subcommands[] = {
    {"merge", "lay the JSON results of shards together", smt_sipmemtest_merge,
     &smt_sipmemtest_merge_program},
    {"mutate", "write a mutation of a message to standard output", smt_sipmemtest_mutate,
     &smt_sipmemtest_mutate_program},
    {NULL, NULL, NULL, NULL},
};

static const char description[] =
    "Sends SIP messages through a SIP parser while every allocation the parser makes is watched, "
    "filled and fenced and, with --oom, refused one at a time. Whatever goes wrong is done again "
    "under close observation and reported with stacks, blocks and a token that repeats it.\n"
    "The parser runs in a child process: it may crash, hang or leave its memory in ruins. Messages "
    "are never altered unless --crlf=fix says so. Directories are read recursively, in sorted "
    "order; a MANIFEST.tsv in them says which messages the parser has to accept or reject.";

static const struct smt_cli_example examples[] = {
    {"sipmemtest --message-file corpus/invite.sip", "Is this message parsed without a flaw?"},
    {"sipmemtest --oom corpus/invite.sip",
     "The same, and refuse each of its allocations once, then all from each one on."},
    {"sipmemtest --message-data 'OPTIONS sip:a SIP/2.0\\r\\n\\r\\n'",
     "A message from the command line; \\r \\n \\t \\0 \\xHH \\\\ are decoded."},
    {"sipmemtest --oom=7-10 --oom-trace corpus/invite.sip",
     "Refuse only allocations 7 to 10, and print where they were made."},
    {"sipmemtest --replay TOKEN corpus/invite.sip",
     "One run of a report again; every finding prints its token."},
    {"sipmemtest --oom --format text --format junit:oom.xml corpus/", "For a CI system."},
    {"sipmemtest --oom --shard 2/3 --format json:2.json corpus/",
     "One of three machines' share; `sipmemtest merge` makes one result of the three."},
    {"gdb --args sipmemtest --replay TOKEN --break corpus/invite.sip",
     "Stop in the debugger at the allocation that is refused."},
    {NULL, NULL},
};

static void verdicts_add(smt_cli_add_row *add_row, void *context)
{
    for (unsigned i = 0; i < SMT_VERDICT_COUNT; i++) {
        char term[64], text[256];

        snprintf(term, sizeof term, "%s, %c", smt_verdicts[i].name, smt_verdicts[i].sign);
        snprintf(text, sizeof text, "%s%s.", smt_verdicts[i].text,
                 smt_verdicts[i].is_defect ? "" : " (no defect)");
        add_row(context, term, text);
    }
}

static void exits_add(smt_cli_add_row *add_row, void *context)
{
    static const char *const rows[][2] = {
        {"0", "Nothing was found."},
        {"1", "There are findings; with --known, new ones."},
        {"2",
         "The command line or an input is wrong, or a message needs more memory than a run may "
         "take: half of the machine's or the cgroup's. The other messages were run all the "
         "same."},
        {"3", "The tool could not do its job: no child could be started, the disk is full."},
        {"130", "Interrupted. What was found until then is reported, as TRUNCATED."},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        add_row(context, rows[i][0], rows[i][1]);
    add_row(context, "several", "The highest number wins.");
}

static const struct smt_cli_section sections[] = {
    {"VERDICTS", verdicts_add, false}, {"EXIT STATUS", exits_add, false}, {NULL, NULL, false}};

/* An argument that is no option: a message file or a folder of them. */
static enum smt_status argument_add(void *options, const char *argument)
{
    return smt_sipmemtest_input_add(options, SMT_SOURCE_PATH, argument);
}

const struct smt_cli_program smt_sipmemtest_program = {
    .name = "sipmemtest",
    .summary = "memory and fault-injection test of SIP message parsers",
    .usage = "[OPTION...] [FILE|DIR...]",
    .description = description,
    .options = smt_sipmemtest_table,
    .subcommands = subcommands,
    .sections = sections,
    .examples = examples,
    .see_also = "mtctl(1), libmemtest(3), gdb(1), valgrind(1)",
    .add_argument = argument_add,
    .argument_words = "FILE",
};
