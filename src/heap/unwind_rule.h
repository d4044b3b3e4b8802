/* heap/unwind_rule.h - inside heap/: from a frame description to a rule. */
#ifndef SMT_HEAP_UNWIND_RULE_H
#define SMT_HEAP_UNWIND_RULE_H

#include <stdint.h>

enum smt_unwind_cfa {
    SMT_UNWIND_NONE,   /* no caller, or none that can be found */
    SMT_UNWIND_SP,     /* caller's stack pointer = sp + cfa_offset */
    SMT_UNWIND_BP,     /* = bp + cfa_offset */
    SMT_UNWIND_BP_AT,  /* = the word at bp + cfa_offset (realigned stacks) */
    SMT_UNWIND_SIGNAL, /* sp points to a ucontext_t */
};

enum smt_unwind_bp {
    SMT_UNWIND_BP_KEPT,   /* the caller's bp is still in place */
    SMT_UNWIND_BP_IN_CFA, /* saved at caller's stack pointer + bp_offset */
    SMT_UNWIND_BP_IN_BP,  /* saved at bp + bp_offset */
};

struct smt_unwind_rule {
    uint8_t cfa, bp;
    int32_t cfa_offset, bp_offset;
};

/* The rule at this address of code, read from its module's .eh_frame. Takes no
 * lock where the C library has _dl_find_object (glibc 2.35). */
struct smt_unwind_rule smt_unwind_rule_read(uintptr_t address);

#endif
