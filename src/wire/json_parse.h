/* wire/json_parse.h - inside wire/: Jansson's parser, with memory that may be
 * refused. */
#ifndef SMT_WIRE_JSON_PARSE_H
#define SMT_WIRE_JSON_PARSE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct smt_json_memory;

/* NULL: that is no JSON, or memory was refused, which *ret_refused tells. The
 * value lives in *memory, which is NULL before, until that is freed; it is not
 * changed and not released by json_decref(). */
json_t *smt_json_parse(const void *text, size_t size_bytes, size_t flags,
                       struct smt_json_memory **memory, bool *ret_refused);

void smt_json_memory_free(struct smt_json_memory *memory);

#endif
