/* run/static_data.h - inside run/: what the parser's module keeps outside of the
 * heap. A run that leaves other bytes there than it found may have poisoned the
 * parser for the next. */
#ifndef SMT_RUN_STATIC_DATA_H
#define SMT_RUN_STATIC_DATA_H

#include "heap/heap.h"
#include "parser/parser.h"

/* Calls with each stretch of the module's writable data, without the dynamic
 * linker's tables: those are no state of the parser. */
void smt_run_static_data_each(const struct smt_parser *parser, smt_roots_visit *visit,
                              void *context);

/* Is the parser linked into this very program, its static data among ours? */
bool smt_run_static_data_is_ours(const struct smt_parser *parser);

#endif
