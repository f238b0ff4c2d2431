#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "sqlserver/server.h"
#include "sqlserver/wire.h"

struct sim_login_row *sim_login_find(const struct sim_instance *instance, const char *name) {
	for (size_t i = 0; i < instance->login_count; i++)
		if (strcasecmp(instance->logins[i].name, name) == 0) return &instance->logins[i];
	return NULL;
}

int sim_login_id(const struct sim_instance *instance, const struct sim_login_row *row) {
	return strcasecmp(row->name, "sa") == 0 ? 1 : 256 + (int)(row - instance->logins);
}

struct sim_certificate *sim_certificate_find(const struct sim_instance *instance, const char *name) {
	for (size_t i = 0; i < instance->certificate_count; i++)
		if (strcasecmp(instance->certificates[i].name, name) == 0) return &instance->certificates[i];
	return NULL;
}

struct sim_user *sim_user_find(const struct sim_instance *instance, const char *name) {
	for (size_t i = 0; i < instance->user_count; i++)
		if (strcasecmp(instance->users[i].name, name) == 0) return &instance->users[i];
	return NULL;
}

struct sim_certificate *sim_endpoint_certificate(const struct sim_instance *instance) {
	if (instance->endpoint.name == NULL || instance->endpoint.certificate == NULL) return NULL;
	return sim_certificate_find(instance, instance->endpoint.certificate);
}

/* --- Private keys: a PVK file's first bytes, what stands for the password, and what stands for the key --- */

static const char pvk[] = "\x1e\xf1\xb5\xb0";

static uint64_t digest(const void *bytes, size_t length) {
	uint64_t hash = UINT64_C(14695981039346656037);
	for (const unsigned char *at = bytes, *end = at + length; at < end; at++)
		hash = (hash ^ *at) * UINT64_C(1099511628211);
	return hash;
}

void sim_private_key_put(struct strbuf *bytes, const struct sim_certificate *certificate, const char *password) {
	strbuf_append_n(bytes, pvk, 4);
	wire_put(bytes, digest(password, strlen(password)));
	wire_put(bytes, digest(certificate->public_part, certificate->public_length));
}

int sim_private_key_check(const void *bytes, size_t length, const char *password, const void *public_part,
                          size_t public_length) {
	if (length < 4 || memcmp(bytes, pvk, 4) != 0) return 15297;
	struct wire wire = wire_over((const char *)bytes + 4, length - 4);
	uint64_t of_password = wire_get(&wire), of_key = wire_get(&wire);
	if (wire.broken || wire.length != 0) return 15297;
	if (of_password != digest(password, strlen(password))) return 15465;
	return of_key == digest(public_part, public_length) ? 0 : 15297;
}

/* The owner of an installed certificate is a user, the user's login needs CONNECT on the endpoint; whoever owns the
 * endpoint, and sysadmins, have it anyway. */
static bool owner_may_connect(const struct sim_instance *instance, const char *owner) {
	const struct sim_user *user = sim_user_find(instance, owner);
	if (user == NULL) return strcasecmp(owner, "dbo") == 0;
	const struct sim_login_row *login = sim_login_find(instance, user->login);
	if (login == NULL || login->disabled) return false;
	return login->sysadmin || sim_list_has(instance->endpoint.connect, login->name);
}

bool sim_endpoint_trusts(const struct sim_instance *instance, const void *public_part, size_t length) {
	for (size_t i = 0; i < instance->certificate_count; i++) {
		const struct sim_certificate *certificate = &instance->certificates[i];
		if (certificate->public_length != length || memcmp(certificate->public_part, public_part, length) != 0)
			continue;
		if (owner_may_connect(instance, certificate->owner)) return true;
	}
	return false;
}
