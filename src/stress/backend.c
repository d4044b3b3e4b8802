#include "stress/backend.h"

#include <stdlib.h>
#include <string.h>

#include "heap/heap.h"

static void *libc_alloc(void *heap, size_t size_bytes)
{
    (void)heap;
    return malloc(size_bytes);
}

static void *libc_realloc(void *heap, void *chunk, size_t size_bytes)
{
    (void)heap;
    return realloc(chunk, size_bytes);
}

static void libc_free(void *heap, void *chunk)
{
    (void)heap;
    free(chunk);
}

static enum smt_status shared_open(void **ret_heap)
{
    struct smt_heap_shared *heap;
    enum smt_status status = smt_heap_shared_new(&heap);

    if (status == SMT_OK) *ret_heap = heap;
    return status;
}

static void shared_close(void *heap)
{
    smt_heap_shared_free(heap);
}

static void *shared_alloc(void *heap, size_t size_bytes)
{
    return smt_heap_shared_alloc(heap, size_bytes);
}

static void *shared_realloc(void *heap, void *chunk, size_t size_bytes)
{
    return smt_heap_shared_resize(heap, chunk, size_bytes);
}

static void shared_release(void *heap, void *chunk)
{
    smt_heap_shared_release(heap, chunk);
}

static void shared_set_faults(void *heap, const struct smt_stress_faults *faults)
{
    const struct smt_heap_shared_plan plan = {
        .nth = faults->nth, .every = faults->every, .limit_bytes = faults->limit_bytes};

    smt_heap_shared_set_plan(heap, &plan);
}

const struct smt_stress_backend smt_stress_backends[] = {
    {.name = "libc",
     .summary = "the malloc this process has; LD_PRELOAD chooses another",
     .alloc = libc_alloc,
     .realloc = libc_realloc,
     .free = libc_free},
    {.name = "heap",
     .summary = "the built-in fenced heap, which can refuse by plan",
     .open = shared_open,
     .close = shared_close,
     .alloc = shared_alloc,
     .realloc = shared_realloc,
     .free = shared_release,
     .set_faults = shared_set_faults},
    {.name = NULL},
};

enum smt_status smt_stress_backend_find(const char *name,
                                        const struct smt_stress_backend **ret_backend)
{
    struct smt_buffer known;
    enum smt_status status;

    for (const struct smt_stress_backend *row = smt_stress_backends; row->name; row++)
        if (strcmp(row->name, name) == 0) {
            *ret_backend = row;
            return SMT_OK;
        }
    smt_buffer_init(&known);
    for (const struct smt_stress_backend *row = smt_stress_backends; row->name; row++)
        smt_buffer_addf(&known, " %s", row->name);
    status = smt_fail(SMT_ENOTFOUND, "%s: no such backend; known:%s", name,
                      known.data ? known.data : "");
    smt_buffer_clear(&known);
    return status;
}
