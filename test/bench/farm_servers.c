#include "bench/farm_servers.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "controller/engine/timers.h"
#include "sqlserver/instance.h"
#include "sqlserver/settings.h"
#include "sqlserver/tds/clients.h"
#include "sqlserver/tds/loop.h"

enum { BUCKETS = 8192, SQL_PORT = 1433 };

struct farm_server {
	struct watcher inner; /* first: its own loop's epoll, in the one of all */
	struct farm_server *next_in_bucket, *next_ready;
	struct farm_servers *farm;
	char *pod, *uid, *ip;
	bool is_ready, is_frozen;
	struct work work; /* its timer */
	struct sim_disk *disk;
	struct sim_instance *instance; /* NULL: it does not run */
	struct loop loop;
	struct tds_service service;
	struct clients clients;
};

struct message {
	struct message *next;
	char *to; /* a pod */
	int port;
	size_t length;
	unsigned char bytes[];
};

enum order_type { START, KILL, FREEZE };
struct order {
	struct order *next;
	enum order_type type;
	char *pod, *uid, *ip, *password;
	int nth;
};

struct farm_servers {
	struct loop loop;
	struct watcher wake;
	struct sim_settings settings;
	struct tds_tls_server *tls; /* of all: making a key for each would take longer than the bench */
	int64_t started_ns;
	int nth_frozen;
	struct farm_server *buckets[BUCKETS];
	struct farm_server *ready, **ready_end;
	struct message *messages, **messages_end;
	struct timers timers;
	pthread_mutex_t mutex; /* of what follows */
	struct order *orders, **orders_end;
	struct farm_counts counts;
};

/* ---- Names ---- */

static struct farm_server **bucket_of(struct farm_servers *farm, const char *pod) {
	uint32_t digest = 2166136261U;
	for (const char *at = pod; *at != '\0'; at++) digest = (digest ^ (unsigned char)*at) * 16777619U;
	return &farm->buckets[digest % BUCKETS];
}

static struct farm_server *find(struct farm_servers *farm, const char *pod) {
	struct farm_server *server = *bucket_of(farm, pod);
	while (server != NULL && strcmp(server->pod, pod) != 0) server = server->next_in_bucket;
	return server;
}

/* Pods are called GROUP-NUMBER-REPLICA. */
bool farm_is_frozen(const char *pod, int nth) {
	const char *number = strchr(pod, '-');
	return nth > 0 && number != NULL && atoi(number + 1) % nth == 0;
}

/* ---- The instances' host ---- */

static int64_t host_now(void *context) {
	const struct farm_server *server = context;
	return (clock_monotonic_ns() - server->farm->started_ns) / 1000;
}

static int64_t host_wall(void *context) {
	(void)context;
	return clock_wall_us();
}

/* The first label of the host is the pod's name, and all are in one namespace. */
static void host_send(void *context, const char *host, int port, const void *bytes, size_t length) {
	struct farm_servers *farm = ((struct farm_server *)context)->farm;
	struct message *message = xmalloc(sizeof(*message) + length);
	*message = (struct message){ .to = xstrndup(host, strcspn(host, ".")), .port = port, .length = length };
	memcpy(message->bytes, bytes, length);
	*farm->messages_end = message;
	farm->messages_end = &message->next;
}

static void make_ready(struct farm_server *server) {
	struct farm_servers *farm = server->farm;
	if (server->is_ready) return;
	server->is_ready = true;
	server->next_ready = NULL;
	*farm->ready_end = server;
	farm->ready_end = &server->next_ready;
}

static bool listens_at(const struct sim_instance *instance, int port) {
	int ports[4];
	size_t count = sim_instance_ports(instance, ports, ARRAY_LENGTH(ports));
	for (size_t i = 0; i < count; i++) {
		if (ports[i] == port) return true;
	}
	return false;
}

static void deliver(struct farm_servers *farm) {
	while (farm->messages != NULL) {
		struct message *message = farm->messages;
		farm->messages = message->next;
		if (farm->messages == NULL) farm->messages_end = &farm->messages;
		struct farm_server *server = find(farm, message->to);
		bool is_heard = server != NULL && server->instance != NULL && !server->is_frozen;
		if (is_heard && listens_at(server->instance, message->port)) {
			sim_instance_receive(server->instance, message->port, message->bytes, message->length);
			make_ready(server);
		}
		free(message->to);
		free(message);
	}
}

/* ---- A server ---- */

static void on_clients(struct watcher *watcher, uint32_t events) {
	struct farm_server *server = (struct farm_server *)watcher;
	(void)events;
	if (server->instance == NULL) return;
	loop_round(&server->loop, 0);
	make_ready(server);
}

static void kill_server(struct farm_server *server) {
	if (server->instance == NULL) return;
	clients_close(&server->clients);
	sim_instance_free(server->instance);
	server->instance = NULL;
	loop_remove(&server->farm->loop, &server->inner);
	server->loop.epoll = -1;
	timers_remove(&server->farm->timers, &server->work);
}

