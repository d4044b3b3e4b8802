/* run/checkpoint.c - the parser put back to an earlier moment of its run.
 *
 * Everything a parser can change during a run is ours to copy: its heap, its
 * stack between the request at work and the frame that began the run, its
 * module's static data, its adapter's state. Putting back writes over the very
 * frames we return to, so it is done from below them:
 *
 *      smt_run_branches   <- top                    copied: [from, top)
 *      smt_run_once, operations, parser, hook
 *      checkpoint_take <- from
 *      ................
 *      checkpoint_return                        runs here while it copies
 *
 * Not for parsers that live in this very program (their static data is ours),
 * nor under sanitizers, whose shadow of the stack would not come along. */
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "run/checkpoint.h"
#include "run/shared.h"
#include "run/static_data.h"

#define STACK_BYTES_MOST (256u << 10)
#define DATA_PARTS_MOST  8
#define DATA_BYTES_MOST  (1u << 20)
#define BELOW_BYTES      1024u /* between the frames copied and the one that copies */

/* A stretch of static data. Whole pages are made read-only during a walk: as
 * long as nobody writes to them there is nothing to copy or compare. */
struct data_part {
    unsigned char *at;
    size_t size_bytes;
    bool can_protect;
    bool is_protected;
};

struct run_checkpoint {
    struct smt_heap_image *image;
    struct data_part parts[DATA_PARTS_MOST]; /* static data of the parser's module */
    size_t part_count, data_bytes;
    unsigned char *data;       /* as it is at the checkpoint */
    unsigned char *clean_data; /* as it was before the walk */
    void *state;
    char *stack_from, *stack_top;
    char stack[STACK_BYTES_MOST];
};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_SHADOW 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HAS_SHADOW 1
#endif
#endif
#ifndef HAS_SHADOW
#define HAS_SHADOW 0
#endif

static void piece_add(struct run_checkpoint *checkpoint, uintptr_t from, uintptr_t to,
                      bool can_protect)
{
    if (from >= to) return;
    if (checkpoint->part_count < DATA_PARTS_MOST)
        checkpoint->parts[checkpoint->part_count++] = (struct data_part){
            .at = (unsigned char *)from, .size_bytes = to - from, .can_protect = can_protect};
    checkpoint->data_bytes += to - from;
}

/* Splits into the pages that can be protected and what lies before and behind. */
static void part_add(void *context, uintptr_t object_base, uintptr_t from, uintptr_t to)
{
    struct run_checkpoint *checkpoint = context;
    uintptr_t first = (from + PAGE_BYTES - 1) & ~(uintptr_t)(PAGE_BYTES - 1);
    uintptr_t end = to & ~(uintptr_t)(PAGE_BYTES - 1);

    (void)object_base;
    if (first >= end) {
        piece_add(checkpoint, from, to, false);
        return;
    }
    piece_add(checkpoint, from, first, false);
    piece_add(checkpoint, first, end, true);
    piece_add(checkpoint, end, to, false);
}

static void checkpoint_free(struct run_checkpoint *checkpoint)
{
    if (!checkpoint) return;
    smt_heap_image_free(checkpoint->image);
    free(checkpoint->data);
    free(checkpoint->clean_data);
    free(checkpoint->state);
    free(checkpoint);
}

struct run_checkpoint *smt_run_checkpoint_new(const struct run_context *context)
{
    struct run_checkpoint *checkpoint = HAS_SHADOW ? NULL : calloc(1, sizeof *checkpoint);
    const struct smt_parser *parser = context->settings->parser;

    if (!checkpoint) return NULL;
    smt_run_static_data_each(parser, part_add, checkpoint);
    checkpoint->data = malloc(checkpoint->data_bytes + 1);
    checkpoint->clean_data = malloc(checkpoint->data_bytes + 1);
    checkpoint->state = malloc(parser->state_size_bytes);
    if (smt_run_static_data_is_ours(parser) || !checkpoint->part_count ||
        checkpoint->part_count == DATA_PARTS_MOST || checkpoint->data_bytes > DATA_BYTES_MOST ||
        !checkpoint->data || !checkpoint->clean_data || !checkpoint->state ||
        smt_heap_image_new(&checkpoint->image) != SMT_OK) {
        checkpoint_free(checkpoint);
        return NULL;
    }
    return checkpoint;
}

