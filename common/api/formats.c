#include "api/formats.h"

#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/utf8.h"

#define LOWER        "abcdefghijklmnopqrstuvwxyz"
#define UPPER        "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGIT        "0123456789"
#define ALPHANUMERIC LOWER UPPER DIGIT

static bool is_one_of(char c, const char *set) {
	return c != '\0' && strchr(set, c) != NULL;
}

/* Whether the `length` bytes at `text` are all out of `middle`, the first out of `first` and the last out of `last`. */
static bool is_word(const char *text, size_t length, const char *first, const char *middle, const char *last) {
	if (length == 0 || !is_one_of(text[0], first) || !is_one_of(text[length - 1], last)) return false;
	return strspn(text, middle) >= length;
}

enum { LABEL_MAX = 63, SUBDOMAIN_MAX = 253 };

static bool is_dns_label(const char *value) {
	size_t length = strlen(value);
	return length <= LABEL_MAX && is_word(value, length, LOWER DIGIT, LOWER DIGIT "-", LOWER DIGIT);
}
const struct format format_dns_label = {
	.pattern = "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$",
	.matches = is_dns_label,
	.detail = "must be a lowercase RFC 1123 label: at most 63 lower case alphanumeric characters or '-', "
	          "starting and ending with an alphanumeric character (e.g. 'my-name', '123-abc')",
};

static bool is_dns_label_1035(const char *value) {
	return is_dns_label(value) && is_one_of(value[0], LOWER);
}
const struct format format_dns_label_1035 = {
	.pattern = "^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$",
	.matches = is_dns_label_1035,
	.detail = "must be a DNS-1035 label, as the names of Services are: at most 63 lower case alphanumeric "
	          "characters or '-', starting with a letter and ending with an alphanumeric character "
	          "(e.g. 'my-name', 'abc-123')",
};

static bool is_dns_subdomain(const char *value) {
	if (strlen(value) > SUBDOMAIN_MAX) return false;
	for (const char *label = value;; label++) {
		size_t length = strcspn(label, ".");
		if (!is_word(label, length, LOWER DIGIT, LOWER DIGIT "-", LOWER DIGIT)) return false;
		label += length;
		if (*label == '\0') return true;
	}
}
const struct format format_dns_subdomain = {
	.pattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
	.matches = is_dns_subdomain,
	.detail = "must be a lowercase RFC 1123 subdomain: at most 253 lower case alphanumeric characters, '-' or '.', "
	          "starting and ending with an alphanumeric character (e.g. 'example.com')",
};

/* The name part of a qualified name, and a label's value. */
static bool is_label_text(const char *value) {
	size_t length = strlen(value);
	return length <= LABEL_MAX && is_word(value, length, ALPHANUMERIC, ALPHANUMERIC "-_.", ALPHANUMERIC);
}

static bool is_qualified_name(const char *value) {
	const char *slash = strchr(value, '/');
	if (slash == NULL) return is_label_text(value);
	cleanup_free char *prefix = xstrndup(value, (size_t)(slash - value));
	return is_dns_subdomain(prefix) && is_label_text(slash + 1);
}
const struct format format_qualified_name = {
	.pattern = "^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?"
	           "[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$",
	.matches = is_qualified_name,
	.detail = "must be a qualified name: at most 63 alphanumeric characters, '-', '_' or '.', starting and ending "
	          "with an alphanumeric character, with an optional DNS subdomain prefix and '/' "
	          "(e.g. 'MyName', 'example.com/MyName')",
};

static bool is_label_value(const char *value) {
	return *value == '\0' || is_label_text(value);
}
const struct format format_label_value = {
	.pattern = "^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$",
	.matches = is_label_value,
	.detail = "must be a valid label value: empty, or at most 63 alphanumeric characters, '-', '_' or '.', "
	          "starting and ending with an alphanumeric character (e.g. 'MyValue', '12345')",
};

static bool is_config_key(const char *value) {
	size_t length = strlen(value);
	if (strcmp(value, ".") == 0 || strncmp(value, "..", 2) == 0) return false;
	return length > 0 && length <= SUBDOMAIN_MAX && strspn(value, ALPHANUMERIC "-._") == length;
}
const struct format format_config_key = {
	.pattern = "^[-._a-zA-Z0-9]+$",
	.matches = is_config_key,
	.detail = "must be a valid key of a Secret or ConfigMap: at most 253 alphanumeric characters, '-', '_' or '.', "
	          "not '.' and not starting with '..' (e.g. 'key.name', 'KEY_NAME')",
};

