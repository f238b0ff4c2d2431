#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static int keep(struct error **err, enum error_kind kind, int code, char *message) {
	if (err == NULL) {
		free(message);
		return -1;
	}
	error_free(*err);
	*err = xmalloc(sizeof(**err));
	**err = (struct error){ .kind = kind, .code = code, .message = message };
	return -1;
}

int error_set(struct error **err, enum error_kind kind, const char *format, ...) {
	va_list args;
	va_start(args, format);
	char *message = xvasprintf(format, args);
	va_end(args);
	return keep(err, kind, 0, message);
}

int error_set_code(struct error **err, enum error_kind kind, int code, const char *format, ...) {
	va_list args;
	va_start(args, format);
	char *message = xvasprintf(format, args);
	va_end(args);
	return keep(err, kind, code, message);
}

int error_errno(struct error **err, int errno_value, const char *format, ...) {
	va_list args;
	va_start(args, format);
	cleanup_free char *context = xvasprintf(format, args);
	va_end(args);
	char reason[128];
	/* strerror_r of glibc: may return a static string instead of filling the buffer. */
	const char *text = strerror_r(errno_value, reason, sizeof(reason));
	return keep(err, ERROR_IO, errno_value, xasprintf("%s: %s", context, text));
}

int error_prefix(struct error **err, const char *format, ...) {
	if (err == NULL || *err == NULL) return -1;
	va_list args;
	va_start(args, format);
	cleanup_free char *context = xvasprintf(format, args);
	va_end(args);
	char *message = xasprintf("%s: %s", context, (*err)->message);
	free((*err)->message);
	(*err)->message = message;
	return -1;
}

int error_move(struct error **err, struct error **from) {
	error_free(err != NULL ? *err : *from);
	if (err != NULL) *err = *from;
	*from = NULL;
	return -1;
}

void error_free(struct error *err) {
	if (err == NULL) return;
	free(err->message);
	free(err);
}

void error_cleanup(struct error **err) {
	error_free(*err);
}
