/* The rows that ask the engine in a process: memscope, kmemleak, badfrees, live.
 * Answers are lines of text; with --json one of JSON. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "control/command_rows.h"
#include "control/live_command.h"

#define WORDS_MAX 16

/* The arguments as words again; numbers get their text from `numbers`. */
static size_t words_make(const struct smt_arguments *arguments, char *name, char **words,
                         char numbers[][24])
{
    size_t count = 0;

    words[count++] = name;
    for (size_t i = arguments->next; i < arguments->items->count && count < WORDS_MAX; i++) {
        const struct smt_wire_item *item = &arguments->items->items[i];

        if (item->type == SMT_WIRE_STRING) {
            words[count++] = (char *)(uintptr_t)smt_wire_text(arguments->items, item);
        } else if (item->type == SMT_WIRE_INTEGER) {
            snprintf(numbers[count], sizeof numbers[count], "%lld", (long long)item->integer);
            words[count] = numbers[count];
            count++;
        }
    }
    return count;
}

static void lines_add(struct smt_wire_items *results, char *text)
{
    for (char *line; text && (line = strsep(&text, "\n"));)
        if (*line || text) smt_wire_add_string(results, line);
}

static void live_run(struct smt_control *control, struct smt_arguments *arguments,
                     struct smt_wire_reply *reply, const char *command)
{
    char name[16], *words[WORDS_MAX], numbers[WORDS_MAX][24];
    struct smt_live_client client;
    struct smt_live_answer answer;
    enum smt_status status;
    size_t count;

    snprintf(name, sizeof name, "%s", command);
    count = words_make(arguments, name, words, numbers);
    status = smt_live_client_open(&client, control->attached ? control->attached : getpid());
    if (status != SMT_OK) {
        smt_wire_fault(reply, 400, "%s",
                       control->attached
                           ? smt_fail_text()
                           : "this mtctl does not watch itself: start it with --live");
        return;
    }
    smt_live_answer_init(&answer);
    status = smt_live_command(&client, words, count, &answer);
    smt_live_client_close(&client);
    if (status != SMT_OK)
        smt_wire_fault(reply, 400, "%s", smt_fail_text());
    else if (answer.code)
        smt_wire_fault(reply, answer.code, "%s", answer.text.data ? answer.text.data : "");
    else
        lines_add(&reply->results, answer.text.data);
    smt_live_answer_clear(&answer);
}

COMMAND_ROW(memscope)
{
    live_run(control, arguments, reply, "memscope");
}

COMMAND_ROW(kmemleak)
{
    live_run(control, arguments, reply, "kmemleak");
}

COMMAND_ROW(badfrees)
{
    live_run(control, arguments, reply, "badfrees");
}

COMMAND_ROW(live)
{
    live_run(control, arguments, reply, "live");
}
