/* The least that an admission webhook on libmicrohttpd and json-c can do: receive, parse, answer "allowed" with the
 * uid. No checks, no limits, no metrics. TLS settings and thread count are agkeeper's own.
 *
 *   bench_bare_handler PORT CERTIFICATE.pem KEY.pem */
#include <gnutls/gnutls.h>
#include <json-c/json.h>
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct body {
	size_t length;
	size_t capacity;
	char *data;
};

static void append(struct body *body, const char *data, size_t size) {
	if (body->length + size > body->capacity) {
		body->capacity = (body->length + size) * 2;
		body->data = realloc(body->data, body->capacity);
		if (body->data == NULL) abort();
	}
	memcpy(body->data + body->length, data, size);
	body->length += size;
}

static enum MHD_Result answer(struct MHD_Connection *connection, const struct body *body) {
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *review = json_tokener_parse_ex(tokener, body->data, (int)body->length);
	json_tokener_free(tokener);
	struct json_object *request = NULL, *uid = NULL;
	if (!json_object_object_get_ex(review, "request", &request) ||
	    !json_object_object_get_ex(request, "uid", &uid)) {
		json_object_put(review);
		return MHD_NO;
	}
	char text[512];
	int length = snprintf(
	        text, sizeof(text),
	        "{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\",\"response\":{\"uid\":\"%s\","
	        "\"allowed\":true}}",
	        json_object_get_string(uid));
	json_object_put(review);
	struct MHD_Response *response = MHD_create_response_from_buffer((size_t)length, text, MHD_RESPMEM_MUST_COPY);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
	enum MHD_Result result = MHD_queue_response(connection, MHD_HTTP_OK, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *upload, size_t *upload_size, void **request) {
	(void)context;
	(void)url;
	(void)method;
	(void)version;
	if (*request == NULL) {
		*request = calloc(1, sizeof(struct body));
		return MHD_YES;
	}
	if (*upload_size != 0) {
		append(*request, upload, *upload_size);
		*upload_size = 0;
		return MHD_YES;
	}
	return answer(connection, *request);
}

static void completed(void *context, struct MHD_Connection *connection, void **request,
                      enum MHD_RequestTerminationCode how) {
	(void)context;
	(void)connection;
	(void)how;
	struct body *body = *request;
	if (body == NULL) return;
	free(body->data);
	free(body);
}

static char *read_file(const char *path) {
	FILE *file = fopen(path, "r");
	char *text = NULL;
	size_t size = 0;
	if (file == NULL || getdelim(&text, &size, '\0', file) < 0) {
		perror(path);
		exit(2);
	}
	fclose(file);
	return text;
}

int main(int argc, char **argv) {
	if (argc != 4) {
		fprintf(stderr, "usage: %s PORT CERTIFICATE.pem KEY.pem\n", argv[0]);
		return 2;
	}
	sigset_t signals;
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	char *certificate = read_file(argv[2]), *key = read_file(argv[3]);
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	struct MHD_Daemon *daemon = MHD_start_daemon(
	        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_TLS, (uint16_t)atoi(argv[1]), NULL, NULL, handle, NULL,
	        MHD_OPTION_HTTPS_MEM_CERT, certificate, MHD_OPTION_HTTPS_MEM_KEY, key, MHD_OPTION_HTTPS_PRIORITIES,
	        "NONE:+VERS-TLS1.3:+VERS-TLS1.2:+ECDHE-ECDSA:+ECDHE-RSA:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:+"
	        "AEAD:"
	        "+SIGN-ALL:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1:+COMP-NULL:%SERVER_PRECEDENCE",
	        MHD_OPTION_THREAD_POOL_SIZE, (unsigned)(cores > 1 ? cores : 2), MHD_OPTION_NOTIFY_COMPLETED, completed,
	        NULL, MHD_OPTION_CONNECTION_TIMEOUT, 120U, MHD_OPTION_END);
	if (daemon == NULL) {
		fprintf(stderr, "does not start\n");
		return 1;
	}
	int signal;
	sigwait(&signals, &signal);
	MHD_stop_daemon(daemon);
	free(certificate);
	free(key);
	return 0;
}
