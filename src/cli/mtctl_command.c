#include "cli/mtctl_command.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/mtctl.h"
#include "cli/mtctl_engine.h"
#include "cli/mtctl_run.h"

#define SCRIPT_MAX ((size_t)64 << 20)
#define HELP_WIDTH 78

enum { KEY_JSON = 300 };

struct invocation {
    struct smt_mtctl_engine engine;
    const char *server, *script;
    bool json;
    char **words; /* the command; none: the shell */
    size_t word_count;

    struct smt_control control;
    struct smt_wire_client client;
    bool show_failed;
};

static const struct argp_option command_options[] = {
    {"server", 's', "ADDRESS", 0,
     "Send commands to a server: unix:PATH or tcp:ADDRESS:PORT; or to the engine in a process: "
     "pid:N",
     1},
    {"file", 'f', "SCRIPT", 0, "Run the commands in SCRIPT (- is standard input)", 1},
    {"json", KEY_JSON, NULL, 0, "Answers as one line of JSON each", 1},
    {0},
};

/* A subcommand has options of its own, which follow it. */
static void subcommand_refuse(const struct argp_state *state, const char *word)
{
    for (const struct smt_mtctl_subcommand *row = smt_mtctl_subcommands; row->name; row++)
        if (strcmp(row->name, word) == 0)
            argp_error(state, "options follow the subcommand: mtctl %s OPTION...", word);
}

