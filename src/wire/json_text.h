/* wire/json_text.h - inside wire/: pieces of JSON text both halves write. */
#ifndef SMT_WIRE_JSON_TEXT_H
#define SMT_WIRE_JSON_TEXT_H

#include "wire/items.h"

void smt_json_add_string(struct smt_buffer *buffer, const char *text, size_t size_bytes);

/* `"result":...` or `"error":{...}`, without braces around. */
void smt_json_add_body(struct smt_buffer *buffer, const struct smt_wire_reply *reply);

#endif
