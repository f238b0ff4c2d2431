/* Certificates for tests: ECDSA P-256, made on the spot with GnuTLS. */
#ifndef AGKEEPER_TEST_WEBHOOK_CERTIFICATES_H
#define AGKEEPER_TEST_WEBHOOK_CERTIFICATES_H

#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"

struct pair {
	char *certificate; /* PEM */
	char *key;         /* PEM */
};

static inline gnutls_datum_t pair_datum(const char *text) {
	return (gnutls_datum_t){ (unsigned char *)(uintptr_t)text, (unsigned)strlen(text) };
}

/* Signed by `issuer`, or by itself. */
static inline struct pair pair_new(const char *name, const struct pair *issuer, bool ca) {
	gnutls_x509_privkey_t key, issuer_key;
	gnutls_x509_crt_t crt, issuer_crt;
	gnutls_x509_privkey_init(&key);
	gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
	gnutls_x509_crt_init(&crt);
	gnutls_x509_crt_set_version(crt, 3);
	gnutls_x509_crt_set_serial(crt, name, strlen(name) < 20 ? strlen(name) : 20);
	gnutls_x509_crt_set_activation_time(crt, time(NULL) - 3600);
	gnutls_x509_crt_set_expiration_time(crt, time(NULL) + 3600);
	gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, name, (unsigned)strlen(name));
	gnutls_x509_crt_set_basic_constraints(crt, ca, -1);
	gnutls_x509_crt_set_key_usage(crt, ca ? GNUTLS_KEY_KEY_CERT_SIGN : GNUTLS_KEY_DIGITAL_SIGNATURE);
	gnutls_x509_crt_set_key(crt, key);
	gnutls_x509_privkey_init(&issuer_key);
	gnutls_x509_crt_init(&issuer_crt);
	if (issuer != NULL) {
		gnutls_datum_t text = pair_datum(issuer->certificate);
		gnutls_x509_crt_import(issuer_crt, &text, GNUTLS_X509_FMT_PEM);
		text = pair_datum(issuer->key);
		gnutls_x509_privkey_import(issuer_key, &text, GNUTLS_X509_FMT_PEM);
		gnutls_x509_crt_sign2(crt, issuer_crt, issuer_key, GNUTLS_DIG_SHA256, 0);
	} else {
		gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0);
	}
	gnutls_datum_t crt_pem, key_pem;
	gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &crt_pem);
	gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &key_pem);
	struct pair pair = { xstrdup((const char *)crt_pem.data), xstrdup((const char *)key_pem.data) };
	gnutls_free(crt_pem.data);
	gnutls_free(key_pem.data);
	gnutls_x509_crt_deinit(issuer_crt);
	gnutls_x509_privkey_deinit(issuer_key);
	gnutls_x509_crt_deinit(crt);
	gnutls_x509_privkey_deinit(key);
	return pair;
}

static inline void pair_free(struct pair *pair) {
	free(pair->certificate);
	free(pair->key);
}

#endif
