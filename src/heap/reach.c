#include "heap/reach.h"

#include <link.h>
#include <stdlib.h>

#include "heap/layout.h"

struct reach {
    struct smt_heap *heap;
    uintptr_t range_from, range_bytes; /* where blocks lie, kept ones too: they lead on */
    uintptr_t zone_from, zone_bytes;
    uint32_t *waiting; /* reached blocks whose contents were not read yet */
    uint32_t waiting_count;
    uint64_t reached;
};

static void pointer_follow(struct reach *reach, uintptr_t value)
{
    struct smt_heap *heap = reach->heap;
    bool guard_page;
    struct smt_block *block;

    block = (struct smt_block *)smt_heap_block_at(heap, value, &guard_page);
    if (!block || block->flags & (SMT_BLOCK_FREED | SMT_BLOCK_REACHED)) return;
    if (value != block->address && value - block->address >= block->size_bytes) return;
    block->flags |= SMT_BLOCK_REACHED;
    if (block >= heap->blocks + heap->first_block) reach->reached++;
    reach->waiting[reach->waiting_count++] = (uint32_t)(block - heap->blocks);
}

/* Contents of other code's memory: races and redzones are not ours to judge. */
__attribute__((no_sanitize("address", "undefined"))) static void
words_scan(struct reach *reach, uintptr_t from, uintptr_t to)
{
    uintptr_t range_from = reach->range_from, range_bytes = reach->range_bytes;
    uintptr_t zone_from = reach->zone_from, zone_bytes = reach->zone_bytes;

    for (uintptr_t at = align_up(from, sizeof(uintptr_t)); at + sizeof(uintptr_t) <= to;
         at += sizeof(uintptr_t)) {
        uintptr_t value = *(const uintptr_t *)at;

        if (value - range_from < range_bytes || value - zone_from < zone_bytes)
            pointer_follow(reach, value);
    }
}

static int object_scan(struct dl_phdr_info *info, size_t size, void *context)
{
    struct reach *reach = context;
    uintptr_t relro_from = 0, relro_to = 0;

    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_GNU_RELRO) {
            relro_from = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
            relro_to = relro_from + info->dlpi_phdr[i].p_memsz;
        }
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        uintptr_t from = info->dlpi_addr + header->p_vaddr, to = from + header->p_memsz;

        if (header->p_type == PT_TLS && info->dlpi_tls_data)
            words_scan(reach, (uintptr_t)info->dlpi_tls_data,
                       (uintptr_t)info->dlpi_tls_data + header->p_memsz);
        if (header->p_type != PT_LOAD || !(header->p_flags & PF_W)) continue;
        if (relro_from <= from && from < relro_to) from = relro_to; /* set before the run began */
        if (from < to) words_scan(reach, from, to);
    }
    return 0;
}

uint64_t smt_reach_mark(struct smt_heap *heap)
{
    struct reach reach = {
        .heap = heap,
        .range_from = heap->base,
        .range_bytes = heap->bump - heap->base,
        .zone_from = heap->zone.base,
        .zone_bytes = heap->zone.bump - heap->zone.base,
    };

    if (heap->libc_backend) return 0;
    for (uint32_t i = 0; i < heap->block_count; i++) heap->blocks[i].flags &= ~SMT_BLOCK_REACHED;
    reach.waiting = malloc(((size_t)heap->block_count + 1) * sizeof *reach.waiting);
    if (!reach.waiting) return 0;
    dl_iterate_phdr(object_scan, &reach);
    while (reach.waiting_count) {
        const struct smt_block *block = &heap->blocks[reach.waiting[--reach.waiting_count]];

        words_scan(&reach, block->address, block->address + block->size_bytes);
    }
    free(reach.waiting);
    return reach.reached;
}
