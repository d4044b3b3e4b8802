/* heap/symbol.h - what an address is called: function, file, line.
 *
 * For the parent, after the run: a child made by fork() has everything at the
 * same addresses. Reads ELF and DWARF files through libdw and allocates; never
 * call it from a hook or a signal handler, and from one thread at a time. Debug
 * information is looked for on this machine only, never on a network.
 *
 * Naming. Stripped libraries keep only the symbols they export, and the nearest
 * of those below an address is often not the function the address is in. So a
 * function has a symbol's name only if the address lies inside
 * [value, value + size). Any other is named by its place after the nearest
 * exported function below it, counted in frame descriptions, which stripping
 * keeps:
 *
 *     osip_via_parse      0x1b2e0, 0x180 bytes, exported
 *     osip_via_parse~1    0x1b460, not exported
 *     osip_via_parse~2    0x1b520, not exported
 *     osip_via_free       0x1b600, exported
 *
 * "libx.so~3" is the third function of a module that exports none below it;
 * "~0" is past the end of the exported function but before the next start.
 * Several symbols at one address: global before weak before local, then the
 * shortest, then the lowest in byte order. */
#ifndef SMT_HEAP_SYMBOL_H
#define SMT_HEAP_SYMBOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is known of an address; NULL or 0 when unknown. All text belongs to the
 * cache until smt_symbol_clear(). */
struct smt_frame {
    const char *module;   /* file name as loaded, "libosipparser2.so.15"; "?" outside all */
    uint64_t offset;      /* of the address itself, as addr2line takes it; outside: the address */
    const char *function; /* the best name there is; NULL outside all modules */
    const char *identity; /* the name for signatures: in a library what it exports and ~k alone,
                             so that installing debug symbols alters no signature */
    const char *file;     /* as the compiler was told */
    int line;
};

/* Names an address. A return address (exact_pc false) is looked up one byte
 * lower, where the call is: the call may be its function's last instruction. */
void smt_symbol_frame(uintptr_t address, bool exact_pc, struct smt_frame *ret_frame);

/* Forgets everything: all text given out is gone. */
void smt_symbol_clear(void);

/* The module's build-id in hexadecimal; false when it has none, or no module. */
bool smt_symbol_build_id(uintptr_t address, char *ret_text, size_t size_bytes);

/* File name as loaded and path with links resolved; either may be NULL. False
 * outside all modules. The text lives until the next module is loaded. */
bool smt_symbol_module(uintptr_t address, const char **ret_file, const char **ret_path);

#endif
