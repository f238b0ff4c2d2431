#include "sqlserver/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"

/* Contents are kept in memory as well for a folder: what counts is that the file has them too. */
struct file {
	char *name;
	struct strbuf content;
};

struct sim_disk {
	char *folder; /* NULL: in memory only */
	struct file *files;
	size_t count;
	uint64_t capacity, used;
	uint64_t taken;    /* by others */
	uint64_t delay_us; /* of hardening */
	char *volume_file; /* where the three above are told; NULL: nowhere */
};

struct sim_disk *sim_disk_memory(void) {
	return xcalloc(1, sizeof(struct sim_disk));
}

static struct file *find(const struct sim_disk *disk, const char *name) {
	for (size_t i = 0; i < disk->count; i++)
		if (strcmp(disk->files[i].name, name) == 0) return &disk->files[i];
	return NULL;
}

static struct file *find_or_add(struct sim_disk *disk, const char *name) {
	struct file *file = find(disk, name);
	if (file != NULL) return file;
	disk->files = xreallocarray(disk->files, disk->count + 1, sizeof(*disk->files));
	disk->files[disk->count] = (struct file){ .name = xstrdup(name) };
	return &disk->files[disk->count++];
}

static int load(struct sim_disk *disk, const char *name, struct error **err) {
	cleanup_free char *path = xasprintf("%s/%s", disk->folder, name);
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct strbuf *content = &find_or_add(disk, name)->content;
	for (ssize_t got = 1; got != 0;) {
		enum { CHUNK = 65536 };
		got = fd < 0 ? -1 : read(fd, strbuf_reserve(content, CHUNK), CHUNK);
		if (got < 0 && errno == EINTR) continue;
		if (got < 0) return error_errno(err, errno, "cannot read %s", path);
		content->length += (size_t)got;
		disk->used += (uint64_t)got;
	}
	return 0;
}

static bool is_ours(const char *name) {
	size_t length = strlen(name);
	return name[0] != '.' && (length < 4 || strcmp(name + length - 4, ".new") != 0);
}

struct sim_disk *sim_disk_folder(const char *path, struct error **err) {
	if (mkdir(path, 0700) < 0 && errno != EEXIST) {
		error_errno(err, errno, "cannot make the data folder %s", path);
		return NULL;
	}
	DIR *folder = opendir(path);
	if (folder == NULL) {
		error_errno(err, errno, "cannot read the data folder %s", path);
		return NULL;
	}
	struct sim_disk *disk = sim_disk_memory();
	disk->folder = xstrdup(path);
	for (struct dirent *entry; disk != NULL && (entry = readdir(folder)) != NULL;) {
		if (!is_ours(entry->d_name) || load(disk, entry->d_name, err) == 0) continue;
		sim_disk_free(disk);
		disk = NULL;
	}
	closedir(folder);
	return disk;
}

struct sim_disk *sim_disk_copy(const struct sim_disk *disk) {
	struct sim_disk *copy = sim_disk_memory();
	copy->capacity = disk->capacity;
	copy->used = disk->used;
	for (size_t i = 0; i < disk->count; i++) {
		const struct file *file = &disk->files[i];
		struct file *copied = find_or_add(copy, file->name);
		if (file->content.length > 0)
			strbuf_append_n(&copied->content, file->content.data, file->content.length);
	}
	return copy;
}

void sim_disk_free(struct sim_disk *disk) {
	if (disk == NULL) return;
	for (size_t i = 0; i < disk->count; i++) {
		free(disk->files[i].name);
		strbuf_free(&disk->files[i].content);
	}
	free(disk->files);
	free(disk->folder);
	free(disk->volume_file);
	free(disk);
}

void sim_disk_set_capacity(struct sim_disk *disk, uint64_t bytes) {
	disk->capacity = bytes;
}

/* ---- the volume ---- */

static void read_line(struct sim_disk *disk, char *line) {
	const struct {
		const char *name;
		uint64_t *value;
	} known[] = { { "capacity", &disk->capacity }, { "taken", &disk->taken }, { "delay", &disk->delay_us } };
	char *name = strsep(&line, " ");
	for (size_t i = 0; i < ARRAY_LENGTH(known) && line != NULL; i++)
		if (strcmp(known[i].name, name) == 0) *known[i].value = strtoull(line, NULL, 10);
}

static void look_at_volume(struct sim_disk *disk) {
	enum { LARGEST = 4096 };
	cleanup_strbuf struct strbuf content = { 0 };
	if (disk->volume_file == NULL || file_read(disk->volume_file, LARGEST, &content, NULL) < 0) return;
	disk->capacity = disk->taken = disk->delay_us = 0;
	char *rest = content.data, *line;
	while (rest != NULL && (line = strsep(&rest, "\n")) != NULL) read_line(disk, line);
}

void sim_disk_follow(struct sim_disk *disk, const char *volume_file) {
	free(disk->volume_file);
	disk->volume_file = xstrdup(volume_file);
	look_at_volume(disk);
}

uint64_t sim_disk_capacity(struct sim_disk *disk) {
	look_at_volume(disk);
	return disk->capacity;
}

int64_t sim_disk_delay(struct sim_disk *disk) {
	look_at_volume(disk);
	return (int64_t)disk->delay_us;
}

