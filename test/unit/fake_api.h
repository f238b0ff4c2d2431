/* An API server for unit tests, in the same process: it answers by rules, remembers what it was asked, and streams what
 * the test feeds it. Real HTTP (libmicrohttpd) on a port of 127.0.0.1. */
#ifndef AGKEEPER_TEST_FAKE_API_H
#define AGKEEPER_TEST_FAKE_API_H

#include <stdbool.h>
#include <stddef.h>

#include "kube/client.h"

struct fake_api;
struct fake_stream;

/* One answer. The first rule that fits a request and has uses left gives it; without any it is a plain 404. */
struct fake_rule {
	const char *method;         /* NULL: any */
	const char *path;           /* the whole path */
	const char *query;          /* a part of the decoded query ("limit=2"); NULL: any */
	const char *not_in_query;   /* a part that must be missing; NULL: none */
	const char *token;          /* the bearer token it must come with; NULL: any */
	int times;                  /* uses; 0: for ever */
	int status;                 /* 0: 200 */
	const char *body;           /* NULL: empty */
	const char *retry_after;    /* the header; NULL: none */
	bool hang;                  /* never answers: the client has to lose patience */
	struct fake_stream *stream; /* instead of `body`: what the stream is fed, until it ends */
};

/* What the server was asked. */
struct fake_request {
	char *method;
	char *path;
	char *query; /* decoded: "a=b&c=d" */
	char *authorization;
	char *content_type;
	char *user_agent;
	char *body;
	bool has_certificate; /* the client showed one that the server's CA has signed */
};

/* PEM texts for https; all NULL: http. */
struct fake_tls {
	const char *certificate;
	const char *key;
	const char *client_ca;
};

struct fake_api *fake_api_new(const struct fake_tls *tls);
void fake_api_free(struct fake_api *api);
/* "http://127.0.0.1:<port>" */
const char *fake_api_url(const struct fake_api *api);
/* The rule's texts must live as long as the server. */
void fake_api_on(struct fake_api *api, struct fake_rule rule);

/* A client of this server; `token_file` may be NULL. */
struct kube_client *fake_api_client(const struct fake_api *api, const char *token_file);

/* How many requests there were whose method, path and query (a part of it) are these; NULL: any. */
size_t fake_api_count(struct fake_api *api, const char *method, const char *path, const char *query);
/* Waits until there were that many; fails the test when that takes half a minute. */
void fake_api_wait(struct fake_api *api, const char *method, const char *path, const char *query, size_t count);
/* The last request of that kind; fails the test when there was none. Valid until the server is freed. */
const struct fake_request *fake_api_last(struct fake_api *api, const char *method, const char *path);

/* A body that comes bit by bit. Free it after the server. */
struct fake_stream *fake_stream_new(void);
void fake_stream_free(struct fake_stream *stream);
void fake_stream_send(struct fake_stream *stream, const char *text);
/* The server ends it properly, or drops the connection. What was sent is delivered before. */
void fake_stream_end(struct fake_stream *stream);
void fake_stream_break(struct fake_stream *stream);

/* Polls `condition` until it holds; false after half a minute. */
#define wait_until(condition)                                                                       \
	({                                                                                          \
		bool held_ = false;                                                                 \
		for (int tries_ = 0; !(held_ = (condition)) && tries_ < 6000; tries_++) fake_nap(); \
		held_;                                                                              \
	})
void fake_nap(void);

#endif
