/* The Secrets of an object: read by name when they are needed, and again every ten minutes, since nobody watches them.
 * What is kept of them: the controller's own passwords, the endpoint's certificate, and of sa's password a digest. */
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "controller/engine/engine_private.h"
#include "controller/engine/transform.h"
#include "kube/backoff.h"

char *secret_text(const struct json_object *secret, const char *key) {
	const char *encoded = json_get_text(json_get(secret, "data"), key);
	unsigned char *bytes = NULL;
	size_t length;
	if (encoded == NULL || !base64_decode(encoded, strlen(encoded), &bytes, &length)) return NULL;
	bool is_text = length > 0 && strlen((char *)bytes) == length;
	if (is_text) return (char *)bytes;
	explicit_bzero(bytes, length);
	free(bytes);
	return NULL;
}

void secret_wipe_data(struct json_object *data) {
	if (!json_object_is_type(data, json_type_object)) return;
	json_object_object_foreach(data, key, value) {
		(void)key;
		if (!json_object_is_type(value, json_type_string)) continue;
		explicit_bzero((char *)json_object_get_string(value), (size_t)json_object_get_string_len(value));
	}
}

void secret_wipe(struct json_object *secret) {
	secret_wipe_data(json_get(secret, "data"));
	secret_wipe_data(json_get(secret, "stringData"));
}

static void wipe_cleanup(char **text) {
	wipe(text);
}
#define cleanup_wipe __attribute__((cleanup(wipe_cleanup)))

uint64_t password_digest(const char *text) {
	cleanup_json struct json_object *json = json_object_new_string(text);
	return json_digest(json);
}

/* ---- The administrator's ---- */

static void compare_password(struct managed *managed) {
	managed->password_differs = managed->administrator.digest != 0 && managed->applied_password != NULL &&
	                            password_digest(managed->applied_password) != managed->administrator.digest;
}

static void take_administrator(struct managed *managed, const struct json_object *secret) {
	cleanup_wipe char *password = secret_text(secret, managed->spec.administrator_key);
	managed->administrator.state = password != NULL ? SECRET_PRESENT : SECRET_INVALID;
	managed->administrator.digest = password != NULL ? password_digest(password) : 0;
	managed->made_administrator = has_our_labels(managed, secret);
}

/* ---- Our own ---- */

static void forget_own(struct managed *managed) {
	wipe(&managed->controller_password);
	wipe(&managed->master_key_password);
	wipe(&managed->applied_password);
	free(managed->own_version);
	managed->own_version = NULL;
	arena_free(&managed->endpoint_bytes);
	managed->endpoint = (struct endpoint_certificate){ 0 };
	managed->has_certificate = false;
	bundle_free(&managed->bundle);
	managed->certificate_look_at = 0;
}

static struct sql_bytes secret_bytes(struct arena *arena, const struct json_object *secret, const char *key) {
	const char *encoded = json_get_text(json_get(secret, "data"), key);
	unsigned char *bytes = NULL;
	size_t length = 0;
	if (encoded == NULL || !base64_decode(encoded, strlen(encoded), &bytes, &length) || length == 0) {
		free(bytes);
		return (struct sql_bytes){ 0 };
	}
	unsigned char *kept = arena_alloc(arena, length);
	memcpy(kept, bytes, length);
	explicit_bzero(bytes, length);
	free(bytes);
	return (struct sql_bytes){ .bytes = kept, .length = length };
}

/* An answer that was on its way while we wrote says what stood there before: a server that is bootstrapped by it would
 * make a certificate of its own, which no other trusts. */
void secret_take_own(struct managed *managed, const struct json_object *secret) {
	const char *version = json_get_text(json_get(secret, "metadata"), "resourceVersion");
	if (version_is_newer(managed->own_version, version)) return;
	forget_own(managed);
	managed->own_version = version != NULL ? xstrdup(version) : NULL;
	managed->controller_password = secret_text(secret, "controllerPassword");
	managed->master_key_password = secret_text(secret, "masterKeyPassword");
	managed->applied_password = secret_text(secret, "saPassword");
	managed->endpoint.certificate = secret_bytes(&managed->endpoint_bytes, secret, "endpoint.crt");
	managed->endpoint.private_key = secret_bytes(&managed->endpoint_bytes, secret, "endpoint.key");
	managed->has_certificate = managed->endpoint.certificate.length > 0 && managed->endpoint.private_key.length > 0;
	bundle_from_data(&managed->bundle, json_get(secret, "data"));
	managed->made_own = is_own_secret(managed, secret);
	bool is_whole = managed->controller_password != NULL && managed->master_key_password != NULL;
	if (managed->own.state != SECRET_PRESENT) managed->probe_at = 0; /* the servers can be asked from now on */
	managed->own.state = is_whole ? SECRET_PRESENT : SECRET_INVALID;
	for (struct server *server = managed->servers; server != NULL; server = server->next) {
		if (server->prober != NULL && is_whole)
			sql_client_set_password(server->prober, managed->controller_password);
		if (server->changer != NULL && is_whole)
			sql_client_set_password(server->changer, managed->controller_password);
	}
}

