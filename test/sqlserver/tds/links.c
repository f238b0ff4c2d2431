#include "sqlserver/tds/links.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "sqlserver/tds/bytes.h"

/* A connection in one direction: out ones only send, in ones only receive. */
struct link {
	struct watcher watcher; /* first: the loop knows a link by it */
	struct links *links;
	char *host; /* of the peer; NULL: it came in */
	struct sockaddr_storage peer;
	socklen_t peer_length; /* 0: not known */
	int port;              /* of the peer, or of the endpoint that it came to */
	bool is_connecting, has_broken;
	struct strbuf bytes; /* to be sent, or received and not yet whole */
	size_t sent;
	struct link *next;
};

struct port {
	struct watcher watcher; /* first */
	struct links *links;
	int number;
	bool is_wanted;
	struct port *next;
};

struct links {
	struct loop *loop;
	struct links_options options;
	struct stat hosts; /* of the hosts file as links know it */
	struct sim_instance *instance;
	struct link *first;
	struct port *ports;
};

struct links *links_new(struct loop *loop, const struct links_options *options) {
	struct links *links = xcalloc(1, sizeof(*links));
	*links = (struct links){ .loop = loop, .options = *options };
	return links;
}

void links_attach(struct links *links, struct sim_instance *instance) {
	links->instance = instance;
}

static void free_link(struct link *link) {
	loop_remove(link->links->loop, &link->watcher);
	strbuf_free(&link->bytes);
	free(link->host);
	free(link);
}

static void free_port(struct port *port) {
	loop_remove(port->links->loop, &port->watcher);
	free(port);
}

void links_free(struct links *links) {
	if (links == NULL) return;
	while (links->first != NULL) {
		struct link *link = links->first;
		links->first = link->next;
		free_link(link);
	}
	while (links->ports != NULL) {
		struct port *port = links->ports;
		links->ports = port->next;
		free_port(port);
	}
	free(links);
}

/* ---- names ---- */

static bool line_names(char *line, const char *host, char **address) {
	char *rest = line, *word;
	line[strcspn(line, "#")] = '\0';
	*address = strsep(&rest, " \t");
	while ((word = strsep(&rest, " \t")) != NULL) {
		if (strcasecmp(word, host) == 0) return true;
	}
	return false;
}

/* The address of `host` as the hosts file has it; NULL when it has none. The caller frees it. */
static char *look_up(const char *hosts, const char *host) {
	enum { LARGEST_HOSTS = 1024 * 1024 };
	cleanup_strbuf struct strbuf content = { 0 };
	if (file_read(hosts, LARGEST_HOSTS, &content, NULL) < 0) return NULL;
	char *rest = content.data, *line, *address;
	while ((line = strsep(&rest, "\n")) != NULL) {
		if (line_names(line, host, &address)) return xstrdup(address);
	}
	return NULL;
}

static struct addrinfo *resolve(const struct links *links, const char *host, int port) {
	cleanup_free char *service = xasprintf("%d", port);
	const char *hosts = links->options.hosts;
	cleanup_free char *known = hosts != NULL ? look_up(hosts, host) : NULL;
	bool is_numeric = hosts != NULL;
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		                        .ai_flags = AI_NUMERICSERV | (is_numeric ? AI_NUMERICHOST : 0) };
	struct addrinfo *address = NULL;
	return getaddrinfo(known != NULL ? known : host, service, &hints, &address) == 0 ? address : NULL;
}

/* ---- sending ---- */

static void send_bytes(struct link *link) {
	while (link->sent < link->bytes.length) {
		ssize_t count = send(link->watcher.fd, link->bytes.data + link->sent, link->bytes.length - link->sent,
		                     MSG_NOSIGNAL);
		if (count < 0 && errno == EAGAIN) {
			loop_change(link->links->loop, &link->watcher, EPOLLIN | EPOLLOUT);
			return;
		}
		if (count < 0 && errno != EINTR) {
			link->has_broken = true;
			return;
		}
		if (count > 0) link->sent += (size_t)count;
	}
	strbuf_reset(&link->bytes);
	link->sent = 0;
	loop_change(link->links->loop, &link->watcher, EPOLLIN);
}

