/* The StatefulSet controller (Parallel, OnDelete), the garbage collector and the kubelets: pods come, become ready,
 * crash, are deleted with grace or without. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "controller/decide/record.h"
#include "simulation/model.h"

enum { ROUND = 200 * MILLISECOND, PROBE_EVERY = 1 * SECOND };

void pod_name(int slot, char name[NAME_SIZE]) {
	snprintf(name, NAME_SIZE, "sales-%d", slot);
}

int pod_slot(const char *name) {
	if (name == NULL || strncmp(name, "sales-", 6) != 0) return -1;
	int slot = atoi(name + 6);
	return slot >= 0 && slot < SLOTS ? slot : -1;
}

static void new_uid(struct model *model, const char *what, char uid[NAME_SIZE]) {
	snprintf(uid, NAME_SIZE, "%s-%llu", what, (unsigned long long)++model->numbers);
}

/* ---- The StatefulSet controller ---- */

static void create_claim(struct model *model, int slot) {
	struct claim *claim = &model->cluster.claims[slot];
	int64_t size = model->cluster.set.claim_size;
	*claim = (struct claim){ .exists = true,
		                 .created = WALL_SECONDS + model->now / SECOND,
		                 .requested = size,
		                 .capacity = size,
		                 .disk = size };
	new_uid(model, "claim", claim->uid);
	cluster_changed(model, ITEM_CLAIM, slot);
}

static void create_pod(struct model *model, int slot) {
	struct pod *pod = &model->cluster.pods[slot];
	*pod = (struct pod){ .exists = true,
		             .ours = true,
		             .node = -1,
		             .template_hash = model->cluster.set.template_hash,
		             .created = WALL_SECONDS + model->now / SECOND };
	new_uid(model, "pod", pod->uid);
	note(model, "sales-%d: pod %s", slot, pod->uid);
	cluster_changed(model, ITEM_POD, slot);
}

static void remove_pod(struct model *model, int slot) {
	model->cluster.pods[slot] = (struct pod){ .node = -1 };
	note(model, "sales-%d: pod is gone", slot);
	cluster_changed(model, ITEM_POD, slot);
}

/* Deleted, leaving its pods (propagation Orphan): they lose their owner, then it goes. */
static void leave_pods(struct model *model) {
	for (int slot = 0; slot < SLOTS; slot++) {
		if (!model->cluster.pods[slot].exists) continue;
		model->cluster.pods[slot].orphan = true;
		cluster_changed(model, ITEM_POD, slot);
	}
	model->cluster.set = (struct workload){ 0 };
	cluster_changed(model, ITEM_SET, 0);
	for (int i = 0; i < CHILDREN; i++) {
		struct child *child = &model->cluster.children[i];
		if (!child->exists || strncmp(child->name, "StatefulSet/", 12) != 0) continue;
		*child = (struct child){ 0 };
		cluster_changed(model, ITEM_CHILD, i);
	}
	note(model, "the StatefulSet is gone, its pods stay");
}

/* A new one takes over what has its labels, unless it is going away, and says which revision is its newest. */
static void adopt_pods(struct model *model) {
	struct workload *set = &model->cluster.set;
	for (int slot = 0; slot < SLOTS; slot++) {
		struct pod *pod = &model->cluster.pods[slot];
		if (!pod->exists || !pod->orphan || pod->deleting) continue;
		pod->orphan = false;
		cluster_changed(model, ITEM_POD, slot);
	}
	if (set->has_revision) return;
	set->has_revision = true;
	cluster_changed(model, ITEM_SET, 0);
}

static void run_set(struct model *model) {
	const struct workload *set = &model->cluster.set;
	if (set->exists && set->deleting && model->now >= set->gone_at) leave_pods(model);
	if (set->exists && !set->deleting) adopt_pods(model);
	for (int slot = 0; slot < SLOTS; slot++) {
		struct pod *pod = &model->cluster.pods[slot];
		struct claim *claim = &model->cluster.claims[slot];
		if (claim->exists && claim->deleting && !pod->exists) {
			volume_drop(model, claim->uid);
			*claim = (struct claim){ 0 };
			cluster_changed(model, ITEM_CLAIM, slot);
		}
		if (set->exists && set->deleting) continue;
		if (set->exists && slot < set->replicas) {
			if (pod->exists) continue;
			if (!claim->exists) create_claim(model, slot);
			if (!claim->deleting) create_pod(model, slot);
		} else if (pod->exists && !pod->deleting && !pod->orphan) {
			pod_delete(model, slot, false);
		}
	}
}

/* ---- Kubelets ---- */

static bool kubelet_works(const struct model *model, int node) {
	return node >= 0 && !model->node_is_down[node] && !model->kubelet_cut[node];
}

