/* heap/symbol_file.h - names of addresses in other processes.
 *
 * heap/symbol.h names this process's own addresses; here the modules of another
 * one are told, which may have ended or unloaded them by now, and their files are
 * read. A function is named only if the address lies inside its symbol's size.
 * Debug information is looked for on this machine only. One thread. */
#ifndef SMT_HEAP_SYMBOL_FILE_H
#define SMT_HEAP_SYMBOL_FILE_H

#include <stdint.h>

struct smt_symbol_files;

/* What is known of an address; NULL or 0 when unknown. Text lives as long as the
 * files. */
struct smt_symbol_place {
    const char *module;   /* path as loaded; NULL outside all */
    uint64_t offset;      /* in the module, as addr2line takes it */
    const char *function; /* NULL: none has this address */
    uint64_t from_start;  /* of the function, and its size */
    uint64_t size;
    const char *file;
    int line;
};

/* NULL without memory. */
struct smt_symbol_files *smt_symbol_files_new(void);
void smt_symbol_files_free(struct smt_symbol_files *files); /* accepts NULL */

/* [from, to) is of this file, loaded with this bias. `root` goes in front of the
 * path where such a file is there: "/proc/N/root". Of overlapping modules the
 * one added first counts. */
void smt_symbol_files_add(struct smt_symbol_files *files, uintptr_t from, uintptr_t to,
                          uintptr_t bias, const char *path, const char *root);

/* Names a return address: the call before it. */
void smt_symbol_files_place(struct smt_symbol_files *files, uintptr_t address,
                            struct smt_symbol_place *ret_place);

#endif
