#include "simnode/volumes.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/memory.h"
#include "simnode/folder.h"

/* What making one volume needs, and where its files are collected. */
struct making {
	struct volumes *volumes;
	const struct cluster *cluster;
	const struct json_object *pod;
	const struct pod_place *place;
	const char *volume;
	unsigned default_mode;
	bool is_secret; /* the object whose entries are being added: its values are base64 */
	struct payload payload;
};

static const char *namespace_of(const struct json_object *pod) {
	const char *namespace = json_get_text(json_get(pod, "metadata"), "namespace");
	return namespace != NULL ? namespace : "";
}

static size_t length_of(const struct json_object *array) {
	return json_object_is_type(array, json_type_array) ? json_object_array_length(array) : 0;
}

static unsigned mode_of(const struct json_object *item, const char *key, unsigned otherwise) {
	return (unsigned)json_get_integer(item, key, (int64_t)otherwise) & 0777;
}

/* ---- The sources of files ---- */

/* Adds one entry of a ConfigMap or Secret; false when there is no such key. */
static bool add_entry(struct making *making, const struct json_object *object, const char *key, const char *path,
                      unsigned mode) {
	const char *text = json_get_text(json_get(object, "data"), key);
	const char *binary = making->is_secret ? text : json_get_text(json_get(object, "binaryData"), key);
	if (binary != NULL) {
		unsigned char *bytes;
		size_t length;
		if (!base64_decode(binary, strlen(binary), &bytes, &length)) return false;
		payload_add(&making->payload, path, bytes, length, mode);
		free(bytes);
		return true;
	}
	if (text == NULL) return false;
	payload_add(&making->payload, path, text, strlen(text), mode);
	return true;
}

static void add_all_entries(struct making *making, const struct json_object *object) {
	static const char *const maps[] = { "data", "binaryData" };
	for (size_t i = 0; i < ARRAY_LENGTH(maps); i++) {
		const struct json_object *map = json_get(object, maps[i]);
		if (!json_object_is_type(map, json_type_object)) continue;
		json_object_object_foreach((struct json_object *)map, key, value) {
			(void)value;
			add_entry(making, object, key, key, making->default_mode);
		}
	}
}

/* The files of a ConfigMap or Secret: all of it, or the `items` that the source names. */
static int add_object(struct making *making, const struct kube_resource *resource, const char *name,
                      const struct json_object *source, struct error **err) {
	bool optional = json_get_flag(source, "optional", false);
	if (name == NULL) return error_set(err, ERROR_INVALID, "the %s has no name", resource->kind);
	cleanup_kube_object const struct kube_object *object =
	        making->cluster->find(making->cluster->context, resource, namespace_of(making->pod), name);
	if (object == NULL) {
		if (optional) return 0;
		return error_set(err, ERROR_NOT_FOUND, "%s \"%s\" not found", resource->plural, name);
	}
	making->is_secret = resource == &kube_secrets;
	const struct json_object *items = json_get(source, "items");
	if (length_of(items) == 0) {
		add_all_entries(making, object->json);
		return 0;
	}
	for (size_t i = 0; i < length_of(items); i++) {
		const struct json_object *item = json_object_array_get_idx(items, i);
		const char *key = json_get_text(item, "key");
		const char *path = json_get_text(item, "path");
		if (key == NULL || path == NULL) continue;
		unsigned mode = mode_of(item, "mode", making->default_mode);
		if (!add_entry(making, object->json, key, path, mode) && !optional) {
			return error_set(err, ERROR_NOT_FOUND, "%s \"%s\" has no key \"%s\"", resource->plural, name,
			                 key);
		}
	}
	return 0;
}

static int add_configmap(struct making *making, const struct json_object *source, struct error **err) {
	return add_object(making, &kube_configmaps, json_get_text(source, "name"), source, err);
}

/* A volume says secretName, a projection says name. */
static int add_secret(struct making *making, const struct json_object *source, struct error **err) {
	const char *name = json_get_text(source, "secretName");
	return add_object(making, &kube_secrets, name != NULL ? name : json_get_text(source, "name"), source, err);
}

static const struct json_object *container_named(const struct json_object *pod, const char *name) {
	const struct json_object *containers = json_get_path(pod, "spec", "containers", NULL);
	for (size_t i = 0; i < length_of(containers); i++) {
		const struct json_object *container = json_object_array_get_idx(containers, i);
		const char *its_name = json_get_text(container, "name");
		if (name != NULL && its_name != NULL && strcmp(its_name, name) == 0) return container;
	}
	return NULL;
}

static int add_downward(struct making *making, const struct json_object *source, struct error **err) {
	const struct json_object *items = json_get(source, "items");
	for (size_t i = 0; i < length_of(items); i++) {
		const struct json_object *item = json_object_array_get_idx(items, i);
		const char *path = json_get_text(item, "path");
		const char *field = json_get_text(json_get(item, "fieldRef"), "fieldPath");
		const struct json_object *resource = json_get(item, "resourceFieldRef");
		cleanup_free char *value = NULL;
		if (field != NULL) value = downward_field(making->pod, making->place, field);
		else if (resource != NULL)
			value = downward_resource(
			        container_named(making->pod, json_get_text(resource, "containerName")), resource);
		if (path == NULL || value == NULL)
			return error_set(err, ERROR_INVALID, "item %zu of the downward API is not supported", i);
		payload_add(&making->payload, path, value, strlen(value), mode_of(item, "mode", making->default_mode));
	}
	return 0;
}

