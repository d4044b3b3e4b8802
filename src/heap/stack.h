/* heap/stack.h - who called: return addresses from the caller outward.
 *
 * Only addresses are collected here; names come later, in the parent, from
 * heap/symbol.h. Two ways lead through a stack. In a hook it is heap/unwind.h,
 * which remembers each function's frame layout. From a signal handler, and where
 * that gets no further, it is libunwind's step-by-step walk, which checks memory
 * before it reads it. Neither allocates once smt_stack_warm_up() was called in the
 * thread (a child made by fork() inherits that).
 *
 * Our own frames do not belong in a report. Inward they are cut at the address
 * the hook returns to; outward at the `boundary`, an address inside the stack
 * frame of the function that began the run, best its __builtin_frame_address(0):
 *
 *     outward   main, ..., the run's first function   cut: at or above boundary
 *        |      osip_message_parse                    frames[1]
 *        |      osip_via_parse                        frames[0], returned to
 *     inward    our malloc hook, smt_stack_capture    cut: below the caller
 *
 * A NULL boundary cuts nothing outward. Any thread may call; each needs its own
 * warm-up. */
#ifndef SMT_HEAP_STACK_H
#define SMT_HEAP_STACK_H

#include <stdbool.h>
#include <stdint.h>

#define SMT_STACK_MAX 48

struct smt_stack {
    uint32_t depth;                  /* frames in use; the innermost when there are more */
    bool exact_top;                  /* frames[0] is the very instruction, not a return address */
    uintptr_t frames[SMT_STACK_MAX]; /* innermost first */
};

/* Loads, binds and allocates beforehand what the captures need, and reads the
 * table of modules that smt_stack_hash() uses. Again after dlopen(). */
void smt_stack_warm_up(void);

/* The stack of whoever called this. Async-signal-safe. */
void smt_stack_capture(struct smt_stack *stack, const void *boundary);

/* The same from the frame that `caller`, a return address, points into: what a
 * hook passes is its own __builtin_return_address(0). A stack on which that
 * cannot be found consists of `caller` alone. Async-signal-safe. */
void smt_stack_capture_from(struct smt_stack *stack, const void *caller, const void *boundary);

/* The stack a signal interrupted, from the handler's third argument. frames[0]
 * is exact; when it is no code at all (a call through NULL), frames[1] is what
 * the call would have returned to. Async-signal-safe. */
void smt_stack_capture_context(struct smt_stack *stack, const void *ucontext, const void *boundary);

/* A hash of modules and offsets: equal for the same stack in every run of the
 * same build, wherever it was loaded. Code outside all modules counts by its
 * place in the page. Async-signal-safe. */
uint64_t smt_stack_hash(const struct smt_stack *stack);

#endif
