/* Memory the program maps itself may hold pointers: pools, arenas, garbage
 * collected heaps. What the next malloc maps for itself does not come here, for
 * the C library does not call itself through these names. */
#include "preload/preload.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/base.h"
#include "heap/heap.h"

#define EXPORTED __attribute__((visibility("default")))

static struct smt_scan_range regions[MT_REGIONS_MAX];
static size_t region_count;
static struct smt_lock regions_lock;

/* Takes out [from, to), splitting what straddles it. */
static void regions_cut(uintptr_t from, uintptr_t to)
{
    for (size_t i = region_count; i-- > 0;) {
        struct smt_scan_range region = regions[i];

        if (region.to <= from || region.from >= to) continue;
        regions[i] = regions[--region_count];
        if (region.from < from)
            regions[region_count++] = (struct smt_scan_range){region.from, from};
        if (region.to > to && region_count < MT_REGIONS_MAX)
            regions[region_count++] = (struct smt_scan_range){to, region.to};
    }
}

static void regions_change(uintptr_t from, size_t size, bool mapped)
{
    uint8_t busy = mt_thread.busy;

    if (busy) return; /* a signal handler that maps: left out */
    mt_thread.busy = 1;
    smt_lock_take(&regions_lock);
    regions_cut(from, from + size);
    if (mapped && region_count < MT_REGIONS_MAX)
        regions[region_count++] = (struct smt_scan_range){from, from + size};
    smt_lock_give(&regions_lock);
    mt_thread.busy = 0;
}

size_t mt_regions_copy(struct smt_scan_range *ranges, size_t max)
{
    size_t count;

    smt_lock_take(&regions_lock);
    count = region_count < max ? region_count : max;
    memcpy(ranges, regions, count * sizeof *ranges);
    smt_lock_give(&regions_lock);
    return count;
}

void mt_regions_lock(void)
{
    smt_lock_take(&regions_lock);
}

void mt_regions_unlock(void)
{
    smt_lock_give(&regions_lock);
}

/* A mapping that is no memory to write to holds no pointer of the program's. A
 * reserved one may become writable. */
static bool mapping_matters(int flags, int protection)
{
    return (flags & MAP_ANONYMOUS) || (protection & PROT_WRITE);
}

EXPORTED void *mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
    long at = syscall(SYS_mmap, address, size, protection, flags, fd, offset);

    if (at == -1) return MAP_FAILED;
    if (mapping_matters(flags, protection) && !mt_thread.ours)
        regions_change((uintptr_t)at, size, true);
    return (void *)at;
}

EXPORTED void *mmap64(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
    return mmap(address, size, protection, flags, fd, offset);
}

EXPORTED int munmap(void *address, size_t size)
{
    if (!mt_thread.ours) regions_change((uintptr_t)address, (size + 4095) & ~(size_t)4095, false);
    return (int)syscall(SYS_munmap, address, size);
}

EXPORTED void *mremap(void *address, size_t size, size_t new_size, int flags, ...)
{
    void *wanted = NULL;
    va_list arguments;
    long at;

    if (flags & MREMAP_FIXED) {
        va_start(arguments, flags);
        wanted = va_arg(arguments, void *);
        va_end(arguments);
    }
    at = syscall(SYS_mremap, address, size, new_size, flags, wanted);
    if (at == -1) return MAP_FAILED;
    if (!mt_thread.ours) {
        regions_change((uintptr_t)address, size, false);
        regions_change((uintptr_t)at, new_size, true);
    }
    return (void *)at;
}