static int start_instance(struct farm_server *server, const char *password, struct error **err) {
	struct farm_servers *farm = server->farm;
	const struct sim_host host = { .context = server, .now = host_now, .wall = host_wall, .send = host_send };
	const struct sim_options options = { .server_name = server->pod,
		                             .sa_password = password,
		                             .hadr_enabled = true,
		                             .seed = ((uint64_t)arc4random() << 32) | arc4random(),
		                             .settings = &farm->settings };
	server->instance = sim_instance_start(&options, &host, server->disk, err);
	if (server->instance == NULL || loop_init(&server->loop, err) < 0) return -1;
	server->service = (struct tds_service){ .instance = server->instance, .tls = farm->tls };
	clients_init(&server->clients, &server->loop, &server->service);
	server->inner = (struct watcher){ .ready = on_clients, .fd = server->loop.epoll, .events = EPOLLIN };
	return loop_add(&farm->loop, &server->inner, err);
}

static struct farm_server *server_of(struct farm_servers *farm, const char *pod) {
	struct farm_server *server = find(farm, pod);
	if (server != NULL) return server;
	struct farm_server **bucket = bucket_of(farm, pod);
	server = xcalloc(1, sizeof(*server));
	*server = (struct farm_server){ .farm = farm,
		                        .pod = xstrdup(pod),
		                        .disk = sim_disk_memory(),
		                        .next_in_bucket = *bucket,
		                        .inner = { .fd = -1 } };
	*bucket = server;
	return server;
}

static void freeze(struct farm_server *server, bool is_frozen) {
	if (server->is_frozen == is_frozen) return;
	server->is_frozen = is_frozen;
	if (server->instance == NULL) return;
	loop_change(&server->farm->loop, &server->inner, is_frozen ? 0 : EPOLLIN);
	make_ready(server);
}

static void start_server(struct farm_servers *farm, const struct order *order) {
	cleanup_error struct error *err = NULL;
	struct farm_server *server = server_of(farm, order->pod);
	kill_server(server);
	free(server->uid);
	free(server->ip);
	server->uid = xstrdup(order->uid);
	server->ip = xstrdup(order->ip);
	server->is_frozen = false;
	if (start_instance(server, order->password, &err) < 0) {
		fprintf(stderr, "sql_farm: %s: %s\n", order->pod, err->message);
		exit(EXIT_FAILURE);
	}
	freeze(server, farm_is_frozen(server->pod, farm->nth_frozen));
	make_ready(server);
}

/* Logins are let in as soon as the instance takes them. */
static void open_door(struct farm_server *server) {
	cleanup_error struct error *err = NULL;
	if (clients_listens(&server->clients) || !sim_instance_accepts(server->instance)) return;
	if (clients_listen(&server->clients, server->ip, NULL, SQL_PORT, &err) == 0) return;
	fprintf(stderr, "sql_farm: %s: %s\n", server->pod, err->message);
	exit(EXIT_FAILURE);
}

static void step(struct farm_server *server) {
	int64_t next;
	if (server->instance == NULL || server->is_frozen) return;
	do next = sim_instance_run(server->instance);
	while (clients_step(&server->clients));
	open_door(server);
	clients_flush(&server->clients);
	int64_t deadline = clients_deadline(&server->clients);
	if (deadline < next) next = deadline;
	if (next == INT64_MAX) timers_remove(&server->farm->timers, &server->work);
	else timers_set(&server->farm->timers, &server->work, next);
}

/* ---- Orders ---- */

static void order(struct farm_servers *farm, struct order given) {
	struct order *copy = xmalloc(sizeof(*copy));
	*copy = given;
	pthread_mutex_lock(&farm->mutex);
	*farm->orders_end = copy;
	farm->orders_end = &copy->next;
	pthread_mutex_unlock(&farm->mutex);
	eventfd_write(farm->wake.fd, 1);
}

void farm_servers_start(struct farm_servers *farm, const char *pod, const char *uid, const char *ip,
                        const char *password) {
	order(farm, (struct order){ .type = START,
	                            .pod = xstrdup(pod),
	                            .uid = xstrdup(uid),
	                            .ip = xstrdup(ip),
	                            .password = xstrdup(password) });
}

void farm_servers_kill(struct farm_servers *farm, const char *pod, const char *uid) {
	order(farm, (struct order){ .type = KILL, .pod = xstrdup(pod), .uid = xstrdup(uid) });
}

void farm_servers_freeze(struct farm_servers *farm, int nth) {
	order(farm, (struct order){ .type = FREEZE, .nth = nth });
}

static void freeze_all(struct farm_servers *farm, int nth) {
	farm->nth_frozen = nth;
	for (size_t i = 0; i < BUCKETS; i++) {
		for (struct farm_server *server = farm->buckets[i]; server != NULL; server = server->next_in_bucket)
			freeze(server, farm_is_frozen(server->pod, nth));
	}
}

