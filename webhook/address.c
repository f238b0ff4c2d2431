#include "webhook/address.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "base/memory.h"

static int open_one(const struct addrinfo *info, bool any, int backlog, struct error **err) {
	cleanup_close int fd =
	        socket(info->ai_family, info->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, info->ai_protocol);
	if (fd < 0) return error_errno(err, errno, "socket");
	const int on = 1, off = 0;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0)
		return error_errno(err, errno, "SO_REUSEADDR");
	if (info->ai_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, any ? &off : &on, sizeof(on)) != 0)
		return error_errno(err, errno, "IPV6_V6ONLY");
	if (bind(fd, info->ai_addr, info->ai_addrlen) != 0) return error_errno(err, errno, "bind");
	if (listen(fd, backlog) != 0) return error_errno(err, errno, "listen");
	int result = fd;
	fd = -1;
	return result;
}

/* "[::1]" and "::1" are the same host. */
static char *host_of(const char *address, const char *colon) {
	size_t length = (size_t)(colon - address);
	if (length >= 2 && address[0] == '[' && address[length - 1] == ']') return xstrndup(address + 1, length - 2);
	return xstrndup(address, length);
}

int address_listen(const char *address, int backlog, struct error **err) {
	const char *colon = strrchr(address, ':');
	if (colon == NULL || colon[1] == '\0') {
		return error_set(err, ERROR_INVALID, "listen address \"%s\": must be ADDR:PORT", address);
	}
	cleanup_free char *host = host_of(address, colon);
	bool any = host[0] == '\0';
	const struct addrinfo hints = { .ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	int failed = getaddrinfo(any ? NULL : host, colon + 1, &hints, &found);
	if (failed != 0) {
		return error_set(err, ERROR_INVALID, "listen address \"%s\": %s", address, gai_strerror(failed));
	}
	/* IPv6 first: its wildcard takes IPv4 as well, where the kernel has IPv6 at all. */
	int fd = -1;
	for (int round = 0; round < 2 && fd < 0; round++) {
		for (const struct addrinfo *info = found; info != NULL && fd < 0; info = info->ai_next) {
			if ((info->ai_family == AF_INET6) == (round == 0)) fd = open_one(info, any, backlog, err);
		}
	}
	freeaddrinfo(found);
	if (fd < 0) return error_prefix(err, "listen address \"%s\"", address);
	if (err != NULL) {
		error_free(*err); /* of the family that did not work */
		*err = NULL;
	}
	return fd;
}

int address_port(int socket) {
	struct sockaddr_storage name = { 0 };
	socklen_t length = sizeof(name);
	if (getsockname(socket, (struct sockaddr *)&name, &length) != 0) return -1;
	if (name.ss_family == AF_INET6) {
		struct sockaddr_in6 in6;
		memcpy(&in6, &name, sizeof(in6));
		return ntohs(in6.sin6_port);
	}
	struct sockaddr_in in;
	memcpy(&in, &name, sizeof(in));
	return ntohs(in.sin_port);
}
