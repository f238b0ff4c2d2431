#include "sql/charset.h"

#include <dlfcn.h>
#include <errno.h>
#include <iconv.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"

void sql_charset_link(void) {
}

/* ---- libc's own ---- */

static struct {
	iconv_t (*open)(const char *to, const char *from);
	size_t (*convert)(iconv_t descriptor, char **in, size_t *in_left, char **out, size_t *out_left);
	int (*close)(iconv_t descriptor);
} libc;

static void find_libc(void) {
	*(void **)&libc.open = dlsym(RTLD_NEXT, "iconv_open");
	*(void **)&libc.convert = dlsym(RTLD_NEXT, "iconv");
	*(void **)&libc.close = dlsym(RTLD_NEXT, "iconv_close");
	if (libc.open == NULL || libc.convert == NULL || libc.close == NULL) abort();
}

static iconv_t libc_open(const char *to, const char *from) {
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, find_libc);
	return libc.open(to, from);
}

/* ---- Characters ---- */

/* One from the front of the bytes: its length; 0 with errno EILSEQ (there is none) or EINVAL (its end is missing). */
typedef size_t read_character(const unsigned char *bytes, size_t left, uint32_t *character);
/* Its length; 0 with errno E2BIG: no room. */
typedef size_t write_character(uint32_t character, unsigned char *bytes, size_t room);

static bool may_be_cut(const unsigned char *bytes, size_t left) {
	size_t length = bytes[0] >= 0xf0 ? 4 : bytes[0] >= 0xe0 ? 3 : bytes[0] >= 0xc2 ? 2 : 1;
	for (size_t i = 1; i < left && i < length; i++) {
		if ((bytes[i] & 0xc0) != 0x80) return false;
	}
	return bytes[0] <= 0xf4 && left < length;
}

static size_t read_utf8(const unsigned char *bytes, size_t left, uint32_t *character) {
	static const unsigned char bits[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	size_t length = utf8_char_length((const char *)bytes, left);
	if (length == 0) {
		errno = may_be_cut(bytes, left) ? EINVAL : EILSEQ;
		return 0;
	}
	*character = bytes[0] & bits[length];
	for (size_t i = 1; i < length; i++) *character = *character << 6 | (bytes[i] & 0x3fU);
	return length;
}

static size_t write_utf8(uint32_t character, unsigned char *bytes, size_t room) {
	static const unsigned char leads[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	size_t length = character < 0x80 ? 1 : character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
	if (room < length) {
		errno = E2BIG;
		return 0;
	}
	for (size_t i = length - 1; i > 0; i--, character >>= 6) bytes[i] = (unsigned char)(0x80 | (character & 0x3f));
	bytes[0] = (unsigned char)(leads[length] | character);
	return length;
}

static uint32_t unit_at(const unsigned char *bytes) {
	return bytes[0] | (uint32_t)bytes[1] << 8;
}

static size_t read_utf16(const unsigned char *bytes, size_t left, uint32_t *character) {
	errno = EINVAL;
	if (left < 2) return 0;
	*character = unit_at(bytes);
	if (*character < 0xd800 || *character > 0xdfff) return 2;
	bool is_high = *character < 0xdc00;
	if (is_high && left < 4) return 0;
	errno = EILSEQ;
	uint32_t low = is_high ? unit_at(bytes + 2) : 0;
	if (low < 0xdc00 || low > 0xdfff) return 0;
	*character = 0x10000 + ((*character - 0xd800) << 10) + (low - 0xdc00);
	return 4;
}

static void put_unit(unsigned char *bytes, uint32_t unit) {
	bytes[0] = (unsigned char)unit;
	bytes[1] = (unsigned char)(unit >> 8);
}

static size_t write_utf16(uint32_t character, unsigned char *bytes, size_t room) {
	size_t length = character < 0x10000 ? 2 : 4;
	if (room < length) {
		errno = E2BIG;
		return 0;
	}
	if (length == 2) {
		put_unit(bytes, character);
		return length;
	}
	put_unit(bytes, 0xd800 + ((character - 0x10000) >> 10));
	put_unit(bytes + 2, 0xdc00 + ((character - 0x10000) & 0x3ff));
	return length;
}

/* ---- iconv(3) ---- */

static const struct form {
	const char *name;
	read_character *read;
	write_character *write;
} forms[] = { { "UTF-8", read_utf8, write_utf8 }, { "UTF-16LE", read_utf16, write_utf16 } };

struct conversion {
	read_character *read; /* NULL: libc does it */
	write_character *write;
	iconv_t theirs; /* … once it is needed; NULL: not yet */
	char *to, *from;
};

static const struct form *form_of(const char *name) {
	for (size_t i = 0; i < ARRAY_LENGTH(forms); i++) {
		if (strcmp(forms[i].name, name) == 0) return &forms[i];
	}
	return NULL;
}

/* FreeTDS asks what there is, and remembers it. */
static bool libc_can(const char *to, const char *from) {
	iconv_t tried = libc_open(to, from);
	if (tried == (iconv_t)-1) return false;
	libc.close(tried);
	return true;
}

iconv_t iconv_open(const char *to, const char *from) {
	const struct form *source = form_of(from), *target = form_of(to);
	bool is_ours = source != NULL && target != NULL && source != target;
	if (!is_ours && !libc_can(to, from)) return (iconv_t)-1;
	struct conversion *conversion = xcalloc(1, sizeof(*conversion));
	if (is_ours) {
		conversion->read = source->read;
		conversion->write = target->write;
		return conversion;
	}
	conversion->to = xstrdup(to);
	conversion->from = xstrdup(from);
	return conversion;
}

static size_t convert(const struct conversion *conversion, char **in, size_t *in_left, char **out, size_t *out_left) {
	while (*in_left > 0) {
		uint32_t character;
		size_t read = conversion->read((const unsigned char *)*in, *in_left, &character);
		if (read == 0) return (size_t)-1;
		size_t written = conversion->write(character, (unsigned char *)*out, *out_left);
		if (written == 0) return (size_t)-1;
		*in += read;
		*in_left -= read;
		*out += written;
		*out_left -= written;
	}
	return 0;
}

/* As libc answers who passes what iconv_open failed with. */
static bool is_none(iconv_t descriptor) {
	if (descriptor != (iconv_t)-1) return false;
	errno = EBADF;
	return true;
}

size_t iconv(iconv_t descriptor, char **in, size_t *in_left, char **out, size_t *out_left) {
	if (is_none(descriptor)) return (size_t)-1;
	struct conversion *conversion = descriptor;
	bool is_reset = in == NULL || *in == NULL;
	if (conversion->read != NULL) return is_reset ? 0 : convert(conversion, in, in_left, out, out_left);
	if (conversion->theirs == NULL && is_reset) return 0;
	if (conversion->theirs == NULL) conversion->theirs = libc_open(conversion->to, conversion->from);
	if (conversion->theirs == (iconv_t)-1) {
		conversion->theirs = NULL;
		return (size_t)-1;
	}
	return libc.convert(conversion->theirs, in, in_left, out, out_left);
}

int iconv_close(iconv_t descriptor) {
	if (is_none(descriptor)) return -1;
	struct conversion *conversion = descriptor;
	if (conversion->theirs != NULL) libc.close(conversion->theirs);
	free(conversion->to);
	free(conversion->from);
	free(conversion);
	return 0;
}
