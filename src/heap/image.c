#include "heap/image.h"

#include <stdlib.h>

#include "heap/layout.h"

struct smt_heap_image {
    struct smt_heap heap;
    unsigned char *bytes; /* of the range, the kept zone included: a run may write to it */
    size_t bytes_capacity;
    struct smt_block *blocks;
    size_t block_capacity;
};

enum smt_status smt_heap_image_new(struct smt_heap_image **ret_image)
{
    *ret_image = calloc(1, sizeof **ret_image);
    return *ret_image ? SMT_OK : smt_fail(SMT_ENOMEM, "out of memory for an image of the heap");
}

void smt_heap_image_free(struct smt_heap_image *image)
{
    if (!image) return;
    free(image->bytes);
    free(image->blocks);
    free(image);
}

static bool image_reserve(struct smt_heap_image *image, size_t bytes, size_t blocks)
{
    if (bytes > image->bytes_capacity) {
        free(image->bytes);
        image->bytes = malloc(2 * bytes);
        image->bytes_capacity = image->bytes ? 2 * bytes : 0;
    }
    if (blocks > image->block_capacity) {
        free(image->blocks);
        image->blocks = calloc(2 * blocks, sizeof *image->blocks);
        image->block_capacity = image->blocks ? 2 * blocks : 0;
    }
    return bytes <= image->bytes_capacity && blocks <= image->block_capacity;
}

bool smt_heap_image_save(struct smt_heap_image *image, const struct smt_heap *heap)
{
    size_t bytes = heap->bump - heap->base, blocks = heap->block_count;

    if (heap->libc_backend || heap->evicted_any || heap->zone.bump > heap->zone.base) return false;
    if (!image_reserve(image, bytes, blocks)) return false;
    image->heap = *heap;
    if (bytes) memcpy(image->bytes, (const void *)heap->base, bytes);
    if (blocks) memcpy(image->blocks, heap->blocks, blocks * sizeof *image->blocks);
    return true;
}

void smt_heap_image_load(const struct smt_heap_image *image, struct smt_heap *heap)
{
    size_t bytes = image->heap.bump - image->heap.base, blocks = image->heap.block_count;

    *heap = image->heap;
    if (bytes) memcpy((void *)heap->base, image->bytes, bytes);
    if (blocks) memcpy(heap->blocks, image->blocks, blocks * sizeof *image->blocks);
}
