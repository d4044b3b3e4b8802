/* parser/parser.h - front door of parser/: one file per SIP stack, and the
 * table of them. Adapters get allocator hooks and know no heap. */
#ifndef SMT_PARSER_PARSER_H
#define SMT_PARSER_PARSER_H

#include "base/base.h"
#include "parser/smt_parser.h"

/* The built-in rows, ended by NULL. The first is the default. */
extern const struct smt_parser *const smt_parsers[];

extern const struct smt_parser smt_parser_osip;
extern const struct smt_parser smt_parser_selftest;
extern const struct smt_parser smt_parser_selftest_deep;

/* The row called `name`; a name with a slash is a shared object to load, which
 * stays loaded. SMT_ENOTFOUND lists the known names. */
SMT_MUST_USE enum smt_status smt_parser_find(const char *name,
                                             const struct smt_parser **ret_parser);

/* What --parser takes for the row called `name`: the path it was loaded from, or
 * the name itself. */
const char *smt_parser_argument(const char *name);

/* "parse", "sdp", ... as --ops and the results spell it. */
const char *smt_op_name(enum smt_op op);

/* Comma list of operations -> bits (1u << enum smt_op). "all" is everything
 * but roundtrip. parse is always in. SMT_EUSAGE names the unknown word. */
SMT_MUST_USE enum smt_status smt_op_parse_list(const char *list, unsigned *ret_ops);

#endif
