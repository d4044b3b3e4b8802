/* run/checkpoint.h - inside run/: a moment of a run that can be returned to. */
#ifndef SMT_RUN_CHECKPOINT_H
#define SMT_RUN_CHECKPOINT_H

#include <stdbool.h>
#include <stdint.h>

struct run_context;
struct run_checkpoint;

/* NULL when this parser, build or machine does not allow it. */
struct run_checkpoint *smt_run_checkpoint_new(const struct run_context *context);

/* Around a walk. `top`: the stack is copied up to here, a frame that outlives
 * the walk. The parser's static data is noted and made read-only. */
void smt_run_checkpoint_begin(struct run_checkpoint *checkpoint, void *top);
void smt_run_checkpoint_end(struct run_checkpoint *checkpoint);

/* For the fault handler: is this a write to data made read-only here? Then it
 * is writable now, and the write may be tried again. Async-signal-safe. */
bool smt_run_checkpoint_writes(struct run_checkpoint *checkpoint, uintptr_t address);

/* Is the parser's static data as it was before the walk? */
bool smt_run_checkpoint_is_clean(const struct run_checkpoint *checkpoint);

/* Copies everything; the caller, whose frame is copied too, has called
 * sigsetjmp(context->branch.resume) just before. False: too large, go on without. */
bool smt_run_checkpoint_take(struct run_checkpoint *checkpoint, const struct run_context *context);

/* Puts everything back and jumps to context->branch.resume. */
_Noreturn void smt_run_checkpoint_return(struct run_checkpoint *checkpoint,
                                         struct run_context *context);

#endif
