/* message/model_private.h - what model.c and model_edit.c share: the memory
 * that edits own, in chunks that never move. */
#ifndef SMT_MESSAGE_MODEL_PRIVATE_H
#define SMT_MESSAGE_MODEL_PRIVATE_H

#include "message/model.h"

/* What a model keeps between two messages. */
#define SMT_MODEL_KEEP_BYTES ((size_t)1 << 20)

/* Empties all chunks, then frees the last ones until no more than keep_bytes
 * are left. */
void smt_model_release_chunks(struct smt_model *model, size_t keep_bytes);

#endif
