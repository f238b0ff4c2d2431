/* The client over TLS: whom it trusts, and what it shows of itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/memory.h"
#include "unit/fake_api.h"

/* ---- A small certificate authority ---- */

struct identity {
	EVP_PKEY *key;
	X509 *certificate;
	char *key_pem;
	char *certificate_pem;
};

static char *bio_text(BIO *bio) {
	char *data;
	long length = BIO_get_mem_data(bio, &data);
	char *text = xstrndup(data, (size_t)length);
	BIO_free(bio);
	return text;
}

static void add_extension(X509 *certificate, int nid, const char *value) {
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	assert_non_null(extension);
	assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
	X509_EXTENSION_free(extension);
}

/* Signed by `issuer`, or by itself when that is NULL; then it is a CA. `names` is a subjectAltName or NULL. */
static struct identity issue(const struct identity *issuer, const char *common_name, const char *names) {
	static long serial = 1;
	struct identity new = { .key = EVP_EC_gen("P-256"), .certificate = X509_new() };
	assert_non_null(new.key);
	X509_set_version(new.certificate, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(new.certificate), serial++);
	X509_gmtime_adj(X509_getm_notBefore(new.certificate), -3600);
	X509_gmtime_adj(X509_getm_notAfter(new.certificate), 3600);
	X509_NAME *subject = X509_get_subject_name(new.certificate);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)common_name, -1, -1, 0);
	X509_set_issuer_name(new.certificate, issuer != NULL ? X509_get_subject_name(issuer->certificate) : subject);
	X509_set_pubkey(new.certificate, new.key);
	if (issuer == NULL) add_extension(new.certificate, NID_basic_constraints, "critical,CA:TRUE");
	if (names != NULL) add_extension(new.certificate, NID_subject_alt_name, names);
	assert_true(X509_sign(new.certificate, issuer != NULL ? issuer->key : new.key, EVP_sha256()) > 0);
	BIO *certificate = BIO_new(BIO_s_mem());
	PEM_write_bio_X509(certificate, new.certificate);
	new.certificate_pem = bio_text(certificate);
	BIO *key = BIO_new(BIO_s_mem());
	PEM_write_bio_PrivateKey(key, new.key, NULL, NULL, 0, NULL, NULL);
	new.key_pem = bio_text(key);
	return new;
}

static void identity_free(struct identity *identity) {
	EVP_PKEY_free(identity->key);
	X509_free(identity->certificate);
	free(identity->key_pem);
	free(identity->certificate_pem);
}

/* ---- One server for all tests ---- */

static struct identity authority;
static struct identity stranger;
static struct identity server;
static struct identity named_server;
static struct identity user;

static int make_identities(void **state) {
	(void)state;
	authority = issue(NULL, "authority", NULL);
	stranger = issue(NULL, "stranger", NULL);
	server = issue(&authority, "server", "IP:127.0.0.1");
	named_server = issue(&authority, "server", "DNS:kubernetes.default");
	user = issue(&authority, "agkeeper", NULL);
	return 0;
}

static int free_identities(void **state) {
	(void)state;
	identity_free(&authority);
	identity_free(&stranger);
	identity_free(&server);
	identity_free(&named_server);
	identity_free(&user);
	return 0;
}

static struct fake_api *serve_as(const struct identity *identity) {
	struct fake_api *api = fake_api_new(&(struct fake_tls){ .certificate = identity->certificate_pem,
	                                                        .key = identity->key_pem,
	                                                        .client_ca = authority.certificate_pem });
	fake_api_on(api, (struct fake_rule){ .path = "/version", .body = "{}" });
	return api;
}

static struct kube_pem pem(const char *text) {
	return (struct kube_pem){ .data = xstrdup(text), .length = strlen(text) };
}

static struct kube_config *trusting(const struct fake_api *api, const struct identity *trusted) {
	struct kube_config *config = xcalloc(1, sizeof(*config));
	config->server = xstrdup(fake_api_url(api));
	if (trusted != NULL) config->ca = pem(trusted->certificate_pem);
	return config;
}

/* Asks once with these settings; true when there was an answer. */
static bool asks(struct kube_config *config, struct error **err) {
	cleanup_kube_client struct kube_client *client = kube_client_new(config, err);
	if (client == NULL) return false;
	return kube_request(client, &(struct kube_request){ .raw_path = "/version" }, NULL, err) == 0;
}

static void shows_its_certificate(void **state) {
	(void)state;
	struct fake_api *api = serve_as(&server);
	struct kube_config *config = trusting(api, &authority);
	config->certificate = pem(user.certificate_pem);
	config->key = pem(user.key_pem);
	assert_true(asks(config, NULL));
	assert_true(fake_api_last(api, "GET", "/version")->has_certificate);
	assert_true(asks(trusting(api, &authority), NULL));
	assert_false(fake_api_last(api, "GET", "/version")->has_certificate);
	fake_api_free(api);
}

static char *temporary_file(const char *text) {
	char *path = xstrdup("/tmp/agkeeper-pem-XXXXXX");
	cleanup_close int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	return path;
}

static void reads_certificates_from_files(void **state) {
	(void)state;
	struct fake_api *api = serve_as(&server);
	struct kube_config *config = trusting(api, NULL);
	config->ca.file = temporary_file(authority.certificate_pem);
	config->certificate.file = temporary_file(user.certificate_pem);
	config->key.file = temporary_file(user.key_pem);
	cleanup_free char *ca = xstrdup(config->ca.file);
	cleanup_free char *certificate = xstrdup(config->certificate.file);
	cleanup_free char *key = xstrdup(config->key.file);
	assert_true(asks(config, NULL));
	assert_true(fake_api_last(api, "GET", "/version")->has_certificate);
	unlink(ca);
	unlink(certificate);
	unlink(key);
	fake_api_free(api);
}

static void refuses_a_server_of_another_authority(void **state) {
	(void)state;
	struct fake_api *api = serve_as(&server);
	cleanup_error struct error *err = NULL;
	assert_false(asks(trusting(api, &stranger), &err));
	assert_int_equal(err->kind, ERROR_INVALID);
	assert_int_equal(fake_api_count(api, NULL, NULL, NULL), 0);
	struct kube_config *careless = trusting(api, NULL);
	careless->insecure = true;
	assert_true(asks(careless, NULL));
	fake_api_free(api);
}

static void expects_the_name_it_is_told(void **state) {
	(void)state;
	struct fake_api *api = serve_as(&named_server);
	cleanup_error struct error *err = NULL;
	assert_false(asks(trusting(api, &authority), &err));
	assert_int_equal(err->kind, ERROR_INVALID);
	struct kube_config *config = trusting(api, &authority);
	config->tls_server_name = xstrdup("kubernetes.default");
	assert_true(asks(config, NULL));
	struct kube_config *other = trusting(api, &authority);
	other->tls_server_name = xstrdup("other.default");
	assert_false(asks(other, NULL));
	fake_api_free(api);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shows_its_certificate),
		cmocka_unit_test(reads_certificates_from_files),
		cmocka_unit_test(refuses_a_server_of_another_authority),
		cmocka_unit_test(expects_the_name_it_is_told),
	};
	return cmocka_run_group_tests(tests, make_identities, free_identities);
}
