/* run/checkpoint.h - inside run/: a moment of a run that can be returned to. */
#ifndef SMT_RUN_CHECKPOINT_H
#define SMT_RUN_CHECKPOINT_H

#include <stdbool.h>

struct run_context;
struct run_checkpoint;

/* NULL when this parser, build or machine does not allow it. */
struct run_checkpoint *run_checkpoint_new(const struct run_context *context);
void run_checkpoint_free(struct run_checkpoint *checkpoint);

/* The parser's static data before a walk, and whether it is so again. */
void run_checkpoint_note_clean(struct run_checkpoint *checkpoint);
bool run_checkpoint_is_clean(const struct run_checkpoint *checkpoint);

/* The stack is copied up to here: a frame that outlives the walk. */
void run_checkpoint_set_top(struct run_checkpoint *checkpoint, void *top);

/* Copies everything; the caller, whose frame is copied too, calls
 * sigsetjmp(context->branch.resume) next. False: too large, go on without. */
bool run_checkpoint_take(struct run_checkpoint *checkpoint, const struct run_context *context);

/* Puts everything back and jumps to context->branch.resume. */
_Noreturn void run_checkpoint_return(struct run_checkpoint *checkpoint,
                                     struct run_context *context);

#endif
