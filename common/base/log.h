/* Logs: one event a line on stderr, as JSON for machines (the default) or as text for people.
 *
 *   log_info("certificate renewed", log_str("secret", name), log_int("days", 90));
 *
 * Values are never secrets: no function of this project hands a password to a logger (a test greps for them). */
#ifndef AGKEEPER_BASE_LOG_H
#define AGKEEPER_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };
enum log_format { LOG_FORMAT_JSON, LOG_FORMAT_TEXT };

struct log_field {
	const char *key; /* NULL ends the list */
	enum { LOG_FIELD_STRING, LOG_FIELD_INT, LOG_FIELD_BOOL } type;
	union {
		const char *string; /* NULL is written as null */
		int64_t integer;
		bool boolean;
	} value;
};

#define log_str(key_, value_)  ((struct log_field){ (key_), LOG_FIELD_STRING, { .string = (value_) } })
#define log_int(key_, value_)  ((struct log_field){ (key_), LOG_FIELD_INT, { .integer = (value_) } })
#define log_bool(key_, value_) ((struct log_field){ (key_), LOG_FIELD_BOOL, { .boolean = (value_) } })
#define log_err(error_)        log_str("error", (error_) != NULL ? (error_)->message : NULL)

/* Set once by main before any thread starts. */
void log_configure(enum log_format format, enum log_level lowest);
/* Whether an event of this level would be written: to skip work that only serves a log line. */
bool log_enabled(enum log_level level);
/* Writes one event with a single write(2), so that lines of different threads never mix. Fields end at key NULL. */
void log_write(enum log_level level, const char *message, const struct log_field *fields);

#define log_event_(level_, message_, ...) \
	log_write((level_), (message_), (const struct log_field[]){ __VA_ARGS__ __VA_OPT__(, ){ 0 } })
#define log_debug(...)   log_event_(LOG_DEBUG, __VA_ARGS__)
#define log_info(...)    log_event_(LOG_INFO, __VA_ARGS__)
#define log_warning(...) log_event_(LOG_WARNING, __VA_ARGS__)
#define log_error(...)   log_event_(LOG_ERROR, __VA_ARGS__)

#endif
