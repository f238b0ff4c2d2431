/* What the sources of connections share: connection.c (the course of things), opening.c (until there is a session) and
 * running.c (requests). */
#ifndef TDS_CONNECTION_PRIVATE_H
#define TDS_CONNECTION_PRIVATE_H

#include "sqlserver/session.h"
#include "sqlserver/tds/channel.h"
#include "sqlserver/tds/connection.h"
#include "sqlserver/tds/prelogin.h"
#include "sqlserver/tds/prepared.h"
#include "sqlserver/tds/request.h"
#include "sqlserver/tds/response.h"

struct tds_connection {
	const struct tds_service *service;
	enum { STATE_PRELOGIN, STATE_HANDSHAKE, STATE_LOGIN, STATE_IDLE, STATE_RUNNING, STATE_OVER } state;
	enum tds_encryption encryption;
	struct tds_channel channel;
	struct tds_message message;
	struct tds_response response;
	struct sim_session *session;
	struct tds_prepared prepared;
	uint64_t last_transaction; /* descriptors are numbers of our own */
	bool stepped;              /* the running request has been stepped at least once */

	/* The running request. */
	enum { RUNNING_BATCH, RUNNING_CALL, RUNNING_TRANSACTION } running;
	struct tds_call call;
	struct tds_plan plan;
	struct tds_transaction transaction;
};

/* Sends the tokens there are; unless `is_end` the response goes on. */
int tds_send_tokens(struct tds_connection *connection, bool is_end, struct error **err);
/* A message of the server's own, in the session's name. */
void tds_report(struct tds_connection *connection, struct sim_message message);

/* The message that has come, as the state wants it. */
int tds_on_prelogin(struct tds_connection *connection, struct error **err);
int tds_on_handshake(struct tds_connection *connection, struct error **err);
int tds_on_login(struct tds_connection *connection, struct error **err);

/* Starts the request that has come, or answers it at once. */
int tds_begin_request(struct tds_connection *connection, struct error **err);
/* Ends the response of the one that has finished. */
int tds_end_request(struct tds_connection *connection, struct error **err);
/* The client's attention to the one that runs. */
int tds_cancel_request(struct tds_connection *connection, struct error **err);
void tds_forget_request(struct tds_connection *connection);

#endif
