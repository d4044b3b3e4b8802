#include "heap/roots.h"

#include <link.h>
#include <stddef.h>

struct walk {
    smt_roots_visit *visit;
    void *context;
};

static int object_data(struct dl_phdr_info *info, size_t size, void *context)
{
    const struct walk *walk = context;
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

        if (header->p_type != PT_LOAD || !(header->p_flags & PF_W)) continue;
        if (relro_from <= from && from < relro_to) from = relro_to; /* set before main() */
        if (from < to) walk->visit(walk->context, info->dlpi_addr, from, to);
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

void smt_roots_each_tls(smt_roots_visit *visit, void *context)
{
    struct walk walk = {visit, context};

    dl_iterate_phdr(object_tls, &walk);
}
