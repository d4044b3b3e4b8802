/* report/json_value.h - JSON values of what results hold, for the formats built
 * on JSON. Each returns a new reference, NULL when out of memory. */
#ifndef SMT_REPORT_JSON_VALUE_H
#define SMT_REPORT_JSON_VALUE_H

#include <jansson.h>

#include "report/inside.h"

/* A string of the buffer's text; clears the buffer. */
json_t *smt_report_value_take(struct smt_buffer *text);

/* A string of bytes as they are, and of text that is escaped already. */
json_t *smt_report_value_bytes(const char *bytes);
json_t *smt_report_value_text(const char *escaped);

json_t *smt_report_value_number(uint64_t number);

#endif
