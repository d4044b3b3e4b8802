/* Messages in which libosip2 meets nearly every header and SDP line it knows,
 * and hooks that count what it takes and can refuse it. */
#ifndef SMT_TESTS_PARSER_OSIP_FIXTURE_H
#define SMT_TESTS_PARSER_OSIP_FIXTURE_H

#include <stdlib.h>
#include <string.h>

#include "parser/parser.h"

#define SDP                                                                                        \
    "v=0\r\no=alice 2890844526 2890844527 IN IP4 pc33.atlanta.example\r\ns=Call\r\n"               \
    "i=information\r\nu=http://atlanta.example\r\ne=alice@atlanta.example\r\n"                     \
    "c=IN IP4 224.2.1.1/127/3\r\nb=AS:64\r\nt=0 0\r\nr=604800 3600 0 90000\r\n"                    \
    "z=2882844526 -1h\r\nk=clear:secret\r\na=recvonly\r\n"                                         \
    "m=audio 49170/2 RTP/AVP 0 8 97\r\ni=speech\r\nc=IN IP4 192.0.2.1\r\nb=CT:128\r\n"             \
    "a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\nm=video 51372 RTP/AVP 31\r\n"                 \
    "a=rtpmap:31 H261/90000\r\n"

#define PART(text) "--b1\r\nContent-Type: application/sdp\r\n\r\n" text

#define HEAD                                                                                       \
    "INVITE sip:bob:pw@biloxi.example:5070;transport=tcp;lr?subject=x&priority=urgent SIP/2.0\r\n" \
    "Via: SIP/2.0/TCP pc33.atlanta.example:5060;branch=z9hG4bK776asdhds;rport\r\n"                 \
    "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKnashds8\r\n"                                         \
    "Record-Route: <sip:p1.example;lr>\r\nRoute: <sip:p2.example;lr>\r\n"                          \
    "Max-Forwards: 70\r\nTo: Bob <sip:bob@biloxi.example>\r\n"                                     \
    "From: \"Alice A.\" <sip:alice@atlanta.example;user=phone>;tag=1928301774\r\n"                 \
    "Call-ID: a84b4c76e66710@pc33.atlanta.example\r\nCSeq: 314159 INVITE\r\n"                      \
    "Contact: <sip:alice@pc33.atlanta.example>;expires=60\r\n"                                     \
    "Authorization: Digest username=\"alice\", realm=\"atlanta\", nonce=\"84a4cc6f\", "            \
    "uri=\"sip:bob@biloxi.example\", response=\"7587245234b3434cc3412213e5f113a5\", "              \
    "algorithm=MD5, cnonce=\"0a4f113b\", opaque=\"5ccc\", qop=auth, nc=00000001\r\n"               \
    "Proxy-Authorization: Digest username=\"alice\", realm=\"p\", nonce=\"1\", uri=\"sip:p\", "    \
    "response=\"7587245234b3434cc3412213e5f113a5\"\r\n"                                            \
    "WWW-Authenticate: Digest realm=\"a\", nonce=\"n\", opaque=\"o\", stale=FALSE, "               \
    "algorithm=MD5, qop=\"auth\"\r\n"                                                              \
    "Authentication-Info: nextnonce=\"47364c23\", qop=auth, cnonce=\"c\", nc=00000001\r\n"         \
    "Accept: application/sdp;level=1\r\nAccept-Encoding: gzip;q=1.0\r\n"                           \
    "Accept-Language: en;q=0.8\r\nAlert-Info: <http://a.example/s.wav>\r\n"                        \
    "Allow: INVITE, ACK\r\nCall-Info: <http://a.example/p.jpg>;purpose=icon\r\n"                   \
    "Error-Info: <sip:e@a.example>\r\nSubject: one\r\nX-Same: a\r\nX-Same: b\r\n"

#define MULTIPART_BODY                                                                             \
    PART(SDP)                                                                                      \
    "\r\n" PART(SDP) "\r\n--b1\r\nContent-Type: text/plain\r\nContent-ID: <x@y>\r\n\r\nhello\r\n"  \
                     "--b1--\r\n"

static struct smt_buffer rich;   /* two SDP parts and a text */
static struct smt_buffer single; /* one SDP body */

static void messages_build(void)
{
    smt_buffer_addf(&rich,
                    HEAD "MIME-Version: 1.0\r\nContent-Type: multipart/mixed;boundary=b1\r\n"
                         "Content-Length: %zu\r\n\r\n%s",
                    sizeof(MULTIPART_BODY) - 1, MULTIPART_BODY);
    smt_buffer_addf(&single, HEAD "Content-Type: Application/SDP\r\nContent-Length: %zu\r\n\r\n%s",
                    sizeof(SDP) - 1, SDP);
}

/* ---- hooks that count, and refuse one allocation ---- */

static long live_blocks, requests, refuse_at;
static bool refuse_later; /* not only that one */

static bool refused(void)
{
    requests++;
    return refuse_at && (refuse_later ? requests >= refuse_at : requests == refuse_at);
}

static void *count_malloc(size_t size)
{
    void *block = refused() ? NULL : malloc(size);

    if (block) {
        memset(block, 0xA5, size); /* malloc promises nothing */
        live_blocks++;
    }
    return block;
}

static void *count_calloc(size_t count, size_t size)
{
    void *block = refused() ? NULL : calloc(count, size);

    if (block) live_blocks++;
    return block;
}

static void *count_realloc(void *block, size_t size)
{
    void *moved = refused() ? NULL : realloc(block, size);

    if (moved && !block) live_blocks++;
    return moved;
}

static void count_free(void *block)
{
    if (block) live_blocks--;
    free(block);
}

static const struct smt_parser_hooks hooks = {count_malloc, count_calloc, count_realloc,
                                              count_free};

#endif
