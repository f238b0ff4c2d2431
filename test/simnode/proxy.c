#include "simnode/proxy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "simnode/relay.h"
#include "simnode/service.h"

/* A port that is listened on, or shall be: .fd is -1 while that fails. */
struct listener {
	struct relay_end end; /* first: epoll's pointer; .relay is NULL */
	struct service_port port;
	size_t turn; /* whose it is, round robin */
	bool seen;
	bool complained;
	struct listener *next;
};

/* A connection, in a list. */
struct connection {
	struct relay *relay;
	bool over;
	struct connection *next;
};

struct proxy {
	struct proxy_options options;
	struct sockaddr_in api;
	bool has_api;
	pthread_t thread;
	atomic_bool stopping;
	int wake_fd;
	int epoll_fd;
	struct relay_end wake_end;
	struct listener *listeners;
	struct connection *connections;
};

/* ---- Listeners ---- */

static bool same_address(const struct sockaddr_in *a, const struct sockaddr_in *b) {
	return a->sin_addr.s_addr == b->sin_addr.s_addr && a->sin_port == b->sin_port;
}

static void log_listen_failure(const struct sockaddr_in *address, int reason) {
	char text[INET_ADDRSTRLEN] = "";
	inet_ntop(AF_INET, &address->sin_addr, text, sizeof(text));
	log_warning("cannot listen for the service", log_str("address", text),
	            log_int("port", ntohs(address->sin_port)), log_str("error", strerror(reason)),
	            log_str("hint", reason == EACCES ? "ports below 1024 need root or CAP_NET_BIND_SERVICE" : NULL));
}

static int listen_on(const struct sockaddr_in *address) {
	const int yes = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0) return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (bind(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 && listen(fd, SOMAXCONN) == 0) return fd;
	int reason = errno;
	close(fd);
	errno = reason;
	return -1;
}

/* Tried again with every refresh, complained about once. */
static void open_listener(struct proxy *proxy, struct listener *listener) {
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = &listener->end };
	int fd = listen_on(&listener->port.address);
	int reason = fd < 0 ? errno : 0;
	if (reason == 0 && epoll_ctl(proxy->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
		reason = errno;
		close(fd);
	}
	if (reason == 0) {
		listener->end.fd = fd;
	} else if (!listener->complained) {
		listener->complained = true;
		log_listen_failure(&listener->port.address, reason);
	}
}

static struct listener *add_listener(struct proxy *proxy, const struct sockaddr_in *address) {
	struct listener *listener = xcalloc(1, sizeof(*listener));
	listener->end = (struct relay_end){ .fd = -1, .events = EPOLLIN };
	listener->port.address = *address;
	listener->next = proxy->listeners;
	proxy->listeners = listener;
	return listener;
}

static struct listener *find_listener(struct proxy *proxy, const struct sockaddr_in *address) {
	for (struct listener *listener = proxy->listeners; listener != NULL; listener = listener->next) {
		if (same_address(&listener->port.address, address)) return listener;
	}
	return NULL;
}

/* Nobody behind it: nobody listens, so that connecting is refused rather than accepted and dropped. */
static void drop_unseen(struct proxy *proxy) {
	struct listener **link = &proxy->listeners;
	while (*link != NULL) {
		struct listener *listener = *link;
		if (listener->seen) {
			link = &listener->next;
			continue;
		}
		*link = listener->next;
		if (listener->end.fd >= 0) {
			(void)epoll_ctl(proxy->epoll_fd, EPOLL_CTL_DEL, listener->end.fd, NULL);
			close(listener->end.fd);
		}
		free(listener->port.backends);
		free(listener);
	}
}

static void set_ports(struct proxy *proxy, struct service_ports *ports) {
	for (struct listener *listener = proxy->listeners; listener != NULL; listener = listener->next)
		listener->seen = false;
	for (size_t i = 0; i < ports->count; i++) {
		struct service_port *port = &ports->items[i];
		if (port->count == 0) continue;
		struct listener *listener = find_listener(proxy, &port->address);
		if (listener == NULL) listener = add_listener(proxy, &port->address);
		if (listener->end.fd < 0) open_listener(proxy, listener);
		listener->seen = true;
		free(listener->port.backends);
		listener->port.backends = take(&port->backends);
		listener->port.count = port->count;
	}
	drop_unseen(proxy);
}

/* ---- What the cluster says ---- */

static bool is_api_service(const struct kube_object *service) {
	return strcmp(service->namespace, "default") == 0 && strcmp(service->name, "kubernetes") == 0;
}

/* Connections to pods that are gone end with them. */
static void end_orphans(struct proxy *proxy, const struct kube_objects *pods) {
	for (struct connection *connection = proxy->connections; connection != NULL; connection = connection->next) {
		const struct sockaddr_in *backend = relay_backend(connection->relay);
		bool alive = proxy->has_api && same_address(backend, &proxy->api);
		for (size_t i = 0; i < pods->count && !alive; i++) {
			struct in_addr address;
			alive = pod_has_address(pods->items[i], &address) && address.s_addr == backend->sin_addr.s_addr;
		}
		if (!alive) connection->over = true;
	}
}

