/* Inside of the client: for the sources of this folder only. */
#ifndef AGKEEPER_KUBE_CLIENT_PRIVATE_H
#define AGKEEPER_KUBE_CLIENT_PRIVATE_H

#include <curl/curl.h>
#include <pthread.h>

#include "base/metrics.h"
#include "kube/client.h"
#include "kube/token.h"

/* Idle handles are kept with their open connections: about as many as threads make requests at once. */
enum { CLIENT_IDLE_HANDLES = 8 };

struct discovered;

struct kube_client {
	struct kube_config *config;
	struct token_source token;
	char *url_base;                /* the server's URL, with the host that its certificate must name */
	struct curl_slist *connect_to; /* where that host is, when it is another than the server's; NULL */
	struct metric *requests;       /* NULL: nobody counts them */
	bool no_proxy;                 /* the server is on this machine: no proxy, whatever the environment says */

	pthread_mutex_t lock; /* of what follows */
	CURL *idle[CLIENT_IDLE_HANDLES];
	size_t idle_count;
	struct discovered *discovered;
};

/* Sets a handle up for a connection to the server: everything but the request itself (transport.c). */
void transport_set_up(const struct kube_client *client, CURL *easy);
/* Fills url_base, connect_to and no_proxy in from the settings. */
int transport_resolve(struct kube_client *client, struct error **err);

void client_forget_discovered(struct kube_client *client);

#endif
