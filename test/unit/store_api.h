/* An API server for unit tests that keeps objects: create, read, replace, patch and delete by path, with
 * resourceVersions and the conflicts that come of them; lists and watches of a collection in all namespaces (label
 * selectors: only that on app.kubernetes.io/managed-by). Real HTTP on a port of 127.0.0.1. */
#ifndef AGKEEPER_TEST_STORE_API_H
#define AGKEEPER_TEST_STORE_API_H

#include <json-c/json.h>
#include <stddef.h>

#include "kube/client.h"

struct store_api;

struct store_api *store_api_new(void);
void store_api_free(struct store_api *api);
/* A client of this server that lives in `namespace`; free it before the server. */
struct kube_client *store_api_client(const struct store_api *api, const char *namespace);

/* "http://127.0.0.1:<port>" */
const char *store_api_url(const struct store_api *api);

/* Puts an object there, as if somebody else had done so; `text` is JSON, NULL deletes. */
void store_api_put(struct store_api *api, const char *path, const char *text);
/* A copy of what is there, or NULL; the caller owns it. */
struct json_object *store_api_get(struct store_api *api, const char *path);

/* The next `times` requests (−1: all) of that method and path (NULL: any) are answered with `status`; 0 drops the
 * connection. Replaces what was said before; times 0 ends it. */
void store_api_fail(struct store_api *api, const char *method, const char *path, int status, int times);
/* Breaks every watch that is open, in the middle of a line. */
void store_api_break_watches(struct store_api *api);
/* Every request but watches is answered so much later; 0: at once. */
void store_api_delay(struct store_api *api, int delay_ms);

/* Requests of that method and path are kept, and carried out when it ends (NULL, NULL), whether somebody still waits or
 * not. */
void store_api_hold(struct store_api *api, const char *method, const char *path);

/* Called before each request is looked at; it may call the functions above. NULL ends it. */
void store_api_interfere(struct store_api *api, void (*hook)(void *context, const char *method, const char *path),
                         void *context);

/* How many requests of that method (NULL: any) and path (NULL: any) there were. */
size_t store_api_count(struct store_api *api, const char *method, const char *path);

#endif
