#include "simnode/csi.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/quantity.h"
#include "simnode/claim.h"
#include "simnode/csi_faults.h"
#include "simnode/disk.h"
#include "simnode/mailbox.h"

struct csi {
	struct csi_options options;
	pthread_t thread;
	atomic_bool stopping;
	pthread_mutex_t lock; /* of the faults, and of who writes a disk's file */
	struct csi_faults faults;
};

/* How often it looks without being told to: faults have their own times. */
enum { TICK_MS = 1000 };

/* What one step is about. */
struct task {
	struct csi *csi;
	const struct kube_object *claim;
	const struct kube_object *volume; /* NULL: none yet */
	const struct kube_object *class;
	char *key; /* NAMESPACE/NAME of the claim */
};

static void tell(const struct task *task, enum event_type type, const char *reason, const char *action,
                 const char *note) {
	const struct event_subject subject = { .api_version = "v1",
		                               .kind = "PersistentVolumeClaim",
		                               .namespace = task->claim->namespace,
		                               .name = task->claim->name,
		                               .uid = task->claim->uid };
	event_record(task->csi->options.events, &subject, &(struct event){ type, reason, action, note });
}

static int patch(const struct task *task, const struct kube_resource *resource, const struct kube_object *object,
                 const char *subresource, struct json_object *body, struct error **err) {
	cleanup_json struct json_object *owned = body;
	const char *namespace = resource->namespaced ? object->namespace : NULL;
	return kube_patch(task->csi->options.client, resource, namespace, object->name, subresource, KUBE_PATCH_MERGE,
	                  owned, NULL, err);
}

static int patch_claim(const struct task *task, struct json_object *body, struct error **err) {
	return patch(task, &kube_persistentvolumeclaims, task->claim, "status", body, err);
}

/* ---- the steps ---- */

static int provision(const struct task *task, struct error **err) {
	cleanup_json struct json_object *volume = claim_volume(task->claim->json, task->class->json);
	cleanup_error struct error *failure = NULL;
	if (disk_create(task->csi->options.disks, volume_handle(volume), volume_capacity(volume), err) < 0) return -1;
	if (kube_create(task->csi->options.client, &kube_persistentvolumes, volume, NULL, &failure) < 0)
		return failure->kind == ERROR_CONFLICT ? 0 : error_move(err, &failure);
	tell(task, EVENT_NORMAL, "ProvisioningSucceeded", "Provision", "Successfully provisioned the volume");
	return 0;
}

static int mark_resizing(const struct task *task, struct error **err) {
	if (patch_claim(task, claim_patch_resizing(task->claim->json, clock_wall_seconds()), err) < 0) return -1;
	cleanup_free char *note = xasprintf("External resizer is resizing volume %s", task->volume->name);
	tell(task, EVENT_NORMAL, "Resizing", "Resize", note);
	return 0;
}

/* The node that has the volume attached and can do something for it. */
static bool is_used(const struct task *task, bool by_one_that_is_up) {
	cleanup_free char *name = attachments_node(task->csi->options.attachments, volume_handle(task->volume->json));
	const struct node *node = name != NULL ? nodes_find(task->csi->options.nodes, name) : NULL;
	if (node == NULL) return false;
	return !by_one_that_is_up || atomic_load(&node->fate) == NODE_UP;
}

static int expand(const struct task *task, struct error **err) {
	const char *why = NULL;
	pthread_mutex_lock(&task->csi->lock);
	int result = csi_attempt(csi_faults_of(&task->csi->faults, task->key), is_used(task, false),
	                         clock_monotonic_ms(), &why);
	pthread_mutex_unlock(&task->csi->lock);
	if (result == 0) return 0;
	if (result < 0) {
		cleanup_free char *note = xasprintf("resize volume %s failed: %s", task->volume->name, why);
		tell(task, EVENT_WARNING, "VolumeResizeFailed", "Resize", note);
		return 0;
	}
	return patch(task, &kube_persistentvolumes, task->volume, NULL,
	             claim_patch_volume(task->claim->json, task->volume->json), err);
}

static int mark_pending(const struct task *task, struct error **err) {
	if (patch_claim(task, claim_patch_pending(task->claim->json, clock_wall_seconds()), err) < 0) return -1;
	tell(task, EVENT_NORMAL, "FileSystemResizeRequired", "Resize", "Require file system resize of volume on node");
	return 0;
}

