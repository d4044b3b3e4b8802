/* `mtctl -s pid:N COMMAND...`: the engine inside another process. Without a
 * command, one a line from standard input. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/mtctl_run.h"
#include "control/control.h"
#include "wire/wire.h"

#define WORDS_MAX 16
#define FAULT     4 /* exit status: answered with a fault */

static int failure(enum smt_status status)
{
    fprintf(stderr, "mtctl: %s\n", smt_fail_text());
    return smt_status_exit(status);
}

static int help_show(void)
{
    for (const struct smt_command *row = smt_commands; row->name; row++)
        if (smt_live_command_is(row->name))
            printf("%s %s\n    %s\n", row->name, row->arguments, row->summary);
    return fflush(stdout) == 0 ? 0 : 3;
}

static bool wants_json(char **words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(words[i], "--json") == 0) return true;
    return false;
}

/* As a server's fault is shown. */
static void fault_show(const struct smt_live_answer *answer, bool json)
{
    const char *why = answer->text.data ? answer->text.data : "";
    struct smt_wire_reply reply = {0};
    struct smt_buffer text;

    if (!json) {
        fprintf(stderr, "error: %d - %s\n", answer->code, why);
        return;
    }
    smt_buffer_init(&text);
    smt_wire_fault(&reply, answer->code, "%s", why);
    smt_json_add_reply(&text, &reply);
    puts(text.data ? text.data : "");
    smt_buffer_clear(&text);
    smt_wire_reply_clear(&reply);
}

/* 1: leaks were listed. */
static int words_run(struct smt_live_client *client, char **words, size_t count)
{
    struct smt_live_answer answer;
    enum smt_status status;
    int exit_status = 0;

    if (strcmp(words[0], "help") == 0 || strcmp(words[0], "?") == 0) return help_show();
    smt_live_answer_init(&answer);
    status = smt_live_command(client, words, count, &answer);
    if (status != SMT_OK) {
        exit_status = failure(status);
    } else if (answer.code) {
        fault_show(&answer, wants_json(words, count));
        exit_status = FAULT;
    } else {
        if (answer.text.size) fwrite(answer.text.data, 1, answer.text.size, stdout);
        exit_status = answer.suspects > 0;
    }
    if (fflush(stdout) != 0) exit_status = 3;
    smt_live_answer_clear(&answer);
    return exit_status;
}

static int lines_run(struct smt_live_client *client, bool json)
{
    char line[1024], *words[WORDS_MAX + 1], *save;
    static char json_word[] = "--json";
    int status = 0, worst = 0;

    while (client->fd >= 0 && fgets(line, sizeof line, stdin)) {
        size_t count = 0;

        for (char *word = strtok_r(line, " \t\r\n", &save); word && count < WORDS_MAX;
             word = strtok_r(NULL, " \t\r\n", &save))
            words[count++] = word;
        if (!count) continue;
        if (strcmp(words[0], "quit") == 0 || strcmp(words[0], "exit") == 0) break;
        if (json) words[count++] = json_word;
        status = words_run(client, words, count);
        if (status > worst) worst = status;
    }
    return worst;
}

int smt_mtctl_live(const char *address, char **words, size_t count, bool json)
{
    struct smt_live_client client;
    char *all[WORDS_MAX + 1];
    static char json_word[] = "--json";
    pid_t process;
    enum smt_status status = smt_live_address_parse(address, &process);
    int exit_status;

    if (status == SMT_OK) status = smt_live_client_open(&client, process);
    if (status != SMT_OK) return failure(status);
    if (count > WORDS_MAX) count = WORDS_MAX;
    memcpy(all, words, count * sizeof *all);
    if (count && json) all[count++] = json_word;
    exit_status = count ? words_run(&client, all, count) : lines_run(&client, json);
    smt_live_client_close(&client);
    return exit_status;
}
