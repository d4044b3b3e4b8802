#include "control/script_config.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define BLANKS " \t\r\n\f\v"
#define LETTER "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
#define WORD   LETTER "0123456789"

static const struct {
    const char *one, *more;
} names[SMT_LEFT_KINDS] = {
    [SMT_LEFT_UNDEFINED] = {"line by #!ifdef", "lines by #!ifdef"},
    [SMT_LEFT_SETTING] = {"setting", "settings"},
    [SMT_LEFT_MODULE] = {"line of another module", "lines of other modules"},
    [SMT_LEFT_CONDITION] = {"condition, whose statements run", "conditions, whose statements run"},
    [SMT_LEFT_OTHER] = {"other statement", "other statements"},
};

void smt_left_add(struct smt_left_out *left, enum smt_left kind, unsigned line)
{
    if (!left->count[kind]++) left->line[kind] = line;
}

void smt_left_tell(const struct smt_left_out *left, const char *name, struct smt_buffer *line)
{
    const char *before = ": left out as not misctest's: ";

    for (int kind = SMT_LEFT_UNDEFINED; kind < SMT_LEFT_KINDS; kind++) {
        unsigned count = left->count[kind];

        if (!count) continue;
        smt_buffer_addf(line, "%s%s%u %s (%sline %u)", line->size ? "" : name, before, count,
                        count == 1 ? names[kind].one : names[kind].more,
                        count == 1 ? "" : "first in ", left->line[kind]);
        before = "; ";
    }
}

/* --- #! lines --- */

struct preprocessor {
    struct smt_buffer defined; /* " A B " */
    unsigned depth;            /* of #!ifdef in one another */
    unsigned off;              /* the depth whose lines are left out; 0: none */
    unsigned line;             /* from 1 */
};

/* A backslash before the newline goes on with the next line. */
static const char *line_end(const char *at, const char *end)
{
    const char *newline;

    while ((newline = memchr(at, '\n', (size_t)(end - at))) && newline > at && newline[-1] == '\\')
        at = newline + 1;
    return newline ? newline + 1 : end;
}

/* The next word of the line, with a blank on both sides. */
static void word_read(const char **at, const char *end, char *ret_word, size_t room)
{
    size_t size = 0;

    while (*at < end && (**at == ' ' || **at == '\t')) ++*at;
    while (*at + size < end && (*at)[size] && strchr(WORD, (*at)[size])) size++;
    snprintf(ret_word, room, " %.*s ", (int)size, *at);
    *at += size;
}

static bool is_defined(const struct preprocessor *state, const char *name)
{
    return state->defined.size && strstr(state->defined.data, name);
}

static void directive_take(struct preprocessor *state, const char *at, const char *end)
{
    char word[16], name[96];
    bool negated;

    word_read(&at, end, word, sizeof word);
    word_read(&at, end, name, sizeof name);
    negated = strcmp(word, " ifndef ") == 0;
    if (negated || strcmp(word, " ifdef ") == 0) {
        state->depth++;
        if (!state->off && is_defined(state, name) == negated) state->off = state->depth;
    } else if (strcmp(word, " ifexp ") == 0) {
        state->depth++; /* what it says is Kamailio's: taken as true */
    } else if (strcmp(word, " else ") == 0 && (!state->off || state->off == state->depth)) {
        state->off = state->off ? 0 : state->depth;
    } else if (strcmp(word, " endif ") == 0 && state->depth) {
        if (state->off == state->depth) state->off = 0;
        state->depth--;
    } else if (strstr(" define  trydef  trydefine  redefine ", word) && !state->off) {
        smt_buffer_add_text(&state->defined, name);
    }
}

/* Whether the line is read; when not, it is counted if it says anything. */
static bool line_is_on(struct preprocessor *state, struct smt_left_out *left, const char *at,
                       const char *end)
{
    while (at < end && isspace((unsigned char)*at)) at++;
    if (end - at > 2 && memcmp(at, "#!", 2) == 0 && islower((unsigned char)at[2])) {
        directive_take(state, at + 2, end);
        return false;
    }
    if (state->off && at < end && *at != '#') smt_left_add(left, SMT_LEFT_UNDEFINED, state->line);
    return !state->off;
}