/* The file system first: who is told that there is room shall find it. */
static int expand_node(const struct task *task, struct error **err) {
	struct csi *csi = task->csi;
	const char *handle = volume_handle(task->volume->json);
	struct disk disk;
	if (!is_used(task, true)) return 0;
	pthread_mutex_lock(&csi->lock);
	bool is_stuck = csi_faults_of(&csi->faults, task->key)->expansion == EXPANSION_STUCK;
	int failed = is_stuck ? 0 : disk_read(csi->options.disks, handle, &disk, err);
	if (!is_stuck && failed == 0) {
		disk.capacity = volume_capacity(task->volume->json);
		failed = disk_write(csi->options.disks, handle, &disk, err);
	}
	pthread_mutex_unlock(&csi->lock);
	if (is_stuck || failed < 0) return failed;
	if (patch_claim(task, claim_patch_done(task->claim->json, task->volume->json), err) < 0) return -1;
	tell(task, EVENT_NORMAL, "FileSystemResizeSuccessful", "Resize",
	     "MountVolume.NodeExpandVolume succeeded for volume");
	return 0;
}

static int (*const steps[])(const struct task *, struct error **) = {
	[CLAIM_PROVISION] = provision,       [CLAIM_MARK_RESIZING] = mark_resizing, [CLAIM_EXPAND] = expand,
	[CLAIM_MARK_PENDING] = mark_pending, [CLAIM_EXPAND_NODE] = expand_node,
};

/* ---- rounds ---- */

static const struct kube_object *volume_of(const struct csi *csi, const struct kube_object *claim) {
	const char *name = json_get_text(json_get(claim->json, "spec"), "volumeName");
	cleanup_free char *expected = name == NULL || *name == '\0' ? claim_volume_name(claim->json) : NULL;
	return kube_cache_get(csi->options.volumes, NULL, expected != NULL ? expected : name);
}

static void look_after(struct csi *csi, const struct kube_object *claim) {
	cleanup_error struct error *err = NULL;
	const char *class_name = json_get_text(json_get(claim->json, "spec"), "storageClassName");
	cleanup_kube_object const struct kube_object *class =
	        class_name != NULL ? kube_cache_get(csi->options.classes, NULL, class_name) : NULL;
	cleanup_kube_object const struct kube_object *volume = volume_of(csi, claim);
	enum claim_step step =
	        claim_next(claim->json, volume != NULL ? volume->json : NULL, class != NULL ? class->json : NULL);
	if (step == CLAIM_REST) return;
	cleanup_free char *key = xasprintf("%s/%s", claim->namespace, claim->name);
	const struct task task = { .csi = csi, .claim = claim, .volume = volume, .class = class, .key = key };
	if (steps[step](&task, &err) == 0) return;
	/* Computed from an object that has changed: the news is on its way. */
	if (err->kind == ERROR_CONFLICT || err->kind == ERROR_NOT_FOUND) return;
	log_warning("cannot provide storage", log_str("claim", key), log_err(err));
}

static void clean_up(struct csi *csi, const struct kube_object *volume) {
	cleanup_error struct error *err = NULL;
	if (!volume_is_to_be_deleted(volume->json)) return;
	const char *handle = volume_handle(volume->json);
	cleanup_free char *node = attachments_node(csi->options.attachments, handle);
	if (node != NULL) return; /* a pod that nobody knows of any more still writes to it */
	disk_remove(csi->options.disks, handle);
	const struct kube_delete_options options = { .uid = volume->uid };
	if (kube_delete(csi->options.client, &kube_persistentvolumes, NULL, volume->name, &options, &err) < 0 &&
	    err->kind != ERROR_NOT_FOUND && err->kind != ERROR_CONFLICT) {
		log_warning("cannot delete the volume", log_str("volume", volume->name), log_err(err));
	}
}

static void round_of(struct csi *csi) {
	if (!kube_cache_synced(csi->options.claims) || !kube_cache_synced(csi->options.volumes) ||
	    !kube_cache_synced(csi->options.classes)) {
		return;
	}
	cleanup_kube_objects struct kube_objects claims = kube_cache_list(csi->options.claims, NULL);
	for (size_t i = 0; i < claims.count && !atomic_load(&csi->stopping); i++) look_after(csi, claims.items[i]);
	cleanup_kube_objects struct kube_objects volumes = kube_cache_list(csi->options.volumes, NULL);
	for (size_t i = 0; i < volumes.count && !atomic_load(&csi->stopping); i++) clean_up(csi, volumes.items[i]);
}

static void *run(void *argument) {
	struct csi *csi = argument;
	while (!atomic_load(&csi->stopping)) {
		round_of(csi);
		poll(&(struct pollfd){ .fd = csi->options.wake_fd, .events = POLLIN }, 1, TICK_MS);
		eventfd_t ignored;
		eventfd_read(csi->options.wake_fd, &ignored);
	}
	return NULL;
}

static void release(struct csi *csi) {
	csi_faults_free(&csi->faults);
	pthread_mutex_destroy(&csi->lock);
	free(csi);
}

