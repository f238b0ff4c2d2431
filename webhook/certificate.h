/* A certificate to serve: loaded once, shared by the handshakes that use it, freed with the last. */
#ifndef AGKEEPER_WEBHOOK_CERTIFICATE_H
#define AGKEEPER_WEBHOOK_CERTIFICATE_H

#include <gnutls/abstract.h>
#include <stdint.h>

#include "base/error.h"

struct certificate;

/* ERROR_INVALID when chain and key are no PEM, or do not belong together. */
struct certificate *certificate_load(const char *chain_pem, const char *key_pem, struct error **err);
struct certificate *certificate_ref(struct certificate *certificate);
void certificate_unref(struct certificate *certificate); /* NULL is fine */

/* What a handshake needs, borrowed: as gnutls_certificate_retrieve_function3 hands it out. */
void certificate_show(const struct certificate *certificate, gnutls_pcert_st **chain, unsigned *length,
                      gnutls_privkey_t *key);
/* When it expires, in seconds since 1970. */
int64_t certificate_expiry(const struct certificate *certificate);

/* Whether `pem` holds at least one CA certificate: GnuTLS takes a text without any as an empty list. */
int certificate_check_ca(const char *pem, struct error **err);

#endif
