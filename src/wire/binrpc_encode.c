#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "wire/binrpc.h"

#define NAME_WIDTH 13

enum { TYPE_INTEGER, TYPE_STRING, TYPE_DOUBLE, TYPE_STRUCT, TYPE_ARRAY, TYPE_NAME };

static unsigned bytes_needed(uint64_t number)
{
    unsigned count = 0;

    for (; number; number >>= 8) count++;
    return count;
}

static void big_endian_add(struct smt_buffer *buffer, uint64_t number, unsigned count)
{
    while (count-- > 0) {
        uint8_t byte = (uint8_t)(number >> (8 * count));

        smt_buffer_add(buffer, &byte, 1);
    }
}

static void byte_add(struct smt_buffer *buffer, unsigned byte)
{
    big_endian_add(buffer, byte, 1);
}

/* A text record of `size` bytes and a closing zero. */
static void text_add(struct smt_buffer *buffer, unsigned type, const char *text, size_t size)
{
    if (size + 1 < 8) {
        byte_add(buffer, (unsigned)(size + 1) << 4 | type);
    } else {
        unsigned count = bytes_needed(size + 1);

        byte_add(buffer, 0x80 | count << 4 | type);
        big_endian_add(buffer, size + 1, count);
    }
    smt_buffer_add(buffer, text, size);
    byte_add(buffer, 0);
}

static void name_add(struct smt_buffer *buffer, const char *name, size_t size)
{
    char padded[NAME_WIDTH];

    if (size < NAME_WIDTH) {
        memset(padded, ' ', NAME_WIDTH);
        memcpy(padded, name, size);
        name = padded;
        size = NAME_WIDTH;
    }
    text_add(buffer, TYPE_NAME, name, size);
}

static void integer_add(struct smt_buffer *buffer, int64_t integer)
{
    char digits[24];
    uint32_t word;
    unsigned count;

    if (integer > INT32_MAX || integer < INT32_MIN) {
        int size = snprintf(digits, sizeof digits, "%" PRId64, integer);

        text_add(buffer, TYPE_STRING, digits, (size_t)size);
        return;
    }
    word = (uint32_t)(int32_t)integer;
    count = bytes_needed(word);
    byte_add(buffer, count << 4 | TYPE_INTEGER);
    big_endian_add(buffer, word, count);
}

/* The nearest whole number; what does not fit is cut off, and no number is 0. */
static int64_t whole(double number)
{
    if (isnan(number)) return 0;
    if (number >= 0x1p63) return INT64_MAX;
    if (number < -0x1p63) return INT64_MIN;
    return (int64_t)number;
}

/* Thousandths. Eight value bytes do not fit three bits of size. */
static void double_add(struct smt_buffer *buffer, double number)
{
    int64_t thousandths = whole(number * 1000.0 + (number < 0 ? -0.5 : 0.5));
    unsigned count = bytes_needed((uint64_t)thousandths);

    if (count < 8) {
        byte_add(buffer, count << 4 | TYPE_DOUBLE);
    } else {
        byte_add(buffer, 0x80 | 1 << 4 | TYPE_DOUBLE);
        byte_add(buffer, 8);
    }
    big_endian_add(buffer, (uint64_t)thousandths, count);
}

static void item_add(struct smt_buffer *buffer, const struct smt_wire_items *items,
                     const struct smt_wire_item *item)
{
    switch (item->type) {
    case SMT_WIRE_INTEGER:
        integer_add(buffer, item->integer);
        break;
    case SMT_WIRE_DOUBLE:
        double_add(buffer, item->number);
        break;
    case SMT_WIRE_STRING:
        text_add(buffer, TYPE_STRING, smt_wire_text(items, item), item->text_size);
        break;
    case SMT_WIRE_NAME:
        name_add(buffer, smt_wire_text(items, item), item->text_size);
        break;
    case SMT_WIRE_STRUCT:
        byte_add(buffer, TYPE_STRUCT);
        break;
    case SMT_WIRE_STRUCT_END:
        byte_add(buffer, 0x80 | TYPE_STRUCT);
        break;
    case SMT_WIRE_ARRAY:
        byte_add(buffer, TYPE_ARRAY);
        break;
    case SMT_WIRE_ARRAY_END:
        byte_add(buffer, 0x80 | TYPE_ARRAY);
        break;
    }
}

static void packet_add(struct smt_buffer *buffer, enum smt_binrpc_kind kind, uint32_t cookie,
                       const struct smt_buffer *payload)
{
    unsigned length_bytes = bytes_needed(payload->size);

    if (!length_bytes) length_bytes = 1;
    if (payload->failed) buffer->failed = true;
    byte_add(buffer, SMT_BINRPC_MAGIC);
    byte_add(buffer, (unsigned)kind << 4 | (length_bytes - 1) << 2 | 3);
    big_endian_add(buffer, payload->size, length_bytes);
    big_endian_add(buffer, cookie, 4);
    smt_buffer_add(buffer, payload->data ? payload->data : "", payload->size);
}

static void items_add(struct smt_buffer *buffer, const struct smt_wire_items *items)
{
    if (items->failed) buffer->failed = true;
    for (size_t i = 0; i < items->count; i++) item_add(buffer, items, &items->items[i]);
}

void smt_binrpc_encode_request(struct smt_buffer *buffer, uint32_t cookie,
                               const struct smt_wire_request *request)
{
    struct smt_buffer payload;

    smt_buffer_init(&payload);
    text_add(&payload, TYPE_STRING, request->method.data, request->method.size);
    items_add(&payload, &request->arguments);
    packet_add(buffer, SMT_BINRPC_REQUEST, cookie, &payload);
    smt_buffer_clear(&payload);
}

void smt_binrpc_encode_reply(struct smt_buffer *buffer, uint32_t cookie,
                             const struct smt_wire_reply *reply)
{
    struct smt_buffer payload;

    smt_buffer_init(&payload);
    if (reply->code) {
        integer_add(&payload, reply->code);
        text_add(&payload, TYPE_STRING, reply->fault, strlen(reply->fault));
    } else {
        items_add(&payload, &reply->results);
    }
    packet_add(buffer, reply->code ? SMT_BINRPC_FAULT : SMT_BINRPC_REPLY, cookie, &payload);
    smt_buffer_clear(&payload);
}