static error_t command_parse(int key, char *text, struct argp_state *state)
{
    struct invocation *invocation = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &invocation->engine;
        return 0;
    case 's':
        invocation->server = text;
        return 0;
    case 'f':
        invocation->script = text;
        return 0;
    case KEY_JSON:
        invocation->json = true;
        return 0;
    case ARGP_KEY_ARG:
        subcommand_refuse(state, text);
        /* The rest is the command's: -5 is a number there. */
        invocation->words = &state->argv[state->next - 1];
        invocation->word_count = (size_t)(state->argc - state->next + 1);
        state->next = state->argc;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const char *const help_examples =
    "Examples:\n"
    "  mtctl                                  the shell; Tab completes, help CMD explains\n"
    "  mtctl mem_rnd_alloc 1 64 10240 k       10 MB in pieces of 1 to 64 KB, then freed\n"
    "  mtctl -p mem_check_content=1 mem_test_start 15 64 25000 128 1500 60000 k\n"
    "                                         a minute of allocations, contents checked\n"
    "  LD_PRELOAD=libmimalloc.so.2 mtctl mem_rnd_alloc 16 256 50000000\n"
    "                                         the same engine on another allocator\n"
    "  mtctl --backend heap -p fault_nth=3 -f SCRIPT\n"
    "                                         refuses the third allocation\n"
    "  mtctl -f kamailio.cfg                  modparam(), mem_alloc(), mem_free() verbatim\n"
    "  mtctl -p message=1 -p message_file=invite.sip mem_used\n"
    "                                         the message test of sipmemtest\n"
    "  mtctl --live                           the shell; then kmemleak scan, memscope, live\n"
    "  mtctl serve --listen unix:/tmp/mt      then, in another terminal:\n"
    "  mtctl -s unix:/tmp/mt mem_used k\n"
    "  kamcmd -s unix:/tmp/mt mt.mem_used k\n";

/* The summary goes below, broken between words. */
static void command_help_add(struct smt_buffer *help, const struct smt_command *row)
{
    size_t column = HELP_WIDTH;

    smt_buffer_addf(help, "  %s %s", row->name, row->arguments);
    for (const char *word = row->summary; *word;) {
        size_t size = strcspn(word, " ");
        bool fits = column + 1 + size <= HELP_WIDTH;

        smt_buffer_add_text(help, fits ? " " : "\n      ");
        smt_buffer_add(help, word, size);
        column = (fits ? column + 1 : 6) + size;
        word += size + (word[size] == ' ');
    }
    smt_buffer_add_text(help, "\n");
}

/* Commands, parameters and subcommands, from their tables. */
static char *help_filter(int key, const char *text, void *input)
{
    struct smt_buffer help;

    (void)input;
    if (key != ARGP_KEY_HELP_POST_DOC) return (char *)(uintptr_t)text;
    smt_buffer_init(&help);
    smt_buffer_add_text(&help, "Subcommands (mtctl SUBCOMMAND --help):\n");
    for (const struct smt_mtctl_subcommand *row = smt_mtctl_subcommands; row->name; row++)
        smt_buffer_addf(&help, "  %-10s %s\n", row->name, row->summary);
    smt_buffer_add_text(&help, "\nCommands (the mt. may be left out; unit is b, k, m or g):\n");
    for (const struct smt_command *row = smt_commands; row->name; row++)
        command_help_add(&help, row);
    smt_buffer_add_text(&help, "\nParameters (-p NAME=VALUE, cfg.seti, cfg.sets, modparam):\n");
    for (const struct smt_parameter *row = smt_parameters; row->name; row++)
        smt_buffer_addf(&help, "  %-18s %s\n", row->name, row->summary);
    smt_buffer_addf(&help, "\n%s", help_examples);
    smt_buffer_add_text(&help, "\nExit status: 0; 1 something was found; 2 usage; 3 failure; 4 a "
                               "command answered with a fault; 130 interrupted.");
    return smt_buffer_take(&help);
}

static enum smt_status call_here(void *context, const struct smt_wire_request *request,
                                 struct smt_wire_reply *reply)
{
    struct invocation *invocation = context;

    smt_command_execute(&invocation->control, request, reply);
    return SMT_OK;
}

static enum smt_status call_server(void *context, const struct smt_wire_request *request,
                                   struct smt_wire_reply *reply)
{
    struct invocation *invocation = context;

    return smt_wire_client_call(&invocation->client, request, reply);
}

static void show(void *context, const struct smt_wire_reply *reply)
{
    struct invocation *invocation = context;
    struct smt_buffer text;
    FILE *out = reply->code && !invocation->json ? stderr : stdout;

    smt_buffer_init(&text);
    if (invocation->json) {
        smt_json_add_reply(&text, reply);
        smt_buffer_add_text(&text, "\n");
    } else {
        smt_text_encode_reply(&text, reply, "\n");
    }
    if (text.size) fwrite(text.data, 1, text.size, out);
    if (text.failed || fflush(out) != 0) invocation->show_failed = true;
    smt_buffer_clear(&text);
}

static int words_run(struct invocation *invocation, const struct smt_script_target *target)
{
    struct smt_wire_request request = {0};
    struct smt_wire_reply reply = {0};
    enum smt_status status;
    int exit_status = 0;

    smt_text_take_words(invocation->words, invocation->word_count, &request);
    status = target->call(invocation, &request, &reply);
    if (status != SMT_OK)
        exit_status = smt_mtctl_fail(status);
    else
        show(invocation, &reply);
    if (reply.code) exit_status = SMT_MTCTL_FAULT;
    smt_wire_request_clear(&request);
    smt_wire_reply_clear(&reply);
    return exit_status;
}

static int script_run(struct invocation *invocation, const struct smt_script_target *target)
{
    const char *name = strcmp(invocation->script, "-") ? invocation->script : "standard input";
    struct smt_buffer text;
    enum smt_status status;
    unsigned fault_line = 0;

    smt_buffer_init(&text);
    status = smt_buffer_load(&text, invocation->script, SCRIPT_MAX);
    if (status == SMT_OK)
        status = smt_script_run(name, text.data ? text.data : "", text.size, target, &fault_line);
    smt_buffer_clear(&text);
    if (status != SMT_OK) return smt_mtctl_fail(status);
    if (!fault_line) return 0;
    fprintf(stderr, "mtctl: %s:%u: the script ended here\n", name, fault_line);
    return SMT_MTCTL_FAULT;
}

static int target_run(struct invocation *invocation, const struct smt_script_target *target)
{
    int status;

    if (invocation->script)
        status = script_run(invocation, target);
    else if (invocation->words)
        status = words_run(invocation, target);
    else
        status = smt_mtctl_shell(target);
    if (invocation->show_failed && !status) {
        fprintf(stderr, "mtctl: cannot write the answer\n");
        status = 3;
    }
    return status;
}

static struct smt_stress *interrupted_engine;

static void on_interrupt(int number)
{
    (void)number;
    atomic_store(&interrupted_engine->cancelled, true);
}

/* A command or script may have started timed tests: they run to their end, or
 * until Ctrl-C, and then show their figures. */
static void tests_finish(struct invocation *invocation, const struct smt_script_target *target)
{
    char *words[] = {(char *)(uintptr_t) "mt.mem_test_list"};
    struct smt_wire_request request = {0};
    struct smt_wire_reply reply = {0};

    if (!smt_stress_tests_list(invocation->control.tests, 0, NULL, 0)) return;
    smt_stress_tests_wait(invocation->control.tests);
    smt_text_take_words(words, 1, &request);
    if (target->call(invocation, &request, &reply) == SMT_OK) show(invocation, &reply);
    smt_wire_request_clear(&request);
    smt_wire_reply_clear(&reply);
}

static int engine_run(struct invocation *invocation)
{
    const struct smt_script_target target = {invocation, call_here, show};
    bool shell = !invocation->script && !invocation->words;
    int status = smt_mtctl_engine_start(&invocation->engine, &invocation->control);

    if (status) return status;
    if (!shell) {
        interrupted_engine = &invocation->control.stress;
        signal(SIGINT, on_interrupt);
        signal(SIGTERM, on_interrupt);
    }
    status = target_run(invocation, &target);
    if (!shell) tests_finish(invocation, &target);
    if (atomic_load(&invocation->control.stress.cancelled)) status = 130;
    if (!shell) {
        signal(SIGINT, SIG_DFL);
        signal(SIGTERM, SIG_DFL);
    }
    return smt_mtctl_engine_stop(&invocation->control, status);
}

static int client_run(struct invocation *invocation)
{
    const struct smt_script_target target = {invocation, call_server, show};
    struct smt_address address;
    enum smt_status status;
    int exit_status;

    if (smt_live_address_is(invocation->server))
        return smt_mtctl_live(invocation->server, invocation->words, invocation->word_count,
                              invocation->json);
    status = smt_address_parse(invocation->server, &address);
    if (status == SMT_OK) status = smt_wire_client_open(&invocation->client, &address);
    if (status != SMT_OK) return smt_mtctl_fail(status);
    exit_status = target_run(invocation, &target);
    smt_wire_client_close(&invocation->client);
    return exit_status;
}

int smt_mtctl_command(int argc, char **argv)
{
    static struct invocation invocation;
    const struct argp_child children[] = {{&smt_mtctl_engine_argp, 0, "Engine:", 10}, {0}};
    const struct argp argp = {
        .options = command_options,
        .parser = command_parse,
        .args_doc = "[COMMAND [ARGUMENT...]]\nSUBCOMMAND...",
        .doc = "Stress an allocator, force leaks, find who writes beyond his memory: the "
               "commands of Kamailio's misctest module, without Kamailio.\n"
               "Without COMMAND and -f: an interactive shell. All is freed at the end.\v",
        .children = children,
        .help_filter = help_filter,
    };
    int status;

    argp_err_exit_status = 2;
    argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &invocation);
    if (invocation.script && invocation.words) {
        fprintf(stderr, "mtctl: -f SCRIPT and a COMMAND exclude each other\n");
        return 2;
    }
    if (invocation.server && smt_mtctl_engine_is_changed(&invocation.engine)) {
        fprintf(stderr, "mtctl: --server: the engine is the server's; give its options to `mtctl "
                        "serve`, or set parameters with cfg.seti\n");
        return 2;
    }
    if (invocation.engine.live && (status = smt_mtctl_run_self()) != 0) return status;
    return invocation.server ? client_run(&invocation) : engine_run(&invocation);
}
