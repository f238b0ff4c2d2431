/* The service proxy: listens on the ClusterIP of each Service and hands connections to its ready pods, as kube-proxy
 * would. A Service without a ready pod refuses connections. One thread; TCP and IPv4 only. */
#ifndef SIMNODE_PROXY_H
#define SIMNODE_PROXY_H

#include "base/error.h"
#include "kube/cache.h"

struct proxy;

struct proxy_options {
	struct kube_cache *services;
	struct kube_cache *pods;
	const char *api_host; /* what the Service "kubernetes" in namespace "default" stands for */
	const char *api_port;
};

/* Starts the thread. Everything is borrowed. */
struct proxy *proxy_start(const struct proxy_options *options, struct error **err);
/* Any thread: services or pods have changed. */
void proxy_wake(struct proxy *proxy);
void proxy_free(struct proxy *proxy);

#endif
