#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "sqlserver/server.h"

struct sim_login_row *sim_login_find(const struct sim_instance *instance, const char *name) {
	for (size_t i = 0; i < instance->login_count; i++)
		if (strcasecmp(instance->logins[i].name, name) == 0) return &instance->logins[i];
	return NULL;
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
