/* wire/client.h - the client's end: one command after the other, waiting for
 * each answer. Speaks JSON-RPC, whose integers have 64 bits. */
#ifndef SMT_WIRE_CLIENT_H
#define SMT_WIRE_CLIENT_H

#include "wire/address.h"
#include "wire/items.h"

struct smt_wire_client {
    int fd;
    char name[160]; /* the server's address */
    uint64_t last_id;
    struct smt_buffer received; /* not yet used */
};

SMT_MUST_USE enum smt_status smt_wire_client_open(struct smt_wire_client *client,
                                                  const struct smt_address *address);
void smt_wire_client_close(struct smt_wire_client *client);

/* SMT_EIO: the connection ended or the answer is malformed. An unknown command
 * reads as it does without a server. */
SMT_MUST_USE enum smt_status smt_wire_client_call(struct smt_wire_client *client,
                                                  const struct smt_wire_request *request,
                                                  struct smt_wire_reply *reply);

#endif
