#include "tls/openssl.h"

#include <openssl/crypto.h>

#include "base/memory.h"

int openssl_error(struct error **err, enum error_kind kind, const char *what) {
	unsigned long code = ERR_get_error();
	const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;
	ERR_clear_error();
	return error_set(err, kind, "%s: %s", what, reason != NULL ? reason : "unknown reason");
}

static int no_passphrase(char *buffer, int size, int writing, void *context) {
	(void)buffer;
	(void)size;
	(void)writing;
	(void)context;
	return -1;
}

X509 *certificate_from_pem(const char *pem, struct error **err) {
	if (pem == NULL) return error_set(err, ERROR_INVALID, "there is no certificate"), NULL;
	ERR_clear_error();
	cleanup_bio BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *certificate = bio != NULL ? PEM_read_bio_X509(bio, NULL, no_passphrase, NULL) : NULL;
	if (certificate == NULL) openssl_error(err, ERROR_INVALID, "this is no PEM certificate");
	return certificate;
}

EVP_PKEY *key_from_pem(const char *pem, struct error **err) {
	if (pem == NULL) return error_set(err, ERROR_INVALID, "there is no private key"), NULL;
	ERR_clear_error();
	cleanup_bio BIO *bio = BIO_new_mem_buf(pem, -1);
	EVP_PKEY *key = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
	if (key == NULL) openssl_error(err, ERROR_INVALID, "this is no PEM private key without a passphrase");
	return key;
}

char *certificate_to_pem(X509 *certificate, struct error **err) {
	cleanup_bio BIO *bio = BIO_new(BIO_s_mem());
	if (bio == NULL || PEM_write_bio_X509(bio, certificate) != 1)
		return openssl_error(err, ERROR_INTERNAL, "writing a certificate"), NULL;
	char *text;
	long length = BIO_get_mem_data(bio, &text);
	return xstrndup(text, (size_t)length);
}

char *key_to_pem(EVP_PKEY *key, struct error **err) {
	cleanup_bio BIO *bio = BIO_new(BIO_s_mem());
	if (bio == NULL || PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1)
		return openssl_error(err, ERROR_INTERNAL, "writing a private key"), NULL;
	char *text;
	long length = BIO_get_mem_data(bio, &text);
	char *pem = xstrndup(text, (size_t)length);
	OPENSSL_cleanse(text, (size_t)length);
	return pem;
}
