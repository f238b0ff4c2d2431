#include "sql/library.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sybdb.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "sql/charset.h"
#include "sql/session_private.h"

enum { CONNECT_TIMEOUT_S = 5, SESSIONS_MAX = 30000 };

struct sql_library {
	int configuration; /* a file in memory */
	pthread_t watchdog;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	struct sql_watch *watches;
	int64_t wakes_ms; /* when the watchdog looks again; INT64_MAX: when it is told to */
	bool ends;
};

/* ---- the watchdog ---- */

/* Fires what is due; returns the next deadline, INT64_MAX for none. */
static int64_t fire_due(struct sql_library *library) {
	int64_t now = clock_monotonic_ms(), next = INT64_MAX;
	for (struct sql_watch *watch = library->watches; watch != NULL; watch = watch->next) {
		if (watch->fired) continue;
		if (watch->deadline_ms <= now) {
			watch->fired = true;
			(void)shutdown(watch->fd, SHUT_RDWR);
		} else if (watch->deadline_ms < next) {
			next = watch->deadline_ms;
		}
	}
	return next;
}

static void *watch_deadlines(void *context) {
	struct sql_library *library = context;
	pthread_mutex_lock(&library->mutex);
	while (!library->ends) {
		int64_t next = library->wakes_ms = fire_due(library);
		if (next == INT64_MAX) {
			pthread_cond_wait(&library->changed, &library->mutex);
			continue;
		}
		struct timespec until = { .tv_sec = next / 1000, .tv_nsec = next % 1000 * 1000000 };
		pthread_cond_timedwait(&library->changed, &library->mutex, &until);
	}
	pthread_mutex_unlock(&library->mutex);
	return NULL;
}

void sql_watch_start(struct sql_library *library, struct sql_watch *watch) {
	pthread_mutex_lock(&library->mutex);
	watch->fired = false;
	watch->next = library->watches;
	library->watches = watch;
	/* Nearly every watch is taken back before it is due: the watchdog sleeps through most of them. */
	if (watch->deadline_ms < library->wakes_ms) pthread_cond_signal(&library->changed);
	pthread_mutex_unlock(&library->mutex);
}

bool sql_watch_stop(struct sql_library *library, struct sql_watch *watch) {
	pthread_mutex_lock(&library->mutex);
	struct sql_watch **place = &library->watches;
	while (*place != watch) place = &(*place)->next;
	*place = watch->next;
	bool fired = watch->fired;
	pthread_mutex_unlock(&library->mutex);
	return fired;
}

/* ---- FreeTDS ---- */

/* What FreeTDS would read besides what we tell it (doc/userguide, "Environment variables"). */
static const char *const variables[] = { "TDSDUMP", "TDSDUMPCONFIG", "TDSHOST", "TDSPORT", "TDSVER",
	                                 "FREETDS", "FREETDSCONF",   "SYBASE",  "DSQUERY", "TDSQUERY" };

/* freetds.conf: db-lib of 1.3.17 takes encryption and character set from nowhere else. */
static int write_configuration(struct sql_library *library, const char *ca_file, struct error **err) {
	cleanup_strbuf struct strbuf text = { 0 };
	strbuf_append(&text, "[global]\n"
	                     "tds version = 7.4\n"
	                     "encryption = require\n"
	                     "client charset = UTF-8\n"
	                     "check certificate hostname = no\n");
	if (ca_file != NULL) strbuf_printf(&text, "ca file = %s\n", ca_file);
	library->configuration = memfd_create("freetds.conf", MFD_CLOEXEC);
	if (library->configuration < 0) return error_errno(err, errno, "cannot make FreeTDS's configuration");
	ssize_t written = write(library->configuration, text.data, text.length);
	if (written < 0 || (size_t)written != text.length)
		return error_errno(err, errno, "cannot write FreeTDS's configuration");
	cleanup_free char *path = xasprintf("/proc/self/fd/%d", library->configuration);
	dbsetifile(path);
	return 0;
}

static int check_options(const struct sql_library_options *options, struct error **err) {
	if (options->ca_file == NULL) return 0;
	if (strpbrk(options->ca_file, "\n\r;#") != NULL)
		return error_set(err, ERROR_INVALID, "the CA file's name has a character that FreeTDS cannot take");
	if (access(options->ca_file, R_OK) != 0)
		return error_errno(err, errno, "cannot read the CA file %s", options->ca_file);
	return 0;
}

struct sql_library *sql_library_new(const struct sql_library_options *options, struct error **err) {
	if (check_options(options, err) != 0) return NULL;
	for (size_t i = 0; i < ARRAY_LENGTH(variables); i++) unsetenv(variables[i]);
	struct sql_library *library = xcalloc(1, sizeof(*library));
	library->configuration = -1;
	library->wakes_ms = INT64_MAX;
	if (dbinit() == FAIL) {
		error_set(err, ERROR_INTERNAL, "FreeTDS cannot be initialized");
		free(library);
		return NULL;
	}
	sql_charset_link();
	sql_session_install_handlers();
	dbsetlogintime(options->connect_timeout_s > 0 ? options->connect_timeout_s : CONNECT_TIMEOUT_S);
	dbsetmaxprocs(SESSIONS_MAX);
	if (write_configuration(library, options->ca_file, err) != 0) {
		if (library->configuration >= 0) close(library->configuration);
		dbexit();
		free(library);
		return NULL;
	}
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&library->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	pthread_mutex_init(&library->mutex, NULL);
	if (pthread_create(&library->watchdog, NULL, watch_deadlines, library) != 0) abort();
	return library;
}

void sql_library_free(struct sql_library *library) {
	if (library == NULL) return;
	pthread_mutex_lock(&library->mutex);
	library->ends = true;
	pthread_cond_signal(&library->changed);
	pthread_mutex_unlock(&library->mutex);
	pthread_join(library->watchdog, NULL);
	pthread_cond_destroy(&library->changed);
	pthread_mutex_destroy(&library->mutex);
	dbexit();
	close(library->configuration);
	free(library);
}
