#include "heap/module.h"

#include <elf.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/base.h"

static struct {
    struct smt_module *modules; /* SMT_MODULE_MAX, ascending, disjoint; mapped, not static: static
                                   data is what a scan for leaks reads */
    size_t count;
    uint64_t generation;
    unsigned long long loaded, unloaded; /* the dynamic linker's own counters */
} table;

/* Cuts what follows ".so": the version is the distribution's business. */
static void version_cut(char *name)
{
    char *suffix = strstr(name, ".so.");

    if (suffix) suffix[3] = '\0';
}

/* Copies text that may be longer than there is room. */
static void text_copy(char *to, size_t size, const char *text)
{
    size_t length = strnlen(text, size - 1);

    memcpy(to, text, length);
    to[length] = '\0';
}

static void module_name(struct smt_module *module, const char *loaded_as)
{
    const char *slash;
    ssize_t length;

    if (module->is_program) {
        length = readlink("/proc/self/exe", module->path, sizeof module->path - 1);
        if (length > 0) loaded_as = module->path;
    } else if (!realpath(loaded_as, module->path)) {
        text_copy(module->path, sizeof module->path, loaded_as);
    }
    slash = strrchr(loaded_as, '/');
    text_copy(module->file, sizeof module->file, slash ? slash + 1 : loaded_as);
    text_copy(module->name, sizeof module->name, module->file);
    version_cut(module->name);
}

static void build_id_read(struct smt_module *module, const uint8_t *notes, size_t size_bytes)
{
    while (size_bytes > sizeof(ElfW(Nhdr))) {
        const ElfW(Nhdr) *note = (const void *)notes;
        size_t name_bytes = ((size_t)note->n_namesz + 3) & ~(size_t)3;
        size_t length = sizeof *note + name_bytes + (((size_t)note->n_descsz + 3) & ~(size_t)3);

        if (length > size_bytes) return;
        if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == sizeof "GNU" &&
            memcmp(note + 1, "GNU", sizeof "GNU") == 0) {
            module->build_id_bytes =
                note->n_descsz < SMT_BUILD_ID_BYTES ? note->n_descsz : SMT_BUILD_ID_BYTES;
            memcpy(module->build_id, notes + sizeof *note + name_bytes, module->build_id_bytes);
            return;
        }
        notes += length;
        size_bytes -= length;
    }
}

static void segment_load(struct smt_module *module, uintptr_t start, uintptr_t end, bool is_code)
{
    if (start < module->start) module->start = start;
    if (end > module->end) module->end = end;
    if (!is_code) return;
    if (module->code_start == module->code_end || start < module->code_start)
        module->code_start = start;
    if (end > module->code_end) module->code_end = end;
}

static int module_add(struct dl_phdr_info *info, size_t size, void *context)
{
    struct smt_module *module = &table.modules[table.count];

    (void)size;
    (void)context;
    if (table.count == SMT_MODULE_MAX) return 1;
    *module = (struct smt_module){.start = UINTPTR_MAX, .bias = info->dlpi_addr};
    module->is_program = table.count == 0; /* dl_iterate_phdr(3): it comes first */
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        uintptr_t at = info->dlpi_addr + segment->p_vaddr;

        if (segment->p_type == PT_LOAD) {
            segment_load(module, at, at + segment->p_memsz, segment->p_flags & PF_X);
        } else if (segment->p_type == PT_NOTE && !module->build_id_bytes) {
            build_id_read(module, (const uint8_t *)at, segment->p_memsz);
        } else if (segment->p_type == PT_GNU_EH_FRAME) {
            module->unwind_table = (const uint8_t *)at;
            module->unwind_table_bytes = segment->p_memsz;
        }
    }
    if (module->start >= module->end) return 0;
    module_name(module, info->dlpi_name);
    module->identity = module->build_id_bytes ? XXH64(module->build_id, module->build_id_bytes, 0)
                                              : XXH64(module->name, strlen(module->name), 0);
    table.count++;
    return 0;
}

static int counters_compare(struct dl_phdr_info *info, size_t size, void *ret_changed)
{
    bool *changed = ret_changed;

    (void)size;
    *changed = info->dlpi_adds != table.loaded || info->dlpi_subs != table.unloaded;
    table.loaded = info->dlpi_adds;
    table.unloaded = info->dlpi_subs;
    return 1;
}

static int by_start(const void *left, const void *right)
{
    const struct smt_module *a = left, *b = right;

    return (a->start > b->start) - (a->start < b->start);
}

void smt_module_refresh(void)
{
    bool changed = false;

    dl_iterate_phdr(counters_compare, &changed);
    if (!changed && table.generation) return;
    if (!table.modules) table.modules = smt_pages_map(SMT_MODULE_MAX * sizeof *table.modules, 0);
    if (!table.modules) return;
    table.count = 0;
    dl_iterate_phdr(module_add, NULL);
    qsort(table.modules, table.count, sizeof *table.modules, by_start);
    table.generation++;
}

uint64_t smt_module_generation(void)
{
    return table.generation;
}

const struct smt_module *smt_module_find(uintptr_t address)
{
    size_t low = 0, high = table.count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (address < table.modules[middle].start)
            high = middle;
        else if (address >= table.modules[middle].end)
            low = middle + 1;
        else
            return &table.modules[middle];
    }
    return NULL;
}

size_t smt_module_index(const struct smt_module *module)
{
    return (size_t)(module - table.modules);
}

bool smt_module_is_code(uintptr_t address)
{
    const struct smt_module *module = smt_module_find(address);

    return module && address >= module->code_start && address < module->code_end;
}

/* .eh_frame_hdr: version 1, three encodings, pointer to .eh_frame, count, then
 * pairs (function, description) ascending. Every linker in use writes it as
 *     01 1b 03 3b | eh_frame:4 | count:4 | {function:4 description:4} ...
 * 3b being "signed 4 bytes, relative to the table's own start"; any other
 * writing counts as no table. */
struct unwind_entry {
    int32_t function, description;
};

static const struct unwind_entry *unwind_entries(const struct smt_module *module, size_t *ret_count)
{
    const uint8_t *at = module->unwind_table;
    uint32_t count;

    *ret_count = 0;
    if (!at || module->unwind_table_bytes < 12) return NULL;
    if (at[0] != 1 || (at[1] & 0x0F) != 0x0B || at[2] != 0x03 || at[3] != 0x3B) return NULL;
    memcpy(&count, at + 8, sizeof count);
    if (count > (module->unwind_table_bytes - 12) / sizeof(struct unwind_entry)) return NULL;
    *ret_count = count;
    return (const void *)(at + 12);
}

uintptr_t smt_module_function(const struct smt_module *module, size_t index)
{
    size_t count;
    const struct unwind_entry *entries = unwind_entries(module, &count);

    if (index >= count) return 0;
    return (uintptr_t)module->unwind_table + (uintptr_t)(intptr_t)entries[index].function;
}

size_t smt_module_functions_upto(const struct smt_module *module, uintptr_t address)
{
    size_t low = 0, high;

    unwind_entries(module, &high);
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (smt_module_function(module, middle) <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}