static void obey(struct farm_servers *farm, const struct order *given) {
	struct farm_server *server;
	switch (given->type) {
	case START: start_server(farm, given); break;
	case KILL:
		server = find(farm, given->pod);
		if (server != NULL && server->uid != NULL && strcmp(server->uid, given->uid) == 0) kill_server(server);
		break;
	case FREEZE: freeze_all(farm, given->nth); break;
	}
}

static void take_orders(struct farm_servers *farm) {
	pthread_mutex_lock(&farm->mutex);
	struct order *orders = farm->orders;
	farm->orders = NULL;
	farm->orders_end = &farm->orders;
	pthread_mutex_unlock(&farm->mutex);
	while (orders != NULL) {
		struct order *given = orders;
		orders = given->next;
		obey(farm, given);
		free(given->pod);
		free(given->uid);
		free(given->ip);
		free(given->password);
		free(given);
	}
}

/* ---- The thread ---- */

static void on_wake(struct watcher *watcher, uint32_t events) {
	eventfd_t ignored;
	(void)events;
	eventfd_read(watcher->fd, &ignored);
}

static void step_ready(struct farm_servers *farm) {
	while (farm->ready != NULL) {
		struct farm_server *server = farm->ready;
		farm->ready = server->next_ready;
		if (farm->ready == NULL) farm->ready_end = &farm->ready;
		server->is_ready = false;
		step(server);
		deliver(farm);
	}
}

/* Returns how long to wait for the next. */
static int end_timers(struct farm_servers *farm) {
	enum { LONGEST = 1000 };
	int64_t now = (clock_monotonic_ns() - farm->started_ns) / 1000;
	for (struct work *work; (work = timers_first(&farm->timers)) != NULL;) {
		if (work->timer_at > now) {
			int64_t ms = (work->timer_at - now) / 1000 + 1;
			return ms < LONGEST ? (int)ms : LONGEST;
		}
		timers_remove(&farm->timers, work);
		make_ready((struct farm_server *)((char *)work - offsetof(struct farm_server, work)));
	}
	return LONGEST;
}

static void count(struct farm_servers *farm) {
	struct farm_counts counts = { 0 };
	for (size_t i = 0; i < BUCKETS; i++) {
		for (struct farm_server *server = farm->buckets[i]; server != NULL; server = server->next_in_bucket) {
			counts.running += server->instance != NULL;
			counts.sessions += server->instance != NULL ? server->clients.count : 0;
		}
	}
	pthread_mutex_lock(&farm->mutex);
	farm->counts = counts;
	pthread_mutex_unlock(&farm->mutex);
}

struct farm_counts farm_servers_count(struct farm_servers *farm) {
	pthread_mutex_lock(&farm->mutex);
	struct farm_counts counts = farm->counts;
	pthread_mutex_unlock(&farm->mutex);
	return counts;
}

void *farm_servers_run(void *context) {
	enum { COUNT_MS = 1000 };
	struct farm_servers *farm = context;
	int64_t counted_at = 0;
	for (;;) {
		take_orders(farm);
		int wait = end_timers(farm);
		step_ready(farm);
		if (clock_monotonic_ms() - counted_at >= COUNT_MS) {
			count(farm);
			counted_at = clock_monotonic_ms();
		}
		loop_round(&farm->loop, farm->ready != NULL ? 0 : wait);
	}
	return NULL;
}

static int read_settings(struct sim_settings *settings, const char *text, struct error **err) {
	cleanup_free char *copy = xstrdup(text != NULL ? text : "");
	char *rest = copy, *setting;
	*settings = sim_settings_fast();
	while ((setting = strsep(&rest, ",")) != NULL) {
		if (*setting == '\0' || strcmp(setting, "fast") == 0) continue;
		if (strcmp(setting, "published") == 0) {
			*settings = sim_settings_published();
			continue;
		}
		char *value = strchr(setting, '=');
		if (value != NULL) *value++ = '\0';
		if (value == NULL || !sim_settings_set(settings, setting, atoll(value)))
			return error_set(err, ERROR_INVALID, "--settings: \"%s\" is no setting with a number", setting);
	}
	return 0;
}

struct farm_servers *farm_servers_new(const char *settings, struct error **err) {
	struct farm_servers *farm = xcalloc(1, sizeof(*farm));
	farm->started_ns = clock_monotonic_ns();
	farm->ready_end = &farm->ready;
	farm->messages_end = &farm->messages;
	farm->orders_end = &farm->orders;
	pthread_mutex_init(&farm->mutex, NULL);
	farm->wake =
	        (struct watcher){ .ready = on_wake, .fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), .events = EPOLLIN };
	farm->tls = tds_tls_server_self_signed("sql-farm", err);
	bool is_good = farm->tls != NULL && read_settings(&farm->settings, settings, err) == 0 &&
	               loop_init(&farm->loop, err) == 0 && loop_add(&farm->loop, &farm->wake, err) == 0;
	if (is_good) return farm;
	free(farm);
	return NULL;
}
