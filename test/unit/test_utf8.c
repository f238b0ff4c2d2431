/* UTF-8 against RFC 3629: every code point, and everything that only looks like one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/utf8.h"

static size_t encode(uint32_t point, unsigned char bytes[4]) {
	if (point < 0x80) {
		bytes[0] = (unsigned char)point;
		return 1;
	}
	size_t length = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
	static const unsigned char lead[] = { 0, 0, 0xC0, 0xE0, 0xF0 };
	for (size_t i = length - 1; i > 0; i--) {
		bytes[i] = (unsigned char)(0x80 | (point & 0x3F));
		point >>= 6;
	}
	bytes[0] = (unsigned char)(lead[length] | point);
	return length;
}

static void knows_every_code_point(void **state) {
	(void)state;
	for (uint32_t point = 0; point < 0x120000; point++) {
		unsigned char bytes[4];
		size_t length = encode(point, bytes);
		bool is_character = point < 0x110000 && (point < 0xD800 || point > 0xDFFF);
		size_t expected = is_character ? length : 0;
		if (utf8_char_length((const char *)bytes, length) != expected) fail_msg("U+%04X", point);
		/* Cut short it is none. */
		for (size_t cut = 0; cut < length; cut++) {
			if (utf8_char_length((const char *)bytes, cut) != 0) fail_msg("U+%04X cut to %zu", point, cut);
		}
	}
}

/* Of all two-byte beginnings, only the well-formed ones pass: counted against the table of RFC 3629, section 4. */
static void knows_every_pair(void **state) {
	(void)state;
	size_t pairs = 0;
	for (int a = 0x80; a < 256; a++) {
		for (int b = 0; b < 256; b++) {
			const char bytes[] = { (char)a, (char)b, 'x', 'y' };
			size_t length = utf8_char_length(bytes, sizeof(bytes));
			if (length == 0) continue;
			assert_int_equal(length, 2);
			pairs++;
		}
	}
	assert_int_equal(pairs, (0xDF - 0xC2 + 1) * 64);
}

static void refuses_what_is_none(void **state) {
	(void)state;
	static const char *const texts[] = {
		"\x80",
		"\xBF",
		"\xC0\x80",
		"\xC1\xBF",
		"\xC2(",
		"\xE0\x9F\xBF",
		"\xE2\x28\xA1",
		"\xE2\x82\x28",
		"\xED\xA0\x80",
		"\xF0\x8F\xBF\xBF",
		"\xF0\x28\x8C\xBC",
		"\xF0\x90\x28\xBC",
		"\xF0\x90\x8C\x28",
		"\xF4\x90\x80\x80",
		"\xF5\x80\x80\x80",
		"\xF8\x88\x80\x80\x80",
		"\xFE",
		"\xFF",
	};
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		assert_int_equal(utf8_char_length(texts[i], strlen(texts[i])), 0);
	}
	assert_int_equal(utf8_char_length("", 0), 0);
	assert_int_equal(utf8_char_length("\0", 1), 1);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_every_code_point),
		cmocka_unit_test(knows_every_pair),
		cmocka_unit_test(refuses_what_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
