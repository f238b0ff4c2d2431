/* What the API server stores, and the watches that tell controllers of it: each change is a copy that arrives later,
 * in order. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "simulation/model.h"

struct change {
	struct change *next;
	int64_t due;
	uint64_t number;
	enum item item;
	int index;
	int64_t revision;
	union {
		struct json_object *object;
		struct pod pod;
		struct claim claim;
		struct node node;
		struct child child;
		struct workload set;
		struct secrets secrets;
		struct request request;
	};
};

static void change_free(void *data) {
	struct change *change = data;
	if (change->item == ITEM_OBJECT) json_object_put(change->object);
	if (change->item == ITEM_REQUEST) json_object_put(change->request.json);
	free(change);
}

static void apply(struct cluster *cache, struct change *change) {
	switch (change->item) {
	case ITEM_OBJECT:
		json_object_put(cache->object);
		cache->object = take(&change->object);
		cache->revision = change->revision;
		break;
	case ITEM_POD: cache->pods[change->index] = change->pod; break;
	case ITEM_CLAIM: cache->claims[change->index] = change->claim; break;
	case ITEM_NODE: cache->nodes[change->index] = change->node; break;
	case ITEM_CHILD: cache->children[change->index] = change->child; break;
	case ITEM_SET: cache->set = change->set; break;
	case ITEM_SECRETS: cache->secrets = change->secrets; break;
	case ITEM_REQUEST:
		json_object_put(cache->requests[change->index].json);
		cache->requests[change->index].json = take(&change->request.json);
		break;
	}
}

/* The oldest change that has not arrived; a broken watch goes on where it stopped. */
static void hear(struct model *model, struct event *event) {
	struct controller *controller = controller_of(model, event->a, event->b);
	if (controller == NULL || controller_holds(controller, event)) return;
	struct change *change = controller->watch;
	int64_t stalled = model->watch_stalled_until[controller->index];
	int64_t wait = change->due - model->now;
	if (stalled > model->now) wait = stalled - model->now;
	else if (model->api_down || !network_reaches(model, HOST_API, HOST_CONTROLLER + controller->index))
		wait = 200 * MILLISECOND;
	if (wait <= 0) {
		controller->watch = change->next;
		apply(&controller->cache, change);
		controller->applied = change->number;
		change_free(change);
		controller_wake(model, controller, dice_between(&model->dice, 0, 2 * MILLISECOND));
		if (controller->watch == NULL) return;
		wait = controller->watch->due - model->now;
	}
	event_add(model, wait, event);
}

uint64_t watch_newest(const struct controller *controller) {
	const struct change *last = controller->watch;
	while (last != NULL && last->next != NULL) last = last->next;
	return last != NULL ? last->number : 0;
}

void watch_free(struct controller *controller) {
	while (controller->watch != NULL) {
		struct change *change = controller->watch;
		controller->watch = change->next;
		change_free(change);
	}
}

static struct change *change_of(const struct cluster *cluster, enum item item, int index) {
	struct change *change = xcalloc(1, sizeof(*change));
	change->item = item;
	change->index = index;
	switch (item) {
	case ITEM_OBJECT:
		change->object = json_object_get(cluster->object);
		change->revision = cluster->revision;
		break;
	case ITEM_POD: change->pod = cluster->pods[index]; break;
	case ITEM_CLAIM: change->claim = cluster->claims[index]; break;
	case ITEM_NODE: change->node = cluster->nodes[index]; break;
	case ITEM_CHILD: change->child = cluster->children[index]; break;
	case ITEM_SET: change->set = cluster->set; break;
	case ITEM_SECRETS: change->secrets = cluster->secrets; break;
	case ITEM_REQUEST: change->request.json = json_object_get(cluster->requests[index].json); break;
	}
	return change;
}

void cluster_changed(struct model *model, enum item item, int index) {
	for (int i = 0; i < CONTROLLERS; i++) {
		struct controller *controller = &model->controllers[i];
		if (!controller->alive) continue;
		int64_t lag = model->configuration->watch_lag_ms * (int64_t)MILLISECOND;
		if (model->slow_watch) lag = 3 * SECOND;
		struct change *change = change_of(&model->cluster, item, index);
		change->due = model->now + dice_between(&model->dice, 500, 2000 + lag);
		change->number = ++model->numbers;
		struct change **end = &controller->watch;
		while (*end != NULL) end = &(*end)->next;
		*end = change;
		if (controller->watch != change) continue;
		event_add(model, change->due - model->now,
		          &(struct event){ .run = hear, .a = i, .b = controller->life });
	}
}

void cluster_list(const struct cluster *from, struct cluster *to) {
	cluster_free(to);
	*to = *from;
	json_object_get(to->object);
	for (int i = 0; i < REQUESTS; i++) json_object_get(to->requests[i].json);
}

void cluster_free(struct cluster *cluster) {
	json_object_put(cluster->object);
	cluster->object = NULL;
	for (int i = 0; i < REQUESTS; i++) json_object_put(take(&cluster->requests[i].json));
}

void object_edit(struct model *model, void (*change)(struct json_object *object, const void *context),
                 const void *context) {
	if (model->cluster.object == NULL) return;
	struct json_object *copy = json_copy(model->cluster.object);
	change(copy, context);
	struct json_object *metadata = json_get(copy, "metadata");
	cleanup_free char *version = xasprintf("%lld", (long long)++model->cluster.revision);
	json_set_text(metadata, "resourceVersion", version);
	/* Gone with the last finalizer. */
	bool gone = json_get(metadata, "deletionTimestamp") != NULL && !object_has_finalizer(copy);
	json_object_put(model->cluster.object);
	model->cluster.object = copy;
	if (gone) {
		json_object_put(copy);
		model->cluster.object = NULL;
		model->is_deleted = true;
		note(model, "the object is gone");
	}
	cluster_changed(model, ITEM_OBJECT, 0);
}

bool object_has_finalizer(const struct json_object *object) {
	const struct json_object *list = json_get_path(object, "metadata", "finalizers", NULL);
	return list != NULL && json_object_array_length(list) > 0;
}

const char *object_annotation(const struct json_object *object, const char *key) {
	return json_get_text(json_get_path(object, "metadata", "annotations", NULL), key);
}

struct annotation {
	const char *key, *value;
};
static void set_annotation(struct json_object *object, const void *context) {
	const struct annotation *annotation = context;
	struct json_object *metadata = json_get(object, "metadata");
	struct json_object *annotations = json_get(metadata, "annotations");
	if (annotations == NULL) json_set(metadata, "annotations", annotations = json_object_new_object());
	if (annotation->value != NULL) json_set_text(annotations, annotation->key, annotation->value);
	else json_object_object_del(annotations, annotation->key);
}

void object_annotate(struct model *model, const char *key, const char *value) {
	object_edit(model, set_annotation, &(struct annotation){ key, value });
}
