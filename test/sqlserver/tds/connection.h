/* One client's connection, without its socket: bytes go in, bytes come out, and in between is a session.
 *
 * It never blocks and has no threads: while its session waits, whoever runs it steps it again when something has
 * happened. */
#ifndef TDS_CONNECTION_H
#define TDS_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/strbuf.h"
#include "sqlserver/instance.h"
#include "sqlserver/tds/tls.h"

/* What connections have in common; must outlive them. */
struct tds_service {
	struct sim_instance *instance;
	struct tds_tls_server *tls; /* NULL: no encryption */
	bool force_encryption;      /* mssql.conf network.forceencryption */
};

struct tds_connection;
struct tds_connection *tds_connection_new(const struct tds_service *service);
/* Closes the session. NULL is fine. */
void tds_connection_free(struct tds_connection *connection);

/* Bytes from the client. Fails when they are not TDS or the handshake failed: send what is left of the output, then
 * close. */
int tds_connection_receive(struct tds_connection *connection, const void *bytes, size_t length, struct error **err);
/* False while there is too much to do: leave further bytes in the socket. */
bool tds_connection_wants_input(const struct tds_connection *connection);

/* Steps its session if that waits, and goes on to the next request. True when something has happened by it that may
 * concern other sessions. */
bool tds_connection_step(struct tds_connection *connection);
/* When it must be stepped again even if nothing happens, in the instance's time; INT64_MAX: never. */
int64_t tds_connection_deadline(const struct tds_connection *connection);

/* What is to be sent: whoever sends it removes it from the front. */
struct strbuf *tds_connection_output(struct tds_connection *connection);
bool tds_connection_is_logged_in(const struct tds_connection *connection);
/* Nothing more will come of it: close when its output has been sent. */
bool tds_connection_is_over(const struct tds_connection *connection);

#endif
