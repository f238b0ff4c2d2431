#include "kube/call.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/memory.h"
#include "kube/client_private.h"
#include "kube/status.h"

static const char *const method_names[] = {
	[KUBE_GET] = "GET", [KUBE_POST] = "POST", [KUBE_PUT] = "PUT", [KUBE_PATCH] = "PATCH", [KUBE_DELETE] = "DELETE",
};

/* k8s.io/apimachinery/pkg/types/patch.go. Apply patches are YAML by name; JSON is YAML. */
static const char *const patch_content_types[] = {
	[KUBE_PATCH_MERGE] = "application/merge-patch+json",
	[KUBE_PATCH_JSON] = "application/json-patch+json",
	[KUBE_PATCH_APPLY] = "application/apply-patch+yaml",
};

/* ---- What to send ---- */

static void append_parameter(struct strbuf *url, const char *key, const char *value) {
	strbuf_printf(url, "%c%s=", strchr(strbuf_text(url), '?') == NULL ? '?' : '&', key);
	kube_percent_encode(url, value);
}

static void append_integer(struct strbuf *url, const char *key, int64_t value) {
	cleanup_free char *text = xasprintf("%lld", (long long)value);
	append_parameter(url, key, text);
}

static void append_query(struct strbuf *url, const struct kube_request *request) {
	if (request->label_selector != NULL) append_parameter(url, "labelSelector", request->label_selector);
	if (request->field_selector != NULL) append_parameter(url, "fieldSelector", request->field_selector);
	if (request->limit > 0) append_integer(url, "limit", request->limit);
	if (request->continue_token != NULL) append_parameter(url, "continue", request->continue_token);
	if (request->watch_from != NULL) {
		append_parameter(url, "watch", "true");
		append_parameter(url, "allowWatchBookmarks", "true");
		append_parameter(url, "resourceVersion", request->watch_from);
		append_integer(url, "timeoutSeconds", request->watch_seconds);
	}
	bool writes_fields =
	        request->method == KUBE_POST || request->method == KUBE_PUT || request->method == KUBE_PATCH;
	if (writes_fields) append_parameter(url, "fieldManager", KUBE_FIELD_MANAGER);
	if (request->method == KUBE_PATCH && request->patch_type == KUBE_PATCH_APPLY && request->force) {
		append_parameter(url, "force", "true");
	}
	if (request->dry_run) append_parameter(url, "dryRun", "All");
}

void call_init(struct call *call, struct kube_client *client, const struct kube_request *request) {
	int64_t timeout = request->timeout_ms > 0 ? request->timeout_ms : KUBE_TIMEOUT_MS;
	*call = (struct call){
		.client = client,
		.method = method_names[request->method],
		.verb = request->watch_from != NULL ? "WATCH" : method_names[request->method],
		.resource = request->resource != NULL ? request->resource->plural : "",
		.deadline = clock_monotonic_ms() + timeout,
		.max_answer = request->max_answer > 0 ? request->max_answer : KUBE_MAX_ANSWER,
		.content_type = "application/json",
	};
	if (request->method == KUBE_PATCH) call->content_type = patch_content_types[request->patch_type];
	struct strbuf url = { 0 };
	if (request->resource != NULL) {
		kube_resource_path(&url, request->resource, request->namespace, request->name, request->subresource);
	} else {
		strbuf_append(&url, request->raw_path);
	}
	call->what = xasprintf("%s %s", request->watch_from != NULL ? "watch" : call->method, strbuf_text(&url));
	append_query(&url, request);
	call->url_path = strbuf_detach(&url);
	if (request->body != NULL) {
		call->has_body = true;
		json_append(&call->body, request->body);
	}
}

static void end_attempt(struct call *call) {
	/* The slist holds the token too. */
	for (struct curl_slist *header = call->headers; header != NULL; header = header->next) {
		explicit_bzero(header->data, strlen(header->data));
	}
	curl_slist_free_all(call->headers);
	call->headers = NULL;
	token_free(call->token);
	call->token = NULL;
	strbuf_reset(&call->answer);
	call->too_long = false;
	call->curl_message[0] = '\0';
}

void call_free(struct call *call) {
	end_attempt(call);
	free(call->url_path);
	free(call->what);
	/* Bodies carry Secrets. */
	if (call->body.data != NULL) explicit_bzero(call->body.data, call->body.length);
	strbuf_free(&call->body);
	strbuf_free(&call->answer);
}

/* ---- One attempt ---- */

static size_t on_body(char *bytes, size_t size, size_t count, void *context) {
	struct call *call = context;
	size_t length = size * count;
	long status = 0;
	curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	if (call->sink != NULL && status == 200) {
		return call->sink(call->sink_context, bytes, length) ? length : CURL_WRITEFUNC_ERROR;
	}
	if (length > call->max_answer - call->answer.length) {
		call->too_long = true;
		return CURL_WRITEFUNC_ERROR;
	}
	strbuf_append_n(&call->answer, bytes, length);
	return length;
}

