#include "wire/items.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void smt_wire_items_clear(struct smt_wire_items *items)
{
    free(items->items);
    smt_buffer_clear(&items->text);
    *items = (struct smt_wire_items){0};
}

void smt_wire_items_empty(struct smt_wire_items *items)
{
    items->count = 0;
    items->failed = false;
    smt_buffer_empty(&items->text);
}

static void items_add(struct smt_wire_items *items, struct smt_wire_item item)
{
    if (items->failed) return;
    if (items->count == items->capacity) {
        size_t capacity = items->capacity ? items->capacity * 2 : 16;
        struct smt_wire_item *grown = reallocarray(items->items, capacity, sizeof *grown);

        if (!grown) {
            items->failed = true;
            return;
        }
        items->items = grown;
        items->capacity = capacity;
    }
    items->items[items->count++] = item;
}

void smt_wire_add_integer(struct smt_wire_items *items, int64_t integer)
{
    items_add(items, (struct smt_wire_item){.type = SMT_WIRE_INTEGER, .integer = integer});
}

void smt_wire_add_double(struct smt_wire_items *items, double number)
{
    items_add(items, (struct smt_wire_item){.type = SMT_WIRE_DOUBLE, .number = number});
}

void smt_wire_add_bytes(struct smt_wire_items *items, enum smt_wire_type type, const void *bytes,
                        size_t size_bytes)
{
    struct smt_wire_item item = {
        .type = type, .text_at = items->text.size, .text_size = size_bytes};

    smt_buffer_add(&items->text, bytes, size_bytes);
    smt_buffer_add(&items->text, "", 1);
    if (items->text.failed) items->failed = true;
    items_add(items, item);
}

void smt_wire_add_string(struct smt_wire_items *items, const char *text)
{
    smt_wire_add_bytes(items, SMT_WIRE_STRING, text, strlen(text));
}

void smt_wire_add_name(struct smt_wire_items *items, const char *name)
{
    smt_wire_add_bytes(items, SMT_WIRE_NAME, name, strlen(name));
}

void smt_wire_add_mark(struct smt_wire_items *items, enum smt_wire_type type)
{
    items_add(items, (struct smt_wire_item){.type = type});
}

const char *smt_wire_text(const struct smt_wire_items *items, const struct smt_wire_item *item)
{
    return items->text.data + item->text_at;
}

void smt_wire_request_clear(struct smt_wire_request *request)
{
    smt_buffer_clear(&request->method);
    smt_wire_items_clear(&request->arguments);
    *request = (struct smt_wire_request){0};
}

void smt_wire_request_empty(struct smt_wire_request *request)
{
    smt_buffer_empty(&request->method);
    smt_wire_items_empty(&request->arguments);
    request->named = false;
}

void smt_wire_reply_clear(struct smt_wire_reply *reply)
{
    smt_wire_items_clear(&reply->results);
    *reply = (struct smt_wire_reply){0};
}

void smt_wire_reply_empty(struct smt_wire_reply *reply)
{
    reply->code = 0;
    reply->fault[0] = '\0';
    reply->list = false;
    smt_wire_items_empty(&reply->results);
}

void smt_wire_fault(struct smt_wire_reply *reply, int code, const char *format, ...)
{
    va_list args;

    smt_wire_items_empty(&reply->results);
    reply->code = code;
    va_start(args, format);
    vsnprintf(reply->fault, sizeof reply->fault, format, args);
    va_end(args);
    /* What a client sent may be quoted in it, and goes to a terminal. */
    for (char *at = reply->fault; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7f) *at = '?';
}
