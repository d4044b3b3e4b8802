/* wire/address.h - where a server listens, as typed:
 *   unix:PATH   tcp:127.0.0.1:PORT   tcp:[::1]:PORT   telnet:127.0.0.1:PORT
 * A bare path is unix:. Only loopback addresses exist here: another host comes
 * in through a tunnel. */
#ifndef SMT_WIRE_ADDRESS_H
#define SMT_WIRE_ADDRESS_H

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/base.h"

struct smt_address {
    bool telnet; /* the server speaks first, to a person */
    socklen_t size_bytes;
    union {
        struct sockaddr any;
        struct sockaddr_un local;
        struct sockaddr_in ip4;
        struct sockaddr_in6 ip6;
    } socket;
};

/* SMT_EUSAGE: no such form, no loopback address, path too long. */
SMT_MUST_USE enum smt_status smt_address_parse(const char *text, struct smt_address *ret_address);

/* As typed above; a caller's buffer of at least 160 bytes. */
void smt_address_format(const struct smt_address *address, char *ret_text, size_t room);

/* unix: in $XDG_RUNTIME_DIR, or /run for root. SMT_ENOTFOUND without either. */
SMT_MUST_USE enum smt_status smt_address_default(struct smt_address *ret_address);

#endif
