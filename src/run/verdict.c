#include "run/verdict.h"

#include <string.h>

const struct smt_verdict_row smt_verdicts[SMT_VERDICT_COUNT] = {
#define VERDICT_ROW(id, name, sign, defect, text) [SMT_VERDICT_##id] = {name, sign, defect, text},
    SMT_VERDICT_LIST(VERDICT_ROW)
#undef VERDICT_ROW
};

enum smt_verdict smt_verdict_naming(uint32_t set)
{
    return set ? (enum smt_verdict)__builtin_ctz(set) : SMT_VERDICT_COUNT;
}

enum smt_verdict smt_verdict_find(const char *name)
{
    for (unsigned i = 0; i < SMT_VERDICT_COUNT; i++)
        if (strcmp(smt_verdicts[i].name, name) == 0) return (enum smt_verdict)i;
    return SMT_VERDICT_COUNT;
}

uint32_t smt_verdict_defects(uint32_t set)
{
    uint32_t defects = 0;

    for (unsigned i = 0; i < SMT_VERDICT_COUNT; i++)
        if (smt_verdicts[i].is_defect) defects |= set & (1u << i);
    return defects;
}
