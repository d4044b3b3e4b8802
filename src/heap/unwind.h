/* heap/unwind.h - return addresses, fast enough for every allocation.
 *
 * heap/stack.h's libunwind is not for the preload object, which may depend on
 * libc only; libgcc's unwinder takes about a microsecond for a stack. Here the
 * frame descriptions (.eh_frame) are read once for each return address and
 * boiled down to a rule: where the caller's frame is, and where its frame
 * pointer was saved. A step is then one look-up in a table of
 *
 *      return address (48 bits) | number of the rule (16 bits)
 *
 * words, which any thread reads and writes without a lock. A memo does without
 * steps: it keeps, of a stack walked before, each word the walk depended on;
 * as long as they are unchanged, so is the stack.
 *
 * x86-64 only. Frames whose description needs more than an offset from the
 * stack or frame pointer end the walk: what is there so far is kept. Nothing
 * here allocates, takes a lock, or reads outside the thread's stack.
 * Async-signal-safe. */
#ifndef SMT_HEAP_UNWIND_H
#define SMT_HEAP_UNWIND_H

#include <stdbool.h>
#include <stdint.h>

#define SMT_UNWIND_MAX 16 /* frames of a stack */

/* Where a walk begins: the state a function returns to. */
struct smt_unwind_point {
    uintptr_t pc; /* a return address */
    uintptr_t sp; /* the stack pointer after that return */
    uintptr_t bp; /* the frame pointer after that return */
};

/* The caller of the function this is used in, which must have a frame pointer. */
#define SMT_UNWIND_CALLER()                                                                        \
    ((struct smt_unwind_point){                                                                    \
        .pc = (uintptr_t)__builtin_return_address(0),                                              \
        .sp = (uintptr_t)__builtin_frame_address(0) + 2 * sizeof(uintptr_t),                       \
        .bp = *(const uintptr_t *)__builtin_frame_address(0),                                      \
    })

/* Stores return addresses, innermost (point->pc) first; returns how many. */
unsigned smt_unwind_walk(const struct smt_unwind_point *point, uintptr_t *ret_frames, unsigned max);

/* Code was unmapped: forget what is known of all code. */
void smt_unwind_forget(void);

#define SMT_UNWIND_MEMOS   32
#define SMT_UNWIND_CHECKED (2 * SMT_UNWIND_MAX)

/* Stacks walked lately. One thread's; begin with zeros. */
struct smt_unwind_memos {
    struct smt_unwind_memo {
        struct smt_unwind_point point;
        uint64_t epoch;    /* of smt_unwind_forget() */
        uint32_t value;    /* the caller's, for this stack */
        uint8_t checked;   /* words in use; 0: no memo */
        bool bp_matters;   /* the walk depended on point.bp */
        struct {
            const uintptr_t *at;
            uintptr_t word;
        } words[SMT_UNWIND_CHECKED];
    } memos[SMT_UNWIND_MEMOS];
};

/* The value kept for the stack at this point; 0 when it is not known. */
uint32_t smt_unwind_recall(struct smt_unwind_memos *memos, const struct smt_unwind_point *point);

/* As smt_unwind_walk(); *ret_memo, if not NULL, awaits its `value`: then the
 * memo is kept. NULL when this stack cannot be. */
unsigned smt_unwind_walk_memo(struct smt_unwind_memos *memos, const struct smt_unwind_point *point,
                              uintptr_t *ret_frames, unsigned max,
                              struct smt_unwind_memo **ret_memo);

/* Highest address of the calling thread's stack, as far as walks go. */
uintptr_t smt_unwind_stack_end(void);

#endif
