/* sweep/finding.h - a verdict that is a defect, with its evidence.
 *
 * All text of a frame belongs to the symbol cache (heap/symbol.h); everything
 * else belongs to the finding. */
#ifndef SMT_SWEEP_FINDING_H
#define SMT_SWEEP_FINDING_H

#include "run/run.h"

struct smt_trace {
    size_t count;
    struct smt_frame *frames; /* innermost first; the parser's only */
};

/* A block that has to do with the finding. */
struct smt_finding_block {
    uint64_t allocation; /* number of the allocation that made it */
    size_t size_bytes;
    struct smt_trace allocated_at;
    struct smt_trace freed_at; /* count 0: was not released */
    bool is_damaged;           /* bad bytes were found; expected and found tell of the first */
    bool has_bad_offset;       /* damaged there, or accessed */
    ptrdiff_t bad_offset, last_bad_offset; /* from the block's first byte */
    unsigned char expected, found;
    ptrdiff_t bytes_from; /* offset of bytes[0] */
    size_t byte_count;
    unsigned char bytes[SMT_HEXDUMP_BYTES];
};

enum smt_diff_kind { SMT_DIFF_LOST, SMT_DIFF_CHANGED, SMT_DIFF_GAINED };

/* One difference to the baseline, in SIP terms. */
struct smt_diff {
    enum smt_diff_kind kind;
    char *where;     /* "Via[0] ;branch"; "Route[1]" for a whole header */
    char *was, *now; /* escaped text; NULL where there is none */
    int weight;      /* how bad: 3 Route, Via, tag, Content-Length, body ...; 1 Subject ... */
};

struct smt_diff_list {
    struct smt_diff *items;
    size_t count, capacity;
};

#define SMT_SIGNATURE_BYTES 80

struct smt_finding {
    char signature[SMT_SIGNATURE_BYTES]; /* "osip/leak/1f0e..." */
    enum smt_verdict verdict;
    const char *parser;
    char *message;       /* name of the smallest message that shows it */
    char *message_words; /* words of a command line that give it; NULL: the name, a path */
    size_t message_bytes, message_index; /* index counts from 1 */
    char *mode;          /* "transient", ...; NULL: a run in which nothing was refused */
    uint64_t allocation; /* refused first; 0: none */
    uint64_t occurrences;
    char *replay;       /* token */
    char *replay_words; /* options that a replay needs besides; NULL none */
    char *summary;      /* one line for people */
    struct smt_trace injected_at,
        second_at; /* where memory was refused; second: of a double fault */
    struct smt_trace failed_at;
    size_t block_count;
    struct smt_finding_block *blocks;
    struct smt_diff_list diff;
    /* With settings.texts: what the clean run and this one rendered, "path: value"
     * a line, values escaped; NULL for a run that was not done again. */
    char *clean_text, *run_text;
    uint64_t leaked_blocks, leaked_bytes;
    bool is_known;       /* listed in the known-findings file */
    bool is_unconfirmed; /* a fresh child did not show it again */
};

void smt_finding_clear(struct smt_finding *finding);

/* The signature of a finding of a clean run without a place in code: a
 * contradiction is the place then, and `owner` the function that asked for the
 * block in question; NULL: none. */
void smt_signature_of_place(const char *parser, enum smt_verdict verdict, const char *place,
                            const char *owner, char *ret_signature);

/* Worst first: by verdict, then what was lost, then how often, then signature. */
int smt_finding_compare(const struct smt_finding *a, const struct smt_finding *b);

/* Does a stand better than b for both? The smallest message by bytes, then
 * index, then the first allocation, then the mode. */
bool smt_finding_stands_better(const struct smt_finding *a, const struct smt_finding *b);

/* The innermost frames by name, "osip_via_parse < osip_message_set_via"; at
 * most `most` of them, 0 = all. */
void smt_trace_format(const struct smt_trace *trace, size_t most, struct smt_buffer *text);

/* The greatest weight among the differences; 0 for none. */
int smt_diff_weight(const struct smt_diff_list *diff);

#endif
