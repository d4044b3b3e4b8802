/* wire/items.h - arguments and results, whatever protocol carries them.
 *
 * A flat list in the order it is written or read: integers, doubles, strings,
 * and structs and arrays as a pair of items around their members; a struct's
 * member is a NAME item and then its value. Strings live in one buffer. A
 * failed allocation sticks in `failed`: who builds a list checks once. */
#ifndef SMT_WIRE_ITEMS_H
#define SMT_WIRE_ITEMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"

#define SMT_WIRE_DEPTH_MAX 32 /* structs and arrays inside each other */

enum smt_wire_type {
    SMT_WIRE_INTEGER,
    SMT_WIRE_DOUBLE,
    SMT_WIRE_STRING,
    SMT_WIRE_NAME,
    SMT_WIRE_STRUCT,
    SMT_WIRE_STRUCT_END,
    SMT_WIRE_ARRAY,
    SMT_WIRE_ARRAY_END,
};

struct smt_wire_item {
    enum smt_wire_type type;
    int64_t integer;
    double number;
    size_t text_at, text_size; /* in `text`, where a zero byte follows */
};

struct smt_wire_items {
    struct smt_wire_item *items;
    size_t count, capacity;
    struct smt_buffer text;
    bool failed;
};

/* All zero is a valid, empty list. */
void smt_wire_items_clear(struct smt_wire_items *items);
void smt_wire_items_empty(struct smt_wire_items *items); /* keeps the memory */

void smt_wire_add_integer(struct smt_wire_items *items, int64_t integer);
void smt_wire_add_double(struct smt_wire_items *items, double number);
void smt_wire_add_string(struct smt_wire_items *items, const char *text);
void smt_wire_add_bytes(struct smt_wire_items *items, enum smt_wire_type type, const void *bytes,
                        size_t size_bytes); /* STRING or NAME */
void smt_wire_add_name(struct smt_wire_items *items, const char *name);
void smt_wire_add_mark(struct smt_wire_items *items, enum smt_wire_type type); /* begin or end */

/* Text of a STRING or NAME; valid until the list changes. */
const char *smt_wire_text(const struct smt_wire_items *items, const struct smt_wire_item *item);

/* One request: method and arguments. */
struct smt_wire_request {
    struct smt_buffer method;
    struct smt_wire_items arguments;
    bool named; /* arguments are name and value pairs (JSON-RPC by name) */
};

/* One answer: a fault when code is not 0, results otherwise. */
struct smt_wire_reply {
    int code;
    char fault[256];
    bool list; /* results are a list even when there is only one */
    struct smt_wire_items results;
};

void smt_wire_request_clear(struct smt_wire_request *request);
void smt_wire_request_empty(struct smt_wire_request *request);
void smt_wire_reply_clear(struct smt_wire_reply *reply);
void smt_wire_reply_empty(struct smt_wire_reply *reply);

/* Makes it a fault; results are dropped. */
void smt_wire_fault(struct smt_wire_reply *reply, int code, const char *format, ...)
    SMT_PRINTF(3, 4);

#endif
