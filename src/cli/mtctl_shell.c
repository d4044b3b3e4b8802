/* The interactive shell: line editing, history and completion by libedit on a
 * terminal, plain lines otherwise. */
#include <histedit.h>
#include <locale.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/mtctl_command.h"
#include "control/control.h"

#define HISTORY_LINES 1000

struct shell {
    const struct smt_script_target *target;
    struct smt_wire_request request;
    struct smt_wire_reply reply;
};

static char *shell_prompt(EditLine *edit)
{
    static char prompt[] = "mt> ";

    (void)edit;
    return prompt;
}

/* --- completion --- */

struct completion {
    const char *word; /* what is there, up to the cursor */
    size_t size;
    char common[128]; /* what all candidates begin with */
    unsigned count;
    struct smt_buffer shown;
};

static void completion_try(struct completion *completion, const char *candidate)
{
    if (strncmp(candidate, completion->word, completion->size) != 0) return;
    if (completion->count++ == 0) {
        snprintf(completion->common, sizeof completion->common, "%s", candidate);
    } else {
        size_t same = 0;

        while (completion->common[same] && completion->common[same] == candidate[same]) same++;
        completion->common[same] = '\0';
    }
    smt_buffer_addf(&completion->shown, "  %s\n", candidate);
}

/* First word: commands, with and without `mt.`, once each way it was begun.
 * Later words: what that place of the command's arguments takes. */
static void complete_command(struct completion *completion)
{
    bool full = strncmp("mt.", completion->word, completion->size < 3 ? completion->size : 3) == 0;

    for (const struct smt_command *row = smt_commands; row->name; row++) {
        bool prefixed = strncmp(row->name, "mt.", 3) == 0;

        completion_try(completion, row->name);
        if (prefixed && !(full && completion->size > 1)) completion_try(completion, row->name + 3);
    }
    completion_try(completion, "quit");
}

