/* CAST and assignment: a value as another type. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "sqlserver/session_state.h"

static bool whole_number(const char *text, int64_t *number) {
	char *end;
	while (isspace((unsigned char)*text)) text++;
	*number = strtoll(text, &end, 10);
	while (isspace((unsigned char)*end)) end++;
	return *end == '\0'; /* an empty text is 0 in T-SQL */
}

static bool to_integer(const struct sim_value *value, const struct sim_type_info *type, struct sim_value *result) {
	static const struct {
		enum sim_type type;
		int64_t low, high;
	} ranges[] = { { SIM_TINYINT, 0, 255 },
		       { SIM_SMALLINT, INT16_MIN, INT16_MAX },
		       { SIM_INT, INT32_MIN, INT32_MAX } };
	int64_t number = value->integer;
	if (value->kind == SIM_VALUE_REAL) number = (int64_t)value->real;
	if (value->kind == SIM_VALUE_TEXT && !whole_number(value->bytes, &number)) {
		if (type->type != SIM_BIT) return false;
		if (strcasecmp(value->bytes, "true") != 0 && strcasecmp(value->bytes, "false") != 0) return false;
		number = strcasecmp(value->bytes, "true") == 0;
	}
	if (value->kind == SIM_VALUE_BYTES) {
		number = 0;
		for (size_t i = 0; i < value->length; i++)
			number = (int64_t)((uint64_t)number << 8 | (unsigned char)value->bytes[i]);
	}
	if (type->type == SIM_BIT) number = number != 0;
	for (size_t i = 0; i < ARRAY_LENGTH(ranges); i++)
		if (ranges[i].type == type->type && (number < ranges[i].low || number > ranges[i].high)) return false;
	*result = sim_integer(number);
	return true;
}

static char *hexadecimal(const struct sim_value *value, bool prefix) {
	cleanup_strbuf struct strbuf text = { 0 };
	strbuf_append(&text, prefix ? "0x" : "");
	for (size_t i = 0; i < value->length; i++) strbuf_printf(&text, "%02X", (unsigned char)value->bytes[i]);
	return strbuf_detach(&text);
}

/* As many characters (bytes of UTF-8 for single-byte types) as the type takes. */
static size_t cut_to(const char *text, const struct sim_type_info *type) {
	size_t length = strlen(text);
	if (type->length == SIM_MAX) return length;
	size_t at = 0;
	for (int left = type->length; left > 0 && at < length; left--) do
			at++;
		while (((unsigned char)text[at] & 0xc0) == 0x80);
	return at;
}

static struct sim_value owned_text(char *text) {
	return (struct sim_value){ .kind = SIM_VALUE_TEXT, .bytes = text, .length = strlen(text) };
}

static char *as_text(const struct sim_value *value, int style) {
	char number[64];
	switch (value->kind) {
	case SIM_VALUE_INTEGER:
		snprintf(number, sizeof(number), "%lld", (long long)value->integer);
		return xstrdup(number);
	case SIM_VALUE_REAL: snprintf(number, sizeof(number), "%.15g", value->real); return xstrdup(number);
	case SIM_VALUE_BYTES: return style > 0 ? hexadecimal(value, style == 1) : xstrndup(value->bytes, value->length);
	case SIM_VALUE_TEXT: return xstrdup(value->bytes);
	case SIM_VALUE_NULL: break;
	}
	return xstrdup("");
}

static bool to_bytes(const struct sim_value *value, const struct sim_type_info *type, int style,
                     struct sim_value *result) {
	cleanup_strbuf struct strbuf bytes = { 0 };
	strbuf_append(&bytes, "");
	if (value->kind == SIM_VALUE_INTEGER) {
		for (int shift = 24; shift >= 0; shift -= 8)
			strbuf_append_char(&bytes, (char)(unsigned char)(value->integer >> shift));
	} else if (value->kind == SIM_VALUE_TEXT && style > 0) {
		const char *at = value->bytes;
		if (style == 1 && strncasecmp(at, "0x", 2) == 0) at += 2;
		for (unsigned int byte; isxdigit((unsigned char)at[0]) && isxdigit((unsigned char)at[1]); at += 2) {
			sscanf(at, "%2x", &byte);
			strbuf_append_char(&bytes, (char)(unsigned char)byte);
		}
		if (*at != '\0') return false;
	} else {
		strbuf_append_n(&bytes, value->bytes, value->length);
	}
	if (type->length != SIM_MAX && bytes.length > (size_t)type->length) bytes.length = (size_t)type->length;
	size_t length = bytes.length;
	*result = (struct sim_value){ .kind = SIM_VALUE_BYTES, .length = length, .bytes = strbuf_detach(&bytes) };
	return true;
}

