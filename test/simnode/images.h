/* Which program stands for which container image. */
#ifndef SIMNODE_IMAGES_H
#define SIMNODE_IMAGES_H

#include <stddef.h>

#include "base/error.h"
#include "simnode/mounts.h"

struct image {
	char *name;
	char *program; /* an absolute path */
};
/* Zero-initialise it. */
struct images {
	struct image *items;
	size_t count;
};

/* Adds "NAME=PROGRAM". NAME is an image as pods name it, or its end on a path boundary, with or without tag:
 * "agkeeper", "agkeeper/agkeeper:0.1.0" and "mssql/server" (for mcr.microsoft.com/mssql/server:2022-latest) are fine.
 * "*" is every other image, but for those of a registry below ".invalid" (RFC 6761), which can never be pulled. */
int images_add(struct images *images, const char *mapping, struct error **err);

/* The program for `image`; NULL when there is none. Borrowed. */
const char *images_find(const struct images *images, const char *image);

/* Adds what else the image of `program` has in it: each folder PROGRAM.root/A/B is mounted at /A/B. */
void image_mounts(const char *program, struct mounts *mounts);

/* What a container's command runs: a program of that name beside the image's own (the image's "bin"), else one of the
 * machine's, at that path or on PATH; else the image's own program, whatever the command calls it. */
char *image_resolve_command(const char *program, const char *command);

void images_free(struct images *images);

#endif