static void on_outgoing(struct watcher *watcher, uint32_t events) {
	struct link *link = (struct link *)watcher;
	/* The peer sends nothing: what can be read is the end. */
	if ((events & (EPOLLERR | EPOLLHUP | EPOLLIN)) != 0) {
		link->has_broken = true;
		return;
	}
	link->is_connecting = false;
	send_bytes(link);
}

/* The peer shall see who calls: machines that are processes share one, whose kernel would choose any address. */
static void call_from(int fd, const char *ip, int family) {
	struct sockaddr_in own = { .sin_family = AF_INET };
	if (family != AF_INET || inet_pton(AF_INET, ip, &own.sin_addr) != 1) return;
	(void)bind(fd, (struct sockaddr *)&own, sizeof(own));
}

static bool connect_to(struct link *link) {
	struct addrinfo *address = resolve(link->links, link->host, link->port);
	if (address == NULL) return false;
	memcpy(&link->peer, address->ai_addr, address->ai_addrlen);
	link->peer_length = address->ai_addrlen;
	freeaddrinfo(address);
	int yes = 1, fd = socket(link->peer.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0) return false;
	link->watcher.fd = fd;
	call_from(fd, link->links->options.ip, link->peer.ss_family);
	bool goes_well = setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)) == 0 &&
	                 (connect(fd, (struct sockaddr *)&link->peer, link->peer_length) == 0 || errno == EINPROGRESS);
	return goes_well && loop_add(link->links->loop, &link->watcher, NULL) == 0;
}

/* Whether what we send to the other end, or what it sends to us, is lost. */
static bool is_cut(const struct link *link, bool outward) {
	const struct links_options *options = &link->links->options;
	char peer[INET_ADDRSTRLEN] = "";
	if (options->faults == NULL || link->peer.ss_family != AF_INET) return false;
	inet_ntop(AF_INET, &((const struct sockaddr_in *)&link->peer)->sin_addr, peer, sizeof(peer));
	return outward ? faults_cut(options->faults, options->ip, peer)
	               : faults_cut(options->faults, peer, options->ip);
}

static struct link *link_to(struct links *links, const char *host, int port) {
	for (struct link *link = links->first; link != NULL; link = link->next) {
		if (link->host != NULL && link->port == port && strcmp(link->host, host) == 0) return link;
	}
	struct link *link = xcalloc(1, sizeof(*link));
	link->watcher = (struct watcher){ .ready = on_outgoing, .fd = -1, .events = EPOLLIN | EPOLLOUT };
	link->links = links;
	link->host = xstrdup(host);
	link->port = port;
	link->is_connecting = true;
	link->has_broken = !connect_to(link);
	link->next = links->first;
	links->first = link;
	return link;
}

void links_send(struct links *links, const char *host, int port, const void *bytes, size_t length) {
	struct link *link = link_to(links, host, port);
	if (link->has_broken || is_cut(link, true) || length > LARGEST_LINK_MESSAGE ||
	    link->bytes.length - link->sent > MOST_QUEUED_BYTES)
		return;
	tds_put_u32(&link->bytes, (uint32_t)length);
	tds_put(&link->bytes, bytes, length);
	if (!link->is_connecting) send_bytes(link);
}

/* ---- receiving ---- */

static void deliver(struct link *link) {
	struct tds_reader reader = tds_reader(link->bytes.data, link->bytes.length);
	size_t taken = 0;
	while (tds_left(&reader) >= 4) {
		size_t length = tds_take_u32(&reader);
		if (length > LARGEST_LINK_MESSAGE) {
			link->has_broken = true;
			return;
		}
		if (tds_left(&reader) < length) break;
		const void *message = tds_take(&reader, length);
		if (!is_cut(link, false)) sim_instance_receive(link->links->instance, link->port, message, length);
		taken = reader.at;
	}
	if (taken == 0) return;
	memmove(link->bytes.data, link->bytes.data + taken, link->bytes.length - taken);
	link->bytes.length -= taken;
}

static void on_incoming(struct watcher *watcher, uint32_t events) {
	enum { READ_SIZE = 256 * 1024 };
	struct link *link = (struct link *)watcher;
	(void)events;
	char *room = strbuf_reserve(&link->bytes, READ_SIZE);
	ssize_t count = read(watcher->fd, room, READ_SIZE);
	if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) link->has_broken = true;
	if (count <= 0) return;
	link->bytes.length += (size_t)count;
	deliver(link);
}

