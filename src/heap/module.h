/* heap/module.h - the loaded objects: which one an address belongs to.
 *
 * An address means something only in one process; a module and an offset mean
 * the same in every run of one build. The table is read from the dynamic
 * linker by smt_module_refresh(), which is no work when nothing was loaded or
 * unloaded since. Looking up is async-signal-safe and takes no lock; refreshing
 * is neither, so do it before a run, never inside one. */
#ifndef SMT_HEAP_MODULE_H
#define SMT_HEAP_MODULE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SMT_MODULE_MAX     256 /* objects beyond are unknown to the table */
#define SMT_BUILD_ID_BYTES 32  /* longer ones are cut; a SHA-1 has 20 */
#define SMT_BUILD_ID_TEXT  (2 * SMT_BUILD_ID_BYTES + 1)

struct smt_module {
    uintptr_t start, end;           /* mapped range: first byte, first byte after */
    uintptr_t code_start, code_end; /* its executable part; equal when there is none */
    uintptr_t bias;                 /* address minus offset; 0 when not position-independent */
    const uint8_t *unwind_table;    /* .eh_frame_hdr as mapped, NULL when there is none */
    size_t unwind_table_bytes;
    char path[PATH_MAX];     /* symbolic links resolved; as loaded for the vdso */
    char file[NAME_MAX + 1]; /* as loaded: "libosipparser2.so.15" */
    char name[NAME_MAX + 1]; /* without version: "libosipparser2.so" */
    uint8_t build_id[SMT_BUILD_ID_BYTES];
    unsigned build_id_bytes; /* 0: it has none */
    uint64_t identity;       /* hash of the build-id, or else of the name */
    bool is_program;         /* the executable itself */
};

/* Reads the table again if objects came or went. Earlier pointers are then
 * void; smt_module_generation() has changed. */
void smt_module_refresh(void);

/* Changes with every change of the table; 0 before the first refresh. */
uint64_t smt_module_generation(void);

/* The module that has this address, or NULL. */
const struct smt_module *smt_module_find(uintptr_t address);

/* The module's place in the table, below SMT_MODULE_MAX. */
size_t smt_module_index(const struct smt_module *module);

/* Whether this address is in the executable part of a module. */
bool smt_module_is_code(uintptr_t address);

/* How many functions start at or below this address, by the module's sorted
 * table of frame descriptions (.eh_frame_hdr; Linux Standard Base 5.0, 10.6.2),
 * which stripping keeps. 0 when there is no such table. */
size_t smt_module_functions_upto(const struct smt_module *module, uintptr_t address);

/* Address of the module's function number `index`, from 0; 0 past the last. */
uintptr_t smt_module_function(const struct smt_module *module, size_t index);

#endif
