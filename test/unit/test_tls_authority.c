/* Certificates: made, read and judged (tls/authority.h, tls/certificate.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/strbuf.h"
#include "tls/authority.h"
#include "tls/openssl.h"

static const int64_t now = 1800000000; /* January 2027 */
static const char *const names[] = { "agkeeper.agkeeper-system.svc", "127.0.0.1", "::1", NULL };

struct fixture {
	struct identity ca;
	struct identity serving;
};

static int set_up(void **state) {
	struct fixture *fixture = xcalloc(1, sizeof(*fixture));
	*state = fixture;
	assert_int_equal(authority_create(&profile_webhook, now, &fixture->ca, NULL), 0);
	assert_int_equal(authority_issue(&profile_webhook, &fixture->ca, names, now, &fixture->serving, NULL), 0);
	return 0;
}

static int tear_down(void **state) {
	struct fixture *fixture = *state;
	identity_free(&fixture->ca);
	identity_free(&fixture->serving);
	free(fixture);
	return 0;
}

static int verify_for(const struct fixture *fixture, const char *name, int64_t time) {
	const char *const one[] = { name, NULL };
	return certificate_verify(fixture->serving.certificate, fixture->ca.certificate, one, time, NULL);
}

static void accepted_for_each_of_its_names_and_no_other(void **state) {
	const struct fixture *fixture = *state;
	for (size_t i = 0; names[i] != NULL; i++) assert_int_equal(verify_for(fixture, names[i], now), 0);
	assert_int_equal(verify_for(fixture, "AGKEEPER.agkeeper-system.SVC", now), 0); /* RFC 4343 */
	assert_int_equal(verify_for(fixture, "agkeeper", now), -1); /* the common name is no name to verify */
	assert_int_equal(verify_for(fixture, "agkeeper.agkeeper-system", now), -1);
	assert_int_equal(verify_for(fixture, "127.0.0.2", now), -1);
	assert_int_equal(verify_for(fixture, "::2", now), -1);
}

static void names_are_not_read_as_extension_syntax(void **state) {
	const struct fixture *fixture = *state;
	const char *const sly[] = { "a,DNS:evil.example", NULL };
	cleanup_identity struct identity serving = { 0 };
	assert_int_equal(authority_issue(&profile_webhook, &fixture->ca, sly, now, &serving, NULL), 0);
	const char *const evil[] = { "evil.example", NULL };
	assert_int_equal(certificate_verify(serving.certificate, fixture->ca.certificate, evil, now, NULL), -1);
}

static void accepted_only_while_it_is_valid(void **state) {
	const struct fixture *fixture = *state;
	const char *name = names[0];
	assert_int_equal(verify_for(fixture, name, now - CERTIFICATE_BACKDATE), 0);
	assert_int_equal(verify_for(fixture, name, now - CERTIFICATE_BACKDATE - 1), -1);
	assert_int_equal(verify_for(fixture, name, now + SERVING_LIFETIME - 1), 0);
	assert_int_equal(verify_for(fixture, name, now + SERVING_LIFETIME + 1), -1);
}

static void refused_under_another_ca(void **state) {
	struct fixture *fixture = *state;
	cleanup_identity struct identity other = { 0 };
	assert_int_equal(authority_create(&profile_webhook, now, &other, NULL), 0);
	cleanup_error struct error *err = NULL;
	assert_int_equal(certificate_verify(fixture->serving.certificate, other.certificate, names, now, &err), -1);
	assert_int_equal(err->kind, ERROR_INVALID);
	assert_non_null(strstr(err->message, "issuer"));
	/* … and accepted under a bundle of both, whatever their order. */
	cleanup_free char *both = xasprintf("%s%s", other.certificate, fixture->ca.certificate);
	assert_int_equal(certificate_verify(fixture->serving.certificate, both, names, now, NULL), 0);
	assert_int_equal(certificate_verify(fixture->serving.certificate, "", names, now, NULL), -1);
}

static void a_ca_is_no_server_and_a_server_no_ca(void **state) {
	const struct fixture *fixture = *state;
	struct certificate_facts facts;
	assert_int_equal(certificate_read(fixture->ca.certificate, &facts, NULL), 0);
	assert_true(facts.is_ca);
	assert_int_equal(facts.not_before, now - CERTIFICATE_BACKDATE);
	assert_int_equal(facts.not_after, now + CA_LIFETIME);
	assert_int_equal(certificate_read(fixture->serving.certificate, &facts, NULL), 0);
	assert_false(facts.is_ca);
	assert_int_equal(facts.not_after, now + SERVING_LIFETIME);
	/* Whoever stole the server's key cannot issue with it. */
	cleanup_identity struct identity forged = { 0 };
	assert_int_equal(authority_issue(&profile_webhook, &fixture->serving, names, now, &forged, NULL), 0);
	cleanup_free char *chain = xasprintf("%s%s", forged.certificate, fixture->serving.certificate);
	assert_int_equal(certificate_verify(chain, fixture->ca.certificate, names, now, NULL), -1);
}

