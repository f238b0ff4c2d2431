#include "sqlserver/tds/tls.h"

#include <limits.h>
#include <openssl/ssl.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "tls/authority.h"
#include "tls/openssl.h"

struct tds_tls_server {
	SSL_CTX *context;
};

struct tds_tls {
	SSL *ssl;
	BIO *in, *out; /* owned by ssl */
};

/* The certificates of a PEM text: the server's own, then those that lead to its root. */
static int use_certificates(SSL_CTX *context, const char *pem, struct error **err) {
	cleanup_bio BIO *bio = BIO_new_mem_buf(pem, -1);
	cleanup_x509 X509 *own = bio != NULL ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	if (own == NULL || SSL_CTX_use_certificate(context, own) != 1)
		return openssl_error(err, ERROR_INVALID, "the certificate");
	for (X509 *next; (next = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL;) {
		if (SSL_CTX_add_extra_chain_cert(context, next) == 1) continue; /* the context has it now */
		X509_free(next);
		return openssl_error(err, ERROR_INVALID, "the certificate's chain");
	}
	ERR_clear_error(); /* no more of them */
	return 0;
}

struct tds_tls_server *tds_tls_server_new(const char *certificate_pem, const char *key_pem, struct error **err) {
	struct tds_tls_server *server = xcalloc(1, sizeof(*server));
	cleanup_pkey EVP_PKEY *key = key_from_pem(key_pem, err);
	server->context = SSL_CTX_new(TLS_server_method());
	if (server->context == NULL) openssl_error(err, ERROR_INTERNAL, "TLS");
	if (key == NULL || server->context == NULL || use_certificates(server->context, certificate_pem, err) < 0) {
		tds_tls_server_free(server);
		return NULL;
	}
	SSL_CTX_set_min_proto_version(server->context, TLS1_2_VERSION);
	SSL_CTX_set_max_proto_version(server->context, TLS1_2_VERSION);
	SSL_CTX_set_options(server->context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_session_cache_mode(server->context, SSL_SESS_CACHE_OFF);
	if (SSL_CTX_use_PrivateKey(server->context, key) != 1) {
		openssl_error(err, ERROR_INVALID, "the certificate's private key");
		tds_tls_server_free(server);
		return NULL;
	}
	return server;
}

struct tds_tls_server *tds_tls_server_self_signed(const char *name, struct error **err) {
	cleanup_identity struct identity ca = { 0 };
	cleanup_identity struct identity serving = { 0 };
	int64_t now = clock_wall_seconds();
	const char *const names[] = { name, NULL };
	if (authority_create(&profile_webhook, now, &ca, err) < 0 ||
	    authority_issue(&profile_webhook, &ca, names, now, &serving, err) < 0)
		return NULL;
	return tds_tls_server_new(serving.certificate, serving.key, err);
}

void tds_tls_server_free(struct tds_tls_server *server) {
	if (server == NULL) return;
	SSL_CTX_free(server->context);
	free(server);
}

struct tds_tls *tds_tls_new(struct tds_tls_server *server) {
	struct tds_tls *tls = xcalloc(1, sizeof(*tls));
	tls->ssl = SSL_new(server->context);
	tls->in = BIO_new(BIO_s_mem());
	tls->out = BIO_new(BIO_s_mem());
	if (tls->ssl == NULL || tls->in == NULL || tls->out == NULL) abort(); /* out of memory */
	SSL_set_bio(tls->ssl, tls->in, tls->out);
	SSL_set_accept_state(tls->ssl);
	return tls;
}

void tds_tls_free(struct tds_tls *tls) {
	if (tls == NULL) return;
	SSL_free(tls->ssl);
	free(tls);
}

void tds_tls_feed(struct tds_tls *tls, const void *bytes, size_t length) {
	for (size_t at = 0; at < length;) {
		size_t part = length - at < INT_MAX ? length - at : INT_MAX;
		int taken = BIO_write(tls->in, (const char *)bytes + at, (int)part);
		if (taken <= 0) abort(); /* out of memory */
		at += (size_t)taken;
	}
}

/* Whether OpenSSL merely waits for more bytes. */
static int outcome(struct tds_tls *tls, int result, const char *what, struct error **err) {
	int reason = SSL_get_error(tls->ssl, result);
	if (reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE) return 0;
	if (reason == SSL_ERROR_ZERO_RETURN) return error_set(err, ERROR_IO, "the client ended the TLS session");
	return openssl_error(err, ERROR_IO, what);
}

int tds_tls_handshake(struct tds_tls *tls, struct error **err) {
	ERR_clear_error();
	int result = SSL_do_handshake(tls->ssl);
	return result == 1 ? 1 : outcome(tls, result, "the TLS handshake", err);
}

int tds_tls_read(struct tds_tls *tls, struct strbuf *plain, struct error **err) {
	enum { RECORD = 16 * 1024 };
	for (;;) {
		ERR_clear_error();
		char *room = strbuf_reserve(plain, RECORD);
		int count = SSL_read(tls->ssl, room, RECORD);
		if (count <= 0) return outcome(tls, count, "reading TLS", err);
		plain->length += (size_t)count;
	}
}

int tds_tls_write(struct tds_tls *tls, const void *bytes, size_t length, struct error **err) {
	ERR_clear_error();
	size_t written;
	if (length == 0 || SSL_write_ex(tls->ssl, bytes, length, &written) == 1) return 0;
	return openssl_error(err, ERROR_IO, "writing TLS");
}

void tds_tls_drain(struct tds_tls *tls, struct strbuf *bytes) {
	size_t waiting = BIO_ctrl_pending(tls->out);
	if (waiting == 0) return;
	size_t taken = 0;
	BIO_read_ex(tls->out, strbuf_reserve(bytes, waiting), waiting, &taken);
	bytes->length += taken;
}
