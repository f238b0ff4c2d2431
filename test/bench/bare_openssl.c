/* The least that an HTTPS server on OpenSSL can do: one thread a core, each with its own accepting socket, blocking;
 * every request gets the same answer. It says what a TLS connection costs with OpenSSL instead of GnuTLS.
 *
 *   bench_bare_openssl PORT CERTIFICATE.pem KEY.pem */
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct worker {
	SSL_CTX *tls;
	int port;
};

struct connection {
	SSL *tls;
	int fd;
	size_t length;
	char data[64 * 1024];
};

static const char body[] = "{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\",\"response\":{\"uid\":"
                           "\"705ab4f5-6393-11e8-b7cc-42010a800002\",\"allowed\":true}}";

static int listen_on(int port) {
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	const struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, 512) != 0) {
		perror("listen");
		exit(1);
	}
	return fd;
}

/* The length of the complete request at the start of the buffer, 0 when it is not complete. */
static size_t request_length(struct connection *connection) {
	connection->data[connection->length] = '\0';
	const char *end = strstr(connection->data, "\r\n\r\n");
	if (end == NULL) return 0;
	const char *announced = strcasestr(connection->data, "\r\nContent-Length:");
	size_t content = announced != NULL && announced < end ? strtoul(announced + 17, NULL, 10) : 0;
	size_t total = (size_t)(end + 4 - connection->data) + content;
	return total <= connection->length ? total : 0;
}

static void drop(struct connection *connection) {
	SSL_free(connection->tls);
	close(connection->fd);
	free(connection);
}

/* Whether the connection goes on. */
static int serve(struct connection *connection) {
	int got;
	while ((got = SSL_read(connection->tls, connection->data + connection->length,
	                       (int)(sizeof(connection->data) - 1 - connection->length))) > 0) {
		connection->length += (size_t)got;
		size_t done = request_length(connection);
		if (done == 0) continue;
		int last = strcasestr(connection->data, "\r\nConnection: close") != NULL;
		char answer[512];
		int length =
		        snprintf(answer, sizeof(answer),
		                 "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n%s\r\n%s",
		                 sizeof(body) - 1, last ? "Connection: close\r\n" : "", body);
		if (SSL_write(connection->tls, answer, length) <= 0) return 0;
		if (last) {
			SSL_shutdown(connection->tls);
			return 0;
		}
		memmove(connection->data, connection->data + done, connection->length - done);
		connection->length -= done;
	}
	int error = SSL_get_error(connection->tls, got);
	return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

static void *work(void *argument) {
	const struct worker *worker = argument;
	int listener = listen_on(worker->port), poller = epoll_create1(0);
	struct epoll_event event = { .events = EPOLLIN };
	epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
	for (;;) {
		struct epoll_event events[64];
		int count = epoll_wait(poller, events, 64, -1);
		for (int i = 0; i < count; i++) {
			struct connection *connection = events[i].data.ptr;
			if (connection != NULL) {
				if (!serve(connection)) drop(connection);
				continue;
			}
			int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
			if (fd < 0) continue;
			connection = calloc(1, sizeof(*connection));
			connection->fd = fd;
			connection->tls = SSL_new(worker->tls);
			SSL_set_fd(connection->tls, fd);
			SSL_set_accept_state(connection->tls);
			event.data.ptr = connection;
			epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
		}
	}
	return NULL;
}

int main(int argc, char **argv) {
	if (argc != 4) {
		fprintf(stderr, "usage: %s PORT CERTIFICATE.pem KEY.pem\n", argv[0]);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
	SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
	SSL_CTX_set_num_tickets(tls, 0);
	SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
	if (SSL_CTX_use_certificate_chain_file(tls, argv[2]) != 1 ||
	    SSL_CTX_use_PrivateKey_file(tls, argv[3], SSL_FILETYPE_PEM) != 1) {
		fprintf(stderr, "certificate or key cannot be used\n");
		return 1;
	}
	struct worker worker = { tls, atoi(argv[1]) };
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	for (long i = 0; i < cores; i++) {
		pthread_t thread;
		pthread_create(&thread, NULL, work, &worker);
	}
	pause();
	return 0;
}
