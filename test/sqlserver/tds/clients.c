#include "sqlserver/tds/clients.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"

struct client {
	struct watcher watcher; /* first: the loop knows a client by it */
	struct clients *clients;
	struct tds_connection *connection;
	size_t sent;  /* of its output */
	bool is_lost; /* its socket is of no use any more */
	bool is_local;
	int64_t accepted_at;
	struct client *next;
};

static void read_client(struct client *client) {
	enum { READ_SIZE = 64 * 1024 };
	char bytes[READ_SIZE];
	ssize_t count = read(client->watcher.fd, bytes, sizeof(bytes));
	if (count > 0) {
		/* What is wrong with it is the client's matter: it is cut off. */
		tds_connection_receive(client->connection, bytes, (size_t)count, NULL);
	} else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
		client->is_lost = true;
	}
}

static void on_client(struct watcher *watcher, uint32_t events) {
	struct client *client = (struct client *)watcher;
	if ((events & (EPOLLERR | EPOLLHUP)) != 0) client->is_lost = true;
	else if ((events & EPOLLIN) != 0) read_client(client);
}

static void on_listener(struct watcher *watcher, uint32_t events) {
	const struct listener *listener = (struct listener *)watcher;
	struct clients *clients = listener->clients;
	(void)events;
	int fd = accept4(watcher->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0) return;
	int yes = 1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	struct client *client = xcalloc(1, sizeof(*client));
	client->watcher = (struct watcher){ .ready = on_client, .fd = fd, .events = EPOLLIN };
	client->clients = clients;
	client->is_local = listener->is_local;
	client->accepted_at = clock_monotonic_ms();
	client->connection = tds_connection_new(clients->service);
	client->next = clients->first;
	clients->first = client;
	clients->count++;
	if (loop_add(clients->loop, &client->watcher, NULL) < 0) client->is_lost = true;
}

void clients_init(struct clients *clients, struct loop *loop, const struct tds_service *service) {
	*clients = (struct clients){ .loop = loop, .service = service };
	for (size_t i = 0; i < ARRAY_LENGTH(clients->listeners); i++) {
		clients->listeners[i] =
		        (struct listener){ .watcher = { .ready = on_listener, .fd = -1, .events = EPOLLIN },
			                   .clients = clients,
			                   .is_local = i == 1 };
	}
}

int clients_listen(struct clients *clients, const char *ip, const char *localhost, int port, struct error **err) {
	const char *const addresses[] = { ip, localhost };
	for (size_t i = 0; i < ARRAY_LENGTH(addresses) && addresses[i] != NULL; i++) {
		struct watcher *watcher = &clients->listeners[i].watcher;
		watcher->fd = listen_at(addresses[i], port, err);
		if (watcher->fd < 0 || loop_add(clients->loop, watcher, err) < 0) return -1;
	}
	return 0;
}

bool clients_listens(const struct clients *clients) {
	return clients->listeners[0].watcher.fd >= 0;
}

void clients_cut(struct clients *clients, bool cut) {
	clients->is_cut = cut;
}

bool clients_step(struct clients *clients) {
	bool ever = false, again;
	do {
		again = false;
		for (struct client *client = clients->first; client != NULL; client = client->next)
			again |= tds_connection_step(client->connection);
		ever |= again;
	} while (again);
	return ever;
}

static void send_output(struct client *client) {
	struct strbuf *output = tds_connection_output(client->connection);
	while (client->sent < output->length) {
		ssize_t count = send(client->watcher.fd, output->data + client->sent, output->length - client->sent,
		                     MSG_NOSIGNAL);
		if (count < 0 && errno == EAGAIN) return;
		if (count < 0 && errno != EINTR) client->is_lost = true;
		if (client->is_lost) return;
		if (count > 0) client->sent += (size_t)count;
	}
	client->sent = 0;
	enum { WORTH_KEEPING = 256 * 1024 };
	if (output->capacity > WORTH_KEEPING) strbuf_free(output);
	else strbuf_reset(output);
}

static bool is_done_with(const struct client *client, int64_t now) {
	if (client->is_lost) return true;
	if (tds_connection_is_over(client->connection))
		return tds_connection_output(client->connection)->length == 0 ||
		       now - client->accepted_at > LOGIN_TIMEOUT_MS;
	return !tds_connection_is_logged_in(client->connection) && now - client->accepted_at > LOGIN_TIMEOUT_MS;
}

static void free_client(struct client *client) {
	loop_remove(client->clients->loop, &client->watcher);
	tds_connection_free(client->connection);
	client->clients->count--;
	free(client);
}

void clients_flush(struct clients *clients) {
	int64_t now = clock_monotonic_ms();
	for (struct client **at = &clients->first; *at != NULL;) {
		struct client *client = *at;
		bool is_cut = clients->is_cut && !client->is_local;
		if (!client->is_lost && !is_cut) send_output(client);
		if (is_done_with(client, now)) {
			*at = client->next;
			free_client(client);
			continue;
		}
		uint32_t events = tds_connection_wants_input(client->connection) ? EPOLLIN : 0;
		if (tds_connection_output(client->connection)->length > 0) events |= EPOLLOUT;
		loop_change(clients->loop, &client->watcher, is_cut ? 0 : events);
		at = &client->next;
	}
	for (size_t i = 0; i < ARRAY_LENGTH(clients->listeners); i++) {
		struct listener *listener = &clients->listeners[i];
		bool takes = clients->count < MOST_CLIENTS && !(clients->is_cut && !listener->is_local);
		if (listener->watcher.fd >= 0) loop_change(clients->loop, &listener->watcher, takes ? EPOLLIN : 0);
	}
}

int64_t clients_deadline(const struct clients *clients) {
	int64_t earliest = INT64_MAX;
	for (const struct client *client = clients->first; client != NULL; client = client->next) {
		int64_t deadline = tds_connection_deadline(client->connection);
		if (deadline < earliest) earliest = deadline;
	}
	return earliest;
}

void clients_close(struct clients *clients) {
	for (size_t i = 0; i < ARRAY_LENGTH(clients->listeners); i++)
		loop_remove(clients->loop, &clients->listeners[i].watcher);
	while (clients->first != NULL) {
		struct client *client = clients->first;
		clients->first = client->next;
		free_client(client);
	}
}
