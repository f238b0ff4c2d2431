/* One error type for the whole program, threaded through out parameters.
 *
 * A function that can fail returns 0 (or a useful non-negative number) on success and -1 on failure, and then has
 * stored an error in *err, which the caller owns. `err` may be NULL when the caller does not care. */
#ifndef AGKEEPER_BASE_ERROR_H
#define AGKEEPER_BASE_ERROR_H

enum error_kind {
	ERROR_INVALID,     /* input that cannot be used: the message says which and why */
	ERROR_NOT_FOUND,   /* the thing asked for is not there (HTTP 404) */
	ERROR_CONFLICT,    /* somebody else changed it first (HTTP 409) */
	ERROR_FORBIDDEN,   /* not allowed to (HTTP 401, 403) */
	ERROR_GONE,        /* the resume point has expired: list again (HTTP 410) */
	ERROR_TIMEOUT,     /* no answer before the deadline */
	ERROR_UNAVAILABLE, /* try again later: refused connections, HTTP 429 and 5xx */
	ERROR_IO,          /* files, sockets, the operating system */
	ERROR_INTERNAL     /* a bug or an exhausted resource */
};

struct error {
	enum error_kind kind;
	int code; /* the foreign number behind it: an HTTP status, a SQL Server Msg, an errno; 0 when there is none */
	char *message;
};

/* Stores a new error in *err (dropping one that is there) and returns -1, so that a failing function ends in one line.
 */
int error_set(struct error **err, enum error_kind kind, const char *format, ...) __attribute__((format(printf, 3, 4)));
int error_set_code(struct error **err, enum error_kind kind, int code, const char *format, ...)
        __attribute__((format(printf, 4, 5)));

/* As error_set with ERROR_IO, adding strerror(errno_value) to the message and errno_value as code. */
int error_errno(struct error **err, int errno_value, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Puts "context: " in front of the message of *err; returns -1. */
int error_prefix(struct error **err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Hands *from over to *err (dropping it where the caller does not care) and clears *from; returns -1. */
int error_move(struct error **err, struct error **from);

void error_free(struct error *err);
void error_cleanup(struct error **err);
#define cleanup_error __attribute__((cleanup(error_cleanup)))

#endif