/* Its own node where that is possible, any other one otherwise. */
static int schedule(const struct model *model, int slot) {
	for (int i = 0; i < NODES; i++) {
		int node = (slot + i) % NODES;
		if (model->cluster.nodes[node].ready && !model->cluster.nodes[node].cordoned) return node;
	}
	return -1;
}

static void start_container(struct model *model, int slot) {
	struct pod *pod = &model->cluster.pods[slot];
	struct volume *volume = volume_of(model, model->cluster.claims[slot].uid);
	/* Still attached where an earlier pod's process lives on. */
	if (volume->user != 0) return;
	if (pod->restarts == 0 && !pod->terminated) storage_mount(model, slot);
	struct process *process = process_start(model, slot, pod->node, pod->uid, volume);
	if (pod->terminated) pod->restarts++;
	pod->running = true;
	pod->terminated = false;
	snprintf(pod->container, NAME_SIZE, "%s", process->container);
	memcpy(pod->ip, pod->uid, NAME_SIZE);
	cluster_changed(model, ITEM_POD, slot);
}

struct starting {
	char uid[NAME_SIZE];
};

static void start_later(struct model *model, struct event *event) {
	struct starting *starting = event->data;
	int slot = (int)event->a;
	struct pod *pod = &model->cluster.pods[slot];
	if (!pod->exists || strcmp(pod->uid, starting->uid) != 0 || pod->deleting || pod->running) return;
	if (!kubelet_works(model, pod->node) || model->no_restarts) return;
	start_container(model, slot);
}

static bool is_answering(const struct process *process) {
	return process != NULL && !process->frozen && sim_instance_accepts(process->instance);
}

static void look_after(struct model *model, int slot) {
	struct pod *pod = &model->cluster.pods[slot];
	struct process *process = process_of_pod(model, pod->uid);
	if (pod->node < 0) {
		pod->node = schedule(model, slot);
		if (pod->node >= 0) cluster_changed(model, ITEM_POD, slot);
		return;
	}
	if (!kubelet_works(model, pod->node)) return;
	if (pod->deleting && process == NULL) {
		remove_pod(model, slot);
		return;
	}
	if (process == NULL && pod->running) {
		pod->running = pod->ready = false;
		pod->terminated = true;
		cluster_changed(model, ITEM_POD, slot);
	}
	if (process == NULL && !pod->deleting) {
		struct starting *starting = xmalloc(sizeof(*starting));
		snprintf(starting->uid, NAME_SIZE, "%s", pod->uid);
		int64_t wait = pod->restarts > 0 || pod->terminated
		                       ? dice_between(&model->dice, 500 * MILLISECOND, 3 * SECOND)
		                       : dice_between(&model->dice, 100 * MILLISECOND, 800 * MILLISECOND);
		event_add(model, wait,
		          &(struct event){ .run = start_later, .drop = free, .data = starting, .a = slot });
		return;
	}
	bool ready = is_answering(process) && !pod->deleting;
	if (ready != pod->ready && (ready || dice_percent(&model->dice, 5))) {
		pod->ready = ready;
		cluster_changed(model, ITEM_POD, slot);
	}
}

/* Processes of pods that are gone: their kubelet ends them when it hears of it. */
static void reap(struct model *model) {
	for (size_t i = 0; i < model->process_count; i++) {
		struct process *process = model->processes[i];
		const struct pod *pod = &model->cluster.pods[process->slot];
		if (pod->exists && strcmp(pod->uid, process->pod) == 0) continue;
		if (!kubelet_works(model, process->node) || !dice_percent(&model->dice, 40)) continue;
		process_kill(model, process);
		i--;
	}
}

static void run_nodes(struct model *model) {
	for (int node = 0; node < NODES; node++) {
		bool ready = kubelet_works(model, node);
		struct node *seen = &model->cluster.nodes[node];
		/* The node's lease runs out after 40 s; it is back with its next renewal. */
		if (seen->ready == ready || (!ready && !dice_percent(&model->dice, 1))) continue;
		seen->ready = ready;
		note(model, "node-%d is %s", node, ready ? "Ready" : "NotReady");
		cluster_changed(model, ITEM_NODE, node);
		for (int slot = 0; slot < SLOTS && !ready; slot++) {
			struct pod *pod = &model->cluster.pods[slot];
			if (!pod->exists || pod->node != node) continue;
			pod->ready = false;
			cluster_changed(model, ITEM_POD, slot);
		}
	}
}

/* With the object goes what it owns. */
static void collect_garbage(struct model *model) {
	if (model->cluster.object != NULL) return;
	for (int i = 0; i < CHILDREN; i++) {
		if (!model->cluster.children[i].exists) continue;
		model->cluster.children[i] = (struct child){ 0 };
		cluster_changed(model, ITEM_CHILD, i);
	}
	if (!model->cluster.set.exists) return;
	model->cluster.set = (struct workload){ 0 };
	cluster_changed(model, ITEM_SET, 0);
}

