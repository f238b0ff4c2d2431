/* The transaction log of a database: its committed transactions in order, each on a recovery fork.
 *
 * A position counts transactions from the beginning: position n is the end of the log behind the n-th one. Every
 * recovery into the primary role starts a new fork. Two logs whose forks agree hold the same transactions up to where
 * the first of them leaves the common fork: that is the point to which a copy is undone before it can follow another.
 *
 * The log is all there is of a database: its rows are what replaying it gives (sqlserver/store.h). */
#ifndef SIMSQL_LOG_H
#define SIMSQL_LOG_H

#include <stdint.h>

#include "sqlserver/disk.h"
#include "sqlserver/wire.h"

enum { SIM_GUID_SIZE = 37 };

struct sim_fork {
	char id[SIM_GUID_SIZE];
	uint64_t start;  /* the position at which it begins */
	uint64_t offset; /* in the file */
};

struct sim_record {
	char *payload;
	size_t length;
	int64_t time;    /* of the commit: microseconds since 1970 */
	uint64_t block;  /* where it begins, in the log's own units */
	uint64_t offset; /* in the file */
};

struct sim_log {
	struct sim_fork *forks;
	size_t fork_count;
	struct sim_record *records;
	size_t count; /* the end of the log */
	uint64_t next_block, file_length;
	bool is_allocated; /* its space was taken beforehand, as that of system databases is: a full volume is no matter
	                    */
	struct sim_disk *disk;
	char *file;
};

/* Opens the log kept in `file`, empty when there is none. */
int sim_log_open(struct sim_log *log, struct sim_disk *disk, const char *file, struct error **err);
void sim_log_close(struct sim_log *log);

/* Begins a fork at the end of the log. */
int sim_log_fork(struct sim_log *log, const char *id, struct error **err);
/* Hardens a transaction. On failure nothing has changed. */
int sim_log_append(struct sim_log *log, const void *payload, size_t length, int64_t time, struct error **err);
/* Undoes what lies behind `position` and every fork from number `forks` on. */
int sim_log_cut(struct sim_log *log, uint64_t position, size_t forks, struct error **err);

/* How far this log and another one, of which forks and end are known, are the same; *forks gets the number of common
 * forks, 0 when they are copies of different databases. */
uint64_t sim_log_common(const struct sim_log *log, const struct sim_fork *other, size_t count, uint64_t end,
                        size_t *forks);

void sim_forks_put(struct strbuf *buf, const struct sim_fork *forks, size_t count);
/* The caller frees *forks. */
size_t sim_forks_get(struct wire *wire, struct sim_fork **forks);

/* The log sequence number of a position as the views show it: numeric(25,0), always 17 digits. */
enum { SIM_LSN_SIZE = 26 };
char *sim_log_lsn(const struct sim_log *log, uint64_t position, char buffer[SIM_LSN_SIZE]);
/* Bytes between two positions. */
uint64_t sim_log_bytes(const struct sim_log *log, uint64_t from, uint64_t to);

#endif
