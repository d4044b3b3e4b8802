/* The tables. */
#include "mutate/operation.h"

#define OPERATION(name, weight, needs, function, summary) {name, summary, weight, needs, function},

const struct smt_mutation smt_mutations[] = {
#include "mutate/operations.inc"
    {0}};

#undef OPERATION
#define FIXUP(name, weight, needs, function, summary) {name, summary, weight, needs, function},

const struct smt_mutation smt_mutation_fixups[] = {
#include "mutate/operations.inc"
    {0}};

const struct smt_mutation *smt_mutation_find(const char *name)
{
    for (const struct smt_mutation *row = smt_mutations; row->name; row++)
        if (strcmp(row->name, name) == 0) return row;
    return NULL;
}
