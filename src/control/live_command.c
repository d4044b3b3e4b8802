#include "control/live_command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUPPRESSIONS_MAX ((size_t)1 << 20)

struct request {
    char line[512];
    bool by_stack, json, failed;
    const char *suppress;
};

void smt_live_answer_init(struct smt_live_answer *answer)
{
    *answer = (struct smt_live_answer){0};
    smt_buffer_init(&answer->text);
}

void smt_live_answer_clear(struct smt_live_answer *answer)
{
    smt_buffer_clear(&answer->text);
}

bool smt_live_command_is(const char *name)
{
    static const char *const names[] = {"memscope", "kmemleak", "badfrees", "live"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0) return true;
    return false;
}

static void request_add(struct request *request, const char *word)
{
    size_t used = strlen(request->line);
    int size =
        snprintf(request->line + used, sizeof request->line - used, "%s%s", used ? " " : "", word);

    if (size < 0 || (size_t)size >= sizeof request->line - used) request->failed = true;
}

static void request_read(struct request *request, char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(words[i], "--by-stack") == 0)
            request->by_stack = true;
        else if (strcmp(words[i], "--json") == 0)
            request->json = true;
        else if (strcmp(words[i], "--auto") == 0)
            request_add(request, "auto");
        else if (strncmp(words[i], "--suppress=", 11) == 0)
            request->suppress = words[i] + 11;
        else
            request_add(request, words[i]);
    }
}

void smt_live_suppressions_free(char **globs)
{
    for (char **glob = globs; glob && *glob; glob++) free(*glob);
    free(globs);
}

/* The glob of a line, in place; NULL: it has none. */
static char *line_glob(char *line)
{
    char *end;

    line[strcspn(line, "#\r")] = '\0';
    line += strspn(line, " \t");
    if (strncmp(line, "leak:", 5) == 0) line += 5;
    end = line + strlen(line);
    while (end > line && (end[-1] == ' ' || end[-1] == '\t')) *--end = '\0';
    return *line ? line : NULL;
}

enum smt_status smt_live_suppressions_load(const char *path, char ***ret_globs)
{
    struct smt_buffer text;
    enum smt_status status;
    char **globs = NULL, *at, *line, *glob;
    size_t count = 0;

    smt_buffer_init(&text);
    status = smt_buffer_load(&text, path, SUPPRESSIONS_MAX);
    if (status == SMT_OK) globs = calloc(text.size + 2, sizeof *globs);
    if (status == SMT_OK && !globs) status = smt_fail(SMT_ENOMEM, "%s: no memory", path);
    at = text.data;
    while (status == SMT_OK && at && (line = strsep(&at, "\n")))
        if ((glob = line_glob(line)) && (globs[count] = strdup(glob))) count++;
    smt_buffer_clear(&text);
    if (status == SMT_OK) *ret_globs = globs;
    return status;
}

static void reply_show(struct smt_live_reply *reply, const struct request *request,
                       char *const *suppressed, struct smt_live_answer *answer)
{
    size_t dropped;

    if (reply->code) {
        answer->code = reply->code;
        smt_buffer_add_text(&answer->text, reply->fault);
        return;
    }
    dropped = smt_live_reply_suppress(reply, suppressed);
    if (strcmp(reply->list, "leaks") == 0) answer->suspects = reply->item_count;
    if (request->json)
        smt_live_reply_json(reply, &answer->text);
    else
        smt_live_reply_text(reply, request->by_stack, &answer->text);
    if (dropped && !request->json) smt_buffer_addf(&answer->text, "%zu suppressed\n", dropped);
}

enum smt_status smt_live_command(struct smt_live_client *client, char *const *words, size_t count,
                                 struct smt_live_answer *answer)
{
    struct request request = {0};
    struct smt_live_reply reply;
    struct smt_buffer raw;
    char **suppressed = NULL;
    enum smt_status status = SMT_OK;

    request_read(&request, words, count);
    if (request.failed) return smt_fail(SMT_EUSAGE, "the command is too long");
    if (request.suppress) status = smt_live_suppressions_load(request.suppress, &suppressed);
    if (status != SMT_OK) return status;
    smt_buffer_init(&raw);
    status = smt_live_client_ask(client, request.line, &raw);
    if (status == SMT_OK) {
        smt_live_reply_parse(&reply, raw.data, client->process);
        reply_show(&reply, &request, suppressed, answer);
        smt_live_reply_clear(&reply);
        if (answer->text.failed) status = smt_fail(SMT_ENOMEM, "no memory for the answer");
    }
    smt_buffer_clear(&raw);
    smt_live_suppressions_free(suppressed);
    return status;
}