/* The token kept for `key`, a new entry when there is none. */
static struct volume_token *token_entry(struct volumes *volumes, const char *key) {
	for (size_t i = 0; i < volumes->token_count; i++) {
		if (strcmp(volumes->tokens[i].volume, key) == 0) return &volumes->tokens[i];
	}
	volumes->tokens = xreallocarray(volumes->tokens, volumes->token_count + 1, sizeof(*volumes->tokens));
	struct volume_token *token = &volumes->tokens[volumes->token_count++];
	*token = (struct volume_token){ .volume = xstrdup(key) };
	return token;
}

/* Renewed at 80 % of its life (pkg/kubelet/token/token_manager.go). While that fails the old one stays, for it is still
 * good, and another try is due soon. */
enum { TOKEN_SECONDS = 3600, TOKEN_RETRY_SECONDS = 10 };

static int add_token(struct making *making, const struct json_object *source, struct error **err) {
	const char *path = json_get_text(source, "path");
	if (path == NULL) return error_set(err, ERROR_INVALID, "serviceAccountToken.path: is missing");
	cleanup_free char *key = xasprintf("%s/%s", making->volume, path);
	struct volume_token *token = token_entry(making->volumes, key);
	int64_t now = clock_wall_seconds();
	if (token->text == NULL || now >= token->renew_at) {
		cleanup_error struct error *failure = NULL;
		char *text = NULL;
		int64_t expires_at;
		int64_t seconds = json_get_integer(source, "expirationSeconds", TOKEN_SECONDS);
		if (making->cluster->token(making->cluster->context, making->pod, json_get_text(source, "audience"),
		                           seconds, &text, &expires_at, &failure) < 0) {
			if (token->text == NULL) return error_move(err, &failure);
			token->renew_at = now + TOKEN_RETRY_SECONDS;
		} else {
			free(token->text);
			token->text = text;
			token->renew_at = now + (expires_at - now) * 8 / 10;
		}
	}
	payload_add(&making->payload, path, token->text, strlen(token->text), 0600);
	return 0;
}

static int add_projected(struct making *making, const struct json_object *projected, struct error **err) {
	static const struct {
		const char *field;
		int (*add)(struct making *, const struct json_object *, struct error **);
	} sources[] = {
		{ "serviceAccountToken", add_token },
		{ "configMap", add_configmap },
		{ "secret", add_secret },
		{ "downwardAPI", add_downward },
	};
	const struct json_object *list = json_get(projected, "sources");
	for (size_t i = 0; i < length_of(list); i++) {
		const struct json_object *entry = json_object_array_get_idx(list, i);
		bool known = false;
		for (size_t j = 0; j < ARRAY_LENGTH(sources); j++) {
			const struct json_object *source = json_get(entry, sources[j].field);
			if (source == NULL) continue;
			known = true;
			if (sources[j].add(making, source, err) < 0) return -1;
		}
		if (!known) return error_set(err, ERROR_INVALID, "sources[%zu] is of a kind that is not simulated", i);
	}
	return 0;
}

/* ---- The kinds of volumes ---- */

static int add_nothing(struct making *making, const struct json_object *source, struct error **err) {
	(void)making, (void)source, (void)err;
	return 0;
}

static const char *disk_folder(const struct volumes *volumes, const char *volume) {
	for (size_t i = 0; i < volumes->disk_count; i++) {
		if (strcmp(volumes->disks[i].volume, volume) == 0) return volumes->disks[i].folder;
	}
	return NULL;
}

/* Attached once, for as long as the pod lives. */
static int attach_disk(struct making *making, const struct json_object *source, struct error **err) {
	struct volumes *volumes = making->volumes;
	if (disk_folder(volumes, making->volume) != NULL) return 0;
	char *folder = claim_volume_attach(&volumes->claims, making->cluster, making->pod, making->place, source, err);
	if (folder == NULL) return -1;
	volumes->disks = xreallocarray(volumes->disks, volumes->disk_count + 1, sizeof(*volumes->disks));
	volumes->disks[volumes->disk_count++] =
	        (struct volume_disk){ .volume = xstrdup(making->volume), .folder = folder };
	return 0;
}

static const struct volume_kind {
	const char *field;
	bool has_files; /* that we write, and nobody else */
	int (*add)(struct making *, const struct json_object *, struct error **);
} volume_kinds[] = {
	{ "emptyDir", false, add_nothing },
	{ "hostPath", false, add_nothing },
	{ "persistentVolumeClaim", false, attach_disk },
	{ "configMap", true, add_configmap },
	{ "secret", true, add_secret },
	{ "projected", true, add_projected },
	{ "downwardAPI", true, add_downward },
};

