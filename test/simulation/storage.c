/* A CSI driver with its resizer, and what kubelets do of an expansion (docs/concepts/storage/persistent-volumes.md of
 * kubernetes/website; kubernetes-csi/external-resizer): a claim that asks for more gets condition Resizing, the driver
 * makes the disk larger, condition FileSystemResizePending, the node makes the file system larger, and then
 * status.capacity says so. */
#include <stdio.h>
#include <string.h>

#include "simulation/model.h"

static bool is_attached(struct model *model, int slot) {
	const struct pod *pod = &model->cluster.pods[slot];
	return (pod->exists && pod->node >= 0) || volume_of(model, model->cluster.claims[slot].uid)->user != 0;
}

static void take_time(struct model *model, struct claim *claim) {
	claim->due = model->now + dice_between(&model->storage_dice, 50 * MILLISECOND, 3 * SECOND);
}

static void grow_file_system(struct model *model, int slot) {
	struct claim *claim = &model->cluster.claims[slot];
	claim->capacity = claim->disk;
	claim->waits_for_node = false;
	note(model, "data-sales-%d has %lldGi", slot, (long long)(claim->capacity / GIB));
	sim_disk_set_capacity(volume_of(model, claim->uid)->disk, 0);
	cluster_changed(model, ITEM_CLAIM, slot);
}

static void grow_disk(struct model *model, int slot) {
	struct claim *claim = &model->cluster.claims[slot];
	enum driver driver = model->configuration->driver;
	if (!claim->resizing) {
		claim->resizing = true;
		take_time(model, claim);
		cluster_changed(model, ITEM_CLAIM, slot);
		return;
	}
	bool must_wait = driver == DRIVER_DETACHED && is_attached(model, slot);
	if (model->storage_fails || must_wait || model->now < claim->due) return;
	claim->disk = claim->requested;
	claim->resizing = false;
	if (driver == DRIVER_WITHOUT_NODE) {
		grow_file_system(model, slot);
		return;
	}
	claim->waits_for_node = true;
	claim->waits_since = WALL_SECONDS + model->now / SECOND;
	take_time(model, claim);
	cluster_changed(model, ITEM_CLAIM, slot);
}

static bool node_can(struct model *model, int slot) {
	const struct pod *pod = &model->cluster.pods[slot];
	if (model->configuration->driver == DRIVER_AT_MOUNT || !pod->exists || pod->node < 0) return false;
	return pod->running && !model->node_is_down[pod->node] && !model->kubelet_cut[pod->node];
}

void storage_round(struct model *model) {
	for (int slot = 0; slot < SLOTS; slot++) {
		struct claim *claim = &model->cluster.claims[slot];
		if (!claim->exists || claim->deleting) continue;
		if (claim->requested > claim->disk) grow_disk(model, slot);
		else if (claim->disk > claim->capacity && model->now >= claim->due && node_can(model, slot))
			grow_file_system(model, slot);
	}
}

void storage_mount(struct model *model, int slot) {
	const struct claim *claim = &model->cluster.claims[slot];
	if (claim->exists && claim->disk > claim->capacity) grow_file_system(model, slot);
}

void storage_fill(struct model *model, int slot) {
	const struct claim *claim = &model->cluster.claims[slot];
	if (!claim->exists) return;
	struct sim_disk *disk = volume_of(model, claim->uid)->disk;
	note(model, "data-sales-%d is full", slot);
	sim_disk_set_capacity(disk, sim_disk_used(disk) + 16);
}

bool storage_is_full(struct model *model, int slot) {
	const struct claim *claim = &model->cluster.claims[slot];
	return claim->exists && sim_disk_capacity(volume_of(model, claim->uid)->disk) != 0;
}
