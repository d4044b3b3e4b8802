#include "heap/symbol.h"

#include <elfutils/libdwfl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HASH_NONFATAL_OOM 1 /* an entry that found no room has hh.tbl NULL */
#include <uthash.h>

#include "heap/module.h"
#include "heap/symbol_table.h"

/* The symbols of one module, read at the first look-up in it. */
struct module_symbols {
    bool is_loaded;
    Dwfl_Module *dwfl;                /* NULL when libdw knows no such module */
    struct smt_symbol_table exported; /* what stripping keeps */
    struct smt_symbol_table all;      /* and what else is there, separate debug files included */
};

/* One text, kept once. */
struct text {
    UT_hash_handle hh;
    char bytes[];
};

struct cached_key {
    uintptr_t address;
    uintptr_t is_exact; /* as wide as the address: the key has no padding */
};

struct cached_frame {
    struct cached_key key;
    struct smt_frame frame;
    UT_hash_handle hh;
};

static struct {
    Dwfl *dwfl;
    uint64_t generation; /* of the module table that `modules` goes with */
    struct module_symbols modules[SMT_MODULE_MAX]; /* by start address, as the module table */
    struct text *texts;
    struct cached_frame *frames;
} symbols;

/* The text, kept until smt_symbol_clear(); NULL for NULL or without memory. */
static const char *text_keep(const char *bytes)
{
    struct text *text;
    size_t length;

    if (!bytes) return NULL;
    HASH_FIND_STR(symbols.texts, bytes, text);
    if (text) return text->bytes;
    length = strlen(bytes);
    text = malloc(sizeof *text + length + 1);
    if (!text) return NULL;
    memcpy(text->bytes, bytes, length + 1);
    HASH_ADD_KEYPTR(hh, symbols.texts, text->bytes, length, text);
    if (!text->hh.tbl) {
        free(text);
        return NULL;
    }
    return text->bytes;
}

/* By build-id alone: libdw's standard search would load libdebuginfod and with it
 * thirty libraries into this process, and ask the network. */
static const Dwfl_Callbacks callbacks = {
    .find_elf = dwfl_linux_proc_find_elf,
    .find_debuginfo = dwfl_build_id_find_debuginfo,
};

/* Drops what was read from files; cached frames stay. */
static void files_close(void)
{
    for (size_t i = 0; i < SMT_MODULE_MAX; i++) {
        smt_symbol_table_clear(&symbols.modules[i].exported);
        smt_symbol_table_clear(&symbols.modules[i].all);
        symbols.modules[i] = (struct module_symbols){0};
    }
    if (symbols.dwfl) dwfl_end(symbols.dwfl);
    symbols.dwfl = NULL;
}

/* Opens this process for libdw, again if modules came or went. */
static void files_open(void)
{
    smt_module_refresh();
    if (symbols.generation == smt_module_generation()) return;
    files_close();
    symbols.generation = smt_module_generation();
    symbols.dwfl = dwfl_begin(&callbacks);
    if (!symbols.dwfl) return;
    dwfl_report_begin(symbols.dwfl);
    if (dwfl_linux_proc_report(symbols.dwfl, getpid()) != 0 ||
        dwfl_report_end(symbols.dwfl, NULL, NULL) != 0) {
        dwfl_end(symbols.dwfl);
        symbols.dwfl = NULL;
    }
}

/* Reads the dynamic symbol table of the file that is mapped. */
static void exported_load(struct module_symbols *module)
{
    GElf_Addr bias;
    Elf *elf = dwfl_module_getelf(module->dwfl, &bias);
    Elf_Scn *section = NULL;

    while (elf && (section = elf_nextscn(elf, section))) {
        Elf_Data *data;
        GElf_Shdr header;
        GElf_Sym symbol;

        if (!gelf_getshdr(section, &header) || header.sh_type != SHT_DYNSYM) continue;
        data = elf_getdata(section, NULL);
        for (int i = 0; data && gelf_getsym(data, i, &symbol); i++)
            smt_symbol_table_add(&module->exported, &symbol, symbol.st_value + bias,
                                 elf_strptr(elf, header.sh_link, symbol.st_name));
    }
    smt_symbol_table_sort(&module->exported);
}

static void all_load(struct module_symbols *module)
{
    int count = dwfl_module_getsymtab(module->dwfl);

    for (int i = 0; i < count; i++) {
        GElf_Sym symbol;
        GElf_Addr address;
        GElf_Word section;
        const char *name =
            dwfl_module_getsym_info(module->dwfl, i, &symbol, &address, &section, NULL, NULL);

        if (name) smt_symbol_table_add(&module->all, &symbol, address, name);
    }
    smt_symbol_table_sort(&module->all);
}

static struct module_symbols *module_symbols_load(const struct smt_module *module)
{
    struct module_symbols *loaded = &symbols.modules[smt_module_index(module)];

    if (loaded->is_loaded) return loaded;
    loaded->is_loaded = true;
    loaded->dwfl = symbols.dwfl ? dwfl_addrmodule(symbols.dwfl, module->code_start) : NULL;
    if (!loaded->dwfl) return loaded;
    exported_load(loaded);
    all_load(loaded);
    return loaded;
}

/* `<nearest exported below>~k`. Functions inside the exported one, its own start
 * included, do not count. */
