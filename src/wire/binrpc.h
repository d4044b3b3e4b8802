/* wire/binrpc.h - BINRPC, version 1: what Kamailio's kamcmd speaks.
 *
 *   packet  [0xA1][kind 4 | LL 2 | CL 2][payload length, LL+1][cookie, CL+1]
 *           [record]...
 *   record  [S 1 | size 3 | type 4][length, `size` bytes, if S][value]
 *
 *   S 0: `size` bytes of value. S 1: `size` bytes that say how long the value
 *   is; S 1 and size 0 ends a struct or an array. All numbers big endian.
 *
 * Integers have at most 4 bytes: one beyond 31 bits is sent as a string of its
 * digits. Names of members are padded with blanks to 13 characters, which is
 * what lines up kamcmd's columns. Decoding allocates only what it returns. */
#ifndef SMT_WIRE_BINRPC_H
#define SMT_WIRE_BINRPC_H

#include "wire/items.h"

#define SMT_BINRPC_MAGIC       0xA1
#define SMT_BINRPC_PAYLOAD_MAX 65535 /* of a request; more is hostile */

enum smt_binrpc_kind { SMT_BINRPC_REQUEST = 0, SMT_BINRPC_REPLY = 1, SMT_BINRPC_FAULT = 3 };

struct smt_binrpc_header {
    enum smt_binrpc_kind kind;
    uint32_t cookie;
    size_t header_bytes, payload_bytes;
};

enum smt_wire_progress {
    SMT_WIRE_MORE, /* the bytes so far are fine, but not all */
    SMT_WIRE_DONE,
    SMT_WIRE_BAD, /* no such thing can follow from these bytes */
};

enum smt_wire_progress smt_binrpc_header(const void *bytes, size_t size_bytes,
                                         struct smt_binrpc_header *ret_header);

/* Payloads of one whole packet. False: malformed (or out of memory, which
 * `failed` of the list tells). */
bool smt_binrpc_decode_request(const void *payload, size_t size_bytes,
                               struct smt_wire_request *request);
bool smt_binrpc_decode_reply(const struct smt_binrpc_header *header, const void *payload,
                             struct smt_wire_reply *reply);

void smt_binrpc_encode_request(struct smt_buffer *buffer, uint32_t cookie,
                               const struct smt_wire_request *request);
void smt_binrpc_encode_reply(struct smt_buffer *buffer, uint32_t cookie,
                             const struct smt_wire_reply *reply);

#endif
