/* The disks of the simulated storage: a folder DISKS/<handle> for each, with `data`, what pods mount, and the file
 * `volume`, which tells simulated servers how large, how full and how slow it is (sqlserver/disk.h). */
#ifndef SIMNODE_DISK_H
#define SIMNODE_DISK_H

#include <stdint.h>

#include "base/error.h"

struct disk {
	int64_t capacity; /* bytes of its file system */
	int64_t taken;    /* bytes by files that are not the server's */
	int64_t delay_us; /* until something written is hardened */
};

/* Where pods find its files. The caller frees it. */
char *disk_data_folder(const char *disks, const char *handle);

/* Makes the folder of a disk; one that is there is left as it is. */
int disk_create(const char *disks, const char *handle, int64_t capacity, struct error **err);
/* ERROR_NOT_FOUND: there is no such disk. */
int disk_read(const char *disks, const char *handle, struct disk *disk, struct error **err);
/* One writer at a time. */
int disk_write(const char *disks, const char *handle, const struct disk *disk, struct error **err);
/* With all that is on it; it not being there is fine. */
void disk_remove(const char *disks, const char *handle);

#endif
