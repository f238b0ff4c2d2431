#include "webhook/connections.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"
#include "base/memory.h"

#define NS_PER_MS 1000000LL

/* An answer takes microseconds, one that waits for the API seconds. Beyond this a thread hangs. */
static const int64_t stuck_after_ns = 60000 * NS_PER_MS;

static int64_t timeout_of(const struct connections *connections, enum connection_phase phase) {
	switch (phase) {
	case PHASE_IDLE: return connections->config.idle_timeout_ms * NS_PER_MS;
	case PHASE_WORKING: return 0;
	case PHASE_OPENING:
	case PHASE_RECEIVING:
	case PHASE_SENDING: break;
	}
	return connections->config.request_timeout_ms * NS_PER_MS;
}

void connection_enter(struct connections *connections, struct connection_base *connection,
                      enum connection_phase phase) {
	int64_t now = clock_monotonic_ns();
	int64_t timeout = timeout_of(connections, phase);
	if (phase == PHASE_IDLE) atomic_fetch_add(&connection->round, 1);
	atomic_store(&connection->since_ns, now);
	atomic_store(&connection->deadline_ns, timeout != 0 ? now + timeout : 0);
	atomic_store(&connection->phase, phase);
}

void connections_add(struct connections *connections, struct connection_base *connection, int fd) {
	connection->fd = fd;
	connection_enter(connections, connection, PHASE_OPENING);
	pthread_mutex_lock(&connections->lock);
	connection->next = connections->first;
	if (connections->first != NULL) connections->first->previous = connection;
	connections->first = connection;
	connections->count++;
	pthread_mutex_unlock(&connections->lock);
}

void connections_remove(struct connections *connections, struct connection_base *connection) {
	pthread_mutex_lock(&connections->lock);
	if (connection->next != NULL) connection->next->previous = connection->previous;
	if (connection->previous != NULL) connection->previous->next = connection->next;
	else connections->first = connection->next;
	if (--connections->count == 0) pthread_cond_broadcast(&connections->changed);
	pthread_mutex_unlock(&connections->lock);
}

static uint64_t bytes_received(int fd) {
	struct tcp_info info = { 0 };
	socklen_t length = sizeof(info);
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0) return 0;
	return info.tcpi_bytes_received;
}

/* A connection counts as idle until a request's headers are complete, so the first bytes of the next request do not
 * show in its phase. They show in the kernel's count: from then on the request's time runs. */
static void watch_idle(const struct connections *connections, struct connection_base *connection, int64_t now) {
	uint32_t round = atomic_load(&connection->round);
	uint64_t bytes = bytes_received(connection->fd);
	if (connection->seen_round != round) {
		connection->seen_round = round;
		connection->seen_bytes = bytes;
		return;
	}
	if (bytes == connection->seen_bytes) return;
	int64_t deadline = atomic_load(&connection->deadline_ns);
	int64_t sooner = now + connections->config.request_timeout_ms * NS_PER_MS;
	/* Loses to a thread that sees the request complete at this very moment, as it should. */
	if (deadline > sooner && round == atomic_load(&connection->round)) {
		atomic_compare_exchange_strong(&connection->deadline_ns, &deadline, sooner);
	}
}

static bool has_unread(int fd) {
	int unread = 0;
	return ioctl(fd, FIONREAD, &unread) == 0 && unread > 0;
}

static void sweep_one(const struct connections *connections, struct connection_base *connection, int64_t now) {
	enum connection_phase phase = atomic_load(&connection->phase);
	int64_t deadline = atomic_load(&connection->deadline_ns);
	if (phase == PHASE_IDLE) {
		watch_idle(connections, connection, now);
		/* Idle for a whole tick: a request that was on its way has had time to arrive. */
		if (connections->draining && now - atomic_load(&connection->since_ns) > connections->tick_ns &&
		    !has_unread(connection->fd)) {
			shutdown(connection->fd, SHUT_RDWR);
			return;
		}
	}
	if (deadline == 0 || now < deadline || connection->cut) return;
	connection->cut = true;
	connections->config.on_cut(connections->config.context, phase);
	shutdown(connection->fd, SHUT_RDWR);
}

static void sweep(struct connections *connections) {
	int64_t now = clock_monotonic_ns();
	bool stuck = false;
	for (struct connection_base *c = connections->first; c != NULL; c = c->next) {
		sweep_one(connections, c, now);
		stuck |= atomic_load(&c->phase) == PHASE_WORKING && now - atomic_load(&c->since_ns) > stuck_after_ns;
	}
	atomic_store(&connections->stuck, stuck);
	atomic_store(&connections->last_sweep_ns, now);
}

static struct timespec timespec_of(int64_t ns) {
	return (struct timespec){ .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };
}

static void *run_sweeper(void *argument) {
	struct connections *connections = argument;
	pthread_mutex_lock(&connections->lock);
	while (!connections->stopping) {
		sweep(connections);
		struct timespec next = timespec_of(clock_monotonic_ns() + connections->tick_ns);
		pthread_cond_timedwait(&connections->changed, &connections->lock, &next);
	}
	pthread_mutex_unlock(&connections->lock);
	return NULL;
}

void connections_start(struct connections *connections, const struct connections_config *config) {
	*connections = (struct connections){ .config = *config };
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&connections->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	pthread_mutex_init(&connections->lock, NULL);
	/* Deadlines are kept within a tenth, without waking up more often than anybody needs. */
	int64_t tick_ms = config->request_timeout_ms / 10;
	connections->tick_ns = (tick_ms < 5 ? 5 : tick_ms > 500 ? 500 : tick_ms) * NS_PER_MS;
	connections->last_sweep_ns = clock_monotonic_ns();
	if (pthread_create(&connections->sweeper, NULL, run_sweeper, connections) != 0) abort();
}

void connections_stop(struct connections *connections) {
	pthread_mutex_lock(&connections->lock);
	connections->stopping = true;
	pthread_cond_broadcast(&connections->changed);
	pthread_mutex_unlock(&connections->lock);
	pthread_join(connections->sweeper, NULL);
	pthread_cond_destroy(&connections->changed);
	pthread_mutex_destroy(&connections->lock);
}

void connections_drain(struct connections *connections, int64_t deadline_ms) {
	struct timespec deadline = timespec_of(clock_monotonic_ns() + deadline_ms * NS_PER_MS);
	pthread_mutex_lock(&connections->lock);
	connections->draining = true;
	pthread_cond_broadcast(&connections->changed);
	while (connections->count != 0 &&
	       pthread_cond_timedwait(&connections->changed, &connections->lock, &deadline) == 0) {
	}
	pthread_mutex_unlock(&connections->lock);
}

bool connections_are_alive(const struct connections *connections) {
	int64_t silence = clock_monotonic_ns() - atomic_load(&connections->last_sweep_ns);
	return !atomic_load(&connections->stuck) && silence < 20 * connections->tick_ns + 5000 * NS_PER_MS;
}