/* What a kubelet would refuse as InvalidImageName in nearly every case, without repeating the grammar of
 * distribution/reference: white space, an empty path, tag or digest. */
static bool is_image(const char *value) {
	const char *digest = strchr(value, '@');
	size_t length = digest != NULL ? (size_t)(digest - value) : strlen(value);
	if (length == 0 || !is_one_of(value[0], ALPHANUMERIC "[") || !is_one_of(value[length - 1], ALPHANUMERIC "._-"))
		return false;
	for (size_t i = 0; i < length; i++) {
		if (value[i] <= ' ' || value[i] > '~') return false;
		if (value[i] == '/' && (value[i + 1] == '/' || value[i + 1] == ':')) return false;
	}
	if (digest == NULL) return true;
	const char *colon = strchr(digest, ':');
	if (colon == NULL || colon == digest + 1) return false;
	if (strspn(digest + 1, ALPHANUMERIC "+._-") != (size_t)(colon - digest - 1)) return false;
	size_t hex = strspn(colon + 1, DIGIT "abcdefABCDEF");
	return hex >= 32 && colon[1 + hex] == '\0';
}
const struct format format_image = {
	.pattern = "^[[A-Za-z0-9]([!-?A-~]*[A-Za-z0-9._-])?(@[A-Za-z0-9+._-]+:[0-9a-fA-F]{32,})?$",
	.matches = is_image,
	.detail = "must be the name of a container image "
	          "(e.g. 'mcr.microsoft.com/mssql/server:2022-CU16-ubuntu-22.04')",
};

enum { SQL_NAME_MAX = 128 };

static bool is_sql_identifier(const char *value) {
	size_t length = strlen(value);
	return length > 0 && length <= SQL_NAME_MAX && !is_one_of(value[0], DIGIT) &&
	       strspn(value, ALPHANUMERIC "_") == length;
}
const struct format format_sql_identifier = {
	.pattern = "^[A-Za-z_][A-Za-z0-9_]{0,127}$",
	.matches = is_sql_identifier,
	.detail = "must be a SQL identifier: at most 128 letters, digits or '_', not starting with a digit "
	          "(e.g. 'AG1', 'sales_ag')",
};

enum { SQL_DATABASE_MAX = 123 };

static bool is_sql_database(const char *value) {
	size_t length = strlen(value);
	if (length == 0 || length > SQL_DATABASE_MAX || value[0] == ' ' || value[length - 1] == ' ') return false;
	for (size_t i = 0; i < length;) {
		size_t size = utf8_char_length(value + i, length - i);
		if (size == 0) return false;
		if (size == 1 && ((unsigned char)value[i] < ' ' || is_one_of(value[i], "\x7f[]\"'/\\"))) return false;
		i += size;
	}
	return true;
}
const struct format format_sql_database = {
	.pattern = "^[^][\"'/\\\\]{1,123}$",
	.matches = is_sql_database,
	.detail = "must be the name of a database: at most 123 bytes without brackets, quotes, slashes and control "
	          "characters, and without a blank at either end (e.g. 'agdb1')",
};

static bool is_mssql_conf_key(const char *value) {
	const char *dot = strchr(value, '.');
	if (dot == NULL) return false;
	const char letters[] = LOWER UPPER;
	return is_word(value, (size_t)(dot - value), letters, ALPHANUMERIC "_-", ALPHANUMERIC "_-") &&
	       is_word(dot + 1, strlen(dot + 1), letters, ALPHANUMERIC "_-", ALPHANUMERIC "_-");
}
const struct format format_mssql_conf_key = {
	.pattern = "^[A-Za-z][A-Za-z0-9_-]*\\.[A-Za-z][A-Za-z0-9_-]*$",
	.matches = is_mssql_conf_key,
	.detail = "must be a setting of mssql.conf, section and key (e.g. 'memory.memorylimitmb')",
};

bool sql_is_system_database(const char *name) {
	static const char *const own[] = { "master",   "model",       "msdb", "tempdb", "mssqlsystemresource",
		                           "resource", "distribution" };
	for (size_t i = 0; i < ARRAY_LENGTH(own); i++) {
		if (strcasecmp(own[i], name) == 0) return true;
	}
	return false;
}
