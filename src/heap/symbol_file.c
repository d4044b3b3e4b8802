#include "heap/symbol_file.h"

#include <elfutils/libdwfl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct file {
    uintptr_t from, to, bias;
    char *path, *opened; /* opened: the path it is read by */
    Dwfl *dwfl;          /* one each: files of one address may come after each other */
    Dwfl_Module *module;
    bool tried;
};

struct smt_symbol_files {
    struct file *files;
    size_t count, capacity;
};

struct smt_symbol_files *smt_symbol_files_new(void)
{
    return calloc(1, sizeof(struct smt_symbol_files));
}

void smt_symbol_files_free(struct smt_symbol_files *files)
{
    if (!files) return;
    for (size_t i = 0; i < files->count; i++) {
        if (files->files[i].dwfl) dwfl_end(files->files[i].dwfl);
        free(files->files[i].path);
        free(files->files[i].opened);
    }
    free(files->files);
    free(files);
}

static char *path_open(const char *path, const char *root)
{
    size_t size = strlen(path) + (root ? strlen(root) : 0) + 1;
    char *joined = malloc(size);

    if (!joined) return NULL;
    snprintf(joined, size, "%s%s", root ? root : "", path);
    if (root && access(joined, R_OK) != 0) strcpy(joined, path);
    return joined;
}

void smt_symbol_files_add(struct smt_symbol_files *files, uintptr_t from, uintptr_t to,
                          uintptr_t bias, const char *path, const char *root)
{
    struct file *file;

    if (files->count == files->capacity) {
        size_t capacity = files->capacity ? files->capacity * 2 : 32;
        struct file *grown = realloc(files->files, capacity * sizeof *grown);

        if (!grown) return;
        files->files = grown;
        files->capacity = capacity;
    }
    file = &files->files[files->count];
    *file = (struct file){.from = from, .to = to, .bias = bias};
    file->path = strdup(path);
    file->opened = path_open(path, root);
    files->count++;
}

static const Dwfl_Callbacks callbacks = {
    .find_elf = dwfl_build_id_find_elf,
    .find_debuginfo = dwfl_build_id_find_debuginfo,
    .section_address = dwfl_offline_section_address,
};

static void file_load(struct file *file)
{
    file->tried = true;
    if (!file->opened || *file->opened != '/') return;
    file->dwfl = dwfl_begin(&callbacks);
    if (!file->dwfl) return;
    dwfl_report_begin(file->dwfl);
    file->module = dwfl_report_elf(file->dwfl, file->path, file->opened, -1, file->bias, true);
    dwfl_report_end(file->dwfl, NULL, NULL);
}

static void function_find(const struct file *file, uintptr_t pc, struct smt_symbol_place *place)
{
    GElf_Off offset;
    GElf_Sym symbol;
    const char *name = dwfl_module_addrinfo(file->module, pc, &offset, &symbol, NULL, NULL, NULL);

    if (!name || offset >= symbol.st_size) return;
    place->function = name;
    place->from_start = offset + 1; /* of the return address itself */
    place->size = symbol.st_size;
}

/* clang writes no .debug_aranges, which the quick look-up goes by. */
static void line_find(const struct file *file, uintptr_t pc, struct smt_symbol_place *place)
{
    Dwfl_Line *known = dwfl_module_getsrc(file->module, pc);
    Dwarf_Die *unit = NULL;
    Dwarf_Addr bias;

    if (known) {
        place->file = dwfl_lineinfo(known, NULL, &place->line, NULL, NULL, NULL);
        return;
    }
    while ((unit = dwfl_module_nextcu(file->module, unit, &bias))) {
        Dwarf_Line *line;

        if (dwarf_haspc(unit, pc - bias) <= 0) continue;
        line = dwarf_getsrc_die(unit, pc - bias);
        if (line && dwarf_lineno(line, &place->line) == 0)
            place->file = dwarf_linesrc(line, NULL, NULL);
        return;
    }
}

void smt_symbol_files_place(struct smt_symbol_files *files, uintptr_t address,
                            struct smt_symbol_place *ret_place)
{
    uintptr_t pc = address - 1;
    struct file *file = NULL;

    *ret_place = (struct smt_symbol_place){.offset = address};
    for (size_t i = 0; i < files->count && !file; i++)
        if (pc >= files->files[i].from && pc < files->files[i].to) file = &files->files[i];
    if (!file) return;
    ret_place->module = file->path;
    ret_place->offset = address - file->bias;
    if (!file->tried) file_load(file);
    if (!file->module) return;
    function_find(file, pc, ret_place);
    line_find(file, pc, ret_place);
    if (!ret_place->file || ret_place->line <= 0) {
        ret_place->file = NULL;
        ret_place->line = 0;
    }
}
