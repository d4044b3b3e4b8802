#include "base/pages.h"

#include <stdint.h>
#include <sys/mman.h>

void *smt_pages_map(size_t size_bytes, int flags)
{
    void *pages =
        mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

    return pages == MAP_FAILED ? NULL : pages;
}

void *smt_pages_map_aligned(size_t size_bytes, int flags)
{
    char *pages = smt_pages_map(2 * size_bytes, flags), *aligned;

    if (!pages) return NULL;
    aligned = pages + (-(uintptr_t)pages & (size_bytes - 1));
    if (aligned > pages) munmap(pages, (size_t)(aligned - pages));
    munmap(aligned + size_bytes, (size_t)(pages + size_bytes - aligned));
    return aligned;
}
