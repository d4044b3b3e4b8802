/* heap/image.h - a heap put aside in the middle of a run, and put back.
 *
 * For runs that share a beginning (run/branch.c). Only while nothing has left
 * the quarantine and no block is guarded; what a run allocates after the image
 * was taken is forgotten when it is put back. */
#ifndef SMT_HEAP_IMAGE_H
#define SMT_HEAP_IMAGE_H

#include "heap/arena.h"

struct smt_heap_image;

SMT_MUST_USE enum smt_status smt_heap_image_new(struct smt_heap_image **ret_image);
void smt_heap_image_free(struct smt_heap_image *image);

/* Takes the run so far. False when it cannot: no memory, or a run of the kind
 * named above. Allocates only when the run is larger than any before. */
bool smt_heap_image_save(struct smt_heap_image *image, const struct smt_heap *heap);
void smt_heap_image_load(const struct smt_heap_image *image, struct smt_heap *heap);

#endif
