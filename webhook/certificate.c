#include "webhook/certificate.h"

#include <gnutls/x509.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* A chain longer than this is a mistake: kube-apiserver needs the leaf and what leads to its CA. */
enum { CHAIN_MAX = 16 };

struct certificate {
	atomic_int references;
	gnutls_pcert_st chain[CHAIN_MAX];
	unsigned length;
	gnutls_privkey_t key;
	int64_t expiry;
};

struct certificate *certificate_ref(struct certificate *certificate) {
	atomic_fetch_add(&certificate->references, 1);
	return certificate;
}

void certificate_unref(struct certificate *certificate) {
	if (certificate == NULL || atomic_fetch_sub(&certificate->references, 1) != 1) return;
	for (unsigned i = 0; i < certificate->length; i++) gnutls_pcert_deinit(&certificate->chain[i]);
	gnutls_privkey_deinit(certificate->key);
	free(certificate);
}

static gnutls_datum_t datum_of(const char *text) {
	return (gnutls_datum_t){ (unsigned char *)(uintptr_t)text, (unsigned)strlen(text) };
}

static int load_chain(struct certificate *certificate, const char *pem, struct error **err) {
	const gnutls_datum_t data = datum_of(pem);
	unsigned length = CHAIN_MAX;
	int result = gnutls_pcert_list_import_x509_raw(certificate->chain, &length, &data, GNUTLS_X509_FMT_PEM, 0);
	if (result < 0) return error_set(err, ERROR_INVALID, "serving certificate: %s", gnutls_strerror(result));
	certificate->length = length;

	gnutls_x509_crt_t leaf = NULL;
	result = gnutls_pcert_export_x509(&certificate->chain[0], &leaf);
	if (result < 0) return error_set(err, ERROR_INVALID, "serving certificate: %s", gnutls_strerror(result));
	certificate->expiry = (int64_t)gnutls_x509_crt_get_expiration_time(leaf);
	gnutls_x509_crt_deinit(leaf);
	return 0;
}

static int load_key(struct certificate *certificate, const char *pem, struct error **err) {
	const gnutls_datum_t data = datum_of(pem);
	int result = gnutls_privkey_import_x509_raw(certificate->key, &data, GNUTLS_X509_FMT_PEM, NULL, 0);
	if (result < 0) return error_set(err, ERROR_INVALID, "serving key: %s", gnutls_strerror(result));
	return 0;
}

/* Two public keys are the same when their key identifiers are. */
static int check_pair(const struct certificate *certificate, struct error **err) {
	unsigned char of_chain[64], of_key[64];
	size_t chain_size = sizeof(of_chain), key_size = sizeof(of_key);
	gnutls_pubkey_t public = NULL;
	int result = gnutls_pubkey_init(&public);
	if (result >= 0) result = gnutls_pubkey_import_privkey(public, certificate->key, 0, 0);
	if (result >= 0) result = gnutls_pubkey_get_key_id(public, GNUTLS_KEYID_USE_SHA256, of_key, &key_size);
	if (result >= 0) {
		result = gnutls_pubkey_get_key_id(certificate->chain[0].pubkey, GNUTLS_KEYID_USE_SHA256, of_chain,
		                                  &chain_size);
	}
	gnutls_pubkey_deinit(public);
	if (result < 0) return error_set(err, ERROR_INVALID, "serving key: %s", gnutls_strerror(result));
	if (chain_size == key_size && memcmp(of_chain, of_key, key_size) == 0) return 0;
	return error_set(err, ERROR_INVALID, "serving certificate and key do not belong together");
}

struct certificate *certificate_load(const char *chain_pem, const char *key_pem, struct error **err) {
	struct certificate *certificate = xcalloc(1, sizeof(*certificate));
	certificate->references = 1;
	if (gnutls_privkey_init(&certificate->key) < 0) abort();
	if (load_chain(certificate, chain_pem, err) == 0 && load_key(certificate, key_pem, err) == 0 &&
	    check_pair(certificate, err) == 0)
		return certificate;
	certificate_unref(certificate);
	return NULL;
}

void certificate_show(const struct certificate *certificate, gnutls_pcert_st **chain, unsigned *length,
                      gnutls_privkey_t *key) {
	*chain = (gnutls_pcert_st *)(uintptr_t)certificate->chain;
	*length = certificate->length;
	*key = certificate->key;
}

int64_t certificate_expiry(const struct certificate *certificate) {
	return certificate->expiry;
}

int certificate_check_ca(const char *pem, struct error **err) {
	const gnutls_datum_t data = datum_of(pem);
	gnutls_x509_crt_t *list = NULL;
	unsigned count = 0;
	int result = gnutls_x509_crt_list_import2(&list, &count, &data, GNUTLS_X509_FMT_PEM, 0);
	if (result < 0) return error_set(err, ERROR_INVALID, "client CA: %s", gnutls_strerror(result));
	for (unsigned i = 0; i < count; i++) gnutls_x509_crt_deinit(list[i]);
	gnutls_free(list);
	return count != 0 ? 0 : error_set(err, ERROR_INVALID, "client CA: no certificate in it");
}
