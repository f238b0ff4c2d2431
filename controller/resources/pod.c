/* The pods: podTemplate is what they start from, what it does not say is filled in, and what the group depends on goes
 * over it. */
#include <string.h>

#include "base/json.h"
#include "controller/resources/blueprint.h"
#include "controller/resources/merge.h"

/* Asks the server a question, since a frozen one still accepts connections. An answer is an answer: a password that was
 * changed after the container was started must not have it killed. While it upgrades its own databases it refuses
 * everybody (Msg 18401) and is not ready. Images without sqlcmd are only connected to. */
static const char probe_script[] =
        "for sqlcmd in /opt/mssql-tools18/bin/sqlcmd /opt/mssql-tools/bin/sqlcmd; do\n"
        "  [ -x \"$sqlcmd\" ] || continue\n"
        "  said=`SQLCMDPASSWORD=\"$MSSQL_SA_PASSWORD\" \"$sqlcmd\" -C -S localhost -U sa -l 5 -t 5 -b -Q 'SELECT 1' "
        "2>&1` && exit 0\n"
        "  case $said in\n"
        "  *'script upgrade mode'*) ;;\n"
        "  *'Login failed'*) exit 0 ;;\n"
        "  esac\n"
        "  echo \"$said\"\n"
        "  exit 1\n"
        "done\n"
        "exec 3<>\"/dev/tcp/${POD_IP:-localhost}/1433\"\n";

static struct json_object *parse(const char *text) {
	return json_tokener_parse(text);
}

static struct json_object *probe_of(int period, int timeout, int failures) {
	struct json_object *command = json_object_new_array();
	json_object_array_add(command, json_object_new_string("/bin/bash"));
	json_object_array_add(command, json_object_new_string("-c"));
	json_object_array_add(command, json_object_new_string(probe_script));
	struct json_object *exec = json_object_new_object();
	json_set(exec, "command", command);
	struct json_object *probe = json_object_new_object();
	json_set(probe, "exec", exec);
	json_set(probe, "periodSeconds", json_object_new_int(period));
	json_set(probe, "timeoutSeconds", json_object_new_int(timeout));
	json_set(probe, "failureThreshold", json_object_new_int(failures));
	return probe;
}

/* sqlservr binds ports with a file capability of its own: without NET_BIND_SERVICE it could not even be executed. */
static const char container_security[] =
        "{\"allowPrivilegeEscalation\":false,\"runAsNonRoot\":true,\"runAsUser\":10001,\"runAsGroup\":10001,"
        "\"capabilities\":{\"drop\":[\"ALL\"]},"
        "\"seccompProfile\":{\"type\":\"RuntimeDefault\"}}";

/* A probe of podTemplate's that says how to ask stays as it is; one that says only how often is filled in. */
static void set_probe(struct json_object *container, const char *field, struct json_object *probe) {
	static const char *const handlers[] = { "exec", "tcpSocket", "httpGet", "grpc" };
	struct json_object *given = merge_object(container, field);
	bool asks = false;
	for (size_t i = 0; i < ARRAY_LENGTH(handlers); i++) asks |= json_get(given, handlers[i]) != NULL;
	if (asks) json_object_put(probe);
	else merge_missing(given, probe);
}

/* A start may take half an hour: databases are recovered, and after a change of the image upgraded. A server is killed
 * only after two minutes without an answer: the controller fails over long before that. */
static void set_probes(struct json_object *container) {
	set_probe(container, "startupProbe", probe_of(2, 15, 900));
	set_probe(container, "readinessProbe", probe_of(5, 15, 2));
	set_probe(container, "livenessProbe", probe_of(20, 15, 6));
}

static void set_security(struct json_object *container) {
	static const char needed[] = "NET_BIND_SERVICE";
	struct json_object *security = merge_object(container, "securityContext");
	merge_missing(security, parse(container_security));
	struct json_object *added = merge_list(merge_object(security, "capabilities"), "add");
	for (size_t i = 0; i < json_object_array_length(added); i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(added, i));
		if (strcmp(name, needed) == 0 || strcmp(name, "ALL") == 0) return;
	}
	json_object_array_add(added, json_object_new_string(needed));
}

static void add_port(struct json_object *container, const char *name, int64_t number) {
	struct json_object *port = json_object_new_object();
	json_set_text(port, "name", name);
	json_set(port, "containerPort", json_object_new_int64(number));
	json_set_text(port, "protocol", "TCP");
	list_put(merge_list(container, "ports"), "name", port);
}

static void add_mount(struct json_object *container, const char *volume, const char *path, const char *sub_path) {
	struct json_object *mount = json_object_new_object();
	json_set_text(mount, "name", volume);
	json_set_text(mount, "mountPath", path);
	if (sub_path != NULL) json_set_text(mount, "subPath", sub_path);
	if (strcmp(volume, "data") != 0) json_set(mount, "readOnly", json_object_new_boolean(true));
	list_put(merge_list(container, "volumeMounts"), "mountPath", mount);
}

static void put_all(struct json_object *list, const struct json_object *elements) {
	for (size_t i = 0; i < json_object_array_length(elements); i++) {
		list_put(list, "name", json_copy(json_object_array_get_idx(elements, i)));
	}
}

/* Ours come first, so that the user's may refer to them; the user's values count except where ours are forced. */
static void set_env(const struct blueprint *blueprint, struct json_object *container) {
	struct json_object *env = json_object_new_array();
	json_object_array_add(env, parse("{\"name\":\"POD_IP\",\"valueFrom\":{\"fieldRef\":{\"apiVersion\":\"v1\","
	                                 "\"fieldPath\":\"status.podIP\"}}}"));
	put_all(env, blueprint->forced_env);
	put_all(env, blueprint->default_env);
	const struct json_object *own = json_get(container, "env");
	if (json_object_is_type(own, json_type_array)) put_all(env, own);
	put_all(env, blueprint->forced_env);
	json_set(container, "env", env);
}

