/* TLS as TDS wants it: over bytes that somebody else carries, for the handshake travels inside of PRELOGIN packets
 * ([MS-TDS] 2.2.6.5, 3.3.5.2). Up to TLS 1.2: what comes after a TLS 1.3 handshake has no place in TDS 7. */
#ifndef TDS_TLS_H
#define TDS_TLS_H

#include <stddef.h>

#include "base/error.h"
#include "base/strbuf.h"

/* A certificate and its key; shared by connections. */
struct tds_tls_server;
struct tds_tls_server *tds_tls_server_new(const char *certificate_pem, const char *key_pem, struct error **err);
/* With a certificate made now, for `name`, that nobody has reason to trust: what SQL Server does when it has none. */
struct tds_tls_server *tds_tls_server_self_signed(const char *name, struct error **err);
void tds_tls_server_free(struct tds_tls_server *server);

struct tds_tls;
struct tds_tls *tds_tls_new(struct tds_tls_server *server);
void tds_tls_free(struct tds_tls *tls);

/* Bytes from the client. */
void tds_tls_feed(struct tds_tls *tls, const void *bytes, size_t length);
/* 1: done; 0: waits for the client. */
int tds_tls_handshake(struct tds_tls *tls, struct error **err);
/* Appends what could be decrypted; fails also when the client has ended the session. */
int tds_tls_read(struct tds_tls *tls, struct strbuf *plain, struct error **err);
int tds_tls_write(struct tds_tls *tls, const void *bytes, size_t length, struct error **err);
/* Appends what is to be sent to the client. */
void tds_tls_drain(struct tds_tls *tls, struct strbuf *bytes);

#endif
