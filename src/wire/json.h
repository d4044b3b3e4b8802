/* wire/json.h - JSON-RPC 2.0 (https://www.jsonrpc.org/specification).
 *
 * A message is one request or a batch. Results: none is null, one is itself,
 * several (or a reply marked `list`) are an array. A command's fault keeps its
 * code; the codes below are the specification's. Numbers keep 64 bits. */
#ifndef SMT_WIRE_JSON_H
#define SMT_WIRE_JSON_H

#include <jansson.h>

#include "wire/items.h"

#define SMT_JSON_PARSE_ERROR      (-32700)
#define SMT_JSON_INVALID_REQUEST  (-32600)
#define SMT_JSON_METHOD_NOT_FOUND (-32601)
#define SMT_JSON_INTERNAL_ERROR   (-32603)

/* One message being worked off, request by request. */
struct smt_json_message {
    json_t *root;
    struct smt_json_memory *memory; /* of root */
    bool batch;
    size_t next;          /* index of the next request */
    bool answered;        /* something was written for this message */
    struct smt_buffer id; /* of the current request, as JSON; empty: wants no answer */
};

/* Parses the text of one message. A failure is answered into `buffer`; then the
 * message has no requests. */
void smt_json_open(struct smt_json_message *message, const void *text, size_t size_bytes,
                   struct smt_buffer *buffer);
void smt_json_clear(struct smt_json_message *message);

enum smt_json_step {
    SMT_JSON_END, /* no request is left */
    SMT_JSON_REQUEST,
    SMT_JSON_ANSWERED, /* it was malformed, which is answered into `buffer` */
};

/* The next request of the message. */
enum smt_json_step smt_json_next(struct smt_json_message *message, struct smt_wire_request *request,
                                 struct smt_buffer *buffer);

/* Writes the answer to the current request, nothing if none is wanted. */
void smt_json_answer(struct smt_json_message *message, const struct smt_wire_reply *reply,
                     struct smt_buffer *buffer);

/* Ends a batch's array. Nothing was written at all if all were notifications. */
void smt_json_finish(struct smt_json_message *message, struct smt_buffer *buffer);

/* Results or fault alone: {"result":...} or {"error":{...}}. */
void smt_json_add_reply(struct smt_buffer *buffer, const struct smt_wire_reply *reply);

/* For a client: one line without its end. */
void smt_json_encode_request(struct smt_buffer *buffer, uint64_t id,
                             const struct smt_wire_request *request);
SMT_MUST_USE enum smt_status smt_json_decode_reply(const void *text, size_t size_bytes,
                                                   struct smt_wire_reply *reply);

#endif