/* Copies the parts that are not protected. */
static void data_copy(const struct run_checkpoint *checkpoint, unsigned char *to)
{
    for (size_t i = 0; i < checkpoint->part_count; to += checkpoint->parts[i++].size_bytes)
        if (!checkpoint->parts[i].is_protected)
            memcpy(to, checkpoint->parts[i].at, checkpoint->parts[i].size_bytes);
}

static void data_put(const struct run_checkpoint *checkpoint, const unsigned char *from)
{
    for (size_t i = 0; i < checkpoint->part_count; from += checkpoint->parts[i++].size_bytes)
        if (!checkpoint->parts[i].is_protected)
            memcpy(checkpoint->parts[i].at, from, checkpoint->parts[i].size_bytes);
}

static void part_protect(struct data_part *part, bool on)
{
    if (mprotect(part->at, part->size_bytes, on ? PROT_READ : PROT_READ | PROT_WRITE) == 0)
        part->is_protected = on;
}

void smt_run_checkpoint_begin(struct run_checkpoint *checkpoint, void *top)
{
    checkpoint->stack_top = top;
    data_copy(checkpoint, checkpoint->clean_data);
    for (size_t i = 0; i < checkpoint->part_count; i++)
        if (checkpoint->parts[i].can_protect) part_protect(&checkpoint->parts[i], true);
}

void smt_run_checkpoint_end(struct run_checkpoint *checkpoint)
{
    for (size_t i = 0; i < checkpoint->part_count; i++)
        if (checkpoint->parts[i].is_protected) part_protect(&checkpoint->parts[i], false);
}

/* From now on this part is copied like the others. What it held when the last
 * checkpoint was taken is what it holds now: nobody has written to it yet. */
bool smt_run_checkpoint_writes(struct run_checkpoint *checkpoint, uintptr_t address)
{
    size_t offset = 0;

    for (size_t i = 0; i < checkpoint->part_count; offset += checkpoint->parts[i++].size_bytes) {
        struct data_part *part = &checkpoint->parts[i];

        if (!part->is_protected || address - (uintptr_t)part->at >= part->size_bytes) continue;
        memcpy(checkpoint->data + offset, part->at, part->size_bytes);
        part_protect(part, false);
        return !part->is_protected;
    }
    return false;
}

bool smt_run_checkpoint_is_clean(const struct run_checkpoint *checkpoint)
{
    const unsigned char *clean = checkpoint->clean_data;

    for (size_t i = 0; i < checkpoint->part_count; clean += checkpoint->parts[i++].size_bytes)
        if (!checkpoint->parts[i].is_protected &&
            memcmp(clean, checkpoint->parts[i].at, checkpoint->parts[i].size_bytes) != 0)
            return false;
    return true;
}

__attribute__((noinline)) bool smt_run_checkpoint_take(struct run_checkpoint *checkpoint,
                                                       const struct run_context *context)
{
    char *from = __builtin_frame_address(0);
    size_t size = (size_t)(checkpoint->stack_top - from);

    if (size > STACK_BYTES_MOST || !smt_heap_image_save(checkpoint->image, context->heap))
        return false;
    checkpoint->stack_from = from;
    memcpy(checkpoint->stack, from, size);
    data_copy(checkpoint, checkpoint->data);
    memcpy(checkpoint->state, context->state, context->settings->parser->state_size_bytes);
    return true;
}

/* Copies from a frame below the ones it overwrites. */
__attribute__((noinline)) _Noreturn static void stack_put(struct run_checkpoint *checkpoint,
                                                          struct run_context *context)
{
    memcpy(checkpoint->stack_from, checkpoint->stack,
           (size_t)(checkpoint->stack_top - checkpoint->stack_from));
    siglongjmp(context->branch.resume, 1);
}

_Noreturn void smt_run_checkpoint_return(struct run_checkpoint *checkpoint,
                                         struct run_context *context)
{
    char *here = __builtin_frame_address(0);
    volatile char *below;

    smt_heap_image_load(checkpoint->image, context->heap);
    data_put(checkpoint, checkpoint->data);
    memcpy(context->state, checkpoint->state, context->settings->parser->state_size_bytes);
    below = __builtin_alloca(
        (here > checkpoint->stack_from ? (size_t)(here - checkpoint->stack_from) : 0) +
        BELOW_BYTES);
    below[0] = 0;
    stack_put(checkpoint, context);
}