static void on_port(struct watcher *watcher, uint32_t events) {
	struct port *port = (struct port *)watcher;
	(void)events;
	struct sockaddr_storage peer = { 0 };
	socklen_t length = sizeof(peer);
	int fd = accept4(watcher->fd, (struct sockaddr *)&peer, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0) return;
	struct link *link = xcalloc(1, sizeof(*link));
	link->peer = peer;
	link->peer_length = length;
	link->watcher = (struct watcher){ .ready = on_incoming, .fd = fd, .events = EPOLLIN };
	link->links = port->links;
	link->port = port->number;
	link->next = port->links->first;
	port->links->first = link;
	link->has_broken = loop_add(port->links->loop, &link->watcher, NULL) < 0;
}

/* ---- tending ---- */

static struct port *port_numbered(struct links *links, int number) {
	for (struct port *port = links->ports; port != NULL; port = port->next) {
		if (port->number == number) return port;
	}
	return NULL;
}

/* A port that is taken by somebody else is tried again at the next time. */
static void listen_on(struct links *links, int number) {
	int fd = listen_at(links->options.ip, number, NULL);
	if (fd < 0) return;
	struct port *port = xcalloc(1, sizeof(*port));
	port->watcher = (struct watcher){ .ready = on_port, .fd = fd, .events = EPOLLIN };
	port->links = links;
	port->number = number;
	port->is_wanted = true;
	port->next = links->ports;
	links->ports = port;
	loop_add(links->loop, &port->watcher, NULL);
}

static void tend_ports(struct links *links) {
	enum { MOST_PORTS = 16 };
	int numbers[MOST_PORTS];
	size_t count = sim_instance_ports(links->instance, numbers, MOST_PORTS);
	for (struct port *port = links->ports; port != NULL; port = port->next) port->is_wanted = false;
	for (size_t i = 0; i < count && i < MOST_PORTS; i++) {
		struct port *port = port_numbered(links, numbers[i]);
		if (port == NULL) listen_on(links, numbers[i]);
		else port->is_wanted = true;
	}
	for (struct port **at = &links->ports; *at != NULL;) {
		struct port *port = *at;
		if (port->is_wanted) {
			at = &port->next;
			continue;
		}
		/* A stopped endpoint lets go of its connections too. */
		for (struct link *link = links->first; link != NULL; link = link->next)
			link->has_broken |= link->host == NULL && link->port == port->number;
		*at = port->next;
		free_port(port);
	}
}

/* Takes the broken links out of the list: telling the instance of one may make it send, and that make new ones. */
static struct link *take_broken(struct links *links) {
	struct link *broken = NULL;
	for (struct link **at = &links->first; *at != NULL;) {
		struct link *link = *at;
		if (!link->has_broken) {
			at = &link->next;
			continue;
		}
		*at = link->next;
		link->next = broken;
		broken = link;
	}
	return broken;
}

static bool has_moved(const struct link *link) {
	struct addrinfo *now = resolve(link->links, link->host, link->port);
	bool moved = now != NULL && (now->ai_addrlen != link->peer_length ||
	                             memcmp(now->ai_addr, &link->peer, link->peer_length) != 0);
	if (now != NULL) freeaddrinfo(now);
	return moved;
}

/* A peer that has another address now was replaced: its predecessor may be frozen and never close the connection. */
static void tend_names(struct links *links) {
	struct stat now;
	if (links->options.hosts == NULL || stat(links->options.hosts, &now) < 0) return;
	if (now.st_ino == links->hosts.st_ino && now.st_mtim.tv_sec == links->hosts.st_mtim.tv_sec &&
	    now.st_mtim.tv_nsec == links->hosts.st_mtim.tv_nsec) {
		return;
	}
	links->hosts = now;
	for (struct link *link = links->first; link != NULL; link = link->next)
		link->has_broken |= link->host != NULL && has_moved(link);
}

void links_tend(struct links *links) {
	tend_ports(links);
	tend_names(links);
	struct link *broken = take_broken(links);
	while (broken != NULL) {
		struct link *link = broken;
		broken = link->next;
		if (link->host != NULL) sim_instance_unreachable(links->instance, link->host, link->port);
		free_link(link);
	}
}
