#include "control/script.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "control/command.h"
#include "control/parameter.h"
#include "control/script_config.h"

#define BLANKS " \t\r\n\f\v"

struct script {
    const char *name;
    const char *at, *end;
    unsigned line;   /* from 1 */
    unsigned begun;  /* line on which the statement begins */
    unsigned blocks; /* open ones */
    bool in_block;   /* the statement is */
    struct smt_left_out left;
    const struct smt_script_target *target;
    struct smt_buffer statement; /* without comments */
    struct smt_wire_request request;
    struct smt_wire_reply reply;
    bool fault;
};

static bool starts(const struct script *script, const char *text)
{
    size_t size = strlen(text);

    return (size_t)(script->end - script->at) >= size && memcmp(script->at, text, size) == 0;
}

static char script_take(struct script *script)
{
    if (*script->at == '\n') script->line++;
    return *script->at++;
}

/* Skips a comment at the reading position; false when there is none. A `#` or
 * `//` ends a statement's line, but does not take its newline. One without end
 * would hide all that follows: ret_open. */
static bool comment_skip(struct script *script, bool *ret_open)
{
    if (starts(script, "/*")) {
        unsigned begun = script->line;

        script->at += 2; /* a slash right behind it ends nothing */
        while (script->at < script->end && !starts(script, "*/")) script_take(script);
        if (starts(script, "*/")) {
            script->at += 2;
        } else {
            *ret_open = true;
            script->begun = begun;
        }
        return true;
    }
    if (*script->at != '#' && !starts(script, "//")) return false;
    while (script->at < script->end && *script->at != '\n') script->at++;
    return true;
}

/* The statement's first word is a command's. */
static bool is_command(const char *text)
{
    char name[32];
    size_t size;

    text += strspn(text, BLANKS);
    size = strcspn(text, BLANKS);
    if (size >= sizeof name) return false;
    memcpy(name, text, size);
    name[size] = '\0';
    return smt_command_find(name) != NULL;
}

/* A brace begins or ends a block, but may be a command's argument. */
static bool is_block_edge(struct script *script, char c)
{
    if (c != '{' && c != '}') return false;
    if (script->statement.size && is_command(script->statement.data)) return false;
    if (c == '{')
        script->blocks++;
    else if (script->blocks)
        script->blocks--;
    return true;
}

/* Reads up to a `;` outside quotes, or a newline or brace outside parentheses too.
 * What is missing then, or NULL. */
static const char *statement_read(struct script *script)
{
    bool comment_open = false;
    char quote = '\0'; /* the one it takes to close */
    int depth = 0;

    smt_buffer_empty(&script->statement);
    script->begun = 0;
    script->in_block = script->blocks > 0;
    while (script->at < script->end) {
        char c;

        if (!quote && comment_skip(script, &comment_open)) continue;
        if (!script->begun && !isspace((unsigned char)*script->at)) script->begun = script->line;
        c = script_take(script);
        if (!quote && ((depth <= 0 && (c == '\n' || is_block_edge(script, c))) || c == ';')) break;
        quote = smt_left_quote_after(quote, c, depth > 0 || script->in_block);
        if (!quote) depth += (c == '(') - (c == ')');
        smt_buffer_add(&script->statement, &c, 1);
        if (quote == '"' && c == '\\' && script->at < script->end) {
            c = script_take(script);
            smt_buffer_add(&script->statement, &c, 1);
        }
    }
    return comment_open ? "a comment is not closed"
           : quote      ? "a quote is not closed"
           : depth > 0  ? "a parenthesis is not closed"
                        : NULL;
}

static enum smt_status out_of_memory(const struct script *script)
{
    return smt_fail(SMT_ENOMEM, "%s: out of memory", script->name);
}

/* Carries the request out; what a function answers is shown only with `show`. */
static enum smt_status request_run(struct script *script, bool show)
{
    const struct smt_script_target *target = script->target;
    enum smt_status status;

    if (script->request.arguments.failed || script->request.method.failed)
        return out_of_memory(script);
    status = target->call(target->context, &script->request, &script->reply);
    if (status != SMT_OK) return status;
    script->fault = script->reply.code != 0;
    if (show || script->fault) target->show(target->context, &script->reply);
    return SMT_OK;
}

/* --- statements in the form of a call: name(argument, ...) --- */

struct call {
    char name[32];
    struct smt_wire_items arguments;
};

/* The arguments as a command line has them: commas become blanks outside quotes,
 * and single quotes, in which nothing is escaped, double ones. */
