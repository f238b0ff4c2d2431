/* PRELOGIN: versions and whether to encrypt, before anything else is said ([MS-TDS] 2.2.6.5). */
#ifndef TDS_PRELOGIN_H
#define TDS_PRELOGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/strbuf.h"

enum tds_encryption {
	TDS_ENCRYPT_OFF = 0,           /* the login packet only */
	TDS_ENCRYPT_ON = 1,            /* everything */
	TDS_ENCRYPT_NOT_SUPPORTED = 2, /* nothing */
	TDS_ENCRYPT_REQUIRED = 3       /* the server insists on everything */
};

/* What the client says about encryption; one that says nothing has none. */
int tds_prelogin_read(const void *body, size_t length, enum tds_encryption *encryption, struct error **err);

/* What to answer: `required` is the server's ForceEncryption. */
enum tds_encryption tds_encryption_agree(enum tds_encryption client, bool required);

struct tds_server_version {
	uint8_t major, minor;
	uint16_t build;
};
void tds_prelogin_put(struct strbuf *to, struct tds_server_version version, enum tds_encryption encryption);

#endif
