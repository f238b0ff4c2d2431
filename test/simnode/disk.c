#include "simnode/disk.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "simnode/folder.h"

char *disk_data_folder(const char *disks, const char *handle) {
	return xasprintf("%s/%s/data", disks, handle);
}

static char *volume_file(const char *disks, const char *handle) {
	return xasprintf("%s/%s/volume", disks, handle);
}

int disk_read(const char *disks, const char *handle, struct disk *disk, struct error **err) {
	enum { LARGEST = 4096 };
	cleanup_free char *path = volume_file(disks, handle);
	cleanup_strbuf struct strbuf text = { 0 };
	if (file_read(path, LARGEST, &text, err) < 0) return -1;
	*disk = (struct disk){ 0 };
	int found = sscanf(strbuf_text(&text), "capacity %" SCNd64 " taken %" SCNd64 " delay %" SCNd64, &disk->capacity,
	                   &disk->taken, &disk->delay_us);
	return found == 3 ? 0 : error_set(err, ERROR_INVALID, "%s cannot be understood", path);
}

int disk_write(const char *disks, const char *handle, const struct disk *disk, struct error **err) {
	cleanup_free char *path = volume_file(disks, handle);
	cleanup_free char *text = xasprintf("capacity %" PRId64 "\ntaken %" PRId64 "\ndelay %" PRId64 "\n",
	                                    disk->capacity, disk->taken, disk->delay_us);
	return folder_put_file(path, text, err);
}

int disk_create(const char *disks, const char *handle, int64_t capacity, struct error **err) {
	cleanup_free char *data = disk_data_folder(disks, handle);
	cleanup_error struct error *missing = NULL;
	struct disk disk;
	if (folder_create(data, err) < 0) return -1;
	if (disk_read(disks, handle, &disk, &missing) == 0) return 0;
	return disk_write(disks, handle, &(struct disk){ .capacity = capacity }, err);
}

void disk_remove(const char *disks, const char *handle) {
	cleanup_free char *folder = xasprintf("%s/%s", disks, handle);
	folder_remove(folder);
}
