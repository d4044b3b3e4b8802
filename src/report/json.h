/* report/json.h - inside report/: a finding as the JSON contract has it. */
#ifndef SMT_REPORT_JSON_H
#define SMT_REPORT_JSON_H

#include <jansson.h>

#include "sweep/sweep.h"

/* The caller owns the reference. NULL when out of memory. */
json_t *json_finding(const struct smt_finding *finding);

#endif
