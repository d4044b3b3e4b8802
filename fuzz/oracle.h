/* fuzz/oracle.h - what all targets share: one input in, and the end of the process
 * when the parser misbehaved, whatever the engine.
 *
 * A target is a parser's row (parser/smt_parser.h) and the operations wanted. The
 * input runs through them on our heap (arena: fences, leaks, use after free) or,
 * in a build with AddressSanitizer, on the sanitizer's malloc with our fault plan
 * in front. Nothing is forked, no handler installed, no stack unwound but that of
 * a refused request. A finding is one line on standard error and abort():
 *
 *     sipmemtest-fuzz: wrong-code: parse returned OSIP_SYNTAXERROR; --oom-at 17; refused in A < B
 *
 * unless a file of known findings lists it (sweep/known.h): SMT_FUZZ_KNOWN=FILE,
 * else known-findings.txt beside the program; empty: none. SMT_FUZZ_IGNORE is a
 * comma list of verdicts that are nobody's concern today: "mismatch".
 *
 * SMT_FUZZ_PAGES=1 runs every input four times more, on our heap only: with every
 * block ending at an inaccessible page, beginning after one, and with two other
 * fills. That shows reads beside blocks, of released blocks and of memory never
 * written, in a parser that no sanitizer sees into. */
#ifndef SMT_FUZZ_ORACLE_H
#define SMT_FUZZ_ORACLE_H

#include "sweep/sweep.h"

struct smt_fuzz_target {
    const char *name;
    const struct smt_parser *parser;
    unsigned ops;          /* bits 1u << enum smt_op */
    bool refuses;          /* the last SMT_FUZZ_TAIL_BYTES choose which requests are refused */
    bool is_text;          /* a zero byte follows the input */
    const char *outermost; /* of a refusal's stack: functions with such names are the parser's, what
                              called them is ours; "osip_,sdp_message_"; NULL: all are */
};

/* Behind the message, in the target that refuses; shorter inputs have none.
 *
 *     0  bits 0-1: 0 alone, 1 and all later ones, 2 and the next few, 3 a full heap
 *        bits 2-3: how many places, less one
 *     1  bits 0-3: how many "the next few" are, less two
 *     2  four places of 12 bits: which request, wrapped around at the last one */
#define SMT_FUZZ_TAIL_BYTES 8

/* Longer inputs are left out: SIP over UDP ends there, and libosip2 takes time that
 * grows with the square of the number of headers. */
#define SMT_FUZZ_BYTES_MOST (64u << 10)

/* Each target's own. */
extern const struct smt_fuzz_target smt_fuzz_target;
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

/* One input; 0. */
int smt_fuzz_one(const uint8_t *data, size_t size_bytes);

/* Makes parser, heap and known findings ready, once; AFL++ forks after it. */
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* Files and folders through the target, without an engine; an exit status. */
int smt_fuzz_replay(int argc, char **argv);

/* Writes "WHAT: WHERE at 'c'" to text: c the first byte that the other text has not
 * there, any letter or digit being "in a word". Makes two of contradictions that
 * have two causes, and not many of those that have one. */
const char *fuzz_difference(char *text, size_t text_bytes, const char *what, const char *where,
                            unsigned char byte);

/* The file at work; NULL when an engine makes the inputs. */
extern const char *smt_fuzz_file;

/* --- inside ------------------------------------------------------------------- */

/* sites.c: counters that the engine takes for coverage; count 0: none, the parser is
 * instrumented itself. They may move between inputs. */
uint8_t *fuzz_site_counters(size_t *ret_count);

/* refusal.c: the plan that a tail asks for, given a clean run; one rule at least
 * when there was any request. */
void fuzz_plan_build(const uint8_t *tail, const struct smt_run_result *clean, bool has_limit,
                     struct smt_fault_plan *ret_plan);
/* With SMT_FUZZ_SHOW_PLAN in the environment, for who repeats an artefact: the plan
 * as --oom-at takes it, and each request that it refuses or, because it is known
 * where that leads, lets through. A line each on standard error, before it happens. */
void fuzz_plan_show(const struct smt_fault_plan *plan);
void fuzz_refusal_show(uint64_t attempt, bool is_refused);

/* known.c */
uint32_t fuzz_ignored(void); /* verdicts; of SMT_FUZZ_IGNORE */
void fuzz_known_load(const struct smt_fuzz_target *target);
/* A finding of a clean run, by its signature; ret_signature has
 * SMT_SIGNATURE_BYTES. */
bool fuzz_known_place(const struct smt_fuzz_target *target, enum smt_verdict verdict,
                      const char *place, const char *owner, char *ret_signature);
/* Verdicts (bits) that are known for a refusal with this stack; names are looked
 * up the first time only. */
uint32_t fuzz_known_site(const struct smt_fuzz_target *target, const struct smt_stack *stack);
/* The stack by names, "A < B < C". */
void fuzz_site_text(const struct smt_fuzz_target *target, const struct smt_stack *stack,
                    struct smt_buffer *text);

#endif
