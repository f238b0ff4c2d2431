/* Listen addresses as the command line has them: "ADDR:PORT". */
#ifndef AGKEEPER_WEBHOOK_ADDRESS_H
#define AGKEEPER_WEBHOOK_ADDRESS_H

#include "base/error.h"

/* Opens a listening socket on `address`, split at the last colon, so that IPv6 addresses need no brackets (but may have
 * them); an empty host means all addresses, IPv6 and IPv4. Port 0 takes any free one. Returns the socket, or -1. */
int address_listen(const char *address, int backlog, struct error **err);

/* The port that `socket` listens on. */
int address_port(int socket);

#endif
