/* The clients of the server: their sockets, each with a connection (tds/connection.h). */
#ifndef TDS_CLIENTS_H
#define TDS_CLIENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "sqlserver/tds/connection.h"
#include "sqlserver/tds/loop.h"

enum {
	MOST_CLIENTS = 4096,         /* further ones wait to be accepted */
	LOGIN_TIMEOUT_MS = 30 * 1000 /* on the wall; who has not logged in by then is cut off */
};

struct client;
struct clients {
	struct loop *loop;
	const struct tds_service *service;
	struct listener {
		struct watcher watcher; /* first; fd -1: does not listen */
		struct clients *clients;
		bool is_local; /* of whoever is on the server's own machine: no fault of the network concerns them */
	} listeners[2];
	bool is_cut; /* others get no answer, and are not heard */
	struct client *first;
	size_t count;
};

void clients_init(struct clients *clients, struct loop *loop, const struct tds_service *service);
/* `localhost` is listened on too; NULL: nowhere else. */
int clients_listen(struct clients *clients, const char *ip, const char *localhost, int port, struct error **err);
bool clients_listens(const struct clients *clients);
/* Cuts off all who have not come through `localhost`, as a network does: without a word. */
void clients_cut(struct clients *clients, bool cut);
/* Steps all connections until none has anything to do. True when anything has happened. */
bool clients_step(struct clients *clients);
/* Sends what there is to be sent, closes and frees what is over. Between rounds of the loop. */
void clients_flush(struct clients *clients);
/* The earliest time, in the instance's, when one of them must be stepped. */
int64_t clients_deadline(const struct clients *clients);
void clients_close(struct clients *clients);

#endif