static const struct volume_kind *kind_of(const struct json_object *volume) {
	for (size_t i = 0; i < ARRAY_LENGTH(volume_kinds); i++) {
		if (json_get(volume, volume_kinds[i].field) != NULL) return &volume_kinds[i];
	}
	return NULL;
}

/* Where a volume lies. */
static char *volume_folder(const struct volumes *volumes, const struct json_object *volume) {
	const char *host_path = json_get_text(json_get(volume, "hostPath"), "path");
	if (host_path != NULL) return xstrdup(host_path);
	const char *disk = disk_folder(volumes, json_get_text(volume, "name"));
	if (disk != NULL) return xstrdup(disk);
	return xasprintf("%s/%s", volumes->folder, json_get_text(volume, "name"));
}

static int sync_volume(struct volumes *volumes, const struct cluster *cluster, const struct json_object *pod,
                       const struct pod_place *place, const struct json_object *volume, struct error **err) {
	const struct volume_kind *kind = kind_of(volume);
	if (kind == NULL) return error_set(err, ERROR_INVALID, "volumes of its kind are not simulated");
	const struct json_object *source = json_get(volume, kind->field);
	struct making making = {
		.volumes = volumes,
		.cluster = cluster,
		.pod = pod,
		.place = place,
		.volume = json_get_text(volume, "name"),
		.default_mode = mode_of(source, "defaultMode", 0644),
	};
	int failed = kind->add(&making, source, err);
	cleanup_free char *folder = volume_folder(volumes, volume);
	if (failed == 0 && !kind->has_files) failed = folder_create(folder, err);
	else if (failed == 0) failed = folder_publish(folder, &making.payload, err);
	payload_free(&making.payload);
	return failed;
}

int volumes_sync(struct volumes *volumes, const struct cluster *cluster, const struct json_object *pod,
                 const struct pod_place *place, struct error **err) {
	const struct json_object *list = json_get_path(pod, "spec", "volumes", NULL);
	int failed = 0;
	for (size_t i = 0; i < length_of(list); i++) {
		const struct json_object *volume = json_object_array_get_idx(list, i);
		cleanup_error struct error *failure = NULL;
		if (sync_volume(volumes, cluster, pod, place, volume, &failure) == 0) continue;
		error_prefix(&failure, "volume \"%s\"", json_get_text(volume, "name"));
		if (failed == 0) failed = error_move(err, &failure);
	}
	return failed;
}

int64_t volumes_renew_at(const struct volumes *volumes) {
	int64_t first = INT64_MAX;
	for (size_t i = 0; i < volumes->token_count; i++) {
		if (volumes->tokens[i].renew_at < first) first = volumes->tokens[i].renew_at;
	}
	return first;
}

static const struct json_object *volume_named(const struct json_object *pod, const char *name) {
	const struct json_object *list = json_get_path(pod, "spec", "volumes", NULL);
	for (size_t i = 0; i < length_of(list); i++) {
		const struct json_object *volume = json_object_array_get_idx(list, i);
		const char *its_name = json_get_text(volume, "name");
		if (name != NULL && its_name != NULL && strcmp(its_name, name) == 0) return volume;
	}
	return NULL;
}

int volumes_mounts(const struct volumes *volumes, const struct json_object *pod, const struct json_object *container,
                   struct mounts *mounts, struct error **err) {
	const struct json_object *list = json_get(container, "volumeMounts");
	for (size_t i = 0; i < length_of(list); i++) {
		const struct json_object *mount = json_object_array_get_idx(list, i);
		const char *name = json_get_text(mount, "name");
		const char *path = json_get_text(mount, "mountPath");
		const char *sub_path = json_get_text(mount, "subPath");
		const struct json_object *volume = volume_named(pod, name);
		if (volume == NULL || path == NULL)
			return error_set(err, ERROR_INVALID, "there is no volume \"%s\" to mount", name);
		cleanup_free char *folder = volume_folder(volumes, volume);
		cleanup_free char *place = sub_path != NULL ? xasprintf("%s/%s", folder, sub_path) : xstrdup(folder);
		/* The kubelet makes a sub path that is missing; in a volume with files of ours it names one of them. */
		if (sub_path != NULL && !kind_of(volume)->has_files && folder_create(place, err) < 0) return -1;
		mounts_add(mounts, path, place);
	}
	return mounts_nest(mounts, err);
}

void volumes_release(struct volumes *volumes, const char *pod_uid) {
	if (volumes->claims.attachments != NULL) attachments_remove(volumes->claims.attachments, pod_uid);
	for (size_t i = 0; i < volumes->disk_count; i++) {
		free(volumes->disks[i].volume);
		free(volumes->disks[i].folder);
	}
	free(take(&volumes->disks));
	volumes->disk_count = 0;
}

void volumes_free(struct volumes *volumes) {
	volumes_release(volumes, "");
	for (size_t i = 0; i < volumes->token_count; i++) {
		free(volumes->tokens[i].volume);
		if (volumes->tokens[i].text != NULL)
			explicit_bzero(volumes->tokens[i].text, strlen(volumes->tokens[i].text));
		free(volumes->tokens[i].text);
	}
	free(volumes->tokens);
	*volumes = (struct volumes){ .folder = volumes->folder, .claims = volumes->claims };
}
