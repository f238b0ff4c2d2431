/* The data folder of an instance: small named files, written whole or appended to. What these functions have taken is
 * hardened: it is there after a kill. */
#ifndef SIMSQL_DISK_H
#define SIMSQL_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/strbuf.h"

struct sim_disk;

/* In memory: outlives the instances that run on it. */
struct sim_disk *sim_disk_memory(void);
/* A folder, made when missing. */
struct sim_disk *sim_disk_folder(const char *path, struct error **err);
/* What stands on it now, in memory: a snapshot. */
struct sim_disk *sim_disk_copy(const struct sim_disk *disk);
void sim_disk_free(struct sim_disk *disk);

/* The volume's size in bytes; 0: unlimited. Beyond it appending fails with ERROR_IO, as on a full volume. Files that
 * are written whole stand for the system databases, whose space is allocated: they can still be replaced. */
void sim_disk_set_capacity(struct sim_disk *disk, uint64_t bytes);
uint64_t sim_disk_capacity(struct sim_disk *disk);
/* The bytes of the server's own files. */
uint64_t sim_disk_used(const struct sim_disk *disk);

/* The volume as others describe it, in a file of lines "NAME NUMBER" that is read anew each time it counts, so that a
 * volume grows, fills and slows down under a running server:
 *   capacity BYTES       as sim_disk_set_capacity
 *   taken BYTES          by files that are not the server's
 *   delay MICROSECONDS   hardening takes so long (sim_instance_set_disk_delay)
 * What it does not say is 0; while it is missing, what it said last is true. */
void sim_disk_follow(struct sim_disk *disk, const char *volume_file);
int64_t sim_disk_delay(struct sim_disk *disk);

/* What sys.dm_os_volume_stats tells: a volume without a capacity has that of the file system below it (in memory: 1
 * TiB). */
struct sim_space {
	uint64_t total, available;
};
struct sim_space sim_disk_space(struct sim_disk *disk);

/* Appends the whole file to `content`; ERROR_NOT_FOUND when there is none. */
int sim_disk_read(struct sim_disk *disk, const char *name, struct strbuf *content, struct error **err);
/* Puts a new content in place of the old one, all or nothing. */
int sim_disk_write(struct sim_disk *disk, const char *name, const void *bytes, size_t length, struct error **err);
int sim_disk_append(struct sim_disk *disk, const char *name, const void *bytes, size_t length, struct error **err);
/* … where the space was taken before: whether the volume is full or not. */
int sim_disk_append_allocated(struct sim_disk *disk, const char *name, const void *bytes, size_t length,
                              struct error **err);
/* Cuts the file to its first `length` bytes. */
int sim_disk_truncate(struct sim_disk *disk, const char *name, uint64_t length, struct error **err);
/* Removing what is not there is fine. */
void sim_disk_remove(struct sim_disk *disk, const char *name);

#endif
