#include "heap/symbol_table.h"

#include <stdlib.h>
#include <string.h>

void smt_symbol_table_clear(struct smt_symbol_table *table)
{
    free(table->symbols);
    *table = (struct smt_symbol_table){0};
}

static unsigned binding_rank(unsigned binding)
{
    if (binding == STB_GLOBAL || binding == STB_GNU_UNIQUE) return 0;
    return binding == STB_WEAK ? 1 : 2;
}

/* Room for one more. */
static bool table_reserve(struct smt_symbol_table *table)
{
    size_t capacity = table->capacity ? table->capacity * 2 : 256;
    struct smt_symbol *symbols;

    if (table->failed) return false;
    if (table->count < table->capacity) return true;
    symbols = reallocarray(table->symbols, capacity, sizeof *symbols);
    if (!symbols) {
        smt_symbol_table_clear(table);
        table->failed = true;
        return false;
    }
    table->symbols = symbols;
    table->capacity = capacity;
    return true;
}

void smt_symbol_table_add(struct smt_symbol_table *table, const GElf_Sym *symbol, uintptr_t address,
                          const char *name)
{
    unsigned type = GELF_ST_TYPE(symbol->st_info);

    if (type != STT_FUNC && type != STT_GNU_IFUNC) return;
    if (symbol->st_shndx == SHN_UNDEF || !symbol->st_size || !name || !*name) return;
    if (!table_reserve(table)) return;
    table->symbols[table->count++] = (struct smt_symbol){
        .start = address,
        .end = address + symbol->st_size,
        .name = name,
        .rank = binding_rank(GELF_ST_BIND(symbol->st_info)),
    };
}

static int by_start_and_rank(const void *left, const void *right)
{
    const struct smt_symbol *a = left, *b = right;
    size_t a_length, b_length;

    if (a->start != b->start) return a->start < b->start ? -1 : 1;
    if (a->rank != b->rank) return a->rank < b->rank ? -1 : 1;
    a_length = strlen(a->name);
    b_length = strlen(b->name);
    if (a_length != b_length) return a_length < b_length ? -1 : 1;
    return strcmp(a->name, b->name);
}

void smt_symbol_table_sort(struct smt_symbol_table *table)
{
    uintptr_t reach = 0;

    if (table->count)
        qsort(table->symbols, table->count, sizeof *table->symbols, by_start_and_rank);
    for (size_t i = 0; i < table->count; i++) {
        if (table->symbols[i].end > reach) reach = table->symbols[i].end;
        table->symbols[i].reach = reach;
    }
}

/* How many symbols start at or below the address. */
static size_t table_upto(const struct smt_symbol_table *table, uintptr_t address)
{
    size_t low = 0, high = table->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (table->symbols[middle].start <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct smt_symbol *smt_symbol_table_find(const struct smt_symbol_table *table,
                                               uintptr_t address)
{
    const struct smt_symbol *found = NULL;

    for (size_t i = table_upto(table, address); i > 0; i--) {
        const struct smt_symbol *symbol = &table->symbols[i - 1];

        if (symbol->reach <= address || (found && symbol->start != found->start)) break;
        if (address < symbol->end) found = symbol;
    }
    return found;
}

const struct smt_symbol *smt_symbol_table_below(const struct smt_symbol_table *table,
                                                uintptr_t address)
{
    const struct smt_symbol *below;
    size_t count = table_upto(table, address);

    if (!count) return NULL;
    below = &table->symbols[count - 1];
    while (below > table->symbols && below[-1].start == below->start) below--;
    return below;
}
