/* One HTTP exchange, from a request to an answer or an error: what waiting and asynchronous requests have in common. */
#ifndef AGKEEPER_KUBE_CALL_H
#define AGKEEPER_KUBE_CALL_H

#include <curl/curl.h>

#include "base/strbuf.h"
#include "kube/client.h"

struct call {
	struct kube_client *client;
	/* What to send. */
	const char *method;
	const char *verb, *resource; /* for metrics */
	char *url_path;              /* path and query */
	char *what;                  /* method and path, for messages */
	const char *content_type;
	struct strbuf body;
	bool has_body;
	int64_t deadline; /* monotonic milliseconds */
	size_t max_answer;
	/* Where a success's body goes as it comes; false ends the exchange. NULL: it is collected in `answer`. */
	bool (*sink)(void *context, const char *bytes, size_t length);
	void *sink_context;
	bool fresh_connection; /* do not reuse one: it may be dead */
	bool renewed;          /* the token, because of a 401: once is enough */

	/* The attempt under way. */
	CURL *easy;
	struct curl_slist *headers;
	char *token; /* the one sent */
	struct strbuf answer;
	bool too_long;
	char curl_message[CURL_ERROR_SIZE];
};

/* Copies everything it needs from `request`. */
void call_init(struct call *call, struct kube_client *client, const struct kube_request *request);
void call_free(struct call *call);

/* Sets `easy` up for the (next) attempt. It stays the caller's. */
int call_prepare(struct call *call, CURL *easy, struct error **err);

/* Judges the attempt that ended with `result`. Success: 0, and *answer (may be NULL) is the caller's. */
int call_finish(struct call *call, CURLcode result, struct json_object **answer, struct error **err);

/* Whether the attempt that failed with `err` should be made again, and when: milliseconds from now, -1 for no. A 401 is
 * tried again at once when the token was renewed meanwhile, 429 and 5xx when the server says after what time, all of it
 * within the deadline. `attempts` is how many there were. */
int64_t call_retry_delay_ms(struct call *call, const struct error *err, int attempts);

/* What the server asked to wait, in milliseconds; 0 when it did not. */
int64_t call_retry_after_ms(const struct call *call);

#endif
