/* BINRPC: requests as a server gets them, and the same bytes as an answer that
 * a client gets. What was decoded must survive being encoded again. */
#include "wire_feed.h"

static void decode_packet(const struct smt_buffer *packet, struct smt_wire_request *ret_request)
{
    struct smt_binrpc_header header;

    must_hold(!packet->failed, "encoding works");
    must_hold(smt_binrpc_header(packet->data, packet->size, &header) == SMT_WIRE_DONE &&
                  header.kind == SMT_BINRPC_REQUEST && header.cookie == 0xCAFE &&
                  header.header_bytes + header.payload_bytes == packet->size,
              "an encoded packet's header is its own");
    must_hold(smt_binrpc_decode_request(packet->data + header.header_bytes, header.payload_bytes,
                                        ret_request),
              "an encoded request can be decoded");
}

static void request_take(const char *message, size_t size_bytes)
{
    struct smt_wire_request request = {0}, again = {0};
    struct smt_binrpc_header header;
    struct smt_buffer packet;

    smt_buffer_init(&packet);
    must_hold(smt_binrpc_header(message, size_bytes, &header) == SMT_WIRE_DONE,
              "a packet that was found has a header");
    if (smt_binrpc_decode_request(message + header.header_bytes, header.payload_bytes, &request)) {
        smt_binrpc_encode_request(&packet, 0xCAFE, &request);
        /* Padded names make it longer than what may be sent, which is fine. */
        if (packet.size <= SMT_BINRPC_PAYLOAD_MAX) {
            decode_packet(&packet, &again);
            must_hold(request_same(&request, &again), "a request survives being encoded");
        }
    }
    smt_buffer_clear(&packet);
    smt_wire_request_clear(&request);
    smt_wire_request_clear(&again);
}

static void reply_take(const uint8_t *bytes, size_t size_bytes)
{
    struct smt_binrpc_header header;
    struct smt_wire_reply reply = {0}, again = {0};
    struct smt_buffer packet;

    if (smt_binrpc_header(bytes, size_bytes, &header) != SMT_WIRE_DONE) return;
    if (size_bytes - header.header_bytes < header.payload_bytes) return;
    smt_buffer_init(&packet);
    if (smt_binrpc_decode_reply(&header, bytes + header.header_bytes, &reply)) {
        smt_binrpc_encode_reply(&packet, header.cookie, &reply);
        must_hold(smt_binrpc_header(packet.data, packet.size, &header) == SMT_WIRE_DONE &&
                      smt_binrpc_decode_reply(&header, packet.data + header.header_bytes, &again),
                  "an encoded reply can be decoded");
        must_hold(reply.code == again.code && strcmp(reply.fault, again.fault) == 0 &&
                      items_same(&reply.results, &again.results),
                  "a reply survives being encoded");
        smt_buffer_empty(&packet);
        smt_text_encode_reply(&packet, &reply, "\n");
        smt_json_add_reply(&packet, &reply);
    }
    smt_buffer_clear(&packet);
    smt_wire_reply_clear(&reply);
    smt_wire_reply_clear(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
    wire_feed_all(bytes, size_bytes, SMT_PROTOCOL_BINRPC, request_take);
    reply_take(bytes, size_bytes);
    return 0;
}