/* ---- mssql.conf of an MSSQLServer ---- */

static void take_configuration(struct managed *managed, const struct json_object *secret) {
	managed->settings_reads++;
	free(managed->configuration_text);
	managed->configuration_text = secret_text(secret, "mssql.conf");
	managed->configuration.state = managed->configuration_text != NULL ? SECRET_PRESENT : SECRET_INVALID;
}

/* ---- Reading ---- */

static const struct {
	size_t offset; /* of its struct secret_read */
	void (*keep)(struct managed *managed, const struct json_object *secret);
} kinds[] = {
	{ offsetof(struct managed, administrator), take_administrator },
	{ offsetof(struct managed, own), secret_take_own },
	{ offsetof(struct managed, configuration), take_configuration },
	{ offsetof(struct managed, certificate), certificate_take },
};
enum { OWN = 1, CERTIFICATE = 3 }; /* of these */

/* Nobody but us writes our own. */
static int64_t period_of(size_t kind) {
	return kind == 1 ? OWN_SECRET_MS : SECRETS_MS;
}

static struct secret_read *read_of(struct managed *managed, size_t kind) {
	return (struct secret_read *)((char *)managed + kinds[kind].offset);
}

static const char *name_of(const struct managed *managed, size_t kind) {
	if (kind == 0) return managed->spec.administrator_secret;
	if (kind == OWN) return managed->spec.own_secret;
	if (kind == CERTIFICATE) return managed->spec.certificate_secret;
	return json_get_text(json_get_path(managed->object->json, "spec", "configuration", NULL), "secretName");
}

static void on_secret(struct managed *managed, void *what, struct json_object *answer, const struct error *err) {
	size_t kind = (size_t)(uintptr_t)what;
	struct secret_read *read = read_of(managed, kind);
	read->is_asked = false;
	if (managed->is_gone || !managed->is_readable) return;
	/* While the API does not answer, what was read last stays so; it is asked again soon. */
	int64_t now = clock_monotonic_ms();
	read->read_at = now - jitter(period_of(kind) / 10);
	if (err == NULL) {
		kinds[kind].keep(managed, answer);
		secret_wipe(answer);
	} else if (err->kind == ERROR_NOT_FOUND) {
		if (kind == OWN) forget_own(managed);
		if (kind == CERTIFICATE) certificate_missing(managed);
		read->state = SECRET_MISSING;
		read->digest = 0;
		read->read_at = now - period_of(kind) + SECRETS_SOON_MS; /* awaited */
	} else {
		log_warning("a Secret cannot be read", log_str("object", managed->key),
		            log_str("secret", name_of(managed, kind)), log_err(err));
		read->read_at = now - period_of(kind) + SECRETS_SOON_MS;
	}
	compare_password(managed);
	managed_look(managed);
}

/* Another name is another Secret. */
static void note_name(struct managed *managed, size_t kind) {
	struct secret_read *read = read_of(managed, kind);
	const char *name = name_of(managed, kind);
	bool is_same = name != NULL ? read->name != NULL && strcmp(read->name, name) == 0 : read->name == NULL;
	if (is_same || read->is_asked) return;
	free(read->name);
	*read = (struct secret_read){ .name = name != NULL ? xstrdup(name) : NULL };
}

static void ask(struct managed *managed, size_t kind) {
	const struct kube_request request = { .method = KUBE_GET,
		                              .resource = &kube_secrets,
		                              .namespace = managed->namespace,
		                              .name = name_of(managed, kind) };
	read_of(managed, kind)->is_asked = true;
	managed_request(managed, &request, on_secret, (void *)(uintptr_t)kind);
}

