#include "controller/resources/certificate.h"

#include "base/json.h"
#include "controller/resources/blueprint.h"
#include "controller/resources/children.h"
#include "controller/resources/merge.h"

static const struct json_object *template_of(const struct json_object *spec) {
	return list_find(json_get_path(spec, "tls", "certificates", NULL), "alias", "server");
}

/* ---- Names ---- */

static void add(struct json_object *list, const char *name) {
	json_object_array_add(list, json_object_new_string(name));
}

/* From other namespaces, and in full. */
static void add_host(struct json_object *list, const char *host, const char *namespace) {
	static const char *const suffixes[] = { "", ".svc", ".svc.cluster.local" };
	for (size_t i = 0; i < ARRAY_LENGTH(suffixes); i++) {
		cleanup_free char *name = xasprintf("%s.%s%s", host, namespace, suffixes[i]);
		add(list, name);
	}
}

static void add_service(struct json_object *list, const char *name, const char *suffix, const char *namespace) {
	cleanup_free char *service = xasprintf("%s%s", name, suffix);
	add(list, service);
	add_host(list, service, namespace);
}

static void add_all(struct json_object *list, const struct json_object *more) {
	if (!json_object_is_type(more, json_type_array)) return;
	for (size_t i = 0; i < json_object_array_length(more); i++)
		json_object_array_add(list, json_copy(json_object_array_get_idx(more, i)));
}

struct json_object *certificate_names_of(const struct json_object *object) {
	const struct json_object *spec = json_get(object, "spec");
	const char *name = json_get_text(json_get(object, "metadata"), "name");
	const char *namespace = json_get_text(json_get(object, "metadata"), "namespace");
	const char *standby = standby_suffix_of(spec);
	struct json_object *hosts = json_object_new_array();
	struct json_object *addresses = json_object_new_array();
	cleanup_free char *pods = xasprintf("*.%s-pods", name);
	add_service(hosts, name, "", namespace);
	if (standby != NULL) add_service(hosts, name, standby, namespace);
	add_host(hosts, pods, namespace);
	add(hosts, "localhost");
	add(addresses, "127.0.0.1");
	add_all(hosts, json_get(template_of(spec), "dnsNames"));
	add_all(addresses, json_get(template_of(spec), "ipAddresses"));
	struct json_object *names = json_object_new_object();
	json_set(names, "dnsNames", hosts);
	json_set(names, "ipAddresses", addresses);
	return names;
}

/* ---- cert-manager ---- */

static struct json_object *issuer_of(const struct json_object *reference) {
	const char *group = json_get_text(reference, "apiGroup");
	struct json_object *issuer = json_object_new_object();
	json_set_text(issuer, "name", json_get_text(reference, "name"));
	json_set_text(issuer, "kind", json_get_text(reference, "kind"));
	json_set_text(issuer, "group", group != NULL ? group : "cert-manager.io");
	return issuer;
}

/* RSA, as our own CA's (tls/authority.h); PKCS #8 is what both write. */
static struct json_object *private_key(void) {
	struct json_object *key = json_object_new_object();
	json_set_text(key, "algorithm", "RSA");
	json_set_text(key, "encoding", "PKCS8");
	json_set(key, "size", json_object_new_int(2048));
	return key;
}

struct json_object *certificate_of(struct blueprint *blueprint) {
	static const char *const copied[] = { "duration", "renewBefore", "subject" };
	const struct json_object *issuer = json_get_path(blueprint->spec, "tls", "issuerRef", NULL);
	if (blueprint->tls_secret == NULL || issuer == NULL || !blueprint->surroundings->has_issuers) return NULL;
	struct json_object *certificate =
	        child_new(blueprint, "cert-manager.io/v1", "Certificate", name_with(blueprint, CERTIFICATE_SUFFIX));
	struct json_object *spec = certificate_names_of(blueprint->object);
	json_set_text(spec, "secretName", blueprint->tls_secret);
	json_set(spec, "issuerRef", issuer_of(issuer));
	json_set(spec, "privateKey", private_key());
	static const char *const usages[] = { "digital signature", "key encipherment", "server auth" };
	for (size_t i = 0; i < ARRAY_LENGTH(usages); i++) add(merge_list(spec, "usages"), usages[i]);
	for (size_t i = 0; i < ARRAY_LENGTH(copied); i++) {
		const struct json_object *value = json_get(template_of(blueprint->spec), copied[i]);
		if (value != NULL) json_set(spec, copied[i], json_copy(value));
	}
	json_set(certificate, "spec", spec);
	return certificate;
}
