/* Reading and judging certificates. Everything goes in and out as PEM text, and time is a parameter: seconds since
 * 1970, so that tests live through years in a second. */
#ifndef AGKEEPER_TLS_CERTIFICATE_H
#define AGKEEPER_TLS_CERTIFICATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* A certificate (with the intermediate ones behind it, if it has any) and its private key. Zero-initialise. */
struct identity {
	char *certificate; /* PEM; NULL when there is none */
	char *key;         /* PEM */
};
/* Frees both; the key's memory is overwritten first. */
void identity_free(struct identity *identity);
#define cleanup_identity __attribute__((cleanup(identity_free)))
void identity_copy(struct identity *to, const struct identity *from);
bool identity_equal(const struct identity *a, const struct identity *b);

/* Overwrites the text before freeing it: for private keys on their way. */
void secret_free(char **text);
#define cleanup_secret __attribute__((cleanup(secret_free)))

struct certificate_facts {
	int64_t not_before;
	int64_t not_after;
	bool is_ca;
};
/* Of the first certificate in `pem`. */
int certificate_read(const char *pem, struct certificate_facts *facts, struct error **err);

/* Whether the key is that of the (first) certificate: 0, or -1 with why not, which may be that one cannot be read. */
int identity_check(const struct identity *identity, struct error **err);

/* Whether a client that trusts the CA certificates in `trusted` accepts `certificate` at the time `now` as the server
 * certificate of every one of `names` (DNS names and IP addresses, NULL-terminated): RFC 5280 as strictly as OpenSSL
 * can, names by RFC 6125 and never by the common name. 0, or -1 with why not. */
int certificate_verify(const char *certificate, const char *trusted, const char *const *names, int64_t now,
                       struct error **err);

/* The certificates of a bundle, one by one, each as PEM in OpenSSL's own form, so that equal ones are equal texts. */
struct certificate_list {
	char **items;
	size_t count;
	size_t unreadable; /* what was passed over: PEM blocks that hold no certificate, text without any PEM block */
};
/* Adds those of `pem` (which may be NULL) that are not in the list yet. */
void certificate_list_add(struct certificate_list *list, const char *pem);
void certificate_list_remove(struct certificate_list *list, size_t index);
/* Whether the first certificate of `pem` is in the list. */
bool certificate_list_has(const struct certificate_list *list, const char *pem);
/* All of them as one PEM text; the caller frees it. */
char *certificate_list_join(const struct certificate_list *list);
void certificate_list_free(struct certificate_list *list);
#define cleanup_certificate_list __attribute__((cleanup(certificate_list_free)))

#endif
