/* fuzz/framing.h - where a message's body lies, by the bytes alone (RFC 3261 18.3:
 * what Content-Length says, or all that is left of a datagram).
 *
 * Judges only what cannot be read in two ways: lines that end in CRLF, no NUL, no
 * folding of Content-Length, one such header at most, digits. */
#ifndef SMT_FUZZ_FRAMING_H
#define SMT_FUZZ_FRAMING_H

#include <stdbool.h>
#include <stddef.h>

struct fuzz_framing {
    size_t body_offset, body_bytes;
    size_t rest_bytes; /* behind the header section, all of it */
    bool says_more;    /* Content-Length exceeds rest_bytes; body_bytes is rest_bytes */
    bool is_multipart; /* the parser cuts the body up */
    bool has_type;     /* there is a Content-Type, with a value */
    bool has_length;   /* there is a Content-Length */
};

/* False: no opinion. */
bool fuzz_framing_read(const char *data, size_t size_bytes, struct fuzz_framing *ret_framing);

#endif
