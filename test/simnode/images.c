#include "simnode/images.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

int images_add(struct images *images, const char *mapping, struct error **err) {
	const char *equals = strchr(mapping, '=');
	if (equals == NULL || equals == mapping || equals[1] == '\0') {
		return error_set(err, ERROR_INVALID, "--image \"%s\": must be IMAGE=PROGRAM", mapping);
	}
	char *program = realpath(equals + 1, NULL);
	if (program == NULL || access(program, X_OK) != 0) {
		free(program);
		return error_set(err, ERROR_INVALID, "--image \"%s\": %s is no program that can be run", mapping,
		                 equals + 1);
	}
	images->items = xreallocarray(images->items, images->count + 1, sizeof(*images->items));
	images->items[images->count++] =
	        (struct image){ .name = xstrndup(mapping, (size_t)(equals - mapping)), .program = program };
	return 0;
}

/* The length of an image's name without ":tag" and "@digest". A colon before a slash belongs to a registry's port. */
static size_t repository_length(const char *image) {
	size_t length = strcspn(image, "@");
	const char *slash = memrchr(image, '/', length);
	const char *last = slash != NULL ? slash : image;
	const char *colon = memchr(last, ':', length - (size_t)(last - image));
	return colon != NULL ? (size_t)(colon - image) : length;
}

static bool ends_with_name(const char *image, size_t length, const char *name) {
	size_t name_length = strlen(name);
	if (name_length > length || strncmp(image + length - name_length, name, name_length) != 0) return false;
	return name_length == length || image[length - name_length - 1] == '/';
}

/* Its registry's name ends with ".invalid", which no name in the world does. */
static bool can_be_pulled(const char *image) {
	static const char never[] = ".invalid";
	size_t length = strcspn(image, "/:");
	return image[strcspn(image, "/")] != '/' || length < strlen(never) ||
	       strncmp(image + length - strlen(never), never, strlen(never)) != 0;
}

const char *images_find(const struct images *images, const char *image) {
	const char *otherwise = NULL;
	if (!can_be_pulled(image)) return NULL;
	for (size_t i = 0; i < images->count; i++) {
		const struct image *item = &images->items[i];
		if (strcmp(item->name, "*") == 0) otherwise = item->program;
		if (ends_with_name(image, strlen(image), item->name)) return item->program;
		if (ends_with_name(image, repository_length(image), item->name)) return item->program;
	}
	return otherwise;
}

/* Calls itself for the folders of a folder, down to those that are mounted. */
static void add_folders(const char *folder, const char *path, int depth, struct mounts *mounts) {
	enum { MOUNTED_AT = 2 };
	if (depth == MOUNTED_AT) return mounts_add(mounts, path, folder);
	DIR *dir = opendir(folder);
	if (dir == NULL) return;
	for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
		if (entry->d_name[0] == '.') continue;
		cleanup_free char *inner = xasprintf("%s/%s", folder, entry->d_name);
		cleanup_free char *inner_path = xasprintf("%s/%s", path, entry->d_name);
		add_folders(inner, inner_path, depth + 1, mounts);
	}
	closedir(dir);
}

void image_mounts(const char *program, struct mounts *mounts) {
	cleanup_free char *root = xasprintf("%s.root", program);
	add_folders(root, "", 0, mounts);
}

/* The program `name` in one of the folders of PATH; NULL when there is none. */
static char *find_on_path(const char *name) {
	const char *path = getenv("PATH");
	while (path != NULL && *path != '\0') {
		size_t length = strcspn(path, ":");
		cleanup_free char *candidate = xasprintf("%.*s/%s", (int)length, path, name);
		if (access(candidate, X_OK) == 0) return take(&candidate);
		path += length + (path[length] == ':');
	}
	return NULL;
}

char *image_resolve_command(const char *program, const char *command) {
	const char *slash = strrchr(command, '/');
	const char *name = slash != NULL ? slash + 1 : command;
	const char *own = strrchr(program, '/');
	cleanup_free char *beside = xasprintf("%.*s/%s", (int)(own - program), program, name);
	if (*name != '\0' && access(beside, X_OK) == 0) return take(&beside);
	if (slash != NULL) return xstrdup(access(command, X_OK) == 0 ? command : program);
	char *found = find_on_path(name);
	return found != NULL ? found : xstrdup(program);
}

void images_free(struct images *images) {
	for (size_t i = 0; i < images->count; i++) {
		free(images->items[i].name);
		free(images->items[i].program);
	}
	free(images->items);
	*images = (struct images){ 0 };
}
