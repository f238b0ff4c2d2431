#include "tls/certificate.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "tls/openssl.h"

void secret_free(char **text) {
	if (*text != NULL) OPENSSL_cleanse(*text, strlen(*text));
	free(*text);
	*text = NULL;
}

void identity_free(struct identity *identity) {
	free(identity->certificate);
	identity->certificate = NULL;
	secret_free(&identity->key);
}

void identity_copy(struct identity *to, const struct identity *from) {
	struct identity copy = {
		.certificate = from->certificate != NULL ? xstrdup(from->certificate) : NULL,
		.key = from->key != NULL ? xstrdup(from->key) : NULL,
	};
	identity_free(to);
	*to = copy;
}

static bool same_text(const char *a, const char *b) {
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

bool identity_equal(const struct identity *a, const struct identity *b) {
	return same_text(a->certificate, b->certificate) && same_text(a->key, b->key);
}

static int read_time(const ASN1_TIME *time, int64_t *seconds, struct error **err) {
	struct tm utc;
	if (ASN1_TIME_to_tm(time, &utc) != 1)
		return openssl_error(err, ERROR_INVALID, "the certificate's validity cannot be read");
	*seconds = timegm(&utc);
	return 0;
}

int certificate_read(const char *pem, struct certificate_facts *facts, struct error **err) {
	cleanup_x509 X509 *certificate = certificate_from_pem(pem, err);
	if (certificate == NULL) return -1;
	if (read_time(X509_get0_notBefore(certificate), &facts->not_before, err) < 0) return -1;
	if (read_time(X509_get0_notAfter(certificate), &facts->not_after, err) < 0) return -1;
	facts->is_ca = X509_check_ca(certificate) == 1;
	return 0;
}

int identity_check(const struct identity *identity, struct error **err) {
	cleanup_x509 X509 *certificate = certificate_from_pem(identity->certificate, err);
	if (certificate == NULL) return -1;
	cleanup_pkey EVP_PKEY *key = key_from_pem(identity->key, err);
	if (key == NULL) return -1;
	if (X509_check_private_key(certificate, key) == 1) return 0;
	ERR_clear_error();
	return error_set(err, ERROR_INVALID, "the private key is not that of the certificate");
}

static X509_STORE *store_of(const char *trusted, struct error **err) {
	X509_STORE *store = X509_STORE_new();
	if (store == NULL) return openssl_error(err, ERROR_INTERNAL, "X509_STORE_new"), NULL;
	cleanup_certificate_list struct certificate_list list = { 0 };
	certificate_list_add(&list, trusted);
	for (size_t i = 0; i < list.count; i++) {
		cleanup_x509 X509 *ca = certificate_from_pem(list.items[i], NULL);
		if (ca == NULL || X509_STORE_add_cert(store, ca) != 1) ERR_clear_error();
	}
	return store;
}

/* The intermediate certificates behind the first one of a chain; NULL when memory is exhausted. */
static STACK_OF(X509) * intermediates_of(const char *chain) {
	STACK_OF(X509) *stack = sk_X509_new_null();
	cleanup_certificate_list struct certificate_list list = { 0 };
	certificate_list_add(&list, chain);
	for (size_t i = 1; i < list.count && stack != NULL; i++) {
		X509 *certificate = certificate_from_pem(list.items[i], NULL);
		if (certificate != NULL && sk_X509_push(stack, certificate) == 0) X509_free(certificate);
	}
	return stack;
}

static int verify_in_context(X509_STORE_CTX *context, int64_t now, struct error **err) {
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(context);
	X509_VERIFY_PARAM_set_time(param, (time_t)now);
	if (X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT) != 1 ||
	    X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_SERVER) != 1)
		return openssl_error(err, ERROR_INTERNAL, "X509_VERIFY_PARAM");
	if (X509_verify_cert(context) == 1) return 0;
	int why = X509_STORE_CTX_get_error(context);
	ERR_clear_error();
	return error_set(err, ERROR_INVALID, "the certificate is not accepted: %s", X509_verify_cert_error_string(why));
}

static int verify_chain(X509 *leaf, const char *chain, const char *trusted, int64_t now, struct error **err) {
	cleanup_x509_store X509_STORE *store = store_of(trusted, err);
	if (store == NULL) return -1;
	STACK_OF(X509) *untrusted = intermediates_of(chain);
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	int result = -1;
	if (untrusted != NULL && context != NULL && X509_STORE_CTX_init(context, store, leaf, untrusted) == 1)
		result = verify_in_context(context, now, err);
	else openssl_error(err, ERROR_INTERNAL, "X509_STORE_CTX_init");
	X509_STORE_CTX_free(context);
	sk_X509_pop_free(untrusted, X509_free);
	return result;
}

static bool is_for_name(X509 *certificate, const char *name) {
	int ip = X509_check_ip_asc(certificate, name, 0);
	if (ip != -2) return ip == 1; /* -2: this is no IP address */
	return X509_check_host(certificate, name, 0, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, NULL) == 1;
}

int certificate_verify(const char *certificate, const char *trusted, const char *const *names, int64_t now,
                       struct error **err) {
	cleanup_x509 X509 *leaf = certificate_from_pem(certificate, err);
	if (leaf == NULL) return -1;
	if (verify_chain(leaf, certificate, trusted, now, err) < 0) return -1;
	for (; *names != NULL; names++) {
		bool fits = is_for_name(leaf, *names);
		ERR_clear_error();
		if (!fits) return error_set(err, ERROR_INVALID, "the certificate is not for %s", *names);
	}
	return 0;
}
