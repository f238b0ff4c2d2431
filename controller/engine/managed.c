/* An object: its newest state, and what is read from it. */
#include <stdlib.h>
#include <string.h>

#include "api/kinds.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "controller/engine/engine_private.h"
#include "controller/engine/transform.h"

static const struct kube_resource *const resources[] = { &kube_sqlserveravailabilitygroups, &kube_mssqlservers };
static const enum engine_cache caches[] = { CACHE_SQLAG, CACHE_MSSQLSERVER };

void wipe(char **text) {
	if (*text != NULL) explicit_bzero(*text, strlen(*text));
	free(*text);
	*text = NULL;
}

/* ---- The table of all ---- */

static struct managed **bucket_of(struct engine *engine, const char *key) {
	uint64_t hash = 0xcbf29ce484222325U;
	for (; *key != '\0'; key++) hash = (hash ^ (unsigned char)*key) * 0x100000001b3U;
	return &engine->managed[hash % MANAGED_BUCKETS];
}

struct managed *managed_find(struct engine *engine, const char *key) {
	struct managed *managed = *bucket_of(engine, key);
	while (managed != NULL && strcmp(managed->key, key) != 0) managed = managed->next;
	return managed;
}

/* "MSSQLServer/demo/sales" */
struct managed *managed_get(struct engine *engine, const char *key) {
	struct managed *managed = managed_find(engine, key);
	if (managed != NULL) return managed;
	const char *namespace = strchr(key, '/');
	const char *name = namespace != NULL ? strchr(namespace + 1, '/') : NULL;
	if (name == NULL) return NULL;
	for (size_t i = 0; i < ARRAY_LENGTH(resources); i++) {
		size_t length = strlen(resources[i]->kind);
		if ((size_t)(namespace - key) != length || strncmp(key, resources[i]->kind, length) != 0) continue;
		managed = xcalloc(1, sizeof(*managed));
		managed->engine = engine;
		managed->key = xstrdup(key);
		managed->resource = resources[i];
		managed->namespace = xstrndup(namespace + 1, (size_t)(name - namespace - 1));
		managed->name = xstrdup(name + 1);
		struct managed **bucket = bucket_of(engine, key);
		managed->next = *bucket;
		*bucket = managed;
		return managed;
	}
	return NULL;
}

void managed_look(struct managed *managed) {
	if (!managed->is_gone) queue_add(managed->engine->queue, managed->key);
}

void managed_set_urgent(struct managed *managed, bool is_urgent) {
	managed->is_urgent = is_urgent;
	queue_set_urgent(managed->engine->queue, managed->key, is_urgent);
}

void managed_count_phase(struct managed *managed, const char *phase) {
	if (managed->phase != NULL && phase != NULL && strcmp(managed->phase, phase) == 0) return;
	struct metric *metric = managed->engine->metrics.objects;
	const char *kind = managed->resource->kind;
	if (managed->phase != NULL) metric_change(metric_cell(metric, METRIC_VALUES(kind, managed->phase)), -1);
	free(managed->phase);
	managed->phase = phase != NULL ? xstrdup(phase) : NULL;
	if (phase != NULL) metric_change(metric_cell(metric, METRIC_VALUES(kind, phase)), 1);
}

/* ---- The end ---- */

static void read_free(struct managed *managed) {
	if (managed->is_readable) spec_free(&managed->spec);
	managed->is_readable = false;
	managed->spec = (struct spec){ 0 };
	managed->record = (struct record){ 0 };
	arena_free(&managed->record_texts);
	if (managed->read != NULL) kube_object_unref(managed->read);
	managed->read = NULL;
}

static void managed_free(struct managed *managed) {
	read_free(managed);
	if (managed->object != NULL) kube_object_unref(managed->object);
	children_free(managed);
	strays_free(managed);
	operations_free(managed);
	secrets_free(managed);
	attempts_free(&managed->attempts);
	free(managed->said_unreadable);
	free(managed->namespace);
	free(managed->name);
	free(managed->key);
	free(managed);
}

void managed_hold(struct managed *managed) {
	managed->errands++;
}

void managed_release(struct managed *managed) {
	managed->errands--;
	if (managed->is_gone && managed->errands == 0) managed_free(managed);
}

void managed_forget(struct managed *managed) {
	struct managed **at = bucket_of(managed->engine, managed->key);
	while (*at != managed) at = &(*at)->next;
	*at = managed->next;
	managed_hold(managed);
	managed->is_gone = true;
	managed_count_phase(managed, NULL);
	servers_free(managed);
	deeds_free(managed);
	managed_release(managed);
}

void managed_forget_all(struct engine *engine) {
	for (size_t i = 0; i < MANAGED_BUCKETS; i++) {
		while (engine->managed[i] != NULL) managed_forget(engine->managed[i]);
	}
}

