/* base/base64: RFC 4648 section 10's vectors both ways, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/base64.h"
#include "base/memory.h"

static const struct {
	const char *plain;
	const char *coded;
} vectors[] = {
	{ "", "" },
	{ "f", "Zg==" },
	{ "fo", "Zm8=" },
	{ "foo", "Zm9v" },
	{ "foob", "Zm9vYg==" },
	{ "fooba", "Zm9vYmE=" },
	{ "foobar", "Zm9vYmFy" },
	{ "\xfb\xff\xfe", "+//+" },
};

static void encodes(void **state) {
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(vectors); i++) {
		cleanup_strbuf struct strbuf out = { 0 };
		base64_append(&out, vectors[i].plain, strlen(vectors[i].plain));
		assert_string_equal(strbuf_text(&out), vectors[i].coded);
		assert_int_equal(out.length, strlen(vectors[i].coded));
	}
}

static void assert_decodes(const char *coded, const char *plain) {
	cleanup_free unsigned char *bytes = NULL;
	size_t length;
	assert_true(base64_decode(coded, strlen(coded), &bytes, &length));
	assert_int_equal(length, strlen(plain));
	assert_memory_equal(bytes, plain, length + 1);
}

static void decodes(void **state) {
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(vectors); i++) assert_decodes(vectors[i].coded, vectors[i].plain);
	assert_decodes("-__-", "\xfb\xff\xfe");
	assert_decodes("Zm9vYg", "foob");
	assert_decodes("Zm9v\nYmE=\n", "fooba");
}

static void refuses(void **state) {
	(void)state;
	static const char *const bad[] = { "Z", "Zm9vY", "Zg=", "Zg===", "Zm9v=", "Zg==Zg==", "Zm9v!", "====" };
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
		unsigned char *bytes;
		size_t length;
		assert_false(base64_decode(bad[i], strlen(bad[i]), &bytes, &length));
		assert_null(bytes);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = { cmocka_unit_test(encodes), cmocka_unit_test(decodes),
		                            cmocka_unit_test(refuses) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
