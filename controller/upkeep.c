#include "controller/upkeep.h"

#include <dirent.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/periodic.h"
#include "base/yaml.h"

enum { LARGEST_FILE = 1024 * 1024 };

static const char *deployment_of(const struct upkeep_options *options) {
	return options->deployment != NULL ? options->deployment : "agkeeper";
}

/* ---- The disruption budget ---- */

/* policy/v1 or policy/v1beta1; NULL with an error when the server did not say. */
static const struct kube_resource *budget_resource(struct kube_client *client, struct error **err) {
	static const struct kube_resource *const versions[] = { &kube_poddisruptionbudgets,
		                                                &kube_poddisruptionbudgets_v1beta1 };
	for (size_t i = 0; i < ARRAY_LENGTH(versions); i++) {
		int offered = kube_discover(client, versions[i], err);
		if (offered < 0) return NULL;
		if (offered > 0) return versions[i];
	}
	error_set(err, ERROR_NOT_FOUND, "the cluster offers no PodDisruptionBudget");
	return NULL;
}

/* With the Deployment as owner, so that the budget goes when it goes. */
static struct json_object *budget_for(const struct json_object *deployment, const char *namespace) {
	const struct json_object *metadata = json_get(deployment, "metadata");
	struct json_object *owner = json_object_new_object();
	json_set_text(owner, "apiVersion", "apps/v1");
	json_set_text(owner, "kind", "Deployment");
	json_set_text(owner, "name", json_get_text(metadata, "name"));
	json_set_text(owner, "uid", json_get_text(metadata, "uid"));
	struct json_object *owners = json_object_new_array();
	json_object_array_add(owners, owner);
	struct json_object *labels = json_object_new_object();
	json_set_text(labels, "app.kubernetes.io/name", json_get_text(metadata, "name"));
	struct json_object *own = json_object_new_object();
	json_set_text(own, "name", json_get_text(metadata, "name"));
	json_set_text(own, "namespace", namespace);
	json_set(own, "labels", labels);
	json_set(own, "ownerReferences", owners);
	struct json_object *spec = json_object_new_object();
	json_set(spec, "minAvailable", json_object_new_int(1));
	json_set(spec, "selector", json_copy(json_get_path(deployment, "spec", "selector", NULL)));
	struct json_object *budget = json_object_new_object();
	json_set(budget, "metadata", own);
	json_set(budget, "spec", spec);
	return budget;
}

int upkeep_disruption_budget(const struct upkeep_options *options, struct error **err) {
	cleanup_json struct json_object *deployment = NULL;
	cleanup_error struct error *failure = NULL;
	if (kube_get(options->client, &kube_deployments, options->namespace, deployment_of(options), &deployment,
	             &failure) < 0)
		return failure->kind == ERROR_NOT_FOUND ? 0 : error_move(err, &failure);
	if (json_get_path(deployment, "spec", "selector", NULL) == NULL)
		return error_set(err, ERROR_INVALID, "Deployment %s has no selector", deployment_of(options));
	const struct kube_resource *resource = budget_resource(options->client, err);
	if (resource == NULL) return -1;
	cleanup_json struct json_object *budget = budget_for(deployment, options->namespace);
	if (kube_apply(options->client, resource, budget, true, NULL, err) < 0)
		return error_prefix(err, "PodDisruptionBudget %s", deployment_of(options));
	return 0;
}

/* ---- The catalogue ---- */

static bool is_version(const struct json_object *object) {
	const char *api_version = json_get_text(object, "apiVersion");
	const char *kind = json_get_text(object, "kind");
	cleanup_strbuf struct strbuf wanted = { 0 };
	kube_resource_api_version(&wanted, &kube_mssqlserverversions);
	return api_version != NULL && strcmp(api_version, strbuf_text(&wanted)) == 0 && kind != NULL &&
	       strcmp(kind, kube_mssqlserverversions.kind) == 0;
}

/* The read first spares the API server a refused write, and its webhooks a review, every few minutes. */
static int create_if_absent(struct kube_client *client, const char *path, struct json_object *object,
                            struct error **err) {
	const char *name = json_get_text(json_get(object, "metadata"), "name");
	if (!is_version(object) || name == NULL)
		return error_set(err, ERROR_INVALID, "%s: every object must be a %s with a name", path,
		                 kube_mssqlserverversions.kind);
	cleanup_error struct error *failure = NULL;
	if (kube_get(client, &kube_mssqlserverversions, NULL, name, NULL, &failure) == 0) return 0;
	if (failure->kind != ERROR_NOT_FOUND) return error_move(err, &failure);
	if (kube_create(client, &kube_mssqlserverversions, object, NULL, &failure) < 0) {
		if (failure->kind == ERROR_CONFLICT) return 0; /* the other replica did */
		return error_move(err, &failure);
	}
	log_info("version of the starter catalogue created", log_str("name", name));
	return 0;
}

