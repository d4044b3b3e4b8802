/* library/inside.h - inside libmemtest: the parts of smt_sweep(). */
#ifndef SMT_LIBRARY_INSIDE_H
#define SMT_LIBRARY_INSIDE_H

#include "library/memtest.h"
#include "sweep/sweep.h"

/* function.c: makes a row (parser/smt_parser.h) of the subject. There is one
 * subject at a time, as a row's functions carry no context; false when another
 * is at work. The row refers to the subject until function_end(). */
bool function_begin(const struct smt_sweep_subject *subject, struct smt_parser *ret_row);
void function_end(void);

/* Does a program that links this catch its allocations? */
bool function_is_caught(void);
/* Shuts the gate after a run was left in the middle. */
void function_escaped(void);
/* What `call` returned, from the row's code. */
int function_value(int code);

/* show.c */
struct smt_show {
    struct smt_walk *walk;
};

/* text.c: everything about a finding, for people, ended by a newline */
void text_finding_add(const struct smt_finding *finding, bool verbose, struct smt_buffer *text);

#endif