static void go_round(struct model *model, struct event *event) {
	if (!model->api_down) {
		collect_garbage(model);
		run_set(model);
		storage_round(model);
		run_nodes(model);
		reap(model);
	}
	for (int slot = 0; slot < SLOTS; slot++)
		if (model->cluster.pods[slot].exists) look_after(model, slot);
	event_add(model, ROUND + dice_below(&model->dice, ROUND / 4), event);
}

void kubelet_begin(struct model *model) {
	for (int i = 0; i < NODES; i++) model->cluster.nodes[i].ready = true;
	for (int i = 0; i < SLOTS; i++) model->cluster.pods[i].node = -1;
	event_add(model, 0, &(struct event){ .run = go_round });
}

/* ---- What people and machines do to pods ---- */

static void terminate(struct model *model, struct event *event) {
	struct process *process = process_by_id(model, (uint64_t)event->a);
	if (process == NULL) return;
	if (model->kubelet_cut[process->node]) { /* it has not heard of it */
		event_add(model, 1 * SECOND, event);
		return;
	}
	process_kill(model, process);
}

static void delete_now(struct model *model, int slot) {
	struct pod *pod = &model->cluster.pods[slot];
	struct process *process = process_of_pod(model, pod->uid);
	pod->deleting = true;
	pod->grace_s = 30;
	pod->ready = false;
	note(model, "sales-%d: pod is being deleted", slot);
	cluster_changed(model, ITEM_POD, slot);
	if (process == NULL) return;
	int64_t hook = model->policy == POLICY_PUBLISHED ? pre_stop(model, process) : 0;
	event_add(model, hook + dice_between(&model->dice, 50 * MILLISECOND, 3 * SECOND),
	          &(struct event){ .run = terminate, .a = (int64_t)process->id });
}

/* The webhook holds the deletion of the primary back until its wish is taken off, or its patience ends. */
static const char hand_over_key[] = "agkeeper.dev/hand-over";

static void hand_over_first(struct model *model, struct event *event) {
	struct starting *waiting = event->data;
	int slot = (int)event->a;
	struct pod *pod = &model->cluster.pods[slot];
	if (!pod->exists || strcmp(pod->uid, waiting->uid) != 0 || pod->deleting) return;
	char name[NAME_SIZE];
	pod_name(slot, name);
	cleanup_free char *wish = xasprintf("%s/%s", name, pod->uid);
	const char *stands = object_annotation(model->cluster.object, hand_over_key);
	if (stands != NULL && strcmp(stands, wish) == 0 && model->now < event->b) {
		struct event again = *event;
		event->data = NULL;
		event_add(model, 20 * MILLISECOND, &again);
		return;
	}
	delete_now(model, slot);
}

void pod_delete(struct model *model, int slot, bool force) {
	struct pod *pod = &model->cluster.pods[slot];
	if (!pod->exists) return;
	if (force) {
		note(model, "sales-%d: pod is force-deleted", slot);
		remove_pod(model, slot);
		return;
	}
	if (pod->deleting) return;
	struct json_object *object = model->cluster.object;
	bool ends = object == NULL || json_get(json_get(object, "metadata"), "deletionTimestamp") != NULL ||
	            json_get_flag(json_get(object, "spec"), "halted", false);
	bool asks = model->configuration->has_webhook && !ends && strcmp(pod->role_label, "primary") == 0;
	if (!asks) {
		delete_now(model, slot);
		return;
	}
	char name[NAME_SIZE];
	pod_name(slot, name);
	note(model, "%s: its deletion waits for a hand-over", name);
	cleanup_free char *wish = xasprintf("%s/%s", name, pod->uid);
	object_annotate(model, hand_over_key, wish);
	struct starting *waiting = xmalloc(sizeof(*waiting));
	snprintf(waiting->uid, NAME_SIZE, "%s", pod->uid);
	event_add(model, 200 * MILLISECOND,
	          &(struct event){ .run = hand_over_first,
	                           .drop = free,
	                           .data = waiting,
	                           .a = slot,
	                           .b = model->now + 20 * SECOND });
}

void pod_kill_container(struct model *model, int slot) {
	struct process *process = process_of_pod(model, model->cluster.pods[slot].uid);
	if (process != NULL) process_kill(model, process);
}

void node_down(struct model *model, int node, bool down) {
	if (model->node_is_down[node] == down) return;
	note(model, "node-%d %s", node, down ? "goes down" : "is back");
	model->node_is_down[node] = down;
	for (size_t i = 0; down && i < model->process_count; i++) {
		if (model->processes[i]->node != node) continue;
		process_kill(model, model->processes[i]);
		i--;
	}
}
