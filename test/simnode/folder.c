#include "simnode/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/strbuf.h"

void payload_add(struct payload *payload, const char *path, const void *bytes, size_t length, unsigned mode) {
	struct payload_file file = { .path = xstrdup(path), .bytes = xmalloc(length), .length = length, .mode = mode };
	if (length != 0) memcpy(file.bytes, bytes, length);
	for (size_t i = 0; i < payload->count; i++) {
		if (strcmp(payload->files[i].path, path) != 0) continue;
		free(payload->files[i].path);
		free(payload->files[i].bytes);
		payload->files[i] = file;
		return;
	}
	payload->files = xreallocarray(payload->files, payload->count + 1, sizeof(*payload->files));
	payload->files[payload->count++] = file;
}

void payload_free(struct payload *payload) {
	for (size_t i = 0; i < payload->count; i++) {
		free(payload->files[i].path);
		free(payload->files[i].bytes);
	}
	free(payload->files);
	*payload = (struct payload){ 0 };
}

int folder_create(const char *path, struct error **err) {
	cleanup_free char *copy = xstrdup(path);
	for (char *slash = strchr(copy + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(copy, 0755) < 0 && errno != EEXIST) return error_errno(err, errno, "cannot create %s", copy);
		*slash = '/';
	}
	if (mkdir(path, 0755) < 0 && errno != EEXIST) return error_errno(err, errno, "cannot create %s", path);
	return 0;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *position) {
	(void)status, (void)type, (void)position;
	(void)remove(path);
	return 0;
}

void folder_remove(const char *path) {
	(void)nftw(path, remove_one, 32, FTW_DEPTH | FTW_PHYS);
}

/* ---- Publishing ---- */

static int write_file(const char *path, const struct payload_file *file, struct error **err) {
	cleanup_close int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) return error_errno(err, errno, "cannot create %s", path);
	for (size_t done = 0; done < file->length;) {
		ssize_t written = write(fd, file->bytes + done, file->length - done);
		if (written < 0) return error_errno(err, errno, "cannot write %s", path);
		done += (size_t)written;
	}
	if (fchmod(fd, file->mode) < 0) return error_errno(err, errno, "cannot set the mode of %s", path);
	return 0;
}

int folder_put_file(const char *path, const char *text, struct error **err) {
	cleanup_free char *fresh = xasprintf("%s.new", path);
	struct payload_file file = { .bytes = (char *)text, .length = strlen(text), .mode = 0644 };
	(void)unlink(fresh); /* left by one that was killed */
	if (write_file(fresh, &file, err) < 0) return -1;
	return rename(fresh, path) < 0 ? error_errno(err, errno, "cannot write %s", path) : 0;
}

static bool has_file(const char *folder, const struct payload_file *file) {
	cleanup_free char *path = xasprintf("%s/..data/%s", folder, file->path);
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;
	if (fd < 0 || fstat(fd, &status) < 0 || (status.st_mode & 07777) != file->mode) return false;
	if ((size_t)status.st_size != file->length) return false;
	cleanup_free char *bytes = xmalloc(file->length);
	size_t length = 0;
	while (length < file->length) {
		ssize_t got = read(fd, bytes + length, file->length - length);
		if (got <= 0) return false;
		length += (size_t)got;
	}
	return file->length == 0 || memcmp(bytes, file->bytes, file->length) == 0;
}

/* Calls `visit` for each visible name in `folder`. */
static void each_name(const char *folder, void (*visit)(void *context, const char *name), void *context) {
	DIR *dir = opendir(folder);
	if (dir == NULL) return;
	struct dirent *entry;
	while ((entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 && strncmp(entry->d_name, "..", 2) != 0)
			visit(context, entry->d_name);
	}
	closedir(dir);
}

/* The visible names are the first parts of the files' paths. */
static bool is_published(const struct payload *payload, const char *name) {
	size_t length = strlen(name);
	for (size_t i = 0; i < payload->count; i++) {
		const char *path = payload->files[i].path;
		if (strncmp(path, name, length) == 0 && (path[length] == '\0' || path[length] == '/')) return true;
	}
	return false;
}

struct stale {
	const char *folder;
	const struct payload *payload;
	bool remove;
	size_t count;
};

static void visit_stale(void *context, const char *name) {
	struct stale *stale = context;
	if (is_published(stale->payload, name)) return;
	stale->count++;
	cleanup_free char *path = xasprintf("%s/%s", stale->folder, name);
	if (stale->remove) (void)unlink(path);
}

static bool is_current(const char *folder, const struct payload *payload) {
	cleanup_free char *data = xasprintf("%s/..data", folder);
	if (access(data, F_OK) < 0) return false;
	for (size_t i = 0; i < payload->count; i++) {
		if (!has_file(folder, &payload->files[i])) return false;
	}
	struct stale stale = { .folder = folder, .payload = payload };
	each_name(folder, visit_stale, &stale);
	return stale.count == 0;
}

static int fill(const char *folder, const struct payload *payload, struct error **err) {
	for (size_t i = 0; i < payload->count; i++) {
		const struct payload_file *file = &payload->files[i];
		cleanup_free char *path = xasprintf("%s/%s", folder, file->path);
		char *slash = strrchr(path, '/');
		*slash = '\0';
		if (folder_create(path, err) < 0) return -1;
		*slash = '/';
		if (write_file(path, file, err) < 0) return -1;
	}
	return 0;
}

static int link_names(const char *folder, const struct payload *payload, struct error **err) {
	for (size_t i = 0; i < payload->count; i++) {
		const char *path = payload->files[i].path;
		int length = (int)strcspn(path, "/");
		cleanup_free char *name = xasprintf("%s/%.*s", folder, length, path);
		cleanup_free char *target = xasprintf("..data/%.*s", length, path);
		if (symlink(target, name) < 0 && errno != EEXIST)
			return error_errno(err, errno, "cannot create %s", name);
	}
	return 0;
}

int folder_publish(const char *folder, const struct payload *payload, struct error **err) {
	if (folder_create(folder, err) < 0) return -1;
	if (is_current(folder, payload)) return 0;

	cleanup_free char *data = xasprintf("%s/..data", folder);
	cleanup_free char *fresh = xasprintf("%s/..files_XXXXXX", folder);
	cleanup_free char *swap = xasprintf("%s/..data_tmp", folder);
	char old[PATH_MAX];
	ssize_t old_length = readlink(data, old, sizeof(old) - 1);
	if (mkdtemp(fresh) == NULL) return error_errno(err, errno, "cannot create a folder in %s", folder);
	(void)unlink(swap);
	int failed = fill(fresh, payload, err);
	if (failed == 0 && chmod(fresh, 0755) < 0) failed = error_errno(err, errno, "cannot set the mode of %s", fresh);
	if (failed == 0 && (symlink(strrchr(fresh, '/') + 1, swap) < 0 || rename(swap, data) < 0)) {
		failed = error_errno(err, errno, "cannot set %s", data);
	}
	if (failed != 0) {
		folder_remove(fresh);
		return -1;
	}
	if (link_names(folder, payload, err) < 0) return -1;
	struct stale stale = { .folder = folder, .payload = payload, .remove = true };
	each_name(folder, visit_stale, &stale);
	if (old_length > 0) {
		old[old_length] = '\0';
		cleanup_free char *outdated = xasprintf("%s/%s", folder, old);
		folder_remove(outdated);
	}
	return 0;
}
