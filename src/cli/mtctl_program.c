/* cli/mtctl_program.c - mtctl without a subcommand: its options, and the words
 * around them. Commands and parameters come from control/'s tables. */
#include <string.h>

#include "cli/mtctl.h"
#include "cli/mtctl_command.h"

/* A subcommand has options of its own, which follow it. What follows a command
 * is the command's: -5 is a number there. */
static enum smt_status rest_take(void *options, char **words, size_t count)
{
    struct smt_mtctl_options *all = options;

    for (const struct smt_cli_subcommand *row = smt_mtctl_program.subcommands; row->name; row++)
        if (strcmp(row->name, words[0]) == 0)
            return smt_fail(SMT_EUSAGE, "options follow the subcommand: mtctl %s OPTION...",
                            words[0]);
    all->words = words;
    all->word_count = count;
    return SMT_OK;
}

#define AT(member) offsetof(struct smt_mtctl_options, member)
_Static_assert(AT(engine) == 0, "the engine's rows store from there");

static const struct smt_cli_option table[] = {
    {0, NULL, NULL, 0, "Where commands go, and come from:", NULL, NULL, NULL, 0},
    {'s', "server", "ADDRESS", 0,
     "Send commands to a server: unix:PATH or tcp:ADDRESS:PORT; or to the engine in a process: "
     "pid:N",
     NULL, NULL, smt_cli_set_text, AT(server)},
    {'f', "file", "SCRIPT", 0, "Run the commands in SCRIPT (- is standard input)", "FILE", NULL,
     smt_cli_set_text, AT(script)},
    {0, "json", NULL, 0, "Answers as one line of JSON each", NULL, NULL, smt_cli_set_true,
     AT(engine.json)},
    SMT_MTCTL_ENGINE_ROWS,
    {0, NULL, NULL, 0, "This program:", NULL, NULL, NULL, 0},
    SMT_CLI_HELP_ROW(AT(request)),
    {'V', "version", NULL, 0, "Show the version and exit", NULL, NULL, smt_cli_set_request,
     AT(request)},
    SMT_CLI_PRINT_ROWS(AT(request)),
    {0},
};

static const struct smt_cli_subcommand subcommands[] = {
    {"serve", "answer commands on sockets", smt_mtctl_serve, &smt_mtctl_serve_program},
    {"monitor", "watch the memory of processes round after round", smt_mtctl_monitor,
     &smt_mtctl_monitor_program},
    {"run", "a program with the memory engine in it", smt_mtctl_run, &smt_mtctl_run_program},
    {NULL, NULL, NULL, NULL},
};

static const char description[] =
    "Stresses an allocator, forces leaks, finds who writes beyond his memory: the commands of "
    "Kamailio's misctest module, without Kamailio. What a command allocates is freed, and its "
    "content checked, at the end.\n"
    "Without COMMAND and -f there is an interactive shell: Tab completes commands, units and "
    "parameters, and earlier lines come back with the arrow keys. The mt. of a command may be "
    "left out; a unit is b, k, m or g.";

/* --- sections ---------------------------------------------------------------------------- */

static void commands_describe(smt_cli_add_row *add_row, void *context)
{
    for (const struct smt_command *row = smt_commands; row->name; row++) {
        char term[160];

        snprintf(term, sizeof term, "%s%s%s", row->name, *row->arguments ? " " : "",
                 row->arguments);
        add_row(context, term, row->summary);
    }
}

static void parameters_describe(smt_cli_add_row *add_row, void *context)
{
    for (const struct smt_parameter *row = smt_parameters; row->name; row++)
        add_row(context, row->name, row->summary);
}

static void exits_describe(smt_cli_add_row *add_row, void *context)
{
    static const char *const rows[][2] = {
        {"0", "Done, and nothing was found."},
        {"1", "A chunk was written to, the message test has a finding, a leak is suspected."},
        {"2", "The command line is wrong."},
        {"3", "The tool could not do its job."},
        {"4", "A command answered with a fault."},
        {"130", "Interrupted."},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        add_row(context, rows[i][0], rows[i][1]);
}

static void files_describe(smt_cli_add_row *add_row, void *context)
{
    add_row(context, "~/.mtctl_history",
            "Lines typed in the shell; mtctl_history in $XDG_STATE_HOME when that is set.");
    add_row(context, "$XDG_RUNTIME_DIR/mtctl.sock",
            "The socket of mtctl serve without --listen; /run/mtctl.sock for root.");
}

static const struct smt_cli_section sections[] = {
    {"COMMANDS", commands_describe, true},
    {"PARAMETERS", parameters_describe, true},
    {"EXIT STATUS", exits_describe, true},
    {"FILES", files_describe, false},
    {NULL, NULL, false},
};

static const struct smt_cli_example examples[] = {
    {"mtctl", "The shell; help CMD explains."},
    {"mtctl mem_rnd_alloc 1 64 10240 k", "10 MB in pieces of 1 to 64 KB, then freed."},
    {"mtctl -p mem_check_content=1 mem_test_start 15 64 25000 128 1500 60000 k",
     "A minute of allocations, contents checked."},
    {"LD_PRELOAD=libmimalloc.so.2 mtctl mem_rnd_alloc 16 256 50000000",
     "The same engine on another allocator."},
    {"mtctl --backend heap -p fault_nth=3 -f SCRIPT", "Refuses the third allocation."},
    {"mtctl -f kamailio.cfg", "modparam(), mem_alloc(), mem_free() verbatim."},
    {"mtctl -p message=1 -p message_file=invite.sip mem_used", "The message test of sipmemtest."},
    {"mtctl --live", "The shell; then kmemleak scan, memscope, live."},
    {"mtctl serve --listen unix:/tmp/mt", "A server; then, in another terminal:"},
    {"mtctl -s unix:/tmp/mt mem_used k", "Its client, or Kamailio's:"},
    {"kamcmd -s unix:/tmp/mt mt.mem_used k", "Any command, unmodified."},
    {NULL, NULL},
};

/* With and without mt., and what may follow. */
static void commands_complete(smt_cli_add_row *add_row, void *context)
{
    for (const struct smt_command *row = smt_commands; row->name; row++) {
        struct smt_buffer words;

        smt_buffer_init(&words);
        smt_command_add_words(row, &words);
        add_row(context, row->name, words.data ? words.data : "");
        if (strncmp(row->name, "mt.", 3) == 0)
            add_row(context, row->name + 3, words.data ? words.data : "");
        smt_buffer_clear(&words);
    }
}

const struct smt_cli_program smt_mtctl_program = {
    .name = "mtctl",
    .summary = "memory-test shell, server and client",
    .usage = "[OPTION...] [COMMAND [ARGUMENT...]]",
    .description = description,
    .options = table,
    .subcommands = subcommands,
    .sections = sections,
    .examples = examples,
    .see_also = "sipmemtest(1), kamcmd(8), ld.so(8)",
    .take_rest = rest_take,
    .add_commands = commands_complete,
};
