/* control/script_config.h - inside control/: what of a Kamailio configuration is
 * no work for us. It is left out, counted by kind, and told in one line. */
#ifndef SMT_CONTROL_SCRIPT_CONFIG_H
#define SMT_CONTROL_SCRIPT_CONFIG_H

#include "base/base.h"

enum smt_left {
    SMT_LEFT_NOTHING, /* a statement to be run */
    SMT_LEFT_FRAME,   /* dots, the head of a block, misctest's own loadmodule: not told */
    SMT_LEFT_UNDEFINED,
    SMT_LEFT_SETTING,
    SMT_LEFT_MODULE,
    SMT_LEFT_CONDITION,
    SMT_LEFT_OTHER,
    SMT_LEFT_KINDS,
};

struct smt_left_out {
    unsigned count[SMT_LEFT_KINDS];
    unsigned line[SMT_LEFT_KINDS]; /* of the first */
};

void smt_left_add(struct smt_left_out *left, enum smt_left kind, unsigned line);

/* Appends one line without its end; nothing when nothing was left out. */
void smt_left_tell(const struct smt_left_out *left, const char *name, struct smt_buffer *line);

/* Appends the text without `#!` lines, and without what `#!ifdef`, `#!ifndef`
 * and `#!else` leave out; each line keeps its number. */
void smt_left_preprocess(struct smt_left_out *left, const char *text, size_t size_bytes,
                         struct smt_buffer *ret_text);

/* What stands behind the conditions a statement begins with: `if (...)`, `else`,
 * `case "1":`. Those without parentheses have no end but the statement's.
 * *ret_conditions: how many there were. */
const char *smt_left_guarded(const char *text, unsigned *ret_conditions);

/* What kind of statement this is, blanks and conditions aside. */
enum smt_left smt_left_kind(const char *text, bool in_block);

/* The quote that is open behind c; single ones are quotes in calls only. */
char smt_left_quote_after(char quote, char c, bool in_call);

#endif