/* SQL Server's container comes first, where podTemplate does not have it: kubectl logs and exec take that one. */
static struct json_object *container_in(struct json_object *pod) {
	struct json_object *containers = merge_list(pod, "containers");
	struct json_object *container = list_find(containers, "name", MSSQL_CONTAINER);
	if (container != NULL) return container;
	struct json_object *list = json_object_new_array();
	container = json_object_new_object();
	json_set_text(container, "name", MSSQL_CONTAINER);
	json_object_array_add(list, container);
	put_all(list, containers);
	json_set(pod, "containers", list);
	return container;
}

static void set_container(struct blueprint *blueprint, struct json_object *pod) {
	struct json_object *container = container_in(pod);
	json_set_text(container, "image", blueprint->image);
	set_env(blueprint, container);
	add_port(container, "mssql", SQL_SERVER_PORT);
	if (blueprint->endpoint_port != 0) add_port(container, "endpoint", blueprint->endpoint_port);
	add_mount(container, "data", "/var/opt/mssql", NULL);
	add_mount(container, "config", "/var/opt/mssql/mssql.conf", "mssql.conf");
	if (blueprint->tls_secret != NULL) add_mount(container, "tls", "/var/opt/mssql/tls", NULL);
	if (blueprint->resources != NULL) json_set(container, "resources", json_copy(blueprint->resources));
	set_probes(container);
	set_security(container);
	struct json_object *exporter = exporter_of(blueprint);
	if (exporter != NULL) list_put(json_get(pod, "containers"), "name", exporter);
}

static void add_volume(struct json_object *pod, const char *name, const char *source, struct json_object *settings) {
	struct json_object *volume = json_object_new_object();
	json_set_text(volume, "name", name);
	json_set(volume, source, settings);
	list_put(merge_list(pod, "volumes"), "name", volume);
}

static void set_volumes(struct blueprint *blueprint, struct json_object *pod) {
	struct json_object *config = json_object_new_object();
	json_set_text(config, blueprint->conf_is_secret ? "secretName" : "name", name_with(blueprint, "-config"));
	add_volume(pod, "config", blueprint->conf_is_secret ? "secret" : "configMap", config);
	if (blueprint->claim == NULL) add_volume(pod, "data", "emptyDir", json_object_new_object());
	if (blueprint->tls_secret == NULL) return;
	struct json_object *tls = json_object_new_object();
	json_set_text(tls, "secretName", blueprint->tls_secret);
	json_set(tls, "defaultMode", json_object_new_int(0440));
	add_volume(pod, "tls", "secret", tls);
}

/* Replicas on one node die together: they prefer different ones. */
static struct json_object *spread_affinity(const struct blueprint *blueprint) {
	struct json_object *affinity =
	        parse("{\"podAntiAffinity\":{\"preferredDuringSchedulingIgnoredDuringExecution\":[{\"weight\":100,"
	              "\"podAffinityTerm\":{\"topologyKey\":\"kubernetes.io/hostname\",\"labelSelector\":{}}}]}}");
	struct json_object *terms =
	        json_get_path(affinity, "podAntiAffinity", "preferredDuringSchedulingIgnoredDuringExecution", NULL);
	struct json_object *term = json_get(json_object_array_get_idx(terms, 0), "podAffinityTerm");
	json_set(json_get(term, "labelSelector"), "matchLabels", selector_of(blueprint));
	return affinity;
}

/* Service links are left out because a Service called mssql would put MSSQL_… variables into the container. */
static struct json_object *pod_defaults(void) {
	return parse("{\"terminationGracePeriodSeconds\":60,\"enableServiceLinks\":false,"
	             "\"automountServiceAccountToken\":false,"
	             "\"securityContext\":{\"fsGroup\":10001,\"fsGroupChangePolicy\":\"OnRootMismatch\"}}");
}

static struct json_object *pod_spec_of(struct blueprint *blueprint) {
	const struct json_object *template = json_get_path(blueprint->spec, "podTemplate", "spec", NULL);
	struct json_object *pod =
	        json_object_is_type(template, json_type_object) ? json_copy(template) : json_object_new_object();
	merge_over(pod, blueprint->forced_pod);
	set_container(blueprint, pod);
	set_volumes(blueprint, pod);
	if (json_get(pod, "affinity") == NULL) json_set(pod, "affinity", spread_affinity(blueprint));
	merge_missing(pod, pod_defaults());
	return pod;
}

struct json_object *pod_template_of(struct blueprint *blueprint) {
	const struct json_object *given = json_get_path(blueprint->spec, "podTemplate", "metadata", NULL);
	struct json_object *labels = json_object_new_object();
	merge_over(labels, json_get(given, "labels"));
	cleanup_json struct json_object *own = labels_of(blueprint);
	merge_over(labels, own);
	/* The role is the controller's to set, pod by pod. */
	json_object_object_del(labels, blueprint->flavour->role_label);

	struct json_object *annotations = json_object_new_object();
	json_set_text(annotations, "kubectl.kubernetes.io/default-container", MSSQL_CONTAINER);
	merge_over(annotations, json_get(given, "annotations"));

	struct json_object *metadata = json_object_new_object();
	json_set(metadata, "labels", labels);
	json_set(metadata, "annotations", annotations);
	struct json_object *template = json_object_new_object();
	json_set(template, "metadata", metadata);
	json_set(template, "spec", pod_spec_of(blueprint));
	return template;
}
