#include <stdio.h>

#include "wire/binrpc.h"

enum record_type {
    RECORD_INTEGER = 0,
    RECORD_STRING = 1,
    RECORD_DOUBLE = 2,
    RECORD_STRUCT = 3,
    RECORD_ARRAY = 4,
    RECORD_NAME = 5,
    RECORD_BYTES = 6,
};

struct reader {
    const uint8_t *at, *end;
};

struct record {
    unsigned type;
    bool closes;
    const uint8_t *value;
    size_t size;
};

static uint64_t big_endian(const uint8_t *bytes, size_t size)
{
    uint64_t number = 0;

    while (size-- > 0) number = number << 8 | *bytes++;
    return number;
}

enum smt_wire_progress smt_binrpc_header(const void *bytes, size_t size_bytes,
                                         struct smt_binrpc_header *ret_header)
{
    const uint8_t *at = bytes;
    size_t length_bytes, cookie_bytes;
    unsigned kind;

    if (size_bytes >= 1 && at[0] != SMT_BINRPC_MAGIC) return SMT_WIRE_BAD;
    if (size_bytes < 2) return SMT_WIRE_MORE;
    kind = at[1] >> 4;
    if (kind != SMT_BINRPC_REQUEST && kind != SMT_BINRPC_REPLY && kind != SMT_BINRPC_FAULT)
        return SMT_WIRE_BAD;
    length_bytes = (size_t)(at[1] >> 2 & 3) + 1;
    cookie_bytes = (size_t)(at[1] & 3) + 1;
    if (size_bytes < 2 + length_bytes) return SMT_WIRE_MORE;
    ret_header->payload_bytes = big_endian(at + 2, length_bytes);
    /* Said before all of it has come: nobody needs to wait for 4 GB. */
    if (kind == SMT_BINRPC_REQUEST && ret_header->payload_bytes > SMT_BINRPC_PAYLOAD_MAX)
        return SMT_WIRE_BAD;
    if (size_bytes < 2 + length_bytes + cookie_bytes) return SMT_WIRE_MORE;
    ret_header->kind = kind;
    ret_header->cookie = (uint32_t)big_endian(at + 2 + length_bytes, cookie_bytes);
    ret_header->header_bytes = 2 + length_bytes + cookie_bytes;
    return SMT_WIRE_DONE;
}

static bool record_is_text(unsigned type)
{
    return type == RECORD_STRING || type == RECORD_NAME || type == RECORD_BYTES;
}

static bool record_read(struct reader *reader, struct record *ret_record)
{
    struct record record = {0};
    unsigned first, size;

    if (reader->at == reader->end) return false;
    first = *reader->at++;
    size = first >> 4 & 7;
    record.type = first & 15;
    if (record.type > RECORD_BYTES) return false;
    if (first & 0x80) {
        record.closes = size == 0;
        if (record.closes) {
            *ret_record = record;
            return record.type == RECORD_STRUCT || record.type == RECORD_ARRAY;
        }
        if ((size_t)(reader->end - reader->at) < size) return false;
        record.size = big_endian(reader->at, size);
        reader->at += size;
    } else {
        record.size = size;
    }
    if ((size_t)(reader->end - reader->at) < record.size) return false;
    record.value = reader->at;
    reader->at += record.size;
    *ret_record = record;
    return true;
}

/* Text without the zero byte that its length counts. */
static bool text_add(struct smt_wire_items *items, const struct record *record)
{
    size_t size = record->size;
    enum smt_wire_type type = record->type == RECORD_NAME ? SMT_WIRE_NAME : SMT_WIRE_STRING;

    if (record->type != RECORD_BYTES && size) {
        if (record->value[size - 1] != '\0') return false;
        size--;
    }
    if (type == SMT_WIRE_NAME) /* blanks only line up kamcmd's columns */
        while (size && record->value[size - 1] == ' ') size--;
    smt_wire_add_bytes(items, type, record->value, size);
    return true;
}

static int64_t signed_value(const struct record *record)
{
    uint64_t number = big_endian(record->value, record->size);

    /* 0x10 0xFF is 255, not -1: only a full word carries a sign. */
    return record->size == 4 && record->type == RECORD_INTEGER ? (int32_t)number : (int64_t)number;
}

