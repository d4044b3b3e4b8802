#include "wire/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum smt_status unix_parse(const char *path, struct smt_address *ret_address)
{
    struct smt_address address = {.size_bytes = sizeof address.socket.local};

    if (!*path) return smt_fail(SMT_EUSAGE, "unix: needs a path");
    if (strlen(path) >= sizeof address.socket.local.sun_path)
        return smt_fail(SMT_EUSAGE, "%s: a socket's path has at most %zu characters", path,
                        sizeof address.socket.local.sun_path - 1);
    address.socket.local.sun_family = AF_UNIX;
    strcpy(address.socket.local.sun_path, path);
    *ret_address = address;
    return SMT_OK;
}

/* Splits HOST:PORT or [HOST]:PORT. */
static bool host_split(const char *text, char *host, size_t room, uint64_t *ret_port)
{
    const char *colon = strrchr(text, ':');
    size_t size = colon ? (size_t)(colon - text) : 0;

    if (!colon || !smt_number_parse(colon + 1, ret_port) || *ret_port > 65535) return false;
    if (size >= 2 && text[0] == '[' && text[size - 1] == ']') {
        text++;
        size -= 2;
    }
    if (size == 0 || size >= room) return false;
    memcpy(host, text, size);
    host[size] = '\0';
    return true;
}

static enum smt_status ip_parse(const char *text, bool telnet, struct smt_address *ret_address)
{
    struct smt_address address = {.telnet = telnet};
    char host[64];
    uint64_t port;

    if (!host_split(text, host, sizeof host, &port))
        return smt_fail(SMT_EUSAGE, "%s: expected an address and a port, as 127.0.0.1:5000", text);
    if (strcmp(host, "localhost") == 0) strcpy(host, "127.0.0.1");
    if (inet_pton(AF_INET, host, &address.socket.ip4.sin_addr) == 1) {
        address.socket.ip4.sin_family = AF_INET;
        address.socket.ip4.sin_port = htons((uint16_t)port);
        address.size_bytes = sizeof address.socket.ip4;
        if (ntohl(address.socket.ip4.sin_addr.s_addr) >> 24 != 127) goto foreign;
    } else if (inet_pton(AF_INET6, host, &address.socket.ip6.sin6_addr) == 1) {
        address.socket.ip6.sin6_family = AF_INET6;
        address.socket.ip6.sin6_port = htons((uint16_t)port);
        address.size_bytes = sizeof address.socket.ip6;
        if (!IN6_IS_ADDR_LOOPBACK(&address.socket.ip6.sin6_addr)) goto foreign;
    } else {
        return smt_fail(SMT_EUSAGE, "%s: not a numeric address", host);
    }
    *ret_address = address;
    return SMT_OK;
foreign:
    return smt_fail(SMT_EUSAGE,
                    "%s: only loopback addresses are served; reach them from another "
                    "host through `ssh -L`",
                    host);
}

enum smt_status smt_address_parse(const char *text, struct smt_address *ret_address)
{
    if (strncmp(text, "unix:", 5) == 0) return unix_parse(text + 5, ret_address);
    if (strncmp(text, "tcp:", 4) == 0) return ip_parse(text + 4, false, ret_address);
    if (strncmp(text, "telnet:", 7) == 0) return ip_parse(text + 7, true, ret_address);
    if (strchr(text, '/')) return unix_parse(text, ret_address);
    return smt_fail(SMT_EUSAGE, "%s: expected unix:PATH, tcp:ADDRESS:PORT or telnet:ADDRESS:PORT",
                    text);
}

void smt_address_format(const struct smt_address *address, char *ret_text, size_t room)
{
    const char *scheme = address->telnet ? "telnet" : "tcp";
    char host[INET6_ADDRSTRLEN];

    if (address->socket.any.sa_family == AF_UNIX) {
        snprintf(ret_text, room, "unix:%s", address->socket.local.sun_path);
    } else if (address->socket.any.sa_family == AF_INET) {
        inet_ntop(AF_INET, &address->socket.ip4.sin_addr, host, sizeof host);
        snprintf(ret_text, room, "%s:%s:%u", scheme, host, ntohs(address->socket.ip4.sin_port));
    } else {
        inet_ntop(AF_INET6, &address->socket.ip6.sin6_addr, host, sizeof host);
        snprintf(ret_text, room, "%s:[%s]:%u", scheme, host, ntohs(address->socket.ip6.sin6_port));
    }
}

enum smt_status smt_address_default(struct smt_address *ret_address)
{
    const char *folder = getenv("XDG_RUNTIME_DIR");
    char path[4200];

    if (!folder || !*folder) folder = geteuid() == 0 ? "/run" : NULL;
    if (!folder)
        return smt_fail(SMT_ENOTFOUND, "XDG_RUNTIME_DIR is not set: name an address, as "
                                       "unix:/path/mtctl.sock");
    snprintf(path, sizeof path, "%.4000s/mtctl.sock", folder);
    return unix_parse(path, ret_address);
}
