#include "heap/roots.h"

#include <fcntl.h>
#include <link.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE_BYTES 4096u
/* Ranges from here on are visited page by page: sanitizers and engines bring
 * megabytes that nothing has ever touched. */
#define LARGE_BYTES (1u << 20)
/* Bits of an entry of /proc/PID/pagemap. A page that is neither in memory nor
 * swapped out is as it was loaded, and what was loaded knows no heap. */
#define PAGE_EXISTS (UINT64_C(3) << 62)

struct walk {
    smt_roots_visit *visit;
    void *context;
};

/* Visits what exists of a large range, run by run. Opened each time: a descriptor
 * kept over a fork would show the parent's pages. */
static void range_visit(void *context, uintptr_t base, uintptr_t from, uintptr_t to)
{
    const struct walk *walk = context;
    uint64_t entries[512];
    uintptr_t page = from / PAGE_BYTES, run = from; /* what is before `run` has been seen to */
    /* by the kernel alone: the program may have an open() of its own */
    int map = to - from < LARGE_BYTES
                  ? -1
                  : (int)syscall(SYS_openat, AT_FDCWD, "/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

    while (map >= 0 && page * PAGE_BYTES < to) {
        ssize_t got =
            syscall(SYS_pread64, map, entries, sizeof entries, (off_t)(page * sizeof *entries));

        if (got < (ssize_t)sizeof *entries) break; /* the rest is visited as a whole */
        for (size_t i = 0; i < (size_t)got / sizeof *entries; i++, page++) {
            uintptr_t at = page * PAGE_BYTES;

            if (at >= to) break;
            if (entries[i] & PAGE_EXISTS) continue;
            if (at > run) walk->visit(walk->context, base, run, at);
            run = at + PAGE_BYTES;
        }
    }
    if (map >= 0) (void)syscall(SYS_close, map);
    if (run < to) walk->visit(walk->context, base, run, to);
}

/* Where an object's writable data lies, without what was set before main(). */
static void segments_visit(const struct dl_phdr_info *info, smt_roots_visit *visit, void *context)
{
    uintptr_t relro_from = 0, relro_to = 0;

    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_GNU_RELRO) {
            relro_from = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
            relro_to = relro_from + info->dlpi_phdr[i].p_memsz;
        }
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        uintptr_t from = info->dlpi_addr + header->p_vaddr, to = from + header->p_memsz;

        if (header->p_type != PT_LOAD || !(header->p_flags & PF_W)) continue;
        if (relro_from <= from && from < relro_to) from = relro_to;
        if (from < to) visit(context, info->dlpi_addr, from, to);
    }
}

static int object_data(struct dl_phdr_info *info, size_t size, void *context)
{
    (void)size;
    segments_visit(info, range_visit, context);
    return 0;
}

struct object_search {
    uintptr_t address;
    struct walk walk;
};

static int object_find(struct dl_phdr_info *info, size_t size, void *context)
{
    const struct object_search *search = context;

    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];

        if (header->p_type != PT_LOAD ||
            search->address - (info->dlpi_addr + header->p_vaddr) >= header->p_memsz)
            continue;
        segments_visit(info, search->walk.visit, search->walk.context);
        return 1;
    }
    return 0;
}

static int object_tls(struct dl_phdr_info *info, size_t size, void *context)
{
    const struct walk *walk = context;
    uintptr_t from = (uintptr_t)info->dlpi_tls_data;

    (void)size;
    for (int i = 0; from && i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_TLS)
            walk->visit(walk->context, info->dlpi_addr, from, from + info->dlpi_phdr[i].p_memsz);
    return 0;
}

void smt_roots_each_data(smt_roots_visit *visit, void *context)
{
    struct walk walk = {visit, context};

    dl_iterate_phdr(object_data, &walk);
}

void smt_roots_data_of(uintptr_t address, smt_roots_visit *visit, void *context)
{
    struct object_search search = {address, {visit, context}};

    dl_iterate_phdr(object_find, &search);
}

void smt_roots_each_tls(smt_roots_visit *visit, void *context)
{
    struct walk walk = {visit, context};

    dl_iterate_phdr(object_tls, &walk);
}