static bool value_add(struct smt_wire_items *items, const struct record *record)
{
    if (record_is_text(record->type)) return text_add(items, record);
    if (record->type == RECORD_INTEGER && record->size <= 4)
        smt_wire_add_integer(items, signed_value(record));
    else if (record->type == RECORD_DOUBLE && record->size <= 8)
        smt_wire_add_double(items, (double)signed_value(record) / 1000.0);
    else
        return false;
    return true;
}

/* Keeps track of what is open, and that a struct holds name and value pairs. */
struct nesting {
    unsigned depth;
    unsigned types[SMT_WIRE_DEPTH_MAX];
    bool named[SMT_WIRE_DEPTH_MAX]; /* a name waits for its value */
};

static bool nesting_accepts(struct nesting *nesting, const struct record *record)
{
    unsigned top = nesting->depth - 1;
    bool in_struct = nesting->depth && nesting->types[top] == RECORD_STRUCT;

    if (record->closes) {
        if (!nesting->depth || nesting->types[top] != record->type) return false;
        return !nesting->named[top];
    }
    if (!in_struct) return record->type != RECORD_NAME;
    if (nesting->named[top] == (record->type == RECORD_NAME)) return false;
    nesting->named[top] = record->type == RECORD_NAME;
    return true;
}

static bool record_add(struct smt_wire_items *items, struct nesting *nesting,
                       const struct record *record)
{
    bool is_struct = record->type == RECORD_STRUCT;

    if (!nesting_accepts(nesting, record)) return false;
    if (!is_struct && record->type != RECORD_ARRAY) return value_add(items, record);
    if (record->closes) {
        nesting->depth--;
        smt_wire_add_mark(items, is_struct ? SMT_WIRE_STRUCT_END : SMT_WIRE_ARRAY_END);
        return true;
    }
    if (record->size || nesting->depth == SMT_WIRE_DEPTH_MAX) return false;
    nesting->types[nesting->depth] = record->type;
    nesting->named[nesting->depth++] = false;
    smt_wire_add_mark(items, is_struct ? SMT_WIRE_STRUCT : SMT_WIRE_ARRAY);
    return true;
}

static bool records_read(struct reader *reader, struct smt_wire_items *items)
{
    struct nesting nesting = {0};

    while (reader->at < reader->end) {
        struct record record;

        if (!record_read(reader, &record) || !record_add(items, &nesting, &record)) return false;
    }
    return nesting.depth == 0 && !items->failed;
}

bool smt_binrpc_decode_request(const void *payload, size_t size_bytes,
                               struct smt_wire_request *request)
{
    const uint8_t *bytes = payload;
    struct reader reader = {bytes, bytes + size_bytes};
    struct record method;

    smt_wire_request_empty(request);
    if (!record_read(&reader, &method) || method.type != RECORD_STRING || method.size < 2)
        return false;
    if (method.value[method.size - 1] != '\0') return false;
    smt_buffer_add(&request->method, method.value, method.size - 1);
    return !request->method.failed && records_read(&reader, &request->arguments);
}

bool smt_binrpc_decode_reply(const struct smt_binrpc_header *header, const void *payload,
                             struct smt_wire_reply *reply)
{
    const uint8_t *bytes = payload;
    struct reader reader = {bytes, bytes + header->payload_bytes};
    const struct smt_wire_item *item;

    smt_wire_reply_empty(reply);
    if (!records_read(&reader, &reply->results)) return false;
    if (header->kind == SMT_BINRPC_REPLY) return true;
    item = reply->results.items;
    if (header->kind != SMT_BINRPC_FAULT || reply->results.count < 2 ||
        item[0].type != SMT_WIRE_INTEGER || item[1].type != SMT_WIRE_STRING || !item[0].integer)
        return false;
    reply->code = (int)item[0].integer;
    snprintf(reply->fault, sizeof reply->fault, "%s", smt_wire_text(&reply->results, &item[1]));
    smt_wire_items_empty(&reply->results);
    return true;
}