/* What everybody has written may be more than there is: a volume is never less than full. */
static uint64_t room(const struct sim_disk *disk) {
	uint64_t written = disk->used + disk->taken;
	return written < disk->capacity ? disk->capacity - written : 0;
}

struct sim_space sim_disk_space(struct sim_disk *disk) {
	const uint64_t in_memory = UINT64_C(1) << 40;
	struct statvfs below;
	look_at_volume(disk);
	if (disk->capacity != 0) return (struct sim_space){ .total = disk->capacity, .available = room(disk) };
	if (disk->folder == NULL || statvfs(disk->folder, &below) < 0)
		return (struct sim_space){ .total = in_memory, .available = in_memory - disk->used };
	return (struct sim_space){ .total = (uint64_t)below.f_blocks * below.f_frsize,
		                   .available = (uint64_t)below.f_bavail * below.f_frsize };
}

uint64_t sim_disk_used(const struct sim_disk *disk) {
	return disk->used;
}

int sim_disk_read(struct sim_disk *disk, const char *name, struct strbuf *content, struct error **err) {
	const struct file *file = find(disk, name);
	if (file == NULL) return error_set(err, ERROR_NOT_FOUND, "there is no file %s", name);
	if (file->content.length > 0) strbuf_append_n(content, file->content.data, file->content.length);
	return 0;
}

static int room_for(struct sim_disk *disk, uint64_t extra, const char *name, struct error **err) {
	look_at_volume(disk);
	if (disk->capacity == 0 || extra <= room(disk)) return 0;
	return error_errno(err, ENOSPC, "cannot write %s", name);
}

static int write_all(int fd, const char *bytes, size_t length) {
	while (length > 0) {
		ssize_t written = write(fd, bytes, length);
		if (written < 0 && errno == EINTR) continue;
		if (written < 0) return -1;
		bytes += written;
		length -= (size_t)written;
	}
	return 0;
}

/* What write(2) took survives the process being killed; surviving a power failure is no purpose of a simulator. */
static int write_file(const struct sim_disk *disk, const char *name, int flags, const void *bytes, size_t length,
                      struct error **err) {
	cleanup_free char *path = xasprintf("%s/%s", disk->folder, name);
	cleanup_close int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0600);
	if (fd < 0 || write_all(fd, bytes, length) < 0) return error_errno(err, errno, "cannot write %s", path);
	return 0;
}

static int replace_file(const struct sim_disk *disk, const char *name, const void *bytes, size_t length,
                        struct error **err) {
	cleanup_free char *temporary = xasprintf("%s.new", name);
	cleanup_free char *from = xasprintf("%s/%s", disk->folder, temporary);
	cleanup_free char *to = xasprintf("%s/%s", disk->folder, name);
	if (write_file(disk, temporary, O_TRUNC, bytes, length, err) < 0) return -1;
	if (rename(from, to) < 0) return error_errno(err, errno, "cannot write %s", to);
	return 0;
}

int sim_disk_write(struct sim_disk *disk, const char *name, const void *bytes, size_t length, struct error **err) {
	const struct file *old = find(disk, name);
	size_t before = old != NULL ? old->content.length : 0;
	if (disk->folder != NULL && replace_file(disk, name, bytes, length, err) < 0) return -1;
	struct file *file = find_or_add(disk, name);
	strbuf_reset(&file->content);
	if (length > 0) strbuf_append_n(&file->content, bytes, length);
	disk->used = disk->used - before + length;
	return 0;
}

int sim_disk_append(struct sim_disk *disk, const char *name, const void *bytes, size_t length, struct error **err) {
	if (room_for(disk, length, name, err) < 0) return -1;
	return sim_disk_append_allocated(disk, name, bytes, length, err);
}

int sim_disk_append_allocated(struct sim_disk *disk, const char *name, const void *bytes, size_t length,
                              struct error **err) {
	if (disk->folder != NULL && write_file(disk, name, O_APPEND, bytes, length, err) < 0) return -1;
	strbuf_append_n(&find_or_add(disk, name)->content, bytes, length);
	disk->used += length;
	return 0;
}

int sim_disk_truncate(struct sim_disk *disk, const char *name, uint64_t length, struct error **err) {
	struct file *file = find(disk, name);
	if (file == NULL) return error_set(err, ERROR_NOT_FOUND, "there is no file %s", name);
	if (length >= file->content.length) return 0;
	if (disk->folder != NULL) {
		cleanup_free char *path = xasprintf("%s/%s", disk->folder, name);
		if (truncate(path, (off_t)length) < 0) return error_errno(err, errno, "cannot cut %s", path);
	}
	disk->used -= file->content.length - length;
	file->content.length = (size_t)length;
	file->content.data[length] = '\0';
	return 0;
}

void sim_disk_remove(struct sim_disk *disk, const char *name) {
	struct file *file = find(disk, name);
	if (file == NULL) return;
	if (disk->folder != NULL) {
		cleanup_free char *path = xasprintf("%s/%s", disk->folder, name);
		unlink(path);
	}
	disk->used -= file->content.length;
	free(file->name);
	strbuf_free(&file->content);
	*file = disk->files[--disk->count];
}
