/* Inside: what both kinds come down to. Each kind fills one in (sqlag.c, mssqlserver.c), and the builders make the
 * children of it without knowing the kind. */
#ifndef AGKEEPER_CONTROLLER_RESOURCES_BLUEPRINT_H
#define AGKEEPER_CONTROLLER_RESOURCES_BLUEPRINT_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/memory.h"
#include "controller/resources/children.h"

#define MSSQL_CONTAINER "mssql"
enum { SQL_SERVER_PORT = 1433, EXPORTER_PORT = 9399 };

/* What is the same for all objects of a kind. */
struct flavour {
	const char *name;       /* label app.kubernetes.io/name */
	const char *managed_by; /* label app.kubernetes.io/managed-by */
	const char *role_label; /* whose value is the pod's role in the group */
};

struct blueprint {
	const struct flavour *flavour;
	const struct surroundings *surroundings;
	const struct json_object *object; /* defaulted */
	const struct json_object *spec;
	const char *namespace;
	const char *name;
	struct arena texts;

	int64_t replicas;      /* pods that there shall be; 0 while halted */
	int64_t members;       /* of the group, halted or not */
	int64_t endpoint_port; /* of the mirroring endpoint; 0: no group */
	const char *image;
	const char *auth_secret;             /* with username and password, for the exporter; NULL: none */
	struct json_object *forced_env;      /* owned array: what a user cannot change */
	struct json_object *default_env;     /* owned array: what podTemplate may say otherwise */
	struct json_object *forced_pod;      /* owned: members of the PodSpec that go over podTemplate's */
	const struct json_object *resources; /* of SQL Server's container, over podTemplate's; NULL: podTemplate's */
	const struct json_object *claim;     /* PersistentVolumeClaimSpec; NULL: the data goes with the pod */
	struct json_object *made_claim;      /* owned, when claim is made and not part of the object */
	const char *tls_secret;              /* with tls.crt and tls.key; NULL: SQL Server makes its own */

	struct json_object *conf; /* owned: mssql.conf, section → key → value */
	bool conf_is_secret;      /* parts of it come from a Secret: it is kept in one */
	char *conf_text;

	struct json_object *services; /* owned array of Services */
};

void blueprint_free(struct blueprint *blueprint);
#define cleanup_blueprint __attribute__((cleanup(blueprint_free)))

/* The kinds. `blueprint` has object, spec, namespace, name and surroundings already. */
int sqlag_plan(struct blueprint *blueprint, struct error **err);
int mssqlserver_plan(struct blueprint *blueprint, struct error **err);

/* ---- The builders; the caller owns what they return. ---- */

/* {app.kubernetes.io/…: …}: `selector` only what tells this object's pods from all others. */
struct json_object *labels_of(const struct blueprint *blueprint);
struct json_object *selector_of(const struct blueprint *blueprint);
/* An object with apiVersion, kind, and metadata: namespace, name, labels and the owner. */
struct json_object *child_new(const struct blueprint *blueprint, const char *api_version, const char *kind,
                              const char *name);
/* "<name><suffix>", which lives as long as the blueprint. */
const char *name_with(struct blueprint *blueprint, const char *suffix);
/* {name, value} of an environment variable. */
struct json_object *env_text(const char *name, const char *value);
struct json_object *env_from_secret(const char *name, const char *secret, const char *key);

struct json_object *pod_template_of(struct blueprint *blueprint);
struct json_object *stateful_set_of(struct blueprint *blueprint);
struct json_object *configuration_of(struct blueprint *blueprint);
struct json_object *disruption_budget_of(struct blueprint *blueprint);
/* What cert-manager is asked for; NULL: nothing, or it is not there. */
struct json_object *certificate_of(struct blueprint *blueprint);
/* Of the Service that leads to an MSSQLServer's standbys: "<name><suffix>"; NULL: it has none. */
const char *standby_suffix_of(const struct json_object *spec);

/* A Service whose port leads to SQL Server. `selector` is taken over. */
struct json_object *service_new(struct blueprint *blueprint, const char *name, struct json_object *selector,
                                int64_t port);
/* The selector of the pods in this role; NULL: of all. */
struct json_object *select_role(const struct blueprint *blueprint, const char *role);
struct json_object *headless_service_of(struct blueprint *blueprint);
/* Applies a serviceTemplate to a Service: labels, annotations, ports and what else a ServiceSpec has. */
void service_apply_template(struct json_object *service, const struct json_object *template);

/* What Prometheus needs, if `monitor` asks for it: appended to `children`. */
void monitor_add(struct blueprint *blueprint, struct json_object *children);
/* The exporter's container; NULL: there is none. */
struct json_object *exporter_of(const struct blueprint *blueprint);

#endif
