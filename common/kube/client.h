/* Requests to the Kubernetes API server.
 *
 *   cleanup_json struct json_object *secret = NULL;
 *   if (kube_get(client, &kube_secrets, "default", "sales-sa", &secret, err) < 0) return -1;
 *
 * A client may be used by any number of threads at once; idle connections are kept and reused. Every request has a
 * deadline. An answer that is no success becomes an error whose kind says what to do (ERROR_CONFLICT: read again,
 * ERROR_UNAVAILABLE: try later …), whose code is the HTTP status and whose message is the server's own. Answers 429 and
 * 5xx with a Retry-After header are tried again within the deadline, as the server asks.
 *
 * Tokens and keys are never logged nor part of a message. */
#ifndef AGKEEPER_KUBE_CLIENT_H
#define AGKEEPER_KUBE_CLIENT_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/metrics.h"
#include "kube/config.h"
#include "kube/resource.h"

/* Who wrote a field, in server-side apply and in every other write. */
#define KUBE_FIELD_MANAGER "agkeeper"

struct kube_client;

/* Takes over `config`, also when it fails (ERROR_INVALID: settings that cannot work). Does not connect yet. */
struct kube_client *kube_client_new(struct kube_config *config, struct error **err);
/* All requests must have ended. */
void kube_client_free(struct kube_client *client);
void kube_client_cleanup(struct kube_client **client);
#define cleanup_kube_client __attribute__((cleanup(kube_client_cleanup)))

/* Counts requests from now on: agkeeper_api_requests_total, each attempt. Before other threads have the client. */
void kube_client_add_metrics(struct kube_client *client, struct metrics *metrics);

/* The namespace we live in (kube_config.namespace). */
const char *kube_client_namespace(const struct kube_client *client);

/* ---- The usual requests. `object` out parameters may be NULL; what they get belongs to the caller. `namespace` is
 * NULL for cluster-scoped resources. ---- */

int kube_get(struct kube_client *client, const struct kube_resource *resource, const char *namespace, const char *name,
             struct json_object **object, struct error **err);

/* ERROR_CONFLICT when it exists already. The body must carry metadata.name and, where namespaced, .namespace; so for
 * all that take a body. apiVersion and kind are set when they are missing. */
int kube_create(struct kube_client *client, const struct kube_resource *resource, struct json_object *body,
                struct json_object **object, struct error **err);
/* Replaces; ERROR_CONFLICT when metadata.resourceVersion is not the current one any more. */
int kube_update(struct kube_client *client, const struct kube_resource *resource, struct json_object *body,
                struct json_object **object, struct error **err);

/* Server-side apply with field manager agkeeper. `force` takes fields over that others manage; otherwise that is
 * ERROR_CONFLICT. */
int kube_apply(struct kube_client *client, const struct kube_resource *resource, struct json_object *body, bool force,
               struct json_object **object, struct error **err);

enum kube_patch_type {
	KUBE_PATCH_MERGE, /* RFC 7386 */
	KUBE_PATCH_JSON,  /* RFC 6902; a failed "test" is ERROR_INVALID with code 422 */
	KUBE_PATCH_APPLY  /* server-side apply */
};
/* `subresource` ("status", "scale") may be NULL. */
int kube_patch(struct kube_client *client, const struct kube_resource *resource, const char *namespace,
               const char *name, const char *subresource, enum kube_patch_type type, const struct json_object *patch,
               struct json_object **object, struct error **err);

enum kube_propagation { KUBE_PROPAGATION_DEFAULT, KUBE_BACKGROUND, KUBE_FOREGROUND, KUBE_ORPHAN };
struct kube_delete_options {
	const char *uid;              /* delete only this very object; NULL: any of that name */
	const char *resource_version; /* delete only this state of it; else ERROR_CONFLICT */
	enum kube_propagation propagation;
	bool has_grace_period;
	int64_t grace_period_seconds;
};
/* `options` may be NULL. */
int kube_delete(struct kube_client *client, const struct kube_resource *resource, const char *namespace,
                const char *name, const struct kube_delete_options *options, struct error **err);

struct kube_selection {
	const char *namespace; /* NULL: all */
	const char *label_selector;
	const char *field_selector;
};
/* Calls `visit` for each object, which it may keep with json_object_get(); an error of visit (-1) ends the list. Long
 * lists come in chunks, so that memory stays bounded; a chunk that expired starts over, and visit may then see objects
 * again. `selection` may be NULL: all. */
int kube_list(struct kube_client *client, const struct kube_resource *resource, const struct kube_selection *selection,
              int (*visit)(void *context, struct json_object *object, struct error **err), void *context,
              struct error **err);

/* ---- Any request ---- */

enum kube_method { KUBE_GET, KUBE_POST, KUBE_PUT, KUBE_PATCH, KUBE_DELETE };

enum {
	KUBE_TIMEOUT_MS = 15000,            /* a request's deadline, unless it says otherwise */
	KUBE_CONNECT_TIMEOUT_MS = 5000,     /* of it for connecting and TLS */
	KUBE_MAX_ANSWER = 64 * 1024 * 1024, /* bytes of an answer, unless the request says otherwise */
};

struct kube_request {
	enum kube_method method;
	const struct kube_resource *resource; /* or NULL, and */
	const char *raw_path;                 /* a path as it stands: "/version" */
	const char *namespace;
	const char *name;
	const char *subresource;
	const struct json_object *body;  /* NULL: none */
	enum kube_patch_type patch_type; /* with KUBE_PATCH */
	bool force;                      /* with KUBE_PATCH_APPLY */
	bool dry_run;
	/* With KUBE_GET of a collection: */
	const char *label_selector;
	const char *field_selector;
	int64_t limit;              /* 0: none */
	const char *continue_token; /* NULL: from the start */
	/* With KUBE_GET, a watch (kube/cache.h makes these): */
	const char *watch_from; /* a resourceVersion; NULL: no watch */
	int64_t watch_seconds;
	int64_t timeout_ms; /* 0: KUBE_TIMEOUT_MS */
	size_t max_answer;  /* bytes; 0: KUBE_MAX_ANSWER */
	int urgency;        /* with kube_loop_submit: the higher goes first; 0: it is not urgent */
};

/* Performs one request and waits for the answer. */
int kube_request(struct kube_client *client, const struct kube_request *request, struct json_object **answer,
                 struct error **err);

/* ---- About the server and ourselves ---- */

/* Whether the server offers the resource in that group and version: 1 yes, 0 no, -1 it did not answer. Answers are
 * remembered: yes for ten minutes, no for half a minute (a CRD may be installed at any time). */
int kube_discover(struct kube_client *client, const struct kube_resource *resource, struct error **err);

/* The user name the API server knows us by: the subject of a service account's token ("system:serviceaccount:…"), else
 * what SelfSubjectReview says (Kubernetes 1.28 and later). *user is NULL when nobody tells. The caller frees it. */
int kube_whoami(struct kube_client *client, char **user, struct error **err);

#endif
