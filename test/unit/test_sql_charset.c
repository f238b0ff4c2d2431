/* iconv before libc's (sql/charset.h): what it does is what libc's does. */
#include <dlfcn.h>
#include <errno.h>
#include <iconv.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "sql/charset.h"

static struct {
	iconv_t (*open)(const char *to, const char *from);
	size_t (*convert)(iconv_t descriptor, char **in, size_t *in_left, char **out, size_t *out_left);
	int (*close)(iconv_t descriptor);
} libc;

static int set_up_all(void **state) {
	(void)state;
	sql_charset_link();
	*(void **)&libc.open = dlsym(RTLD_NEXT, "iconv_open");
	*(void **)&libc.convert = dlsym(RTLD_NEXT, "iconv");
	*(void **)&libc.close = dlsym(RTLD_NEXT, "iconv_close");
	return libc.open != NULL && libc.convert != NULL && libc.close != NULL ? 0 : -1;
}

struct outcome {
	size_t result, in_left, out_left;
	int error;
	char out[64];
};

static struct outcome convert(size_t (*function)(iconv_t, char **, size_t *, char **, size_t *), iconv_t descriptor,
                              const char *bytes, size_t length, size_t room) {
	struct outcome outcome = { .in_left = length, .out_left = room };
	char copy[64];
	memcpy(copy, bytes, length);
	char *in = copy, *out = outcome.out;
	errno = 0;
	outcome.result = function(descriptor, &in, &outcome.in_left, &out, &outcome.out_left);
	outcome.error = outcome.result == (size_t)-1 ? errno : 0;
	assert_ptr_equal(in, copy + length - outcome.in_left);
	return outcome;
}

/* Every length of the input, every room for the output. */
static void compare(const char *to, const char *from, const char *bytes, size_t length) {
	iconv_t ours = iconv_open(to, from);
	iconv_t theirs = libc.open(to, from);
	assert_true(ours != (iconv_t)-1 && theirs != (iconv_t)-1);
	for (size_t part = 0; part <= length; part++) {
		for (size_t room = 0; room <= 24; room++) {
			struct outcome mine = convert(iconv, ours, bytes, part, room);
			struct outcome other = convert(libc.convert, theirs, bytes, part, room);
			assert_memory_equal(&mine, &other, sizeof(mine));
		}
	}
	iconv_close(ours);
	libc.close(theirs);
}

static void texts_are_converted_as_libc_does(void **state) {
	(void)state;
	static const char utf8[] = "aé\xe2\x82\xac\xf0\x9f\x98\x80z\xef\xbf\xbd";
	static const char utf16[] = "a\0\xe9\0\xac\x20\x3d\xd8\0\xde"
	                            "z\0\xfd\xff";
	compare("UTF-16LE", "UTF-8", utf8, sizeof(utf8) - 1);
	compare("UTF-8", "UTF-16LE", utf16, sizeof(utf16) - 1);
}

static void what_is_none_is_told(void **state) {
	(void)state;
	static const struct {
		const char *bytes;
		size_t length;
	} utf8[] = { { "a\x80", 2 }, { "a\xc3(", 3 },  { "a\xed\xa0\x80", 4 }, { "\xf5\x80\x80\x80", 4 },
		     { "\xff", 1 },  { "\xc0\x80", 2 } },
	  utf16[] = { { "a\0\0\xdc", 4 }, { "\x3d\xd8z\0", 4 } };
	iconv_t descriptor = iconv_open("UTF-16LE", "UTF-8");
	for (size_t i = 0; i < ARRAY_LENGTH(utf8); i++) {
		struct outcome outcome = convert(iconv, descriptor, utf8[i].bytes, utf8[i].length, 60);
		assert_int_equal(outcome.error, EILSEQ);
	}
	iconv_close(descriptor);
	for (size_t i = 0; i < ARRAY_LENGTH(utf16); i++) compare("UTF-8", "UTF-16LE", utf16[i].bytes, utf16[i].length);
}

static void other_pairs_are_libcs(void **state) {
	(void)state;
	static const char cp1252[] = "a\x80\xe9";
	compare("UTF-8", "CP1252", cp1252, sizeof(cp1252) - 1);
	iconv_t descriptor = iconv_open("CP1252", "UTF-8");
	assert_int_equal(iconv(descriptor, NULL, NULL, NULL, NULL), 0); /* back to the beginning */
	assert_string_equal(convert(iconv, descriptor, "\xe2\x82\xac", 3, 8).out, "\x80");
	assert_int_equal(iconv_close(descriptor), 0);
	assert_true(iconv_open("UTF-8", "no such charset") == (iconv_t)-1);
}

/* Of what iconv_open failed with. */
static void no_descriptor_is_told(void **state) {
	(void)state;
	iconv_t none = iconv_open("UTF-8", "no such charset");
	assert_int_equal(convert(libc.convert, none, "a", 1, 8).error, EBADF);
	assert_int_equal(convert(iconv, none, "a", 1, 8).error, EBADF);
	errno = 0;
	assert_int_equal(iconv_close(none), -1);
	assert_int_equal(errno, EBADF);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_converted_as_libc_does),
		cmocka_unit_test(what_is_none_is_told),
		cmocka_unit_test(other_pairs_are_libcs),
		cmocka_unit_test(no_descriptor_is_told),
	};
	return cmocka_run_group_tests(tests, set_up_all, NULL);
}
