#include "cli/mtctl_command.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/mtctl.h"
#include "cli/mtctl_engine.h"
#include "cli/mtctl_run.h"

#define SCRIPT_MAX ((size_t)64 << 20)

struct invocation {
    struct smt_mtctl_options options;
    struct smt_control control;
    struct smt_wire_client client;
    struct smt_buffer script;   /* its text */
    struct smt_control *engine; /* when it is here */
    bool show_failed;
};

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

    if (!smt_mtctl_show(reply, invocation->options.engine.json)) invocation->show_failed = true;
}

static void left_out(void *context, const char *line)
{
    (void)context;
    fprintf(stderr, "mtctl: %s\n", line);
}

static int words_run(struct invocation *invocation, const struct smt_script_target *target)
{
    struct smt_wire_request request = {0};
    struct smt_wire_reply reply = {0};
    enum smt_status status;
    int exit_status = 0;

    smt_text_take_words(invocation->options.words, invocation->options.word_count, &request);
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
    const char *name =
        strcmp(invocation->options.script, "-") ? invocation->options.script : "standard input";
    const struct smt_buffer *text = &invocation->script;
    unsigned fault_line = 0;
    enum smt_status status =
        smt_script_run(name, text->data ? text->data : "", text->size, target, &fault_line);

    if (status != SMT_OK) return smt_mtctl_fail(status);
    if (!fault_line) return 0;
    fprintf(stderr, "mtctl: %s:%u: the script ended here\n", name, fault_line);
    return SMT_MTCTL_FAULT;
}

static int target_run(struct invocation *invocation, const struct smt_script_target *target)
{
    int status;

    if (invocation->options.script)
        status = script_run(invocation, target);
    else if (invocation->options.words)
        status = words_run(invocation, target);
    else
        status = smt_mtctl_shell(target, invocation->engine);
    if (invocation->show_failed && !status) {
        fprintf(stderr, "mtctl: cannot write the answer\n");
        status = 3;
    }
    return status;
}

static struct smt_control *interrupted_engine;

static void on_interrupt(int number)
{
    (void)number;
    smt_control_cancel(interrupted_engine);
}

/* Commands end early then. A shell that waits for a line does too: its read is
 * not begun again. One on a terminal has its own way. */
static void interrupts_take(struct smt_control *engine)
{
    const struct sigaction ours = {.sa_handler = on_interrupt};

    interrupted_engine = engine;
    sigaction(SIGINT, &ours, NULL);
    sigaction(SIGTERM, &ours, NULL);
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
    const struct smt_script_target target = {invocation, call_here, show, left_out};
    bool shell = !invocation->options.script && !invocation->options.words;
    bool edited = shell && isatty(STDIN_FILENO);
    int status = smt_mtctl_engine_start(&invocation->options.engine, &invocation->control);

    if (status) return status;
    invocation->engine = &invocation->control;
    if (!edited) interrupts_take(&invocation->control);
    status = target_run(invocation, &target);
    if (!shell) tests_finish(invocation, &target);
    if (atomic_load(&invocation->control.stress.cancelled)) status = 130;
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    return smt_mtctl_engine_stop(&invocation->control, status);
}

static int client_run(struct invocation *invocation)
{
    const struct smt_script_target target = {invocation, call_server, show, left_out};
    struct smt_address address;
    enum smt_status status;
    int exit_status;

    if (smt_live_address_is(invocation->options.server))
        return smt_mtctl_live(invocation->options.server, invocation->options.words,
                              invocation->options.word_count, invocation->options.engine.json);
    status = smt_address_parse(invocation->options.server, &address);
    if (status == SMT_OK) status = smt_wire_client_open(&invocation->client, &address);
    if (status != SMT_OK) return smt_mtctl_fail(status);
    exit_status = target_run(invocation, &target);
    smt_wire_client_close(&invocation->client);
    return exit_status;
}

/* What does not go together. */
static enum smt_status together_check(const struct smt_mtctl_options *options)
{
    if (options->script && options->words)
        return smt_fail(SMT_EUSAGE, "-f SCRIPT and a COMMAND exclude each other");
    if (options->server && smt_mtctl_engine_is_changed(&options->engine))
        return smt_fail(SMT_EUSAGE, "--server: the engine is the server's; give its options to "
                                    "`mtctl serve`, or set parameters with cfg.seti");
    return SMT_OK;
}

int smt_mtctl_command(int argc, char **argv)
{
    static struct invocation invocation;
    struct smt_mtctl_options *options = &invocation.options;
    int status = smt_cli_start(&smt_mtctl_program, argc, argv, options, &options->request);

    if (status != SMT_CLI_GO_ON) return status;
    if (together_check(options) != SMT_OK) return smt_mtctl_fail(SMT_EUSAGE);
    if (options->engine.live && (status = smt_mtctl_run_self()) != 0) return status;
    /* While Ctrl-C still ends a read as it ends any program. */
    if (options->script &&
        smt_buffer_load(&invocation.script, options->script, SCRIPT_MAX) != SMT_OK)
        return smt_mtctl_fail(SMT_EINPUT);
    status = options->server ? client_run(&invocation) : engine_run(&invocation);
    smt_buffer_clear(&invocation.script);
    smt_cli_texts_clear(&options->engine.parameters);
    return status;
}
