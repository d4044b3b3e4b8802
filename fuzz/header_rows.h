/* fuzz/header_rows.h - headers that libosip2 has a parser for: X(name, functions).
 * For the target, and for who makes its seeds. */
#ifndef SMT_FUZZ_HEADER_ROWS_H
#define SMT_FUZZ_HEADER_ROWS_H

#define FUZZ_HEADER_FIRST 'A' /* the first byte of an input that means the first row */

#define FUZZ_HEADER_LIST(X)                                                                        \
    X("From", osip_from)                                                                           \
    X("Contact", osip_contact)                                                                     \
    X("Via", osip_via)                                                                             \
    X("Call-ID", osip_call_id)                                                                     \
    X("CSeq", osip_cseq)                                                                           \
    X("Content-Type", osip_content_type)                                                           \
    X("Content-Length", osip_content_length)                                                       \
    X("Authorization", osip_authorization)                                                         \
    X("WWW-Authenticate", osip_www_authenticate)                                                   \
    X("Authentication-Info", osip_authentication_info)                                             \
    X("Accept-Encoding", osip_accept_encoding)                                                     \
    X("Call-Info", osip_call_info)                                                                 \
    X("Content-Disposition", osip_content_disposition)

#endif
