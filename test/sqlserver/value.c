#include "sqlserver/value.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/memory.h"

struct sim_value sim_null(void) {
	return (struct sim_value){ .kind = SIM_VALUE_NULL };
}
struct sim_value sim_integer(int64_t integer) {
	return (struct sim_value){ .kind = SIM_VALUE_INTEGER, .integer = integer };
}
struct sim_value sim_text(const char *text) {
	if (text == NULL) return sim_null();
	return (struct sim_value){ .kind = SIM_VALUE_TEXT, .bytes = text, .length = strlen(text) };
}

static bool has_bytes(const struct sim_value *value) {
	return value->kind == SIM_VALUE_TEXT || value->kind == SIM_VALUE_BYTES;
}

static char *copy_bytes(const void *bytes, size_t length) {
	char *copy = xmalloc(length + 1);
	if (length > 0) memcpy(copy, bytes, length);
	copy[length] = '\0';
	return copy;
}

struct sim_value sim_value_copy(const struct sim_value *value) {
	struct sim_value copy = *value;
	if (has_bytes(value)) copy.bytes = copy_bytes(value->bytes, value->length);
	return copy;
}

void sim_value_free(struct sim_value *value) {
	if (has_bytes(value)) free((void *)(uintptr_t)value->bytes);
	*value = sim_null();
}

void sim_value_put(struct strbuf *buf, const struct sim_value *value) {
	wire_put(buf, value->kind);
	if (value->kind == SIM_VALUE_INTEGER) wire_put(buf, (uint64_t)value->integer);
	if (value->kind == SIM_VALUE_REAL) wire_put_bytes(buf, &value->real, sizeof(value->real));
	if (has_bytes(value)) wire_put_bytes(buf, value->bytes, value->length);
}

struct sim_value sim_value_get(struct wire *wire) {
	struct sim_value value = { .kind = (enum sim_value_kind)(wire_get(wire) % (SIM_VALUE_BYTES + 1)) };
	size_t length = 0;
	if (value.kind == SIM_VALUE_INTEGER) value.integer = (int64_t)wire_get(wire);
	if (value.kind == SIM_VALUE_REAL) {
		const void *bytes = wire_get_bytes(wire, &length);
		if (length == sizeof(value.real)) memcpy(&value.real, bytes, length);
	}
	if (has_bytes(&value)) {
		const void *bytes = wire_get_bytes(wire, &length);
		value.bytes = copy_bytes(bytes, length);
		value.length = length;
	}
	return value;
}

/* How many of (a, b) a type takes, and what it means without them. */
static const struct {
	const char *name;
	enum sim_type type;
	enum { PLAIN, LENGTH, PRECISION, SCALE } takes;
	int length, precision, scale;
} types[] = {
	{ "bit", SIM_BIT, PLAIN, 0, 0, 0 },
	{ "tinyint", SIM_TINYINT, PLAIN, 0, 0, 0 },
	{ "smallint", SIM_SMALLINT, PLAIN, 0, 0, 0 },
	{ "int", SIM_INT, PLAIN, 0, 0, 0 },
	{ "integer", SIM_INT, PLAIN, 0, 0, 0 },
	{ "bigint", SIM_BIGINT, PLAIN, 0, 0, 0 },
	{ "decimal", SIM_DECIMAL, PRECISION, 0, 18, 0 },
	{ "numeric", SIM_DECIMAL, PRECISION, 0, 18, 0 },
	{ "money", SIM_DECIMAL, PLAIN, 0, 19, 4 },
	{ "real", SIM_REAL, PLAIN, 0, 0, 0 },
	{ "float", SIM_FLOAT, SCALE, 0, 0, 0 },
	{ "char", SIM_CHAR, LENGTH, 1, 0, 0 },
	{ "varchar", SIM_VARCHAR, LENGTH, 1, 0, 0 },
	{ "nchar", SIM_NCHAR, LENGTH, 1, 0, 0 },
	{ "nvarchar", SIM_NVARCHAR, LENGTH, 1, 0, 0 },
	{ "sysname", SIM_NVARCHAR, PLAIN, 128, 0, 0 },
	{ "text", SIM_VARCHAR, PLAIN, SIM_MAX, 0, 0 },
	{ "ntext", SIM_NVARCHAR, PLAIN, SIM_MAX, 0, 0 },
	{ "xml", SIM_NVARCHAR, PLAIN, SIM_MAX, 0, 0 },
	{ "sql_variant", SIM_NVARCHAR, PLAIN, SIM_MAX, 0, 0 },
	{ "binary", SIM_BINARY, LENGTH, 1, 0, 0 },
	{ "varbinary", SIM_VARBINARY, LENGTH, 1, 0, 0 },
	{ "image", SIM_VARBINARY, PLAIN, SIM_MAX, 0, 0 },
	{ "uniqueidentifier", SIM_UNIQUEIDENTIFIER, PLAIN, 0, 0, 0 },
	{ "date", SIM_DATE, PLAIN, 0, 0, 0 },
	{ "time", SIM_TIME, SCALE, 0, 0, 7 },
	{ "datetime", SIM_DATETIME, PLAIN, 0, 0, 3 },
	{ "smalldatetime", SIM_DATETIME, PLAIN, 0, 0, 3 },
	{ "datetime2", SIM_DATETIME2, SCALE, 0, 0, 7 },
};

