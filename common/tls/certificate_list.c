#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/strbuf.h"
#include "tls/certificate.h"
#include "tls/openssl.h"

static bool has_text(const struct certificate_list *list, const char *pem) {
	for (size_t i = 0; i < list->count; i++) {
		if (strcmp(list->items[i], pem) == 0) return true;
	}
	return false;
}

/* One PEM block; false when it is no certificate. */
static bool add_block(struct certificate_list *list, const char *name, const unsigned char *der, long length) {
	if (strcmp(name, PEM_STRING_X509) != 0) return false;
	const unsigned char *end = der;
	cleanup_x509 X509 *certificate = d2i_X509(NULL, &end, length);
	if (certificate == NULL || end != der + length) return false;
	cleanup_free char *pem = certificate_to_pem(certificate, NULL);
	if (pem == NULL) return false;
	if (has_text(list, pem)) return true;
	list->items = xreallocarray(list->items, list->count + 1, sizeof(*list->items));
	list->items[list->count++] = take(&pem);
	return true;
}

void certificate_list_add(struct certificate_list *list, const char *pem) {
	if (pem == NULL || *pem == '\0') return;
	cleanup_bio BIO *bio = BIO_new_mem_buf(pem, -1);
	if (bio == NULL) return;
	for (bool first = true;; first = false) {
		char *name = NULL;
		char *header = NULL;
		unsigned char *der = NULL;
		long length = 0;
		ERR_clear_error();
		if (PEM_read_bio(bio, &name, &header, &der, &length) != 1) {
			/* "no start line": behind the last block. Anything else is a damaged block, and the next call
			 * looks for the start of another one behind it. */
			bool end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
			if (!end || first) list->unreadable++;
			if (end) break;
			continue;
		}
		if (!add_block(list, name, der, length)) list->unreadable++;
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_clear_free(der, (size_t)length); /* people put keys into the strangest places */
	}
	ERR_clear_error();
}

void certificate_list_remove(struct certificate_list *list, size_t index) {
	free(list->items[index]);
	list->count--;
	memmove(&list->items[index], &list->items[index + 1], (list->count - index) * sizeof(*list->items));
}

bool certificate_list_has(const struct certificate_list *list, const char *pem) {
	cleanup_certificate_list struct certificate_list wanted = { 0 };
	certificate_list_add(&wanted, pem);
	return wanted.count != 0 && has_text(list, wanted.items[0]);
}

char *certificate_list_join(const struct certificate_list *list) {
	struct strbuf text = { 0 };
	for (size_t i = 0; i < list->count; i++) strbuf_append(&text, list->items[i]);
	return strbuf_detach(&text);
}

void certificate_list_free(struct certificate_list *list) {
	for (size_t i = 0; i < list->count; i++) free(list->items[i]);
	free(list->items);
	*list = (struct certificate_list){ 0 };
}
