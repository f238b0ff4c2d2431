#include "controller/resources/children.h"

#include "api/kinds.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "controller/resources/blueprint.h"
#include "controller/resources/conf.h"

static const struct {
	const struct kind *kind;
	int (*plan)(struct blueprint *blueprint, struct error **err);
} plans[] = {
	{ &sqlag_kind_v1alpha1, sqlag_plan },
	{ &mssqlserver_kind_v1alpha2, mssqlserver_plan },
};

static int plan(struct blueprint *blueprint, const struct kind *kind, struct error **err) {
	for (size_t i = 0; i < ARRAY_LENGTH(plans); i++) {
		if (plans[i].kind == kind) return plans[i].plan(blueprint, err);
	}
	return error_set(err, ERROR_INVALID, "no children are known for an object of apiVersion %s and kind %s",
	                 json_get_text(blueprint->object, "apiVersion"), json_get_text(blueprint->object, "kind"));
}

static struct json_object *build(struct blueprint *blueprint) {
	struct json_object *children = json_object_new_array();
	struct json_object *certificate = certificate_of(blueprint);
	json_object_array_add(children, configuration_of(blueprint));
	if (certificate != NULL) json_object_array_add(children, certificate);
	json_object_array_add(children, headless_service_of(blueprint));
	for (size_t i = 0; i < json_object_array_length(blueprint->services); i++) {
		json_object_array_add(children, json_object_get(json_object_array_get_idx(blueprint->services, i)));
	}
	/* A budget for one pod would only forbid every drain, or nothing. */
	if (blueprint->members > 1) json_object_array_add(children, disruption_budget_of(blueprint));
	json_object_array_add(children, stateful_set_of(blueprint));
	monitor_add(blueprint, children);
	return children;
}

int children_of(const struct json_object *object, const struct surroundings *surroundings,
                struct json_object **children, struct error **err) {
	const struct kind *kind = kind_of_object(object);
	const struct json_object *metadata = json_get(object, "metadata");
	if (kind == NULL || json_get_text(metadata, "name") == NULL || json_get_text(metadata, "namespace") == NULL ||
	    json_get_text(metadata, "uid") == NULL || json_get(object, "spec") == NULL) {
		return error_set(err, ERROR_INVALID, "this is no object of ours that a cluster holds");
	}
	cleanup_json struct json_object *defaulted = json_copy(object);
	kind_set_defaults(kind, defaulted, NULL);
	cleanup_blueprint struct blueprint blueprint = {
		.surroundings = surroundings,
		.object = defaulted,
		.spec = json_get(defaulted, "spec"),
		.namespace = json_get_text(metadata, "namespace"),
		.name = json_get_text(metadata, "name"),
		.conf = json_object_new_object(),
		.services = json_object_new_array(),
	};
	if (plan(&blueprint, kind, err) < 0) return -1;
	struct strbuf conf = { 0 };
	strbuf_append(&conf, "");
	conf_print(blueprint.conf, &conf);
	blueprint.conf_text = strbuf_detach(&conf);
	*children = build(&blueprint);
	return 0;
}