/* Neither a bad file nor a refused object: the next object would fare the same. */
static bool is_the_servers(const struct error *err) {
	return err != NULL && err->kind != ERROR_INVALID && err->kind != ERROR_IO;
}

/* `err` must not be NULL. */
static int create_from_file(const struct upkeep_options *options, const char *path, struct error **err) {
	cleanup_strbuf struct strbuf text = { 0 };
	if (file_read(path, LARGEST_FILE, &text, err) < 0) return -1;
	cleanup_yaml_stream struct yaml_stream stream = { 0 };
	if (yaml_parse(strbuf_text(&text), text.length, &stream, err) < 0) return error_prefix(err, "%s", path);
	int result = 0;
	for (size_t i = 0; i < stream.count && !is_the_servers(*err); i++) {
		struct json_object *object = stream.documents[i].json;
		if (object != NULL && create_if_absent(options->client, path, object, err) < 0) result = -1;
	}
	return result;
}

static bool has_ending(const char *name, const char *ending) {
	size_t length = strlen(name);
	return length >= strlen(ending) && strcmp(name + length - strlen(ending), ending) == 0;
}

/* scandir: the files, without the kubelet's "..data" and the like. */
static int is_catalog_file(const struct dirent *entry) {
	const char *name = entry->d_name;
	return name[0] != '.' && (has_ending(name, ".yaml") || has_ending(name, ".yml") || has_ending(name, ".json"));
}

int upkeep_catalog(const struct upkeep_options *options, struct error **err) {
	if (options->catalog == NULL) return 0;
	struct dirent **entries = NULL;
	int count = scandir(options->catalog, &entries, is_catalog_file, alphasort);
	if (count < 0) return error_errno(err, errno, "the catalogue %s", options->catalog);
	cleanup_error struct error *failure = NULL;
	/* One bad file does not keep the others away; an API server that is, need not be asked for each of them. */
	for (int i = 0; i < count; i++) {
		cleanup_free char *path = xasprintf("%s/%s", options->catalog, entries[i]->d_name);
		if (!is_the_servers(failure)) create_from_file(options, path, &failure);
		free(entries[i]);
	}
	free(entries);
	return failure == NULL ? 0 : error_move(err, &failure);
}

/* ---- Again and again ---- */

struct upkeep {
	struct upkeep_options options;
	struct periodic *thread;
	atomic_bool stopping;
	char *said[2]; /* the failures that were logged last */
};

/* Logs a failure once, until it is another one. */
static void report(char **said, const char *what, const struct error *err) {
	bool same = err != NULL && *said != NULL && strcmp(*said, err->message) == 0;
	if (err != NULL && !same) log_warning(what, log_err(err));
	free(*said);
	*said = err != NULL ? xstrdup(err->message) : NULL;
}

/* What a person has to mend, a file or a refused object, does not get better in seconds. */
static bool may_pass(const struct error *err) {
	return err != NULL && err->kind != ERROR_INVALID;
}

static int64_t look(void *context) {
	struct upkeep *upkeep = context;
	cleanup_error struct error *budget_error = NULL;
	cleanup_error struct error *catalog_error = NULL;
	upkeep_disruption_budget(&upkeep->options, &budget_error);
	if (!upkeep->stopping) upkeep_catalog(&upkeep->options, &catalog_error);
	report(&upkeep->said[0], "our disruption budget cannot be kept", budget_error);
	report(&upkeep->said[1], "the starter catalogue cannot be created", catalog_error);
	return may_pass(budget_error) || may_pass(catalog_error) ? UPKEEP_RETRY_MS : UPKEEP_PAUSE_MS;
}

struct upkeep *upkeep_start(const struct upkeep_options *options, struct error **err) {
	struct upkeep *upkeep = xcalloc(1, sizeof(*upkeep));
	upkeep->options = *options;
	upkeep->thread = periodic_start(look, upkeep, err);
	if (upkeep->thread != NULL) return upkeep;
	upkeep_stop(upkeep);
	return NULL;
}

void upkeep_stop(struct upkeep *upkeep) {
	if (upkeep == NULL) return;
	upkeep->stopping = true;
	periodic_stop(upkeep->thread);
	for (size_t i = 0; i < ARRAY_LENGTH(upkeep->said); i++) free(upkeep->said[i]);
	free(upkeep);
}