static bool to_time(const struct sim_value *value, const struct sim_type_info *type, struct sim_value *result) {
	int64_t time;
	char buffer[SIM_TIME_SIZE];
	if (value->kind != SIM_VALUE_TEXT || !sim_time_parse(value->bytes, &time)) return false;
	if (type->type == SIM_DATETIME) sim_datetime_text(time, buffer);
	else sim_time_text(time, type->scale, buffer);
	if (type->type == SIM_DATE) buffer[10] = '\0';
	*result = owned_text(xstrdup(type->type == SIM_TIME ? buffer + 11 : buffer));
	return true;
}

static bool is_guid(const char *text) {
	for (int i = 0; i < 36; i++)
		if (i == 8 || i == 13 || i == 18 || i == 23 ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
			return false;
	return text[36] == '\0';
}

static bool to_guid(const struct sim_value *value, struct sim_value *result) {
	if (value->kind != SIM_VALUE_TEXT || !is_guid(value->bytes)) return false;
	char *text = xstrdup(value->bytes);
	for (char *c = text; *c != '\0'; c++) *c = (char)toupper((unsigned char)*c);
	*result = owned_text(text);
	return true;
}

/* Decimals are kept as text, digit for digit. */
static bool to_decimal(const struct sim_value *value, const struct sim_type_info *type, struct sim_value *result) {
	cleanup_free char *text = as_text(value, 0);
	const char *digits = text + strspn(text, " ");
	size_t length = strspn(digits, "+-0123456789.");
	if (length == 0 || digits[length] != '\0') return false;
	size_t whole = strspn(digits, "+-0123456789");
	cleanup_strbuf struct strbuf number = { 0 };
	strbuf_append_n(&number, digits, whole);
	if (type->scale > 0) {
		strbuf_append_char(&number, '.');
		const char *fraction = digits + whole + (digits[whole] == '.');
		for (int i = 0; i < type->scale; i++)
			strbuf_append_char(&number, *fraction != '\0' ? *fraction++ : '0');
	}
	*result = owned_text(strbuf_detach(&number));
	return true;
}

bool sim_convert_value(const struct sim_value *value, const struct sim_type_info *type, int style,
                       struct sim_value *result) {
	*result = sim_null();
	if (value->kind == SIM_VALUE_NULL) return true;
	switch (type->type) {
	case SIM_BIT:
	case SIM_TINYINT:
	case SIM_SMALLINT:
	case SIM_INT:
	case SIM_BIGINT: return to_integer(value, type, result);
	case SIM_DECIMAL: return to_decimal(value, type, result);
	case SIM_REAL:
	case SIM_FLOAT: {
		cleanup_free char *text = as_text(value, 0);
		char *end;
		*result = (struct sim_value){ .kind = SIM_VALUE_REAL, .real = strtod(text, &end) };
		return *end == '\0';
	}
	case SIM_CHAR:
	case SIM_VARCHAR:
	case SIM_NCHAR:
	case SIM_NVARCHAR: {
		char *text = as_text(value, style);
		text[cut_to(text, type)] = '\0';
		*result = owned_text(text);
		return true;
	}
	case SIM_BINARY:
	case SIM_VARBINARY: return to_bytes(value, type, style, result);
	case SIM_UNIQUEIDENTIFIER: return to_guid(value, result);
	case SIM_DATE:
	case SIM_TIME:
	case SIM_DATETIME:
	case SIM_DATETIME2: return to_time(value, type, result);
	}
	return false;
}
