#include "controller/resources/secrets.h"

#include <ctype.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "api/kinds.h"
#include "base/json.h"
#include "base/memory.h"
#include "controller/resources/merge.h"

enum { PASSWORD_LENGTH = 24 };

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/* Every letter as likely as any other: bytes beyond the last whole multiple are thrown away. */
static bool draw(char *password) {
	enum { LETTERS = sizeof(alphabet) - 1, LIMIT = 256 - 256 % LETTERS };
	for (size_t length = 0; length < PASSWORD_LENGTH;) {
		unsigned char byte;
		if (RAND_priv_bytes(&byte, 1) != 1) return false;
		if (byte < LIMIT) password[length++] = alphabet[byte % LETTERS];
	}
	return true;
}

/* Three of four kinds of characters (learn.microsoft.com, "Password policy"): capitals, small letters, digits. */
static bool meets_policy(const char *password) {
	bool has_upper = false;
	bool has_lower = false;
	bool has_digit = false;
	for (; *password != '\0'; password++) {
		has_upper |= isupper((unsigned char)*password) != 0;
		has_lower |= islower((unsigned char)*password) != 0;
		has_digit |= isdigit((unsigned char)*password) != 0;
	}
	return has_upper && has_lower && has_digit;
}

int password_generate(char **password, struct error **err) {
	char *text = xcalloc(1, PASSWORD_LENGTH + 1);
	do {
		if (!draw(text)) {
			password_free(text);
			return error_set(err, ERROR_INTERNAL, "OpenSSL has no randomness for a password");
		}
	} while (!meets_policy(text));
	*password = text;
	return 0;
}

void password_free(char *password) {
	if (password == NULL) return;
	OPENSSL_cleanse(password, strlen(password));
	free(password);
}

void password_cleanup(char **password) {
	password_free(*password);
}

/* ---- The Secret ---- */

static struct json_object *secret_new(const struct json_object *object, const char *suffix, const char *type,
                                      const char *kind_label, const char *managed_by) {
	const struct json_object *owner = json_get(object, "metadata");
	cleanup_free char *name = xasprintf("%s%s", json_get_text(owner, "name"), suffix);
	struct json_object *metadata = json_object_new_object();
	json_set_text(metadata, "namespace", json_get_text(owner, "namespace"));
	json_set_text(metadata, "name", name);
	struct json_object *labels = merge_object(metadata, "labels");
	json_set_text(labels, "app.kubernetes.io/instance", json_get_text(owner, "name"));
	json_set_text(labels, "app.kubernetes.io/managed-by", managed_by);
	json_set_text(labels, "app.kubernetes.io/name", kind_label);
	json_set_text(labels, "app.kubernetes.io/component", "database");
	struct json_object *secret = json_object_new_object();
	json_set_text(secret, "apiVersion", "v1");
	json_set_text(secret, "kind", "Secret");
	json_set(secret, "metadata", metadata);
	json_set_text(secret, "type", type);
	return secret;
}

static struct json_object *secret_of_sqlag(const struct json_object *object, const char *password) {
	if (json_get_path(object, "spec", "saPasswordSecretRef", NULL) != NULL) return NULL;
	struct json_object *secret =
	        secret_new(object, "-sa", "Opaque", "sqlserveravailabilitygroups.sql.mssql.microsoft.com", "agkeeper");
	json_set_text(merge_object(secret, "stringData"), "SA_PASSWORD", password);
	return secret;
}

static struct json_object *secret_of_mssqlserver(const struct json_object *object, const char *password) {
	const struct json_object *given = json_get_path(object, "spec", "authSecret", NULL);
	if (json_get_flag(given, "externallyManaged", false)) return NULL;
	struct json_object *secret =
	        secret_new(object, "-auth", "kubernetes.io/basic-auth", "mssqlservers.kubedb.com", "kubedb.com");
	if (json_get_text(given, "name") != NULL) {
		json_set_text(json_get(secret, "metadata"), "name", json_get_text(given, "name"));
	}
	struct json_object *data = merge_object(secret, "stringData");
	json_set_text(data, "username", "sa");
	json_set_text(data, "password", password);
	return secret;
}

struct json_object *certificate_secret_of(const struct json_object *object, const char *name,
                                          struct json_object *data) {
	struct json_object *secret =
	        secret_new(object, "", "kubernetes.io/tls", "mssqlservers.kubedb.com", "kubedb.com");
	json_set_text(json_get(secret, "metadata"), "name", name);
	json_set(secret, "data", data);
	return secret;
}

struct json_object *administrator_secret_of(const struct json_object *object, const char *password) {
	if (kind_of_object(object) == &sqlag_kind_v1alpha1) return secret_of_sqlag(object, password);
	return secret_of_mssqlserver(object, password);
}