static void what_the_extensions_say(void **state) {
	const struct fixture *fixture = *state;
	cleanup_x509 X509 *ca = certificate_from_pem(fixture->ca.certificate, NULL);
	cleanup_x509 X509 *serving = certificate_from_pem(fixture->serving.certificate, NULL);
	assert_int_equal(X509_get_pathlen(ca), 0);
	assert_int_equal(X509_get_key_usage(ca), KU_KEY_CERT_SIGN | KU_CRL_SIGN);
	assert_int_equal(X509_get_key_usage(serving), KU_DIGITAL_SIGNATURE);
	assert_int_equal(X509_get_extended_key_usage(serving), XKU_SSL_SERVER);
	assert_non_null(X509_get0_subject_key_id(ca));
	assert_int_equal(ASN1_OCTET_STRING_cmp(X509_get0_subject_key_id(ca), X509_get0_authority_key_id(ca)), 0);
	assert_int_equal(ASN1_OCTET_STRING_cmp(X509_get0_subject_key_id(ca), X509_get0_authority_key_id(serving)), 0);
	assert_int_equal(X509_get_signature_nid(serving), NID_ecdsa_with_SHA256);
	char group[32] = "";
	assert_int_equal(EVP_PKEY_get_group_name(X509_get0_pubkey(serving), group, sizeof(group), NULL), 1);
	assert_string_equal(group, "prime256v1");
}

static void serials_are_random_128_bit_numbers(void **state) {
	const struct fixture *fixture = *state;
	cleanup_x509 X509 *ca = certificate_from_pem(fixture->ca.certificate, NULL);
	cleanup_x509 X509 *serving = certificate_from_pem(fixture->serving.certificate, NULL);
	cleanup_bignum BIGNUM *first = ASN1_INTEGER_to_BN(X509_get0_serialNumber(ca), NULL);
	cleanup_bignum BIGNUM *second = ASN1_INTEGER_to_BN(X509_get0_serialNumber(serving), NULL);
	assert_int_equal(BN_num_bits(first), 128);
	assert_int_equal(BN_num_bits(second), 128);
	assert_false(BN_is_negative(first));
	assert_int_not_equal(BN_cmp(first, second), 0);
	/* Every CA is somebody else. */
	cleanup_identity struct identity other = { 0 };
	assert_int_equal(authority_create(&profile_webhook, now, &other, NULL), 0);
	cleanup_x509 X509 *other_ca = certificate_from_pem(other.certificate, NULL);
	assert_int_not_equal(X509_NAME_cmp(X509_get_subject_name(ca), X509_get_subject_name(other_ca)), 0);
}

static void never_outlives_its_ca(void **state) {
	const struct fixture *fixture = *state;
	cleanup_identity struct identity late = { 0 };
	int64_t then = now + CA_LIFETIME - 3600;
	assert_int_equal(authority_issue(&profile_webhook, &fixture->ca, names, then, &late, NULL), 0);
	struct certificate_facts facts;
	assert_int_equal(certificate_read(late.certificate, &facts, NULL), 0);
	assert_int_equal(facts.not_after, now + CA_LIFETIME);
}

static void keys_and_certificates_that_do_not_belong_together(void **state) {
	const struct fixture *fixture = *state;
	assert_int_equal(identity_check(&fixture->serving, NULL), 0);
	struct identity mixed = { .certificate = fixture->serving.certificate, .key = fixture->ca.key };
	cleanup_error struct error *err = NULL;
	assert_int_equal(identity_check(&mixed, &err), -1);
	assert_string_equal(err->message, "the private key is not that of the certificate");

	cleanup_identity struct identity made = { 0 };
	struct identity no_key = { .certificate = fixture->ca.certificate };
	assert_int_equal(authority_issue(&profile_webhook, &no_key, names, now, &made, NULL), -1);
	struct identity foreign_key = { .certificate = fixture->ca.certificate, .key = fixture->serving.key };
	assert_int_equal(authority_issue(&profile_webhook, &foreign_key, names, now, &made, NULL), -1);
	const char *const none[] = { NULL };
	assert_int_equal(authority_issue(&profile_webhook, &fixture->ca, none, now, &made, NULL), -1);
	assert_null(made.certificate);
}

