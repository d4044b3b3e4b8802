/* base/pages.h - whole pages of zeroes from the system, for what must not come from
 * a heap that is watched, or must not stay in one. munmap() gives them back. Any
 * thread may call. NULL when there are none. */
#ifndef SMT_BASE_PAGES_H
#define SMT_BASE_PAGES_H

#include <stddef.h>

/* flags: 0, or MAP_NORESERVE for more than will ever be touched. */
void *smt_pages_map(size_t size_bytes, int flags);

/* At a multiple of its size, a power of two of at least a page. */
void *smt_pages_map_aligned(size_t size_bytes, int flags);

#endif