struct csi *csi_start(const struct csi_options *options, struct error **err) {
	struct csi *csi = xcalloc(1, sizeof(*csi));
	csi->options = *options;
	pthread_mutex_init(&csi->lock, NULL);
	int reason = pthread_create(&csi->thread, NULL, run, csi);
	if (reason == 0) return csi;
	release(csi);
	error_errno(err, reason, "cannot start the storage");
	return NULL;
}

void csi_free(struct csi *csi) {
	if (csi == NULL) return;
	atomic_store(&csi->stopping, true);
	eventfd_write(csi->options.wake_fd, 1);
	pthread_join(csi->thread, NULL);
	release(csi);
}

/* ---- faults ---- */

/* The claim that is meant: the only one of its name, unless its namespace is said. */
static const struct kube_object *find_claim(struct csi *csi, const char *claim, struct error **err) {
	const char *slash = strchr(claim, '/');
	const char *name = slash != NULL ? slash + 1 : claim;
	const struct kube_object *found = NULL;
	cleanup_kube_objects struct kube_objects claims = kube_cache_list(csi->options.claims, NULL);
	for (size_t i = 0; i < claims.count; i++) {
		const struct kube_object *each = claims.items[i];
		bool in_namespace = slash == NULL || (strlen(each->namespace) == (size_t)(slash - claim) &&
		                                      strncmp(each->namespace, claim, (size_t)(slash - claim)) == 0);
		if (strcmp(each->name, name) != 0 || !in_namespace) continue;
		if (found != NULL) {
			kube_object_unref(found);
			error_set(err, ERROR_INVALID, "several namespaces have a claim \"%s\": say NAMESPACE/NAME",
			          claim);
			return NULL;
		}
		found = kube_object_ref(each);
	}
	if (found == NULL) error_set(err, ERROR_NOT_FOUND, "there is no PersistentVolumeClaim \"%s\"", claim);
	return found;
}

int csi_set_expansion(struct csi *csi, const char *claim, const char *mode, const char *number, struct error **err) {
	cleanup_kube_object const struct kube_object *found = find_claim(csi, claim, err);
	if (found == NULL) return -1;
	cleanup_free char *key = xasprintf("%s/%s", found->namespace, found->name);
	pthread_mutex_lock(&csi->lock);
	int result = csi_faults_set(&csi->faults, key, mode, number, err);
	pthread_mutex_unlock(&csi->lock);
	eventfd_write(csi->options.wake_fd, 1);
	return result;
}

/* A change of the disk of a claim. */
static int change_disk(struct csi *csi, const char *claim, void (*change)(struct disk *disk, int64_t value),
                       int64_t value, struct error **err) {
	cleanup_kube_object const struct kube_object *found = find_claim(csi, claim, err);
	if (found == NULL) return -1;
	cleanup_kube_object const struct kube_object *volume = volume_of(csi, found);
	const char *handle = volume != NULL ? volume_handle(volume->json) : NULL;
	struct disk disk;
	if (handle == NULL) return error_set(err, ERROR_NOT_FOUND, "claim \"%s\" has no simulated disk", claim);
	pthread_mutex_lock(&csi->lock);
	int result = disk_read(csi->options.disks, handle, &disk, err);
	if (result == 0) {
		change(&disk, value);
		result = disk_write(csi->options.disks, handle, &disk, err);
	}
	pthread_mutex_unlock(&csi->lock);
	return result;
}

static void fill(struct disk *disk, int64_t value) {
	(void)value;
	disk->taken = disk->capacity;
}
static void set_taken(struct disk *disk, int64_t value) {
	disk->taken = value;
}
static void set_delay(struct disk *disk, int64_t value) {
	disk->delay_us = value;
}

int csi_take_space(struct csi *csi, const char *claim, const char *amount, struct error **err) {
	struct quantity quantity;
	if (amount == NULL) return change_disk(csi, claim, fill, 0, err);
	if (!quantity_parse(amount, &quantity) || quantity.nano < 0)
		return error_set(err, ERROR_INVALID, "\"%s\": must be an amount of bytes, \"500Mi\" for example",
		                 amount);
	return change_disk(csi, claim, set_taken, quantity_value(quantity), err);
}

int csi_slow_down(struct csi *csi, const char *claim, const char *milliseconds, struct error **err) {
	char *end;
	long long value = strtoll(milliseconds, &end, 10);
	if (*milliseconds == '\0' || *end != '\0' || value < 0 || value > 3600 * 1000)
		return error_set(err, ERROR_INVALID, "\"%s\": must be milliseconds, up to an hour", milliseconds);
	return change_disk(csi, claim, set_delay, value * 1000, err);
}
