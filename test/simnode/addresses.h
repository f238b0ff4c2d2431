/* The addresses of pods: each its own in a network of the loopback interface, 127.64.0.0/16 or one of those behind it,
 * where any of them can be listened on without further ado. Any thread. */
#ifndef SIMNODE_ADDRESSES_H
#define SIMNODE_ADDRESSES_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum { ADDRESS_COUNT = 1 << 16, ADDRESS_NETWORKS = 16 };

struct addresses {
	pthread_mutex_t lock;
	unsigned network;
	uint8_t taken[ADDRESS_COUNT / 8];
	uint32_t last; /* handed out; the next is looked for behind it, so that none is soon used again */
};

/* `network` is 0 to ADDRESS_NETWORKS - 1. */
void addresses_init(struct addresses *addresses, unsigned network);
/* Takes `address` out of the pool, as a pod's status shows it in use; false when it is none of ours, or taken. */
bool addresses_claim(struct addresses *addresses, const char *address);
/* A free address; NULL when there is none. The caller frees it. */
char *addresses_take(struct addresses *addresses);
void addresses_release(struct addresses *addresses, const char *address);

/* The address that stands for "localhost" of the pod or node at `address`: 64 networks behind it, and nobody else's.
 * The caller frees it; NULL when `address` is no IPv4 address. */
char *address_localhost(const char *address);

#endif
