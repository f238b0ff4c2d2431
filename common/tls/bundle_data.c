#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/json.h"
#include "base/memory.h"
#include "tls/bundle.h"

/* Our keys, and where their values lie. The current CA's certificate has none of its own: ca.crt has it. */
static const struct {
	const char *key;
	size_t offset;
} members[] = {
	{ "tls.crt", offsetof(struct bundle, serving.certificate) },
	{ "tls.key", offsetof(struct bundle, serving.key) },
	{ "ca.crt", offsetof(struct bundle, trusted) },
	{ "ca.key", offsetof(struct bundle, current.key) },
	{ "next-ca.crt", offsetof(struct bundle, next.certificate) },
	{ "next-ca.key", offsetof(struct bundle, next.key) },
};

static char **member_of(struct bundle *bundle, size_t index) {
	return (char **)((char *)bundle + members[index].offset);
}

/* NULL for what is no base64, or no text. */
static char *decode(const char *encoded) {
	unsigned char *bytes = NULL;
	size_t length = 0;
	if (encoded == NULL || !base64_decode(encoded, strlen(encoded), &bytes, &length)) return NULL;
	cleanup_secret char *text = (char *)bytes;
	return memchr(text, '\0', length) == NULL ? take(&text) : NULL;
}

static void encode(struct json_object *data, const char *key, const char *text) {
	struct strbuf encoded = { 0 };
	base64_append(&encoded, text, strlen(text));
	json_set_text(data, key, strbuf_text(&encoded));
	cleanup_secret char *wiped = strbuf_detach(&encoded);
	(void)wiped; /* clang does not count the clean-up as a use */
}

static void find_current_certificate(struct bundle *bundle) {
	if (bundle->current.key == NULL) return;
	cleanup_certificate_list struct certificate_list trusted = { 0 };
	certificate_list_add(&trusted, bundle->trusted);
	for (size_t i = 0; i < trusted.count; i++) {
		struct identity candidate = { .certificate = trusted.items[i], .key = bundle->current.key };
		if (identity_check(&candidate, NULL) < 0) continue;
		bundle->current.certificate = xstrdup(trusted.items[i]);
		return;
	}
}

void bundle_from_data(struct bundle *bundle, const struct json_object *data) {
	bundle_free(bundle);
	for (size_t i = 0; i < ARRAY_LENGTH(members); i++)
		*member_of(bundle, i) = decode(json_get_text(data, members[i].key));
	find_current_certificate(bundle);
}

void bundle_to_data(const struct bundle *bundle, struct json_object *data) {
	struct bundle view = *bundle; /* borrows: only read */
	for (size_t i = 0; i < ARRAY_LENGTH(members); i++) {
		const char *value = *member_of(&view, i);
		if (value != NULL) encode(data, members[i].key, value);
		else json_object_object_del(data, members[i].key);
	}
}