static const char *unnamed_name(const struct smt_module *module,
                                const struct smt_symbol_table *exported, uintptr_t pc)
{
    const struct smt_symbol *below = smt_symbol_table_below(exported, pc);
    size_t count = smt_module_functions_upto(module, pc), inside = 0;
    char name[512];

    if (below) inside = smt_module_functions_upto(module, below->end - 1);
    snprintf(name, sizeof name, "%s~%zu", below ? below->name : module->name,
             count > inside ? count - inside : 0);
    return text_keep(name);
}

/* Without the version that a full symbol table appends: "memcpy@@GLIBC_2.14". */
static const char *symbol_name(const struct smt_symbol_table *table, uintptr_t pc)
{
    const struct smt_symbol *symbol = smt_symbol_table_find(table, pc);
    char name[512];

    if (!symbol) return NULL;
    if (!strchr(symbol->name, '@')) return text_keep(symbol->name);
    snprintf(name, sizeof name, "%.*s", (int)strcspn(symbol->name, "@"), symbol->name);
    return text_keep(name);
}

static void frame_name(const struct smt_module *module, uintptr_t pc, struct smt_frame *frame)
{
    struct module_symbols *loaded = module_symbols_load(module);
    const char *exported = symbol_name(&loaded->exported, pc);

    frame->function = symbol_name(&loaded->all, pc);
    if (!frame->function) frame->function = exported;
    /* A program exports little, and is its author's own: there all names count. */
    frame->identity = module->is_program ? frame->function : exported;
    if (!frame->identity) frame->identity = unnamed_name(module, &loaded->exported, pc);
    if (!frame->function) frame->function = frame->identity;
}

/* clang writes no .debug_aranges, which libdw's own look-up goes by: then each
 * compilation unit is asked. NULL when no line is known. */
static const char *line_find(Dwfl_Module *dwfl, uintptr_t pc, int *ret_line)
{
    Dwfl_Line *known = dwfl_module_getsrc(dwfl, pc);
    Dwarf_Die *unit = NULL;
    Dwarf_Addr bias;

    if (known) return dwfl_lineinfo(known, NULL, ret_line, NULL, NULL, NULL);
    while ((unit = dwfl_module_nextcu(dwfl, unit, &bias))) {
        Dwarf_Line *line;

        if (dwarf_haspc(unit, pc - bias) <= 0) continue;
        line = dwarf_getsrc_die(unit, pc - bias);
        if (!line || dwarf_lineno(line, ret_line) != 0) return NULL;
        return dwarf_linesrc(line, NULL, NULL);
    }
    return NULL;
}

static void frame_line(const struct smt_module *module, uintptr_t pc, struct smt_frame *frame)
{
    struct module_symbols *loaded = module_symbols_load(module);
    const char *file;
    int number = 0;

    if (!loaded->dwfl) return;
    file = line_find(loaded->dwfl, pc, &number);
    if (!file || number <= 0) return;
    frame->file = text_keep(file);
    if (frame->file) frame->line = number;
}

static void frame_load(uintptr_t address, bool exact_pc, struct smt_frame *frame)
{
    uintptr_t pc = exact_pc || !address ? address : address - 1;
    const struct smt_module *module;

    files_open();
    module = smt_module_find(pc);
    *frame = (struct smt_frame){.module = "?", .offset = address};
    if (!module) return;
    frame->module = text_keep(module->file);
    if (!frame->module) frame->module = "?";
    frame->offset = address - module->bias;
    frame_name(module, pc, frame);
    frame_line(module, pc, frame);
}

void smt_symbol_frame(uintptr_t address, bool exact_pc, struct smt_frame *ret_frame)
{
    struct cached_key key = {.address = address, .is_exact = exact_pc};
    struct cached_frame *cached;

    HASH_FIND(hh, symbols.frames, &key, sizeof key, cached);
    if (cached) {
        *ret_frame = cached->frame;
        return;
    }
    frame_load(address, exact_pc, ret_frame);
    cached = malloc(sizeof *cached);
    if (!cached) return;
    *cached = (struct cached_frame){.key = key, .frame = *ret_frame};
    HASH_ADD(hh, symbols.frames, key, sizeof key, cached);
    if (!cached->hh.tbl) free(cached);
}

void smt_symbol_clear(void)
{
    struct cached_frame *frame, *next_frame;
    struct text *text, *next_text;

    HASH_ITER(hh, symbols.frames, frame, next_frame)
    {
        HASH_DEL(symbols.frames, frame);
        free(frame);
    }
    HASH_ITER(hh, symbols.texts, text, next_text)
    {
        HASH_DEL(symbols.texts, text);
        free(text);
    }
    files_close();
    symbols.generation = 0;
}

bool smt_symbol_build_id(uintptr_t address, char *ret_text, size_t size_bytes)
{
    const struct smt_module *module;

    smt_module_refresh();
    module = smt_module_find(address);
    if (!module || !module->build_id_bytes || size_bytes < 2 * module->build_id_bytes + 1)
        return false;
    for (unsigned i = 0; i < module->build_id_bytes; i++)
        snprintf(ret_text + 2 * i, 3, "%02x", module->build_id[i]);
    return true;
}

bool smt_symbol_module(uintptr_t address, const char **ret_file, const char **ret_path)
{
    const struct smt_module *module;

    smt_module_refresh();
    module = smt_module_find(address);
    if (!module) return false;
    if (ret_file) *ret_file = module->file;
    if (ret_path) *ret_path = module->path;
    return true;
}
