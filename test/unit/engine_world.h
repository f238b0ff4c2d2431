/* An engine with an API server and SQL Servers of the test's own; the test plays StatefulSet controller and kubelet. */
#ifndef UNIT_ENGINE_WORLD_H
#define UNIT_ENGINE_WORLD_H

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "controller/engine/engine.h"
#include "unit/fake_api.h"
#include "unit/sql_server.h"
#include "unit/store_api.h"

#define LEASE_PATH   "/apis/coordination.k8s.io/v1/namespaces/agkeeper-system/leases/agkeeper"
#define OBJECT(name) "/apis/kubedb.com/v1alpha2/namespaces/demo/mssqlservers/" name

/* Long enough for a slow machine to renew in time, short enough to wait for. */
static const struct lease_times world_times = { .duration_ms = 6000, .renew_ms = 4000, .retry_ms = 200 };

struct world {
	struct store_api *api;
	struct kube_client *client;
	struct kube_loop *loop;
	struct metrics *metrics;
	struct engine *engine;
	char *folder;
	int port; /* of all SQL Servers */
};

static inline void world_put(struct world *world, const char *path, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
static inline void world_put(struct world *world, const char *path, const char *format, ...) {
	va_list args;
	va_start(args, format);
	cleanup_free char *text = xvasprintf(format, args);
	va_end(args);
	store_api_put(world->api, path, text);
}

static inline void world_begin(struct world *world) {
	*world = (struct world){ .api = store_api_new(), .metrics = metrics_new(), .folder = sql_server_folder() };
	close(sql_server_listen("127.0.0.1", &world->port));
	world->client = store_api_client(world->api, "agkeeper-system");
	world->loop = kube_loop_new(world->client);
	world_put(world, LEASE_PATH, "{\"metadata\":{\"namespace\":\"agkeeper-system\",\"name\":\"agkeeper\"}}");
	world_put(world, "/apis/policy/v1", "{\"resources\":[{\"name\":\"poddisruptionbudgets\"}]}");
	world_put(world, "/apis/events.k8s.io/v1", "{\"resources\":[{\"name\":\"events\"}]}");
	world_put(world, "/apis/catalog.kubedb.com/v1alpha1/mssqlserverversions/v",
	          "{\"metadata\":{\"name\":\"v\"},\"spec\":{\"version\":\"2022\",\"db\":{\"image\":\"sql\"}}}");
}

static inline void world_start(struct world *world) {
	const struct engine_options options = { .loop = world->loop,
		                                .metrics = world->metrics,
		                                .namespace = "agkeeper-system",
		                                .identity = "test",
		                                .lease_times = &world_times,
		                                .sql_port = world->port,
		                                .probe_ms = 300 };
	world->engine = engine_new(&options, NULL);
	assert_non_null(world->engine);
	assert_int_equal(engine_start(world->engine, NULL), 0);
}

static inline void world_end(struct world *world) {
	engine_stop(world->engine);
	kube_loop_free(world->loop);
	engine_free(world->engine);
	kube_client_free(world->client);
	metrics_free(world->metrics);
	store_api_free(world->api);
	sql_server_folder_free(world->folder);
}

/* A standalone MSSQLServer with sa's password as the simulated servers have it. */
static inline void world_apply(struct world *world, const char *name) {
	cleanup_free char *object = xasprintf("/apis/kubedb.com/v1alpha2/namespaces/demo/mssqlservers/%s", name);
	cleanup_free char *secret = xasprintf("/api/v1/namespaces/demo/secrets/%s-auth", name);
	world_put(world, secret,
	          "{\"metadata\":{\"namespace\":\"demo\",\"name\":\"%s-auth\"},\"data\":{\"username\":\"c2E=\","
	          "\"password\":\"U3Ryb25nLVBhc3MtMQ==\"}}",
	          name);
	world_put(
	        world, object,
	        "{\"apiVersion\":\"kubedb.com/v1alpha2\",\"kind\":\"MSSQLServer\",\"metadata\":{\"namespace\":\"demo\","
	        "\"name\":\"%s\",\"uid\":\"uid-of-%s\",\"generation\":1,\"creationTimestamp\":\"2026-11-22T00:00:00Z\"}"
	        ","
	        "\"spec\":{\"version\":\"v\",\"replicas\":1,\"deletionPolicy\":\"Delete\",\"storageType\":\"Durable\","
	        "\"storage\":{\"accessModes\":[\"ReadWriteOnce\"],\"resources\":{\"requests\":{\"storage\":\"1Gi\"}}}}"
	        "}",
	        name, name);
}

/* What its StatefulSet and the kubelet would make of it. */
static inline void world_run_pod(struct world *world, const char *name, const char *ip) {
	static const char labels[] =
	        "\"app.kubernetes.io/instance\":\"%s\",\"app.kubernetes.io/managed-by\":\"kubedb.com\"";
	cleanup_free char *own = xasprintf("%s", name);
	cleanup_strbuf struct strbuf text = { 0 };
	strbuf_printf(&text, labels, own);
	cleanup_free char *claim = xasprintf("/api/v1/namespaces/demo/persistentvolumeclaims/data-%s-0", name);
	cleanup_free char *pod = xasprintf("/api/v1/namespaces/demo/pods/%s-0", name);
	world_put(world, claim,
	          "{\"metadata\":{\"namespace\":\"demo\",\"name\":\"data-%s-0\",\"labels\":{%s},\"creationTimestamp\":"
	          "\"2026-11-22T00:00:01Z\"},\"spec\":{\"resources\":{\"requests\":{\"storage\":\"1Gi\"}}},\"status\":"
	          "{\"phase\":\"Bound\",\"capacity\":{\"storage\":\"1Gi\"}}}",
	          name, strbuf_text(&text));
	world_put(
	        world, pod,
	        "{\"metadata\":{\"namespace\":\"demo\",\"name\":\"%s-0\",\"labels\":{%s},\"ownerReferences\":[{"
	        "\"apiVersion\":"
	        "\"apps/v1\",\"kind\":\"StatefulSet\",\"name\":\"%s\",\"uid\":\"set\",\"controller\":true}]},\"spec\":"
	        "{\"nodeName\":\"n\"},\"status\":{\"phase\":\"Running\",\"podIP\":\"%s\",\"conditions\":[{\"type\":"
	        "\"Ready\","
	        "\"status\":\"True\"}],\"containerStatuses\":[{\"name\":\"mssql\",\"ready\":true,\"restartCount\":0,"
	        "\"containerID\":\"c://%s\",\"state\":{\"running\":{}}}]}}",
	        name, strbuf_text(&text), name, ip, name);
}

static inline struct sql_server world_run_server(struct world *world, const char *pod, const char *ip) {
	struct sql_server server = { .ip = xstrdup(ip),
		                     .name = xstrdup(pod),
		                     .folder = xasprintf("%s/%s", world->folder, pod),
		                     .port = world->port };
	cleanup_free char *data = xasprintf("%s/data", server.folder);
	if (mkdir(server.folder, 0700) != 0 || mkdir(data, 0700) != 0) abort();
	sql_server_start(&server);
	return server;
}

static inline bool world_phase_is(struct world *world, const char *object, const char *phase) {
	cleanup_json struct json_object *json = store_api_get(world->api, object);
	const char *there = json_get_text(json_get(json, "status"), "phase");
	return there != NULL && strcmp(there, phase) == 0;
}

static inline bool world_has(struct world *world, const char *path) {
	cleanup_json struct json_object *json = store_api_get(world->api, path);
	return json != NULL;
}

#endif