void smt_left_preprocess(struct smt_left_out *left, const char *text, size_t size_bytes,
                         struct smt_buffer *ret_text)
{
    const char *at = text, *end = text + size_bytes;
    struct preprocessor state = {.line = 1};

    smt_buffer_init(&state.defined);
    for (const char *next; at < end; at = next) {
        bool on;

        next = line_end(at, end);
        on = line_is_on(&state, left, at, next);
        if (on) smt_buffer_add(ret_text, at, (size_t)(next - at));
        for (; at < next; at++) {
            if (*at != '\n') continue;
            state.line++;
            if (!on) smt_buffer_add_text(ret_text, "\n");
        }
    }
    if (state.defined.failed) ret_text->failed = true;
    smt_buffer_clear(&state.defined);
}

/* --- statements --- */

char smt_left_quote_after(char quote, char c, bool in_call)
{
    if (quote) return c == quote ? '\0' : quote;
    return c == '"' || (c == '\'' && in_call) ? c : '\0';
}

/* Behind the next of these characters that is in no quotes and no parentheses;
 * the text's end when there is none. */
static const char *behind(const char *text, char wanted)
{
    char quote = '\0';
    int depth = 0;

    for (; *text; text++) {
        quote = smt_left_quote_after(quote, *text, true);
        if (quote == '"' && *text == '\\' && text[1]) text++;
        if (quote) continue;
        depth += (*text == '(') - (*text == ')');
        if (*text == wanted && depth == 0) return text + 1;
    }
    return text;
}

static bool word_is(const char *text, const char *word)
{
    return strspn(text, WORD) == strlen(word) && strncmp(text, word, strlen(word)) == 0;
}

static bool word_is_one_of(const char *text, const char *const *words)
{
    while (*words && !word_is(text, *words)) words++;
    return *words != NULL;
}

/* What follows the condition that text begins with; NULL: there is none. */
static const char *condition_skip(const char *text)
{
    static const char *const tests[] = {"if", "while", "switch", NULL};
    const char *rest = text + strspn(text, WORD);

    rest += strspn(rest, BLANKS);
    if (word_is(text, "else")) return rest;
    if (word_is(text, "case") || (word_is(text, "default") && *rest == ':'))
        return behind(text, ':');
    if (!word_is_one_of(text, tests)) return NULL;
    return *rest == '(' ? behind(rest, ')') : rest + strlen(rest);
}

const char *smt_left_guarded(const char *text, unsigned *ret_conditions)
{
    *ret_conditions = 0;
    for (const char *rest;; text = rest) {
        text += strspn(text, BLANKS);
        rest = condition_skip(text);
        if (!rest) return text;
        *ret_conditions += !word_is(text, "else") && !word_is(text, "default");
    }
}

/* The head of a block: `request_route`, `route[NAME]`, `event_route[tm:x]`. */
static bool is_route(const char *text)
{
    size_t size = strspn(text, WORD);

    return size >= 5 && strncmp(text + size - 5, "route", 5) == 0 && strchr(" \t\r[\"", text[size]);
}

/* `debug=3`, `tcp.reuse = 1` */
static bool is_setting(const char *text)
{
    size_t size = strspn(text, LETTER) ? strspn(text, WORD ".") : 0;

    return size && text[size + strspn(text + size, BLANKS)] == '=';
}

enum smt_left smt_left_kind(const char *text, bool in_block)
{
    static const char *const modules[] = {"loadmodule", "loadmodulex", "loadpath", NULL};
    static const char *const others[] = {"cfgengine", "include_file", "import_file", "exit", "drop",
                                         "return",    "break",        "continue",    NULL};

    if (text[strspn(text, "." BLANKS)] == '\0' || is_route(text)) return SMT_LEFT_FRAME;
    if (word_is_one_of(text, modules))
        return strstr(text, "misctest") ? SMT_LEFT_FRAME : SMT_LEFT_MODULE;
    if (*text == '$' || word_is_one_of(text, others)) return SMT_LEFT_OTHER;
    if (is_setting(text)) return in_block ? SMT_LEFT_OTHER : SMT_LEFT_SETTING;
    return SMT_LEFT_NOTHING;
}
