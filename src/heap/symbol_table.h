/* heap/symbol_table.h - function symbols of one module, sorted; used by
 * heap/symbol.c alone. Names are borrowed from the ELF file they were read
 * from. An allocation that failed sticks in `failed`, and the table is then
 * empty. */
#ifndef SMT_HEAP_SYMBOL_TABLE_H
#define SMT_HEAP_SYMBOL_TABLE_H

#include <gelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct smt_symbol {
    uintptr_t start, end; /* addresses, not offsets */
    uintptr_t reach;      /* the largest `end` up to here: where a search may stop */
    const char *name;
    unsigned rank; /* of symbols with one start, the lowest is the one to name */
};

struct smt_symbol_table {
    struct smt_symbol *symbols;
    size_t count, capacity;
    bool failed;
};

void smt_symbol_table_clear(struct smt_symbol_table *table);

/* Adds a symbol at an address if it is a defined function with a size. */
void smt_symbol_table_add(struct smt_symbol_table *table, const GElf_Sym *symbol, uintptr_t address,
                          const char *name);

/* Makes the table ready for look-ups. */
void smt_symbol_table_sort(struct smt_symbol_table *table);

/* The innermost symbol that has the address, or NULL. */
const struct smt_symbol *smt_symbol_table_find(const struct smt_symbol_table *table,
                                               uintptr_t address);

/* The symbol with the highest start not above the address, or NULL. */
const struct smt_symbol *smt_symbol_table_below(const struct smt_symbol_table *table,
                                                uintptr_t address);

#endif
