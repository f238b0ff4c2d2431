/* Shared formats: what each accepts, and that the CRD's pattern never refuses what the predicate accepts. */
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/formats.h"
#include "base/memory.h"

#define TEXT_61 "a234567890123456789012345678901234567890123456789012345678901"
#define TEXT_63 TEXT_61 "23"

static const struct sample {
	const char *name;
	const struct format *format;
	const char *good[12];
	const char *bad[16];
	/* Refused by the predicate alone: lengths and look-ahead that a pattern cannot say. */
	const char *bad_beyond_pattern[6];
} samples[] = {
	{ "dns label",
	  &format_dns_label,
	  { "a", "0", "primary", "secondary-1", "123-abc", TEXT_63 },
	  { "", "-a", "a-", "A", "a.b", "a_b", "ä", "a b", "a\n", TEXT_63 "4" },
	  { NULL } },
	{ "dns 1035 label",
	  &format_dns_label_1035,
	  { "a", "my-name", "abc-123", TEXT_63 },
	  { "", "1a", "-a", "a-", "A", "a.b", TEXT_63 "4" },
	  { NULL } },
	{ "dns subdomain",
	  &format_dns_subdomain,
	  { "a", "example.com", "0.a-b.c", TEXT_63 "." TEXT_63 "." TEXT_63 "." TEXT_61 },
	  { "", ".", "a.", ".a", "a..b", "A.b", "a.-b", "a-.b", "a/b" },
	  { TEXT_63 "." TEXT_63 "." TEXT_63 "." TEXT_61 "4" } },
	{ "qualified name",
	  &format_qualified_name,
	  { "cpu", "MyName", "my.name", "123-abc", "example.com/MyName", "hugepages-2Mi", "nvidia.com/gpu" },
	  { "", "/a", "a/", "a/b/c", "Example.com/a", "-a", "a-", "a b", TEXT_63 "4" },
	  { NULL } },
	{ "label value",
	  &format_label_value,
	  { "", "MyValue", "my_value", "12345", "a.b-c", TEXT_63 },
	  { "-a", "a-", ".a", "a b", "a/b", TEXT_63 "4" },
	  { NULL } },
	{ "config key",
	  &format_config_key,
	  { "SA_PASSWORD", "key.name", ".hidden", "-" },
	  { "", "a/b", "a b", "ä" },
	  { ".", "..", "..a" } },
	{ "image",
	  &format_image,
	  { "a", "mssql", "mcr.microsoft.com/mssql/server:2022-CU16-ubuntu-22.04", "localhost:5000/a/b",
	    "[::1]:5000/mssql:1", "a@sha256:0123456789abcdef0123456789ABCDEF",
	    "r/a:1@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" },
	  { "", " a", "a ", "a b", "a:", "a/", ":latest", "/a", "a@", "a@sha256:", "a@sha256:0123", "ä/b", "a\tb" },
	  { "a//b", "a/:b" } },
	{ "sql identifier",
	  &format_sql_identifier,
	  { "AG1", "_", "sales_ag", TEXT_63 TEXT_63 "12" },
	  { "", "1AG", "AG-1", "AG 1", "AG]", "[AG]", "ÄG", "a;b", TEXT_63 TEXT_63 "123" },
	  { NULL } },
	{ "sql database",
	  &format_sql_database,
	  { "agdb1", "My Database", "Büro", "a-b.c$",
	    TEXT_63 "123456789012345678901234567890123456789012345678901234567890" },
	  { "", "a]b", "a[b", "a'b", "a\"b", "a/b", "a\\b",
	    TEXT_63 "1234567890123456789012345678901234567890123456789012345678901" },
	  { " a", "a ", "a\tb", "a\x7f" } },
	{ "mssql.conf key",
	  &format_mssql_conf_key,
	  { "memory.memorylimitmb", "hadr.hadrenabled", "EULA.accepteula", "traceflag.traceflag0" },
	  { "", "memory", ".a", "a.", "a.b.c", "1a.b", "a.1b", "a b.c", "a.b=c", "[a].b", "a.b\n" },
	  { NULL } },
};

static bool pattern_matches(const struct format *format, const char *value) {
	regex_t regex;
	assert_int_equal(regcomp(&regex, format->pattern, REG_EXTENDED | REG_NOSUB), 0);
	bool matches = regexec(&regex, value, 0, NULL, 0) == 0;
	regfree(&regex);
	return matches;
}

static void predicates_and_patterns_agree(void **state) {
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(samples); i++) {
		const struct sample *sample = &samples[i];
		for (const char *const *value = sample->good; *value != NULL; value++) {
			if (!sample->format->matches(*value)) fail_msg("%s: \"%s\" is refused", sample->name, *value);
			if (!pattern_matches(sample->format, *value))
				fail_msg("%s: the pattern refuses \"%s\"", sample->name, *value);
		}
		for (const char *const *value = sample->bad; *value != NULL; value++) {
			if (sample->format->matches(*value)) fail_msg("%s: \"%s\" is accepted", sample->name, *value);
			if (pattern_matches(sample->format, *value))
				fail_msg("%s: the pattern accepts \"%s\"", sample->name, *value);
		}
		for (const char *const *value = sample->bad_beyond_pattern; *value != NULL; value++) {
			if (sample->format->matches(*value)) fail_msg("%s: \"%s\" is accepted", sample->name, *value);
			if (!pattern_matches(sample->format, *value))
				fail_msg("%s: the pattern refuses \"%s\" too: list it under bad", sample->name, *value);
		}
		assert_memory_equal(sample->format->detail, "must be ", strlen("must be "));
	}
}

static void system_databases_are_known_in_any_case(void **state) {
	(void)state;
	assert_true(sql_is_system_database("master"));
	assert_true(sql_is_system_database("TempDB"));
	assert_true(sql_is_system_database("mssqlsystemresource"));
	assert_false(sql_is_system_database("masters"));
	assert_false(sql_is_system_database(""));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(predicates_and_patterns_agree),
		cmocka_unit_test(system_databases_are_known_in_any_case),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
