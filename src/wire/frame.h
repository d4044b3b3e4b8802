/* wire/frame.h - where one message ends and the next begins in a stream.
 *
 *   first byte 0xA1       BINRPC
 *   { or [                JSON, a message being one whole value or one line
 *   a digit               netstring with JSON inside: 12:............,
 *   anything else         text lines
 *
 * Only requests: an answer where a request belongs is BAD. Blank space before the first byte is
 * skipped. A finder remembers how far it has looked, so that a message that comes byte by byte
 * costs no more than one that comes at once. */
#ifndef SMT_WIRE_FRAME_H
#define SMT_WIRE_FRAME_H

#include "wire/binrpc.h"
#include "wire/items.h"

#define SMT_FRAME_MAX 1048576 /* bytes of one JSON or text message */

enum smt_protocol {
    SMT_PROTOCOL_UNKNOWN,
    SMT_PROTOCOL_BINRPC,
    SMT_PROTOCOL_JSON,
    SMT_PROTOCOL_NETSTRING,
    SMT_PROTOCOL_TEXT,
};

struct smt_frame_finder {
    enum smt_protocol protocol;
    size_t seen;    /* bytes of the unfinished message looked at */
    unsigned depth; /* JSON: open braces and brackets */
    bool in_string, after_backslash;
};

struct smt_wire_frame {
    size_t skip;  /* bytes to drop before the message */
    size_t begin; /* message's content, counted from the start of the input */
    size_t size;
    size_t end; /* what to consume, framing included */
};

/* Looks for the next message in the `size_bytes` not yet consumed. MORE: drop
 * `skip`, come again with more. DONE: the message is there. BAD: oversized or
 * not this protocol; nothing after it can be trusted. */
enum smt_wire_progress smt_frame_find(struct smt_frame_finder *finder, const void *bytes,
                                      size_t size_bytes, struct smt_wire_frame *ret_frame);

#endif