/* ---- The newest state ---- */

/* "Resource versions are opaque" was the rule; what every API server gives are etcd's revisions, which Kubernetes has
 * made comparable by contract since (KEP-5504). */
bool version_is_newer(const char *a, const char *b) {
	if (a == NULL || b == NULL) return false;
	size_t length_a = strlen(a);
	size_t length_b = strlen(b);
	if (length_a != length_b) return length_a > length_b;
	return strcmp(a, b) > 0;
}

static enum engine_cache cache_of(const struct managed *managed) {
	return managed->resource == resources[0] ? caches[0] : caches[1];
}

/* Takes over the reference. */
static void set_object(struct managed *managed, const struct kube_object *object) {
	if (managed->object != NULL) kube_object_unref(managed->object);
	managed->object = object;
}

/* One that was made under the name of one that is gone. */
static bool is_other_object(const struct kube_object *a, const struct kube_object *b) {
	return a->uid != NULL && b->uid != NULL && strcmp(a->uid, b->uid) != 0;
}

bool managed_refresh(struct managed *managed) {
	const struct kube_object *seen =
	        follow_get(managed->engine, cache_of(managed), managed->namespace, managed->name);
	if (seen == NULL) return false;
	const struct kube_object *known = managed->object;
	if (known != NULL && is_other_object(known, seen)) {
		queue_add(managed->engine->queue, managed->key); /* it begins with nothing of that one's */
		kube_object_unref(seen);
		return false;
	}
	bool we_know_better = known != NULL && version_is_newer(known->resource_version, seen->resource_version);
	if (we_know_better) kube_object_unref(seen);
	else set_object(managed, seen);
	return true;
}

bool managed_adopt(struct managed *managed, struct json_object *answer) {
	cleanup_json struct json_object *copy = json_copy(answer);
	json_object_object_del(json_get(copy, "metadata"), "managedFields");
	json_shrink(copy);
	const struct kube_object *object = kube_object_new(take(&copy));
	if (object == NULL) return false;
	const struct kube_object *known = managed->object;
	bool is_same = known == NULL || !is_other_object(known, object);
	bool is_newer = known == NULL || version_is_newer(object->resource_version, known->resource_version);
	if (is_same && is_newer) set_object(managed, object);
	else kube_object_unref(object);
	return is_same;
}

/* ---- What it says ---- */

static bool read_object(struct managed *managed, struct error **err) {
	const struct json_object *json = managed->object->json;
	if (spec_read(json, &managed->spec, err) < 0) return false;
	if (record_read(json_get(json, "status"), &managed->record_texts, &managed->record, err) == 0) return true;
	spec_free(&managed->spec);
	return false;
}

/* Said once for each reason. */
static void complain(struct managed *managed, const struct error *err) {
	if (managed->said_unreadable != NULL && strcmp(managed->said_unreadable, err->message) == 0) return;
	free(managed->said_unreadable);
	managed->said_unreadable = xstrdup(err->message);
	log_error("an object cannot be read, and is left alone", log_str("object", managed->key), log_err(err));
	act_say(managed,
	        &(struct action){ .type = ACTION_EVENT, .text = "Unreadable", .note = err->message, .number = 1 });
}

bool managed_read(struct managed *managed) {
	if (managed->read == managed->object) return managed->is_readable;
	read_free(managed);
	managed->read = kube_object_ref(managed->object);
	managed->digest = object_digest(managed->object->json);
	cleanup_error struct error *err = NULL;
	managed->is_readable = read_object(managed, &err);
	managed->certificate_look_at = 0;
	if (!managed->is_readable) complain(managed, err);
	return managed->is_readable;
}

/* ---- Requests ---- */

struct errand {
	struct managed *managed;
	request_done *then;
	void *what;
};

/* An answer to what was asked in an earlier tenure finds an object that is gone: each ends with its tenure. */
static void on_answer(void *context, struct json_object *answer, const struct error *err) {
	struct errand *errand = context;
	struct managed *managed = errand->managed;
	errand->then(managed, errand->what, answer, err);
	free(errand);
	managed_release(managed);
}

/* Promotions that are further on go first: of many at once some are over soon, instead of all at the end. */
static int urgency_of(const struct managed *managed) {
	if (!managed->is_urgent) return 0;
	const struct intent *intent = &managed->record.intent;
	if (!managed->is_readable || intent->kind == INTENT_NONE) return 1;
	return intent->target[0] == '\0' ? 2 : 3;
}

void managed_request(struct managed *managed, const struct kube_request *request, request_done *then, void *what) {
	struct errand *errand = xmalloc(sizeof(*errand));
	*errand = (struct errand){ managed, then, what };
	managed_hold(managed);
	struct kube_request ranked = *request;
	ranked.urgency = urgency_of(managed);
	engine_request(managed->engine, &ranked, on_answer, errand);
}