static void refresh(struct proxy *proxy) {
	if (!kube_cache_synced(proxy->options.services) || !kube_cache_synced(proxy->options.pods)) return;
	cleanup_kube_objects struct kube_objects services = kube_cache_list(proxy->options.services, NULL);
	cleanup_kube_objects struct kube_objects pods = kube_cache_list(proxy->options.pods, NULL);
	struct service_ports ports = { 0 };
	for (size_t i = 0; i < services.count; i++) {
		size_t first = ports.count;
		service_ports_add(&ports, services.items[i], &pods);
		if (!is_api_service(services.items[i]) || !proxy->has_api) continue;
		for (size_t j = first; j < ports.count; j++) {
			free(ports.items[j].backends);
			ports.items[j].backends = xmalloc(sizeof(proxy->api));
			ports.items[j].backends[0] = proxy->api;
			ports.items[j].count = 1;
		}
	}
	set_ports(proxy, &ports);
	service_ports_free(&ports);
	end_orphans(proxy, &pods);
}

/* ---- Connections ---- */

static void accept_all(struct proxy *proxy, struct listener *listener) {
	for (;;) {
		int client = accept4(listener->end.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (client < 0) return;
		const struct sockaddr_in *backend = &listener->port.backends[listener->turn++ % listener->port.count];
		struct relay *relay = relay_new(proxy->epoll_fd, client, backend);
		if (relay == NULL) continue;
		struct connection *connection = xmalloc(sizeof(*connection));
		*connection = (struct connection){ .relay = relay, .next = proxy->connections };
		proxy->connections = connection;
	}
}

static struct connection *connection_of(struct proxy *proxy, const struct relay *relay) {
	struct connection *connection = proxy->connections;
	while (connection != NULL && connection->relay != relay) connection = connection->next;
	return connection;
}

/* After all events of a round: until then one of them may still point to it. */
static void bury(struct proxy *proxy, bool all) {
	struct connection **link = &proxy->connections;
	while (*link != NULL) {
		struct connection *connection = *link;
		if (!connection->over && !all) {
			link = &connection->next;
			continue;
		}
		*link = connection->next;
		relay_free(connection->relay, all);
		free(connection);
	}
}

static void handle(struct proxy *proxy, struct relay_end *end) {
	if (end == &proxy->wake_end) {
		eventfd_t ignored;
		eventfd_read(proxy->wake_fd, &ignored);
	} else if (end->relay == NULL) {
		accept_all(proxy, (struct listener *)end);
	} else {
		struct connection *connection = connection_of(proxy, end->relay);
		if (connection != NULL && !connection->over) connection->over = !relay_step(end->relay);
	}
}

enum { EVENTS_AT_ONCE = 64, LONGEST_WAIT_MS = 1000 };

static void *run(void *argument) {
	struct proxy *proxy = argument;
	while (!atomic_load(&proxy->stopping)) {
		struct epoll_event events[EVENTS_AT_ONCE];
		int count = epoll_wait(proxy->epoll_fd, events, EVENTS_AT_ONCE, LONGEST_WAIT_MS);
		bool news = count <= 0;
		for (int i = 0; i < count; i++) {
			news = news || events[i].data.ptr == &proxy->wake_end;
			handle(proxy, events[i].data.ptr);
		}
		if (news) refresh(proxy);
		bury(proxy, false);
	}
	return NULL;
}

/* ---- Life ---- */

static bool resolve(const char *host, const char *port, struct sockaddr_in *address) {
	const struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM };
	struct addrinfo *found;
	if (getaddrinfo(host, port, &hints, &found) != 0) return false;
	memcpy(address, found->ai_addr, sizeof(*address));
	freeaddrinfo(found);
	return true;
}

static void release(struct proxy *proxy) {
	bury(proxy, true);
	for (struct listener *listener = proxy->listeners; listener != NULL; listener = listener->next)
		listener->seen = false;
	drop_unseen(proxy);
	if (proxy->epoll_fd >= 0) close(proxy->epoll_fd);
	if (proxy->wake_fd >= 0) close(proxy->wake_fd);
	free(proxy);
}

struct proxy *proxy_start(const struct proxy_options *options, struct error **err) {
	struct proxy *proxy = xcalloc(1, sizeof(*proxy));
	proxy->options = *options;
	proxy->has_api = resolve(options->api_host, options->api_port, &proxy->api);
	proxy->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	proxy->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	proxy->wake_end = (struct relay_end){ .fd = proxy->wake_fd };
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = &proxy->wake_end };
	int reason = 0;
	if (proxy->wake_fd < 0 || proxy->epoll_fd < 0 ||
	    epoll_ctl(proxy->epoll_fd, EPOLL_CTL_ADD, proxy->wake_fd, &event) < 0) {
		reason = errno;
	}
	if (reason == 0) reason = pthread_create(&proxy->thread, NULL, run, proxy);
	if (reason != 0) {
		release(proxy);
		error_errno(err, reason, "cannot start the service proxy");
		return NULL;
	}
	return proxy;
}

void proxy_wake(struct proxy *proxy) {
	eventfd_write(proxy->wake_fd, 1);
}

void proxy_free(struct proxy *proxy) {
	if (proxy == NULL) return;
	atomic_store(&proxy->stopping, true);
	proxy_wake(proxy);
	pthread_join(proxy->thread, NULL);
	release(proxy);
}