static void complete_argument(struct completion *completion, const char *command_name)
{
    const struct smt_command *command = smt_command_find(command_name);
    struct smt_buffer words;
    char *rest = NULL;

    if (!command) return;
    smt_buffer_init(&words);
    smt_command_add_words(command, &words);
    if (words.data)
        for (char *word = strtok_r(words.data, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
            completion_try(completion, word);
    smt_buffer_clear(&words);
}

static unsigned char shell_complete(EditLine *edit, int key)
{
    const LineInfo *line = el_line(edit);
    struct completion completion = {.word = line->cursor};
    char first[64] = "";
    const char *at = line->buffer;

    (void)key;
    smt_buffer_init(&completion.shown);
    while (completion.word > line->buffer && completion.word[-1] != ' ') completion.word--;
    completion.size = (size_t)(line->cursor - completion.word);
    at += strspn(at, " ") < (size_t)(line->cursor - at) ? strspn(at, " ") : 0;
    if (completion.word <= at) {
        complete_command(&completion);
    } else {
        snprintf(first, sizeof first, "%.*s", (int)strcspn(at, " "), at);
        complete_argument(&completion, first);
    }
    if (completion.count == 1) strcat(completion.common, " ");
    if (completion.count && strlen(completion.common) > completion.size)
        el_insertstr(edit, completion.common + completion.size);
    else if (completion.count > 1 && completion.shown.data)
        printf("\n%s", completion.shown.data);
    smt_buffer_clear(&completion.shown);
    return completion.count ? CC_REDISPLAY : CC_ERROR;
}

/* --- lines --- */

/* False when the shell ends: it was told to quit, or the server is gone. */
static bool line_run(struct shell *shell, const char *line, int *ret_status)
{
    const char *method;
    enum smt_status status;

    line += strspn(line, " \t");
    if (*line == '#') return true;
    if (smt_text_decode_request(line, strlen(line), &shell->request) != SMT_OK) {
        smt_wire_reply_empty(&shell->reply);
        smt_wire_fault(&shell->reply, 400, "%s", smt_fail_text());
        shell->target->show(shell->target->context, &shell->reply);
        return true;
    }
    method = shell->request.method.size ? shell->request.method.data : "";
    if (!*method) return true;
    if (strcmp(method, "quit") == 0 || strcmp(method, "exit") == 0) return false;
    if (strcmp(method, "?") == 0) {
        smt_buffer_empty(&shell->request.method);
        smt_buffer_add_text(&shell->request.method, "help");
    }
    status = shell->target->call(shell->target->context, &shell->request, &shell->reply);
    if (status != SMT_OK) {
        fprintf(stderr, "mtctl: %s\n", smt_fail_text());
        *ret_status = smt_status_exit(status);
        return false;
    }
    shell->target->show(shell->target->context, &shell->reply);
    return true;
}

/* --- Ctrl-C --- */

static volatile sig_atomic_t interrupted;
static struct smt_control *interrupted_engine; /* or NULL */

static bool is_cancelled(void)
{
    return interrupted_engine && atomic_load(&interrupted_engine->stress.cancelled);
}

/* Nobody looks on: a fault shows in the exit status, as of a command line, and
 * Ctrl-C ends it. */
static int plain_run(struct shell *shell)
{
    char *line = NULL;
    size_t room = 0;
    int status = 0;
    bool faults = false;

    while (!is_cancelled() && getline(&line, &room, stdin) >= 0) {
        line[strcspn(line, "\r\n")] = '\0';
        if (!line_run(shell, line, &status)) break;
        faults |= shell->reply.code != 0;
    }
    free(line);
    return status || !faults ? status : SMT_MTCTL_FAULT;
}

static void on_interrupt(int number)
{
    (void)number;
    interrupted = 1;
    if (interrupted_engine) smt_control_cancel(interrupted_engine);
}

/* A signal while a line is edited ends el_gets(): then another line is asked for.
 * NULL: the end of input. */
static const char *line_get(EditLine *edit)
{
    const char *got;
    int length = 0;

    do {
        interrupted = 0;
        if (interrupted_engine) atomic_store(&interrupted_engine->stress.cancelled, false);
        signal(SIGINT, on_interrupt);
        got = el_gets(edit, &length);
        if (interrupted) puts("^C");
    } while (interrupted);
    if (!interrupted_engine) signal(SIGINT, SIG_DFL); /* a server's command does not look */
    return got && length > 0 ? got : NULL;
}

static void history_path(char *ret_path, size_t room)
{
    const char *folder = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

    ret_path[0] = '\0';
    if (folder && *folder)
        snprintf(ret_path, room, "%s/mtctl_history", folder);
    else if (home && *home)
        snprintf(ret_path, room, "%s/.mtctl_history", home);
}

/* The editor drops what is no character of the locale, without a word. */
static EditLine *editor_open(void)
{
    if (!setlocale(LC_CTYPE, "") || MB_CUR_MAX == 1) setlocale(LC_CTYPE, "C.UTF-8");
    return el_init("mtctl", stdin, stdout, stderr);
}

static int edited_run(struct shell *shell)
{
    EditLine *edit = editor_open();
    History *past = history_init();
    char path[4096];
    HistEvent event;
    const char *got;
    int status = 0;

    if (!edit || !past) return plain_run(shell);
    history_path(path, sizeof path);
    history(past, &event, H_SETSIZE, HISTORY_LINES);
    history(past, &event, H_SETUNIQUE, 1);
    if (*path) history(past, &event, H_LOAD, path);
    el_set(edit, EL_PROMPT, shell_prompt);
    el_set(edit, EL_EDITOR, "emacs");
    el_set(edit, EL_SIGNAL, 1);
    el_set(edit, EL_HIST, history, past);
    el_set(edit, EL_ADDFN, "complete", "complete the word", shell_complete);
    el_set(edit, EL_BIND, "^I", "complete", NULL);
    el_source(edit, NULL);
    while ((got = line_get(edit))) {
        char *line = strdup(got);
        bool goes_on = line != NULL;

        if (line) {
            line[strcspn(line, "\n")] = '\0';
            if (*line) history(past, &event, H_ENTER, line);
            if (*path) history(past, &event, H_SAVE, path); /* a terminal may close any time */
            goes_on = line_run(shell, line, &status);
        }
        free(line);
        if (!goes_on) break;
    }
    signal(SIGINT, SIG_DFL);
    history_end(past);
    el_end(edit);
    return status;
}

int smt_mtctl_shell(const struct smt_script_target *target, struct smt_control *engine)
{
    struct shell shell = {.target = target};
    int status;

    interrupted_engine = engine;
    status = isatty(STDIN_FILENO) ? edited_run(&shell) : plain_run(&shell);

    smt_wire_request_clear(&shell.request);
    smt_wire_reply_clear(&shell.reply);
    return status;
}
