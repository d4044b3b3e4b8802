/* heap/live_memory.h - inside heap/ and preload/: memory for code that runs inside
 * malloc: pages by system call (the C library's mmap may be wrapped). */
#ifndef SMT_HEAP_LIVE_MEMORY_H
#define SMT_HEAP_LIVE_MEMORY_H

#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Zeroed pages; NULL when there are none. `shared` with processes forked later. */
static inline void *smt_pages_new(size_t size_bytes, int shared)
{
    long at = syscall(SYS_mmap, NULL, size_bytes, PROT_READ | PROT_WRITE,
                      (shared ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0L);

    return at == -1 ? NULL : (void *)at;
}

static inline void smt_pages_free(void *pages, size_t size_bytes)
{
    if (pages) (void)syscall(SYS_munmap, pages, size_bytes);
}

#endif
