/* What people ask for: ops requests, a larger size in the object; and what they do when it did not come to its end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "simulation/model.h"

/* ---- Requests, as they are stored ---- */

const char *request_phase(const struct request *request) {
	const char *phase = json_get_text(json_get(request->json, "status"), "phase");
	return phase != NULL ? phase : "";
}

void request_put(struct model *model, int place, struct json_object *json) {
	struct request *request = &model->cluster.requests[place];
	cleanup_free char *version = xasprintf("%llu", (unsigned long long)++model->numbers);
	if (json != NULL) json_set_text(json_get(json, "metadata"), "resourceVersion", version);
	json_object_put(request->json);
	request->json = json;
	cluster_changed(model, ITEM_REQUEST, place);
}

static int free_place(const struct model *model) {
	for (int i = 0; i < REQUESTS; i++)
		if (model->cluster.requests[i].json == NULL) return i;
	return -1;
}

int request_create(struct model *model, const struct asking *asking) {
	int place = free_place(model);
	if (place < 0) return -1;
	char created[CLOCK_RFC3339_SIZE];
	clock_format_rfc3339(WALL_SECONDS + model->now / SECOND, created);
	cleanup_strbuf struct strbuf text = { 0 };
	strbuf_printf(&text,
	              "{\"apiVersion\":\"ops.kubedb.com/v1alpha1\",\"kind\":\"MSSQLServerOpsRequest\",\"metadata\":{"
	              "\"name\":\"grow-%d\",\"namespace\":\"default\",\"creationTimestamp\":\"%s\"},\"spec\":{"
	              "\"type\":\"VolumeExpansion\",\"databaseRef\":{\"name\":\"sales\"},\"apply\":\"%s\","
	              "\"volumeExpansion\":{\"mode\":\"%s\",\"mssqlserver\":\"%dGi\"}",
	              ++model->requests_made, created, asking->always ? "Always" : "IfReady",
	              asking->offline ? "Offline" : "Online", asking->size);
	if (asking->timeout_s > 0) strbuf_printf(&text, ",\"timeout\":\"%ds\"", asking->timeout_s);
	strbuf_append(&text, "}}");
	struct json_object *json = NULL;
	if (json_parse(strbuf_text(&text), text.length, &json, NULL) != 0) abort();
	note(model, "somebody creates grow-%d: %s, %s, %dGi", model->requests_made,
	     asking->offline ? "Offline" : "Online", asking->always ? "Always" : "IfReady", asking->size);
	request_put(model, place, json);
	return place;
}

void request_delete(struct model *model, int place) {
	const struct json_object *json = model->cluster.requests[place].json;
	if (json == NULL) return;
	note(model, "somebody deletes %s", json_get_text(json_get(json, "metadata"), "name"));
	model->requests_deleted++;
	request_put(model, place, NULL);
}

/* ---- The object's size ---- */

static bool has_requests(const struct model *model) {
	return model->configuration->mssqlserver;
}

int size_of_object(const struct model *model) {
	struct json_object *storage = json_get_path(model->cluster.object, "spec", "storage", NULL);
	const char *text = json_get_text(storage, "dataVolumeSize");
	if (text == NULL) text = json_get_text(json_get_path(storage, "resources", "requests", NULL), "storage");
	return text != NULL ? atoi(text) : 0;
}

static void set_size(struct json_object *object, const void *context) {
	struct json_object *metadata = json_get(object, "metadata");
	json_set_text(json_get_path(object, "spec", "storage", NULL), "dataVolumeSize", context);
	json_set(metadata, "generation", json_object_new_int64(json_get_integer(metadata, "generation", 1) + 1));
}

void object_raise(struct model *model, int size) {
	char text[NAME_SIZE];
	snprintf(text, sizeof(text), "%dGi", size);
	note(model, "somebody raises storage.dataVolumeSize to %s", text);
	object_edit(model, set_size, text);
}

/* ---- After all went wrong ---- */

/* The largest that anybody has asked for, of a claim or a template. */
static int largest(const struct model *model) {
	int64_t size = model->cluster.set.claim_size;
	for (int slot = 0; slot < model->configuration->replicas; slot++)
		if (model->cluster.claims[slot].requested > size) size = model->cluster.claims[slot].requested;
	int of_object = size_of_object(model);
	return (int)(size / GIB) > of_object ? (int)(size / GIB) : of_object;
}

static bool is_any_full(struct model *model) {
	for (int slot = 0; slot < model->configuration->replicas; slot++)
		if (storage_is_full(model, slot)) return true;
	return false;
}

static bool is_under_way(const struct request *request) {
	const char *phase = request_phase(request);
	return request->json != NULL && strcmp(phase, "Successful") != 0 && strcmp(phase, "Failed") != 0;
}

static bool is_offline(const struct request *request) {
	const char *mode = json_get_text(json_get_path(request->json, "spec", "volumeExpansion", NULL), "mode");
	return mode != NULL && strcmp(mode, "Offline") == 0;
}

static bool waits_for_ready(const struct request *request) {
	const char *apply = json_get_text(json_get(request->json, "spec"), "apply");
	return strcmp(request_phase(request), "Pending") == 0 && apply != NULL && strcmp(apply, "IfReady") == 0;
}

/* It has made a volume as large as it was to, and that is full again: it waits for who cannot come back. */
static bool has_grown_in_vain(struct model *model, const struct request *request) {
	const char *size = json_get_text(json_get_path(request->json, "spec", "volumeExpansion", NULL), "mssqlserver");
	if (strcmp(request_phase(request), "Progressing") != 0) return false;
	for (int slot = 0; slot < model->configuration->replicas; slot++) {
		bool has_grown = model->cluster.claims[slot].capacity >= atoi(size) * (int64_t)GIB;
		if (has_grown && storage_is_full(model, slot)) return true;
	}
	return false;
}

/* docs/volume-expansion.md: what such a driver needs is an expansion offline; what waits for a database that is full
 * waits for ever. */
static bool is_hopeless(struct model *model, const struct request *request) {
	bool needs_offline = model->configuration->driver >= DRIVER_AT_MOUNT;
	if (has_grown_in_vain(model, request)) return true;
	return (needs_offline && !is_offline(request)) || (waits_for_ready(request) && is_any_full(model));
}

bool expansions_tend(struct model *model) {
	const struct configuration *configuration = model->configuration;
	char why[200];
	if (!configuration->has_sizes || model->cluster.object == NULL) return true;
	bool is_quiet = true;
	for (int i = 0; i < REQUESTS; i++) {
		const struct request *request = &model->cluster.requests[i];
		if (!is_under_way(request)) continue;
		if (is_hopeless(model, request)) request_delete(model, i);
		else is_quiet = false;
	}
	if (!is_quiet) return false;
	if (volumes_fit(model, why) && !is_any_full(model)) return true;
	/* A group's volumes follow its object by themselves. */
	if (!has_requests(model) && !volumes_fit(model, why)) return false;
	if (++model->requests_of_people > 4) {
		violate(model, "I3", "people asked %d times in vain: %s", model->requests_of_people, why);
		return false;
	}
	int size = largest(model) + (is_any_full(model) ? 5 : 0);
	if (!has_requests(model)) object_raise(model, size);
	else
		request_create(model, &(struct asking){ .offline = configuration->driver >= DRIVER_AT_MOUNT,
		                                        .always = true,
		                                        .size = size });
	return false;
}