static void rubbish_is_an_error_and_no_crash(void **state) {
	const struct fixture *fixture = *state;
	static const char *const rubbish[] = {
		"",
		"hello",
		"-----BEGIN CERTIFICATE-----\n",
		"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
		"-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n",
		"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
	};
	struct certificate_facts facts;
	for (size_t i = 0; i < ARRAY_LENGTH(rubbish); i++) {
		assert_int_equal(certificate_read(rubbish[i], &facts, NULL), -1);
		struct identity bad_key = { .certificate = fixture->ca.certificate, .key = (char *)rubbish[i] };
		assert_int_equal(identity_check(&bad_key, NULL), -1);
		assert_int_equal(certificate_verify(rubbish[i], fixture->ca.certificate, names, now, NULL), -1);
		assert_int_equal(certificate_verify(fixture->serving.certificate, rubbish[i], names, now, NULL), -1);
		cleanup_certificate_list struct certificate_list list = { 0 };
		certificate_list_add(&list, rubbish[i]);
		assert_int_equal(list.count, 0);
		assert_int_equal(list.unreadable, i == 0 ? 0 : 1);
	}
	assert_int_equal(certificate_read(NULL, &facts, NULL), -1);
	/* Every prefix of a certificate: cut anywhere it is none. */
	size_t length = strlen(fixture->ca.certificate);
	for (size_t cut = 0; cut < length - 2; cut++) {
		cleanup_free char *part = xstrndup(fixture->ca.certificate, cut);
		assert_int_equal(certificate_read(part, &facts, NULL), -1);
	}
}

static void keys_with_a_passphrase_are_refused_without_asking(void **state) {
	const struct fixture *fixture = *state;
	cleanup_pkey EVP_PKEY *key = key_from_pem(fixture->ca.key, NULL);
	cleanup_bio BIO *bio = BIO_new(BIO_s_mem());
	assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, key, EVP_aes_128_cbc(), "word", 4, NULL, NULL), 1);
	char *text;
	long length = BIO_get_mem_data(bio, &text);
	cleanup_free char *pem = xstrndup(text, (size_t)length);
	struct identity locked = { .certificate = fixture->ca.certificate, .key = pem };
	cleanup_error struct error *err = NULL;
	assert_int_equal(identity_check(&locked, &err), -1);
	assert_non_null(strstr(err->message, "without a passphrase"));
}

static void lists_of_certificates(void **state) {
	const struct fixture *fixture = *state;
	const char *ca = fixture->ca.certificate;
	const char *serving = fixture->serving.certificate;
	cleanup_free char *text = xasprintf("# ours\n%s%s-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
	                                    "between\n%s%s",
	                                    ca, fixture->ca.key, serving, ca);
	cleanup_certificate_list struct certificate_list list = { 0 };
	certificate_list_add(&list, text);
	assert_int_equal(list.count, 2);
	assert_int_equal(list.unreadable, 2);
	assert_string_equal(list.items[0], ca);
	assert_string_equal(list.items[1], serving);
	assert_true(certificate_list_has(&list, serving));
	cleanup_free char *joined = certificate_list_join(&list);
	cleanup_free char *expected = xasprintf("%s%s", ca, serving);
	assert_string_equal(joined, expected);
	certificate_list_remove(&list, 0);
	assert_false(certificate_list_has(&list, ca));
	assert_true(certificate_list_has(&list, serving));
	assert_false(certificate_list_has(&list, "rubbish"));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(accepted_for_each_of_its_names_and_no_other, set_up, tear_down),
		cmocka_unit_test_setup_teardown(names_are_not_read_as_extension_syntax, set_up, tear_down),
		cmocka_unit_test_setup_teardown(accepted_only_while_it_is_valid, set_up, tear_down),
		cmocka_unit_test_setup_teardown(refused_under_another_ca, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_ca_is_no_server_and_a_server_no_ca, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_the_extensions_say, set_up, tear_down),
		cmocka_unit_test_setup_teardown(serials_are_random_128_bit_numbers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(never_outlives_its_ca, set_up, tear_down),
		cmocka_unit_test_setup_teardown(keys_and_certificates_that_do_not_belong_together, set_up, tear_down),
		cmocka_unit_test_setup_teardown(rubbish_is_an_error_and_no_crash, set_up, tear_down),
		cmocka_unit_test_setup_teardown(keys_with_a_passphrase_are_refused_without_asking, set_up, tear_down),
		cmocka_unit_test_setup_teardown(lists_of_certificates, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