static void arguments_add(struct smt_buffer *words, const char *at, const char *end)
{
    bool escaped = false;
    char quote = '\0';

    for (; at < end; at++) {
        char before = quote;

        if (!escaped) quote = smt_left_quote_after(quote, *at, true);
        escaped = quote == '"' && *at == '\\' && !escaped;
        if (quote == '\'' && before && strchr("\"\\", *at)) smt_buffer_add_text(words, "\\");
        if (quote != before && *at == '\'')
            smt_buffer_add_text(words, "\"");
        else
            smt_buffer_add(words, *at == ',' && !quote ? " " : at, 1);
    }
}

/* Splits `name(a, "b", 3)`; false when it is no such thing. Without memory the
 * arguments have failed. */
static bool call_parse(const struct smt_buffer *statement, struct call *call)
{
    const char *text = statement->data, *open = strchr(text, '('), *close = strrchr(text, ')');
    struct smt_wire_request request = {0};
    size_t name_size = open ? (size_t)(open - text) : 0;
    struct smt_buffer words;
    bool parsed;

    while (name_size && isspace((unsigned char)text[name_size - 1])) name_size--;
    if (!open || !close || close < open || !name_size || name_size >= sizeof call->name)
        return false;
    if (close[1 + strspn(close + 1, BLANKS)] != '\0' || strcspn(text, " \t") < name_size)
        return false;
    memcpy(call->name, text, name_size);
    call->name[name_size] = '\0';
    smt_buffer_init(&words);
    smt_buffer_add_text(&words, "call ");
    arguments_add(&words, open + 1, close);
    parsed = smt_text_decode_request(words.data, words.size, &request) == SMT_OK;
    call->arguments = request.arguments;
    if (words.failed || request.method.failed) call->arguments.failed = true;
    smt_buffer_clear(&request.method);
    smt_buffer_clear(&words);
    return parsed || call->arguments.failed;
}

static const char *argument_text(const struct call *call, size_t i)
{
    const struct smt_wire_items *items = &call->arguments;

    if (i >= items->count || items->items[i].type != SMT_WIRE_STRING) return NULL;
    return smt_wire_text(items, &items->items[i]);
}

static enum smt_status bad_statement(const struct script *script, const char *why)
{
    return smt_fail(SMT_EINPUT, "%s:%u: %s", script->name, script->begun, why);
}

/* A modparam() may be for several modules, as "tm|misctest". */
static bool names_misctest(const char *modules)
{
    static const char own[] = "misctest";

    for (;; modules++) {
        size_t size = strcspn(modules, "|");

        if (size == strlen(own) && memcmp(modules, own, size) == 0) return true;
        modules += size;
        if (!*modules) return false;
    }
}

static enum smt_status modparam_run(struct script *script, const struct call *call)
{
    const char *module = argument_text(call, 0), *name = argument_text(call, 1), *text;
    struct smt_wire_items *arguments = &script->request.arguments;
    const struct smt_parameter *parameter;

    if (module && !names_misctest(module)) {
        smt_left_add(&script->left, SMT_LEFT_MODULE, script->begun);
        return SMT_OK;
    }
    if (call->arguments.count != 3 || !module || !name)
        return bad_statement(script, "expected modparam(\"module\", \"name\", value)");
    text = argument_text(call, 2);
    parameter = smt_parameter_find(name); /* "1" is a number where one is wanted */
    smt_buffer_add_text(&script->request.method,
                        text && !(parameter && !parameter->is_text) ? "cfg.sets" : "cfg.seti");
    smt_wire_add_string(arguments, "misctest");
    smt_wire_add_string(arguments, name);
    if (text)
        smt_wire_add_string(arguments, text);
    else
        smt_wire_add_integer(arguments, call->arguments.items[2].integer);
    return request_run(script, true);
}

/* As Kamailio takes it: 16, 0x10, "16". */
static bool size_take(const struct call *call, int64_t *ret_size)
{
    const char *text = argument_text(call, 0), *digits;
    char *end;

    if (call->arguments.count != 1) return false;
    if (!text) {
        *ret_size = call->arguments.items[0].integer;
        return call->arguments.items[0].type == SMT_WIRE_INTEGER;
    }
    digits = strncasecmp(text, "0x", 2) == 0 ? text + 2 : text;
    if (!isxdigit((unsigned char)*digits)) return false; /* strtoll() takes blanks and signs */
    errno = 0;
    *ret_size = strtoll(digits, &end, digits == text ? 10 : 16);
    return !*end && !errno;
}

static enum smt_status mem_alloc_run(struct script *script, const struct call *call)
{
    int64_t size;

    if (!size_take(call, &size)) return bad_statement(script, "expected mem_alloc(size)");
    smt_buffer_add_text(&script->request.method, "mt.mem_alloc");
    smt_wire_add_integer(&script->request.arguments, size);
    return request_run(script, false);
}

