/* Two messages that have something of everything. */
#ifndef MUTATE_MESSAGES_H
#define MUTATE_MESSAGES_H

#include <stddef.h>
#include <stdint.h>

static const char sdp_message[] =
    "INVITE sip:bob@b.example;transport=udp SIP/2.0\r\n"
    "Via: SIP/2.0/UDP a.example:5060;branch=z9hG4bK1;rport\r\n"
    "v: SIP/2.0/TCP b.example\r\n ;branch=z9hG4bK2\r\n"
    "From: \"A\" <sip:alice@a.example>;tag=1\r\n"
    "To: Bob <sip:bob@b.example?Subject=x>\r\n"
    "Call-ID: 1@a.example\r\n"
    "CSeq: 7 INVITE\r\n"
    "Allow: INVITE, ACK, BYE\r\n"
    "Content-Type: application/sdp\r\n"
    "Content-Length: 70\r\n"
    "\r\n"
    "v=0\r\no=- 1 1 IN IP4 a.example\r\ns=-\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8\r\n";

static const char multipart_message[] =
    "SIP/2.0 200 OK\r\n"
    "Via: SIP/2.0/TLS c.example;branch=z9hG4bK3\r\n"
    "Max-Forwards: 70\r\n"
    "Contact: <sips:c@[2001:db8::1]:5061;lr>;q=0.5\r\n"
    "Content-Type: multipart/mixed;boundary=\"b1\"\r\n"
    "Content-Length: 99\r\n"
    "\r\n"
    "--b1\r\nContent-Type: text/plain\r\n\r\none\r\n--b1\r\n\r\ntwo\r\n--b1\r\nX: "
    "1\r\n\r\n\r\n--b1--\r\n";

struct text {
    const uint8_t *data;
    size_t size;
};

static struct text text_of(const char *data, size_t size)
{
    return (struct text){(const uint8_t *)data, size};
}

#define SDP_MESSAGE       text_of(sdp_message, sizeof sdp_message - 1)
#define MULTIPART_MESSAGE text_of(multipart_message, sizeof multipart_message - 1)

#endif
