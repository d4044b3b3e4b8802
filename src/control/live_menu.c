#include "control/live_menu.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/control.h"

#define PROMPT  "os> "
#define AGE_ASK "Age: "

struct menu {
    pid_t process;
    const struct key *asking; /* waits for its argument; NULL: for a key */
};

static const struct key {
    const char *key, *title;
    const char *command; /* words between blanks; NULL: leaves the menu, or helps */
    const char *ask;     /* for an argument; NULL: has none */
} keys[] = {
    {"h", "Help", NULL, NULL},
    {"n", "Memory Scope create database", "memscope create", NULL},
    {"N", "Memory Scope destroy database", "memscope destroy", NULL},
    {"o", "Memory Scope start data collection", "memscope start", NULL},
    {"O", "Memory Scope stop data collection", "memscope stop", NULL},
    {"p", "Memory Scope print data", "memscope print", AGE_ASK},
    {"P", "Memory Scope print stats", "memscope stats", NULL},
    {"k", "Unreachable memory: scan", "kmemleak scan", NULL},
    {"K", "Unreachable memory: list", "kmemleak", NULL},
    {"q", "Quit", NULL, NULL},
    {NULL, NULL, NULL, NULL},
};

static void *menu_open(struct smt_control *control)
{
    struct menu *menu = calloc(1, sizeof *menu);

    if (menu) menu->process = control->attached ? control->attached : getpid();
    return menu;
}

static void menu_close(void *state)
{
    free(state);
}

/* With the line ends of telnet. */
static void lines_add(struct smt_buffer *answer, char *text)
{
    for (char *line; text && (line = strsep(&text, "\n"));)
        if (*line || text) smt_buffer_addf(answer, "%s\r\n", line);
}

static void command_run(const struct menu *menu, const char *command, const char *argument,
                        struct smt_buffer *answer)
{
    char line[128], *words[4], *save;
    struct smt_live_client client;
    struct smt_live_answer live;
    enum smt_status status = smt_live_client_open(&client, menu->process);
    size_t count = 0;

    if (status != SMT_OK) {
        smt_buffer_addf(answer, "%s\r\n", smt_fail_text());
        return;
    }
    snprintf(line, sizeof line, "%s %s", command, argument);
    for (char *word = strtok_r(line, " ", &save); word && count < 4;
         word = strtok_r(NULL, " ", &save))
        words[count++] = word;
    smt_live_answer_init(&live);
    status = smt_live_command(&client, words, count, &live);
    if (status != SMT_OK)
        smt_buffer_addf(answer, "%s\r\n", smt_fail_text());
    else
        lines_add(answer, live.text.data);
    smt_live_answer_clear(&live);
    smt_live_client_close(&client);
}

static void help_add(struct smt_buffer *answer)
{
    smt_buffer_add_text(answer, "OS CLI Menu\r\n");
    for (const struct key *row = keys; row->key; row++)
        smt_buffer_addf(answer, "%s - %s\r\n", row->key, row->title);
}

static const char *menu_line(void *state, const char *line, struct smt_buffer *answer)
{
    struct menu *menu = state;
    const struct key *row = keys;

    if (menu->asking) {
        command_run(menu, menu->asking->command, line, answer);
        menu->asking = NULL;
        return PROMPT;
    }
    while (row->key && strcmp(row->key, line) != 0) row++;
    if (row->key && strcmp(row->key, "q") == 0) return NULL;
    if (!row->key && *line) smt_buffer_addf(answer, "%s: no such key; h helps\r\n", line);
    if (!row->key) return PROMPT;
    if (row->ask) {
        menu->asking = row;
        return row->ask;
    }
    if (row->command)
        command_run(menu, row->command, "", answer);
    else
        help_add(answer);
    return PROMPT;
}

const struct smt_server_menu smt_live_menus[] = {
    {"o", "Operating System Information", PROMPT, menu_open, menu_close, menu_line},
    {.key = NULL},
};
