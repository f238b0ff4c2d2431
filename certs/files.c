#include "certs/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/periodic.h"

enum { LARGEST_FILE = 1024 * 1024 };

struct certificate_files {
	struct certificate_files_options options;
	struct identity served;
	char *said; /* the failure that was logged last */
	struct periodic *thread;
};

struct certificate_files *certificate_files_new(const struct certificate_files_options *options) {
	struct certificate_files *files = xcalloc(1, sizeof(*files));
	files->options = *options;
	if (files->options.pause_ms == 0) files->options.pause_ms = CERTIFICATE_FILES_PAUSE_MS;
	return files;
}

void certificate_files_free(struct certificate_files *files) {
	if (files == NULL) return;
	certificate_files_stop(files);
	identity_free(&files->served);
	free(files->said);
	free(files);
}

/* ---- One look ---- */

/* The whole file as text. It never grows in place, so that no half of a key stays behind in freed memory. */
static int read_text(const char *path, char **text, struct error **err) {
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) return error_errno(err, errno, "%s", path);
	cleanup_secret char *bytes = xcalloc(LARGEST_FILE + 2, 1);
	size_t length = 0;
	while (length <= LARGEST_FILE) {
		ssize_t got = read(fd, bytes + length, LARGEST_FILE + 1 - length);
		if (got < 0 && errno == EINTR) continue;
		if (got < 0) return error_errno(err, errno, "%s", path);
		if (got == 0) break;
		length += (size_t)got;
	}
	if (length > LARGEST_FILE) return error_set(err, ERROR_INVALID, "%s: larger than 1 MiB", path);
	if (memchr(bytes, '\0', length) != NULL) return error_set(err, ERROR_INVALID, "%s: no PEM text", path);
	*text = xstrdup(bytes);
	return 0;
}

static void log_expiry(struct certificate_files *files) {
	struct certificate_facts facts = { 0 };
	certificate_read(files->served.certificate, &facts, NULL);
	char expires[CLOCK_RFC3339_SIZE];
	clock_format_rfc3339(facts.not_after, expires);
	log_info("serving certificate in use", log_str("file", files->options.certificate),
	         log_str("expires", expires));
	if (facts.not_after <= clock_wall_seconds())
		log_warning("the serving certificate has expired", log_str("file", files->options.certificate),
		            log_str("expires", expires));
}

static int load(struct certificate_files *files, struct error **err) {
	cleanup_identity struct identity found = { 0 };
	if (read_text(files->options.certificate, &found.certificate, err) < 0) return -1;
	if (read_text(files->options.key, &found.key, err) < 0) return -1;
	if (identity_equal(&found, &files->served)) return 0;
	if (identity_check(&found, err) < 0)
		return error_prefix(err, "%s and %s", files->options.certificate, files->options.key);
	if (files->options.serve(files->options.context, found.certificate, found.key, err) < 0) return -1;
	identity_copy(&files->served, &found);
	log_expiry(files);
	return 0;
}

int certificate_files_look(struct certificate_files *files, struct error **err) {
	cleanup_error struct error *failure = NULL;
	if (load(files, &failure) == 0) {
		free(files->said);
		files->said = NULL;
		return 0;
	}
	if (files->said == NULL || strcmp(files->said, failure->message) != 0) {
		log_warning("the certificate files cannot be used", log_err(failure));
		free(files->said);
		files->said = xstrdup(failure->message);
	}
	return error_move(err, &failure);
}

/* ---- Again and again ---- */

static int64_t look_again(void *context) {
	struct certificate_files *files = context;
	certificate_files_look(files, NULL);
	return files->options.pause_ms;
}

int certificate_files_start(struct certificate_files *files, struct error **err) {
	files->thread = periodic_start(look_again, files, err);
	return files->thread != NULL ? 0 : -1;
}

void certificate_files_stop(struct certificate_files *files) {
	periodic_stop(take(&files->thread));
}