static enum smt_status mem_free_run(struct script *script, const struct call *call)
{
    if (call->arguments.count) return bad_statement(script, "expected mem_free()");
    smt_buffer_add_text(&script->request.method, "mt.mem_free");
    return request_run(script, false);
}

static const struct {
    const char *name;
    enum smt_status (*run)(struct script *script, const struct call *call);
} functions[] = {
    {"modparam", modparam_run},      {"modparamx", modparam_run}, {"mem_alloc", mem_alloc_run},
    {"mt_mem_alloc", mem_alloc_run}, {"mem_free", mem_free_run},  {"mt_mem_free", mem_free_run},
};

/* Inside a block are other modules' functions; one that looks like ours is a
 * mistake there too. */
static enum smt_status call_run(struct script *script, const struct call *call)
{
    bool ours = strncmp(call->name, "mem_", 4) == 0 || strncmp(call->name, "mt", 2) == 0;

    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (strcmp(call->name, functions[i].name) == 0) return functions[i].run(script, call);
    if (script->in_block && !ours) {
        smt_left_add(&script->left, SMT_LEFT_OTHER, script->begun);
        return SMT_OK;
    }
    return smt_fail(SMT_EINPUT, "%s:%u: no such function: %s", script->name, script->begun,
                    call->name);
}

/* A statement as one would type it. */
static enum smt_status command_run(struct script *script)
{
    if (smt_text_decode_request(script->statement.data, script->statement.size, &script->request) !=
        SMT_OK)
        return bad_statement(script, smt_fail_text());
    if (!script->request.method.size && !script->request.method.failed &&
        !script->request.arguments.failed)
        return bad_statement(script, "expected a command");
    return request_run(script, true);
}

/* What is no work for us; conditions are cut off what they guard. */
static enum smt_left statement_sort(struct script *script)
{
    struct smt_buffer *statement = &script->statement;
    unsigned conditions;
    const char *text = smt_left_guarded(statement->data ? statement->data : "", &conditions);
    enum smt_left kind = smt_left_kind(text, script->in_block);

    while (conditions--) smt_left_add(&script->left, SMT_LEFT_CONDITION, script->begun);
    if (kind != SMT_LEFT_NOTHING) return kind;
    statement->size = strlen(text);
    memmove(statement->data, text, statement->size + 1);
    return kind;
}

static enum smt_status statement_run(struct script *script)
{
    const struct smt_buffer *statement = &script->statement;
    struct call call = {0};
    enum smt_status status = SMT_OK;
    enum smt_left kind;

    smt_wire_request_empty(&script->request);
    if (statement->size && strlen(statement->data) != statement->size)
        return bad_statement(script, "a zero byte does not belong in a script");
    kind = statement_sort(script);
    if (kind == SMT_LEFT_NOTHING && call_parse(statement, &call))
        status = call.arguments.failed ? out_of_memory(script) : call_run(script, &call);
    else if (kind == SMT_LEFT_NOTHING && script->in_block && !is_command(statement->data))
        kind = SMT_LEFT_OTHER;
    else if (kind == SMT_LEFT_NOTHING)
        status = command_run(script);
    smt_left_add(&script->left, kind, script->begun);
    smt_wire_items_clear(&call.arguments);
    return status;
}

static void left_tell(struct script *script)
{
    struct smt_buffer line;

    smt_buffer_init(&line);
    smt_left_tell(&script->left, script->name, &line);
    if (line.size && !line.failed) script->target->left_out(script->target->context, line.data);
    smt_buffer_clear(&line);
}

static enum smt_status statements_run(struct script *script)
{
    enum smt_status status = SMT_OK;

    while (status == SMT_OK && !script->fault && script->at < script->end) {
        const char *missing = statement_read(script);

        status = script->statement.failed ? out_of_memory(script)
                 : missing                ? bad_statement(script, missing)
                                          : statement_run(script);
    }
    return status;
}

enum smt_status smt_script_run(const char *name, const char *text, size_t size_bytes,
                               const struct smt_script_target *target, unsigned *ret_fault_line)
{
    struct script script = {.name = name, .line = 1, .target = target};
    enum smt_status status;
    struct smt_buffer read;

    smt_buffer_init(&read);
    smt_left_preprocess(&script.left, text, size_bytes, &read);
    script.at = read.size ? read.data : "";
    script.end = script.at + read.size;
    status = read.failed ? out_of_memory(&script) : statements_run(&script);
    if (status == SMT_OK && !script.fault && target->left_out) left_tell(&script);
    *ret_fault_line = script.fault ? script.begun : 0;
    smt_buffer_clear(&read);
    smt_buffer_clear(&script.statement);
    smt_wire_request_clear(&script.request);
    smt_wire_reply_clear(&script.reply);
    return status;
}