static void add_header(struct call *call, const char *name, const char *value) {
	cleanup_token char *header = xasprintf("%s: %s", name, value);
	struct curl_slist *longer = curl_slist_append(call->headers, header);
	if (longer == NULL) abort();
	call->headers = longer;
}

int call_prepare(struct call *call, CURL *easy, struct error **err) {
	end_attempt(call);
	int64_t left = call->deadline - clock_monotonic_ms();
	if (left <= 0) return error_set(err, ERROR_TIMEOUT, "%s: no answer before the deadline", call->what);
	if (token_get(&call->client->token, &call->token, err) < 0) return error_prefix(err, "%s", call->what);
	call->easy = easy;
	if (call->client->requests != NULL)
		metric_increment(metric_cell(call->client->requests, METRIC_VALUES(call->verb, call->resource)));
	transport_set_up(call->client, easy);

	cleanup_free char *url = xasprintf("%s%s", call->client->url_base, call->url_path);
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, call->method);
	add_header(call, "Accept", "application/json");
	if (call->has_body) {
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, strbuf_text(&call->body));
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.length);
		add_header(call, "Content-Type", call->content_type);
		/* Waiting for "100 Continue" before a large body costs a round trip, and saves nothing here. */
		add_header(call, "Expect", "");
	}
	if (call->token != NULL) {
		cleanup_token char *bearer = xasprintf("Bearer %s", call->token);
		add_header(call, "Authorization", bearer);
	}
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, call->headers);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->curl_message);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)left);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
	                 (long)(left < KUBE_CONNECT_TIMEOUT_MS ? left : KUBE_CONNECT_TIMEOUT_MS));
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, call->fresh_connection ? 1L : 0L);
	return 0;
}

/* ---- What came of it ---- */

/* The failures of curl that no new attempt can mend; all others are the network's. */
static const CURLcode hopeless[] = {
	CURLE_UNSUPPORTED_PROTOCOL,     CURLE_URL_MALFORMAT,
	CURLE_SSL_CERTPROBLEM,          CURLE_SSL_CIPHER,
	CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE,
	CURLE_SSL_ISSUER_ERROR,         CURLE_SSL_PINNEDPUBKEYNOTMATCH,
};

static int transport_error(const struct call *call, CURLcode result, struct error **err) {
	if (call->too_long) {
		return error_set(err, ERROR_INTERNAL, "%s: the answer is longer than %zu bytes", call->what,
		                 call->max_answer);
	}
	enum error_kind kind = result == CURLE_OPERATION_TIMEDOUT ? ERROR_TIMEOUT : ERROR_UNAVAILABLE;
	for (size_t i = 0; i < ARRAY_LENGTH(hopeless); i++) {
		if (result == hopeless[i]) kind = ERROR_INVALID;
	}
	const char *message = call->curl_message[0] != '\0' ? call->curl_message : curl_easy_strerror(result);
	return error_set(err, kind, "%s: %s", call->what, message);
}

int call_finish(struct call *call, CURLcode result, struct json_object **answer, struct error **err) {
	if (result != CURLE_OK) return transport_error(call, result, err);
	long status = 0;
	curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status < 200 || status > 299) {
		return kube_status_error(call->what, status, strbuf_text(&call->answer), call->answer.length, err);
	}
	if (answer == NULL || call->sink != NULL) return 0;
	if (kube_json_parse(strbuf_text(&call->answer), call->answer.length, answer, err) < 0) {
		return error_prefix(err, "%s", call->what);
	}
	return 0;
}

int64_t call_retry_after_ms(const struct call *call) {
	curl_off_t seconds = 0;
	if (call->easy == NULL) return 0;
	curl_easy_getinfo(call->easy, CURLINFO_RETRY_AFTER, &seconds);
	enum { LONGEST = 3600 };
	if (seconds <= 0) return 0;
	return (seconds < LONGEST ? seconds : LONGEST) * 1000;
}

int64_t call_retry_delay_ms(struct call *call, const struct error *err, int attempts) {
	/* As often as client-go's rest.Request does. */
	enum { MOST_ATTEMPTS = 10 };
	if (attempts > MOST_ATTEMPTS) return -1;
	if (err->code == 401) {
		bool renewed = !call->renewed && token_renew(&call->client->token, call->token);
		call->renewed = true;
		return renewed ? 0 : -1;
	}
	if (err->code != 429 && err->code < 500) return -1;
	int64_t delay = call_retry_after_ms(call);
	if (delay == 0 || clock_monotonic_ms() + delay >= call->deadline) return -1;
	return delay;
}
