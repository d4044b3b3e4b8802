/* wire/wire.h - front door of wire/: the protocols mtctl speaks. Encoding and
 * decoding only, apart from the client, which owns a socket. */
#ifndef SMT_WIRE_WIRE_H
#define SMT_WIRE_WIRE_H

#include "wire/address.h"
#include "wire/binrpc.h"
#include "wire/client.h"
#include "wire/frame.h"
#include "wire/items.h"
#include "wire/json.h"
#include "wire/text.h"

#endif
