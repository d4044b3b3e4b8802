/* heap/unwind.h - return addresses, fast enough for every allocation.
 *
 * libunwind is not for the preload object, which may depend on libc only, and it
 * asks the kernel; libgcc's unwinder takes about a microsecond for a stack. Here the
 * frame descriptions (.eh_frame) are read once for each return address and
 * boiled down to a rule: where the caller's frame is, and where its frame
 * pointer was saved. A step is then one look-up in a table of
 *
 *      return address (48 bits) | number of the rule (16 bits)
 *
 * words, which any thread reads and writes without a lock. A trace saves most of
 * the steps: it keeps the frames of the last walk. Where a walk comes upon one of
 * them, and the words on the stack that led outward from there are unchanged, so
 * is the rest of the stack.
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

/* The same as far as `boundary`, an address on the stack: the frame it lies in and all
 * outward of it are left out. 0 when the walk ends before it gets there; `max` when
 * it would have gone on. */
unsigned smt_unwind_walk_to(const struct smt_unwind_point *point, const void *boundary,
                            uintptr_t *ret_frames, unsigned max);

/* Whether 8 bytes can be read there; asks the kernel. */
bool smt_unwind_is_readable(uintptr_t address);

/* Code was unmapped: forget what is known of all code. */
void smt_unwind_forget(void);

/* The stack as it was at the last walk, outermost frame first. One thread's own;
 * begin with zeros. */
#define SMT_UNWIND_LEVELS 64

struct smt_unwind_trace {
    uint64_t epoch; /* of smt_unwind_forget() */
    uint32_t count; /* levels in use */
    uint32_t value; /* the caller's, of the stack walked last; 0 none */
    bool ended;     /* levels[0] is the outermost frame there is */
    uint64_t base;  /* sum of the levels that were outward of levels[0], and were dropped */
    struct smt_unwind_level {
        struct smt_unwind_point point;
        uint64_t sum; /* of the return addresses up to here: smt_unwind_hash()'s */
        /* words the step outward depended on, besides the return address */
        const uintptr_t *bp_at;    /* where the next level's bp was read; NULL: it is this one's */
        const uintptr_t *frame_at; /* where the next level's sp was read; NULL: computed */
    } levels[SMT_UNWIND_LEVELS];
};

/* As smt_unwind_walk() with SMT_UNWIND_MAX, but takes from the trace what has
 * not changed since. False: nothing at all has, and trace->value is of this
 * stack. Otherwise *ret_hash is the stack's hash, trace->value still what it was,
 * and the caller sets it. */
bool smt_unwind_walk_on(struct smt_unwind_trace *trace, const struct smt_unwind_point *point,
                        uint64_t *ret_hash);

/* The frames of the walk just done, innermost first; how many. */
unsigned smt_unwind_frames(const struct smt_unwind_trace *trace, uintptr_t *ret_frames);

/* What the walk would say of such a stack. */
uint64_t smt_unwind_hash(const uintptr_t *frames, unsigned depth);

#endif
