/* LOGIN7: who wants in, and what the connection is to be like ([MS-TDS] 2.2.6.4). */
#ifndef TDS_LOGIN_H
#define TDS_LOGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "sqlserver/tds/version.h"

enum { TDS_LARGEST_LOGIN = 128 * 1024 - 1 };

/* Zero-initialise it. */
struct tds_login {
	enum tds_version version; /* TDS_UNSUPPORTED: older than 7.1, or none that we know */
	uint32_t version_number;  /* as the client wrote it */
	uint32_t packet_size;     /* within what is possible */
	char *host;
	char *user;
	char *password;
	char *application;
	char *database;
	bool read_only_intent;
	bool integrated; /* Windows or federated authentication instead of user and password */
	bool asks_utf8;  /* the feature extension UTF8_SUPPORT */
	bool has_features;
};

int tds_login_read(const void *body, size_t length, struct tds_login *login, struct error **err);
/* The password's memory is overwritten first. */
void tds_login_free(struct tds_login *login);
#define cleanup_tds_login __attribute__((cleanup(tds_login_free)))

#endif
