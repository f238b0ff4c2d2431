#include "base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/strbuf.h"

static enum log_format configured_format = LOG_FORMAT_JSON;
static enum log_level lowest_level = LOG_INFO;

void log_configure(enum log_format format, enum log_level lowest) {
	configured_format = format;
	lowest_level = lowest;
}

bool log_enabled(enum log_level level) {
	return level >= lowest_level;
}

static const char *const level_names[] = { "debug", "info", "warning", "error" };

static void append_value(struct strbuf *line, const struct log_field *field) {
	switch (field->type) {
	case LOG_FIELD_STRING:
		if (field->value.string == NULL) strbuf_append(line, "null");
		else strbuf_append_json(line, field->value.string);
		break;
	case LOG_FIELD_INT: strbuf_printf(line, "%" PRId64, field->value.integer); break;
	case LOG_FIELD_BOOL: strbuf_append(line, field->value.boolean ? "true" : "false"); break;
	}
}

static void append_json(struct strbuf *line, enum log_level level, const char *message,
                        const struct log_field *fields) {
	char now[CLOCK_RFC3339_SIZE];
	strbuf_printf(line, "{\"ts\":\"%s\",\"level\":\"%s\",\"msg\":", clock_now_rfc3339(now), level_names[level]);
	strbuf_append_json(line, message);
	for (; fields->key != NULL; fields++) {
		strbuf_append_char(line, ',');
		strbuf_append_json(line, fields->key);
		strbuf_append_char(line, ':');
		append_value(line, fields);
	}
	strbuf_append(line, "}\n");
}

static void append_text(struct strbuf *line, enum log_level level, const char *message,
                        const struct log_field *fields) {
	char now[CLOCK_RFC3339_SIZE];
	strbuf_printf(line, "%s %-7s %s", clock_now_rfc3339(now), level_names[level], message);
	for (; fields->key != NULL; fields++) {
		strbuf_printf(line, " %s=", fields->key);
		append_value(line, fields);
	}
	strbuf_append_char(line, '\n');
}

void log_write(enum log_level level, const char *message, const struct log_field *fields) {
	if (!log_enabled(level)) return;
	cleanup_strbuf struct strbuf line = { 0 };
	if (configured_format == LOG_FORMAT_JSON) append_json(&line, level, message, fields);
	else append_text(&line, level, message, fields);
	ssize_t written;
	do written = write(STDERR_FILENO, line.data, line.length);
	while (written < 0 && errno == EINTR);
}
