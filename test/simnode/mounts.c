#include "simnode/mounts.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/strbuf.h"
#include "simnode/folder.h"

void mounts_add(struct mounts *mounts, const char *path, const char *folder) {
	size_t length = strlen(path);
	while (length > 0 && path[length - 1] == '/') length--;
	mounts->items = xreallocarray(mounts->items, mounts->count + 1, sizeof(*mounts->items));
	mounts->items[mounts->count++] = (struct mount){ .path = xstrndup(path, length), .folder = xstrdup(folder) };
}

static bool is_name_character(char c) {
	return isalnum((unsigned char)c) || c == '_' || c == '.' || c == '-';
}

/* The mount whose path `text` begins with, the longest of them; NULL when there is none. */
static const struct mount *mount_at(const struct mounts *mounts, const char *text) {
	const struct mount *longest = NULL;
	for (size_t i = 0; i < mounts->count; i++) {
		const struct mount *mount = &mounts->items[i];
		size_t length = strlen(mount->path);
		if (length == 0 || strncmp(text, mount->path, length) != 0) continue;
		if (is_name_character(text[length])) continue;
		if (longest == NULL || length > strlen(longest->path)) longest = mount;
	}
	return longest;
}

char *mounts_rewrite(const struct mounts *mounts, const char *text) {
	struct strbuf out = { 0 };
	char before = '\0';
	while (*text != '\0') {
		/* A ")" may end a variable whose value the path continues: "$(BASE)/data". */
		bool may_begin = *text == '/' && !is_name_character(before) && before != '/' && before != ')';
		const struct mount *mount = may_begin ? mount_at(mounts, text) : NULL;
		if (mount != NULL) {
			strbuf_append(&out, mount->folder);
			text += strlen(mount->path);
			before = 'x';
			continue;
		}
		before = *text++;
		strbuf_append_char(&out, before);
	}
	return strbuf_detach(&out);
}

char *mounts_locate(const struct mounts *mounts, const char *path) {
	const struct mount *mount = mount_at(mounts, path);
	return mount != NULL ? xasprintf("%s%s", mount->folder, path + strlen(mount->path)) : NULL;
}

/* The mount that `inner` is inside of; NULL when there is none. */
static const struct mount *mount_around(const struct mounts *mounts, const struct mount *inner) {
	const struct mount *around = NULL;
	for (size_t i = 0; i < mounts->count; i++) {
		const struct mount *outer = &mounts->items[i];
		size_t length = strlen(outer->path);
		bool is_outer =
		        outer != inner && strncmp(inner->path, outer->path, length) == 0 && inner->path[length] == '/';
		if (is_outer && (around == NULL || length > strlen(around->path))) around = outer;
	}
	return around;
}

/* A folder whose files come from the API has a link of this name in it (simnode/folder.h), and takes nothing else. */
static bool is_published(const struct mount *mount) {
	cleanup_free char *data = xasprintf("%s/..data", mount->folder);
	return access(data, F_OK) == 0;
}

int mounts_nest(const struct mounts *mounts, struct error **err) {
	for (size_t i = 0; i < mounts->count; i++) {
		const struct mount *inner = &mounts->items[i];
		const struct mount *outer = mount_around(mounts, inner);
		if (outer == NULL || is_published(outer)) continue;
		cleanup_free char *link = xasprintf("%s%s", outer->folder, inner->path + strlen(outer->path));
		char *slash = strrchr(link, '/');
		*slash = '\0';
		if (folder_create(link, err) < 0) return -1;
		*slash = '/';
		(void)unlink(link); /* of an earlier run; a folder stays, and hides the mount */
		if (symlink(inner->folder, link) < 0 && errno != EEXIST)
			return error_errno(err, errno, "cannot mount %s", inner->path);
	}
	return 0;
}

void mounts_free(struct mounts *mounts) {
	for (size_t i = 0; i < mounts->count; i++) {
		free(mounts->items[i].path);
		free(mounts->items[i].folder);
	}
	free(mounts->items);
	*mounts = (struct mounts){ 0 };
}
