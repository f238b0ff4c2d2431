/* Generated passwords and the Secrets they go into (controller/resources/secrets.h). */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "controller/resources/secrets.h"

static void passwords_are_strong_and_different(void **state) {
	(void)state;
	bool seen[128] = { false };
	cleanup_password char *last = NULL;
	for (int i = 0; i < 500; i++) {
		char *password = NULL;
		int kinds[3] = { 0 };
		assert_int_equal(password_generate(&password, NULL), 0);
		assert_int_equal(strlen(password), 24);
		for (const char *c = password; *c != '\0'; c++) {
			assert_true(isalnum((unsigned char)*c));
			kinds[isupper((unsigned char)*c) ? 0 : isdigit((unsigned char)*c) ? 1 : 2]++;
			seen[(unsigned char)*c] = true;
		}
		assert_true(kinds[0] > 0 && kinds[1] > 0 && kinds[2] > 0);
		if (last != NULL) assert_string_not_equal(last, password);
		password_free(last);
		last = password;
	}
	for (int c = 0; c < 128; c++) assert_true(seen[c] == (isalnum(c) != 0));
}

static struct json_object *secret_of(const char *text) {
	cleanup_json struct json_object *object = NULL;
	assert_int_equal(json_parse(text, strlen(text), &object, NULL), 0);
	return administrator_secret_of(object, "pw");
}

#define AG_(spec_)                                                                                      \
	"{\"apiVersion\":\"sql.mssql.microsoft.com/v1alpha1\",\"kind\":\"SQLServerAvailabilityGroup\"," \
	"\"metadata\":{\"name\":\"sales\",\"namespace\":\"demo\"},\"spec\":{" spec_ "}}"
#define MS_(spec_)                                                          \
	"{\"apiVersion\":\"kubedb.com/v1alpha2\",\"kind\":\"MSSQLServer\"," \
	"\"metadata\":{\"name\":\"sales\",\"namespace\":\"demo\"},\"spec\":{" spec_ "}}"

static void expect(const char *object, const char *name, const char *key) {
	cleanup_json struct json_object *secret = secret_of(object);
	const struct json_object *metadata = json_get(secret, "metadata");
	assert_string_equal(json_get_text(metadata, "name"), name);
	assert_string_equal(json_get_text(json_get(metadata, "labels"), "app.kubernetes.io/instance"), "sales");
	assert_null(json_get(metadata, "ownerReferences")); /* deletionPolicy decides what becomes of it */
	assert_string_equal(json_get_text(json_get(secret, "stringData"), key), "pw");
}

static void the_secrets_have_the_promised_names(void **state) {
	(void)state;
	expect(AG_(""), "sales-sa", "SA_PASSWORD");
	expect(MS_(""), "sales-auth", "password");
	expect(MS_("\"authSecret\":{\"name\":\"mine\"}"), "mine", "password");
}

static void what_others_make_is_not_made(void **state) {
	(void)state;
	assert_null(secret_of(AG_("\"saPasswordSecretRef\":{\"name\":\"mine\"}")));
	assert_null(secret_of(MS_("\"authSecret\":{\"name\":\"mine\",\"externallyManaged\":true}")));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(passwords_are_strong_and_different),
		cmocka_unit_test(the_secrets_have_the_promised_names),
		cmocka_unit_test(what_others_make_is_not_made),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
