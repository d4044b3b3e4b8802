/* library/inside.h - inside libmemtest: the parts of smt_sweep(). */
#ifndef SMT_LIBRARY_INSIDE_H
#define SMT_LIBRARY_INSIDE_H

#include "library/memtest.h"
#include "sweep/sweep.h"

/* function.c: makes a row (parser/smt_parser.h) of the subject. There is one
 * subject at a time, as a row's functions carry no context; false when another
 * is at work. The row refers to the subject until smt_library_function_end(). */
bool smt_library_function_begin(const struct smt_sweep_subject *subject,
                                struct smt_parser *ret_row);
void smt_library_function_end(void);

/* Does a program that links this catch its allocations? */
bool smt_library_function_is_caught(void);
/* Shuts the gate after a run was left in the middle. */
void smt_library_function_escaped(void);
/* What `call` returned, from the row's code. */
int smt_library_function_value(int code);

/* show.c */
struct smt_show {
    struct smt_walk *walk;
};

/* text.c: everything about a finding, for people, ended by a newline */
void smt_library_text_finding_add(const struct smt_finding *finding, bool verbose,
                                  struct smt_buffer *text);

#endif