static bool is_due(struct managed *managed, size_t kind, int64_t now) {
	const struct secret_read *read = read_of(managed, kind);
	if (read->is_asked || name_of(managed, kind) == NULL) return false;
	return read->read_at == 0 || now - read->read_at >= period_of(kind);
}

void secrets_refresh(struct managed *managed, int64_t now) {
	for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
		note_name(managed, i);
		if (is_due(managed, i, now)) ask(managed, i);
	}
}

void secret_made(struct managed *managed, bool own) {
	struct secret_read *read = own ? &managed->own : &managed->administrator;
	read->state = SECRET_UNKNOWN;
	read->read_at = 0;
	managed_look(managed);
}

bool secrets_are_read(const struct managed *managed) {
	for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
		const struct secret_read *read = read_of((struct managed *)managed, i);
		if (name_of(managed, i) != NULL && read->state == SECRET_UNKNOWN) return false;
	}
	return true;
}

int64_t secrets_due_at(const struct managed *managed) {
	int64_t next = INT64_MAX;
	for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
		const struct secret_read *read = read_of((struct managed *)managed, i);
		if (read->is_asked || name_of(managed, i) == NULL) continue;
		if (read->read_at + period_of(i) < next) next = read->read_at + period_of(i);
	}
	return next;
}

void secrets_expire(struct managed *managed, bool at_once) {
	int64_t now = clock_monotonic_ms();
	for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
		struct secret_read *read = read_of(managed, i);
		int64_t earliest = read->read_at + SECRETS_SOON_MS;
		if (at_once || earliest <= now) read->read_at = 0;
		else if (read->read_at + period_of(i) > earliest)
			read->read_at = earliest - period_of(i); /* due then */
	}
	managed_look(managed);
}

void secrets_free(struct managed *managed) {
	forget_own(managed);
	wipe(&managed->configuration_text);
	certificate_free(managed);
	for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) free(read_of(managed, i)->name);
}

/* ---- sa's password, as far as it was applied ---- */

static void on_recorded(struct managed *managed, void *what, struct json_object *answer, const struct error *err) {
	(void)what;
	(void)answer;
	(void)err; /* it will be read again, and tried again if it was not written */
	if (!managed->is_gone) secrets_expire(managed, true);
}

/* Read once more for its text, which is not kept: what is recorded is what stands there now, if it is what was applied.
 */
static void on_password(struct managed *managed, void *what, struct json_object *answer, const struct error *err) {
	(void)what;
	if (err != NULL || managed->is_gone || !managed->is_readable || managed->own_version == NULL) return;
	cleanup_wipe char *password = secret_text(answer, managed->spec.administrator_key);
	secret_wipe(answer);
	if (password == NULL || password_digest(password) != managed->administrator.digest) return;
	cleanup_strbuf struct strbuf encoded = { 0 };
	base64_append(&encoded, password, strlen(password));
	cleanup_json struct json_object *patch = json_object_new_object();
	struct json_object *metadata = json_object_new_object();
	struct json_object *data = json_object_new_object();
	json_set_text(metadata, "resourceVersion", managed->own_version);
	json_set_text(data, "saPassword", strbuf_text(&encoded));
	json_set(patch, "metadata", metadata);
	json_set(patch, "data", data);
	explicit_bzero(encoded.data, encoded.length);
	const struct kube_request request = { .method = KUBE_PATCH,
		                              .resource = &kube_secrets,
		                              .namespace = managed->namespace,
		                              .name = managed->spec.own_secret,
		                              .body = patch,
		                              .patch_type = KUBE_PATCH_MERGE };
	if (lease_keeper_holds(managed->engine->lease)) managed_request(managed, &request, on_recorded, NULL);
	secret_wipe(patch);
}

void secrets_note_applied(struct managed *managed) {
	if (managed->administrator.digest == 0 || !managed->is_readable) return;
	for (size_t i = 0; i < managed->spec.replica_count; i++) {
		const struct server *server = server_find(managed, managed->spec.replicas[i].pod);
		if (server == NULL || server->password != managed->administrator.digest) return;
	}
	const struct kube_request request = { .method = KUBE_GET,
		                              .resource = &kube_secrets,
		                              .namespace = managed->namespace,
		                              .name = managed->spec.administrator_secret };
	managed_request(managed, &request, on_password, NULL);
}
