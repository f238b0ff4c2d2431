/* Where a container's mount paths really are. Containers here are plain processes that share the machine's file system,
 * so what a pod calls /etc/agkeeper is a folder of the node's state; arguments and variables that name it are
 * rewritten.
 */
#ifndef SIMNODE_MOUNTS_H
#define SIMNODE_MOUNTS_H

#include <stddef.h>

#include "base/error.h"

struct mount {
	char *path;   /* as the container names it, without a slash at the end */
	char *folder; /* where it is (a file, with subPath) */
};
/* Zero-initialise it. */
struct mounts {
	struct mount *items;
	size_t count;
};

void mounts_add(struct mounts *mounts, const char *path, const char *folder);

/* What is mounted inside of another mount is to be found there: a symbolic link in the outer folder, where a container
 * runtime would put a mount point. After all mounts have been added. */
int mounts_nest(const struct mounts *mounts, struct error **err);

/* `text` with each mount path in it replaced: where it stands as a path or the beginning of one ("/data", "/data/x",
 * "--dir=/data", "/a:/data"), and not where it is a part of another ("/database", "/mnt/data"). The longest mount path
 * that fits wins. The caller frees it. */
char *mounts_rewrite(const struct mounts *mounts, const char *text);

/* Where the file or folder at `path` is: the same for one path, NULL when it is below no mount. */
char *mounts_locate(const struct mounts *mounts, const char *path);

void mounts_free(struct mounts *mounts);

#endif
