/* Folders whose files change all at once, as the kubelet's do (pkg/volume/util/atomic_writer.go): the files lie in a
 * hidden folder that the symbolic link ..data names, the visible names are links through it, and an update prepares a
 * new folder and then swaps the link. */
#ifndef SIMNODE_FOLDER_H
#define SIMNODE_FOLDER_H

#include <stddef.h>

#include "base/error.h"

struct payload_file {
	char *path; /* relative, may have folders in it */
	char *bytes;
	size_t length;
	unsigned mode;
};
/* Zero-initialise it. */
struct payload {
	struct payload_file *files;
	size_t count;
};

/* Adds a file, or replaces the one of that path. */
void payload_add(struct payload *payload, const char *path, const void *bytes, size_t length, unsigned mode);
void payload_free(struct payload *payload);
#define cleanup_payload __attribute__((cleanup(payload_free)))

/* Makes the folder hold exactly these files. Nothing is touched when it does already. */
int folder_publish(const char *folder, const struct payload *payload, struct error **err);

/* Puts a file with this text in place of the one at `path`, at once: readers see either. One writer at a time. */
int folder_put_file(const char *path, const char *text, struct error **err);

/* mkdir -p */
int folder_create(const char *path, struct error **err);
/* Removes a folder and all in it; what cannot be removed stays. Links are not followed. */
void folder_remove(const char *path);

#endif