static const char *skip_space(const char *text) {
	while (isspace((unsigned char)*text)) text++;
	return text;
}

bool sim_type_parse(const char *text, struct sim_type_info *type) {
	text = skip_space(text);
	size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");
	for (size_t i = 0; i < ARRAY_LENGTH(types); i++) {
		if (strlen(types[i].name) != length || strncasecmp(types[i].name, text, length) != 0) continue;
		*type = (struct sim_type_info){ types[i].type, types[i].length, types[i].precision, types[i].scale };
		text = skip_space(text + length);
		if (*text != '(') return *text == '\0';
		if (types[i].takes == PLAIN) return false;
		text = skip_space(text + 1);
		/* -1 is how it stands in the store's definitions, where no word may. */
		bool is_max = strncasecmp(text, "max", 3) == 0;
		if (types[i].takes == LENGTH && (is_max || strncmp(text, "-1", 2) == 0)) {
			type->length = SIM_MAX;
			return *skip_space(text + (is_max ? 3 : 2)) == ')';
		}
		char *end;
		int first = (int)strtol(text, &end, 10);
		if (end == text || first < 0) return false;
		text = skip_space(end);
		if (types[i].takes == LENGTH) type->length = first;
		if (types[i].takes == SCALE && type->type != SIM_FLOAT) type->scale = first;
		if (types[i].takes == PRECISION) {
			type->precision = first;
			if (*text == ',') type->scale = (int)strtol(text + 1, &end, 10);
			text = skip_space(end);
		}
		return *text == ')';
	}
	return false;
}

const char *sim_type_name(enum sim_type type) {
	for (size_t i = 0; i < ARRAY_LENGTH(types); i++)
		if (types[i].type == type) return types[i].name;
	return "";
}

char *sim_time_text(int64_t microseconds, int digits, char buffer[SIM_TIME_SIZE]) {
	int64_t seconds = microseconds / 1000000, rest = microseconds % 1000000;
	if (rest < 0) {
		rest += 1000000;
		seconds--;
	}
	struct tm tm;
	time_t when = (time_t)seconds;
	gmtime_r(&when, &tm);
	int length =
	        snprintf(buffer, SIM_TIME_SIZE, "%04d-%02d-%02d %02d:%02d:%02d", (tm.tm_year + 1900) % 10000,
	                 (tm.tm_mon + 1) % 100, tm.tm_mday % 100, tm.tm_hour % 100, tm.tm_min % 100, tm.tm_sec % 100);
	if (digits <= 0) return buffer;
	snprintf(buffer + length, SIM_TIME_SIZE - (size_t)length, ".%06d0", (int)rest);
	buffer[length + 1 + (digits > 7 ? 7 : digits)] = '\0';
	return buffer;
}

char *sim_datetime_text(int64_t microseconds, char buffer[SIM_TIME_SIZE]) {
	/* Thirds of 10 ms, shown as .000, .003 and .007. */
	static const int shown[] = { 0, 3000, 7000 };
	int64_t ticks = (microseconds * 3 + 5000) / 10000;
	return sim_time_text(ticks / 3 * 10000 + shown[ticks % 3], 3, buffer);
}

bool sim_time_parse(const char *text, int64_t *microseconds) {
	struct tm tm = { 0 };
	int used = 0;
	if (sscanf(text, "%4d-%2d-%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &used) != 3) return false;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	text += used;
	int64_t fraction = 0;
	if (*text == ' ' || *text == 'T') {
		if (sscanf(text + 1, "%2d:%2d%n", &tm.tm_hour, &tm.tm_min, &used) != 2) return false;
		text += 1 + used;
		if (*text == ':' && sscanf(text, ":%2d%n", &tm.tm_sec, &used) == 1) text += used;
		if (*text == '.') {
			int64_t unit = 100000;
			for (text++; isdigit((unsigned char)*text); text++, unit /= 10)
				fraction += (*text - '0') * unit;
		}
		if (*text == 'Z') text++;
	}
	if (*skip_space(text) != '\0' || tm.tm_mon < 0 || tm.tm_mon > 11 || tm.tm_mday < 1 || tm.tm_mday > 31)
		return false;
	*microseconds = (int64_t)timegm(&tm) * 1000000 + fraction;
	return true;
}
