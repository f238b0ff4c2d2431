/* OpenSSL, for this folder and for tests: visible ownership of its objects, its errors as ours, PEM in and out. */
#ifndef AGKEEPER_TLS_OPENSSL_H
#define AGKEEPER_TLS_OPENSSL_H

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/error.h"

#define DEFINE_OPENSSL_CLEANUP(type_, name_, free_)          \
	static inline void name_##_cleanup(type_ **object) { \
		free_(*object);                              \
	}
DEFINE_OPENSSL_CLEANUP(BIO, bio, BIO_free_all)
DEFINE_OPENSSL_CLEANUP(BIGNUM, bignum, BN_free)
DEFINE_OPENSSL_CLEANUP(EVP_PKEY, pkey, EVP_PKEY_free)
DEFINE_OPENSSL_CLEANUP(GENERAL_NAMES, general_names, GENERAL_NAMES_free)
DEFINE_OPENSSL_CLEANUP(X509, x509, X509_free)
DEFINE_OPENSSL_CLEANUP(X509_EXTENSION, x509_extension, X509_EXTENSION_free)
DEFINE_OPENSSL_CLEANUP(X509_STORE, x509_store, X509_STORE_free)
#define cleanup_bio            __attribute__((cleanup(bio_cleanup)))
#define cleanup_bignum         __attribute__((cleanup(bignum_cleanup)))
#define cleanup_pkey           __attribute__((cleanup(pkey_cleanup)))
#define cleanup_general_names  __attribute__((cleanup(general_names_cleanup)))
#define cleanup_x509           __attribute__((cleanup(x509_cleanup)))
#define cleanup_x509_extension __attribute__((cleanup(x509_extension_cleanup)))
#define cleanup_x509_store     __attribute__((cleanup(x509_store_cleanup)))

/* NULL with an error that says what is wrong. A key with a passphrase is refused: nobody is there to type it. */
X509 *certificate_from_pem(const char *pem, struct error **err);
EVP_PKEY *key_from_pem(const char *pem, struct error **err);
/* The caller frees the text; that of a key (PKCS#8) with secret_free. */
char *certificate_to_pem(X509 *certificate, struct error **err);
char *key_to_pem(EVP_PKEY *key, struct error **err);

/* "what: OpenSSL's reason", and empties OpenSSL's error queue. Returns -1. */
int openssl_error(struct error **err, enum error_kind kind, const char *what);

#endif
