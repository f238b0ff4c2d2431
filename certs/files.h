/* A certificate and key that somebody else renews in files: cert-manager through a mounted Secret, or a person.
 *
 * The files are read every few seconds and compared with what was read before. Notification (inotify) would have to
 * follow every link of the path (a mounted Secret is renewed by turning the link `..data` to a new folder), says
 * nothing on some file systems, and gains nothing: the kubelet itself takes up to a minute to renew a mounted Secret.
 * Two small reads from the page cache cost microseconds and cannot miss anything. */
#ifndef AGKEEPER_CERTS_FILES_H
#define AGKEEPER_CERTS_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "tls/certificate.h"

enum { CERTIFICATE_FILES_PAUSE_MS = 5000 };

struct certificate_files_options {
	const char *certificate; /* paths; must outlive the watch, as must `context` */
	const char *key;
	/* Takes a new pair for every connection from now on. */
	int (*serve)(void *context, const char *certificate_pem, const char *key_pem, struct error **err);
	void *context;
	int64_t pause_ms; /* between looks; 0: CERTIFICATE_FILES_PAUSE_MS */
};

struct certificate_files;

struct certificate_files *certificate_files_new(const struct certificate_files_options *options);
/* Stops first. */
void certificate_files_free(struct certificate_files *files);

/* One look. A pair that parses and belongs together is served, unless it is already; otherwise the one before stays,
 * and the reason is logged once for each state of the files. Returns -1 with the reason, which at the start of a
 * process is a reason to end it. */
int certificate_files_look(struct certificate_files *files, struct error **err);

/* Looks again and again on a thread of its own. */
int certificate_files_start(struct certificate_files *files, struct error **err);
void certificate_files_stop(struct certificate_files *files);

#endif
