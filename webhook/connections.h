/* The open connections of the server, and the sweeper that cuts off those that take too long.
 *
 * libmicrohttpd's own timeout starts anew with every byte, so a client that sends one byte a second holds a connection
 * for ever. Here every phase of a request has a deadline of its own; a connection that misses it has its socket shut
 * down, upon which libmicrohttpd closes it. */
#ifndef AGKEEPER_WEBHOOK_CONNECTIONS_H
#define AGKEEPER_WEBHOOK_CONNECTIONS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum connection_phase {
	PHASE_OPENING,   /* handshake and first request line */
	PHASE_IDLE,      /* between requests */
	PHASE_RECEIVING, /* a request's body */
	PHASE_WORKING,   /* the answer is being made: our own time, not the client's */
	PHASE_SENDING    /* the client takes the answer */
};

/* What every connection starts with: the user's struct has it as first member. */
struct connection_base {
	struct connection_base *next;
	struct connection_base *previous;
	int fd;
	_Atomic enum connection_phase phase;
	_Atomic int64_t deadline_ns; /* when its phase must be over; 0: no limit */
	_Atomic int64_t since_ns;    /* when its phase began */
	_Atomic uint32_t round;      /* counts the idle phases */
	/* The sweeper's own: */
	uint32_t seen_round; /* the idle phase that seen_bytes belongs to */
	uint64_t seen_bytes; /* received by the kernel when the idle phase was first seen */
	bool cut;
};

struct connections_config {
	int64_t request_timeout_ms;
	int64_t idle_timeout_ms;
	/* Called (on the sweeper's thread) before a connection is cut off. */
	void (*on_cut)(void *context, enum connection_phase phase);
	void *context;
};

struct connections {
	struct connections_config config;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct connection_base *first;
	size_t count;
	bool draining;
	bool stopping;
	int64_t tick_ns;
	_Atomic int64_t last_sweep_ns;
	atomic_bool stuck; /* some answer has been in the making for very long */
	pthread_t sweeper;
};

void connections_start(struct connections *connections, const struct connections_config *config);
/* All connections must be gone. */
void connections_stop(struct connections *connections);

void connections_add(struct connections *connections, struct connection_base *connection, int fd);
/* Before the socket is closed: the sweeper never touches a descriptor that may be somebody else's by now. */
void connections_remove(struct connections *connections, struct connection_base *connection);
void connection_enter(struct connections *connections, struct connection_base *connection, enum connection_phase phase);

/* From now on connections are closed as soon as they are idle. Returns when none is left, or at the deadline. */
void connections_drain(struct connections *connections, int64_t deadline_ms);

/* Whether the sweeper runs and no answer has been in the making for suspiciously long. */
bool connections_are_alive(const struct connections *connections);

#endif
