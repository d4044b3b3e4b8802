/* sweep/known.h - the committed list of findings a team lives with.
 *
 * Text, sorted, one signature a line, so that git merges it and a person can
 * read it:
 *
 *     # sipmemtest known findings
 *     # parser osip 5.3.0 (libosipparser2.so.15.0.0)
 *     osip/leak/4f307038e1a776f9<TAB>refused in A < B<TAB>failed in C
 *
 * Only the first column decides. A file made with another version of the parser
 * is used all the same, with a note. */
#ifndef SMT_SWEEP_KNOWN_H
#define SMT_SWEEP_KNOWN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/base.h"

struct smt_finding;

struct smt_known_row {
    char *signature;
    char *line; /* as in the file */
    bool was_seen;
};

struct smt_known {
    struct smt_known_row *rows; /* sorted by signature */
    size_t count, capacity;
    char *version; /* the `# parser` line's text, NULL when there is none */
};

/* Adds a file's rows; the version becomes this file's. SMT_ENOTFOUND when there is no
 * such file (nothing is changed), SMT_EINPUT with the line's number when one is broken; the list is
 * empty then. */
SMT_MUST_USE enum smt_status smt_known_load(const char *path, struct smt_known *known);
void smt_known_clear(struct smt_known *known);

/* Is the row of this parser? */
bool smt_known_row_is_of(const struct smt_known_row *row, const char *parser);

/* Is the signature listed? Marks it as seen. */
bool smt_known_see(struct smt_known *known, const char *signature);

/* Writes the findings as the new list, all or nothing. Of the old one, rows of
 * other parsers stay; unless the sweep was whole, so do rows that were not seen:
 * it cannot tell that they are gone. */
SMT_MUST_USE enum smt_status smt_known_save(const char *path, const struct smt_finding *findings,
                                            size_t count, const char *parser, const char *version,
                                            const struct smt_known *old, bool is_whole);

#endif
