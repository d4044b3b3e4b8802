/* run/verdict.h - what a run can show: the one list of verdicts.
 *
 * The order is the order of naming: a run with several verdicts is called by
 * the first. */
#ifndef SMT_RUN_VERDICT_H
#define SMT_RUN_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

/* X(identifier, name, sign in the sweep line, is a defect, explanation) */
#define SMT_VERDICT_LIST(X)                                                                        \
    X(CRASH, "crash", 'C', true, "a signal, or abort() or exit() from inside the parser")          \
    X(HANG, "hang", 'H', true, "over the time limit")                                              \
    X(CORRUPT, "corrupt", 'X', true, "bytes beside a block, or a guard page, were written")        \
    X(OVER_READ, "over-read", 'R', true, "bytes beside a block were read")                         \
    X(USE_AFTER_FREE, "use-after-free", 'F', true, "a freed block was read or written")            \
    X(BAD_FREE, "bad-free", 'B', true, "a pointer was released twice, or never was a block")       \
    X(LEAK, "leak", 'L', true, "blocks were left that nothing can reach")                          \
    X(UNINITIALIZED, "uninitialized", 'U', true, "the result depends on memory never written")     \
    X(MISMATCH, "mismatch", 'M', true, "clone and message, or two renderings, differ")             \
    X(UNEXPECTED, "unexpected", 'E', true, "accepted or rejected against the manifest")            \
    X(SWALLOWED, "swallowed", 'S', true,                                                           \
      "memory was refused, success reported, the result differs")                                  \
    X(WRONG_CODE, "wrong-code", 'W', true,                                                         \
      "memory was refused, an error other than out-of-memory reported")                            \
    X(POISONED, "poisoned", 'P', true, "a later clean run in the same process differs")            \
    X(NONDETERMINISTIC, "nondeterministic", 'N', true, "the same run makes other allocations")     \
    X(CACHED, "cached", 'c', false, "blocks were left that static data still reaches")             \
    X(BENIGN, "benign", 'b', false,                                                                \
      "memory was refused, success reported, the result is the same")                              \
    X(CLEAN, "clean", '.', false, "memory was refused, out-of-memory reported, nothing left behind")

enum smt_verdict {
#define SMT_VERDICT_ENUM(id, name, sign, defect, text) SMT_VERDICT_##id,
    SMT_VERDICT_LIST(SMT_VERDICT_ENUM)
#undef SMT_VERDICT_ENUM
        SMT_VERDICT_COUNT
};

#define SMT_VERDICT_BIT(id) (1u << SMT_VERDICT_##id)

struct smt_verdict_row {
    const char *name;
    char sign;
    bool is_defect;
    const char *text; /* one line */
};

extern const struct smt_verdict_row smt_verdicts[SMT_VERDICT_COUNT];

/* The verdict that names a set of them; SMT_VERDICT_COUNT for the empty set. */
enum smt_verdict smt_verdict_naming(uint32_t set);

/* The verdict called `name`; SMT_VERDICT_COUNT when there is none. */
enum smt_verdict smt_verdict_find(const char *name);

/* The defects of a set. */
uint32_t smt_verdict_defects(uint32_t set);

#endif
