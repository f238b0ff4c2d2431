#include "sqlserver/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* A file is a row of frames: 'F' id, or 'R' time payload. */
enum { FRAME_FORK = 'F', FRAME_RECORD = 'R' };

/* A log block is a multiple of 512 bytes; the views pad its number with the slot. */
enum { BLOCK_BYTES = 512, FIRST_BLOCK = 120, VIRTUAL_LOG_FILE = 37 };

static void add_fork(struct sim_log *log, const char *id, uint64_t offset) {
	log->forks = xreallocarray(log->forks, log->fork_count + 1, sizeof(*log->forks));
	struct sim_fork *fork = &log->forks[log->fork_count++];
	*fork = (struct sim_fork){ .start = log->count, .offset = offset };
	snprintf(fork->id, sizeof(fork->id), "%s", id);
}

static uint64_t blocks_of(size_t length) {
	return 8 * (length / BLOCK_BYTES + 1);
}

static void add_record(struct sim_log *log, const void *payload, size_t length, int64_t time, uint64_t offset) {
	if ((log->count & (log->count - 1)) == 0)
		log->records = xreallocarray(log->records, log->count == 0 ? 1 : 2 * log->count, sizeof(*log->records));
	struct sim_record *record = &log->records[log->count++];
	*record = (struct sim_record){ .length = length, .time = time, .block = log->next_block, .offset = offset };
	record->payload = xmalloc(length);
	if (length > 0) memcpy(record->payload, payload, length);
	log->next_block += blocks_of(length);
}

/* A frame that a kill has cut short was never acknowledged: it is dropped. */
static void load(struct sim_log *log, const struct strbuf *content) {
	struct wire wire = wire_over(content->data, content->length);
	while (wire.length > 0) {
		uint64_t offset = content->length - wire.length;
		uint64_t type = wire_get(&wire);
		if (type == FRAME_FORK) {
			cleanup_free char *id = wire_get_text(&wire);
			if (wire.broken) break;
			add_fork(log, id, offset);
		} else {
			int64_t time = (int64_t)wire_get(&wire);
			size_t length;
			const void *payload = wire_get_bytes(&wire, &length);
			if (wire.broken || type != FRAME_RECORD) break;
			add_record(log, payload, length, time, offset);
		}
		log->file_length = content->length - wire.length;
	}
}

int sim_log_open(struct sim_log *log, struct sim_disk *disk, const char *file, struct error **err) {
	*log = (struct sim_log){ .disk = disk, .file = xstrdup(file), .next_block = FIRST_BLOCK };
	cleanup_strbuf struct strbuf content = { 0 };
	cleanup_error struct error *missing = NULL;
	if (sim_disk_read(disk, file, &content, &missing) < 0) {
		if (missing->kind == ERROR_NOT_FOUND) return 0;
		sim_log_close(log);
		return error_move(err, &missing);
	}
	load(log, &content);
	if (log->file_length < content.length && sim_disk_truncate(disk, file, log->file_length, err) < 0) {
		sim_log_close(log);
		return -1;
	}
	return 0;
}

void sim_log_close(struct sim_log *log) {
	for (size_t i = 0; i < log->count; i++) free(log->records[i].payload);
	free(log->records);
	free(log->forks);
	free(log->file);
	*log = (struct sim_log){ 0 };
}

static int append_frame(struct sim_log *log, const struct strbuf *frame, bool is_allocated, struct error **err) {
	int (*append)(struct sim_disk *, const char *, const void *, size_t, struct error **) =
	        is_allocated || log->is_allocated ? sim_disk_append_allocated : sim_disk_append;
	if (append(log->disk, log->file, frame->data, frame->length, err) < 0) return -1;
	log->file_length += frame->length;
	return 0;
}

/* It stands in the boot page, which needs no room: a primary whose volume is full has a fork of its own, too. */
int sim_log_fork(struct sim_log *log, const char *id, struct error **err) {
	cleanup_strbuf struct strbuf frame = { 0 };
	wire_put(&frame, FRAME_FORK);
	wire_put_text(&frame, id);
	uint64_t offset = log->file_length;
	if (append_frame(log, &frame, true, err) < 0) return -1;
	add_fork(log, id, offset);
	return 0;
}

int sim_log_append(struct sim_log *log, const void *payload, size_t length, int64_t time, struct error **err) {
	cleanup_strbuf struct strbuf frame = { 0 };
	wire_put(&frame, FRAME_RECORD);
	wire_put(&frame, (uint64_t)time);
	wire_put_bytes(&frame, payload, length);
	uint64_t offset = log->file_length;
	if (append_frame(log, &frame, false, err) < 0) return -1;
	add_record(log, payload, length, time, offset);
	return 0;
}

int sim_log_cut(struct sim_log *log, uint64_t position, size_t forks, struct error **err) {
	uint64_t length = log->file_length;
	if (position < log->count) length = log->records[position].offset;
	if (forks < log->fork_count && log->forks[forks].offset < length) length = log->forks[forks].offset;
	if (length == log->file_length) return 0;
	if (sim_disk_truncate(log->disk, log->file, length, err) < 0) return -1;
	log->file_length = length;
	while (log->count > position) {
		log->count--;
		log->next_block = log->records[log->count].block;
		free(log->records[log->count].payload);
	}
	/* add_record grows at powers of two: what the cut leaves must fit that rule. */
	size_t capacity = 1;
	while (capacity < log->count) capacity *= 2;
	log->records = xreallocarray(log->records, capacity, sizeof(*log->records));
	if (log->fork_count > forks) log->fork_count = forks;
	return 0;
}

static uint64_t fork_end(const struct sim_fork *forks, size_t count, size_t index, uint64_t end) {
	return index + 1 < count ? forks[index + 1].start : end;
}

uint64_t sim_log_common(const struct sim_log *log, const struct sim_fork *other, size_t count, uint64_t end,
                        size_t *forks) {
	size_t same = 0;
	while (same < log->fork_count && same < count && strcmp(log->forks[same].id, other[same].id) == 0 &&
	       log->forks[same].start == other[same].start)
		same++;
	*forks = same;
	if (same == 0) return 0;
	uint64_t mine = fork_end(log->forks, log->fork_count, same - 1, log->count);
	uint64_t theirs = fork_end(other, count, same - 1, end);
	return mine < theirs ? mine : theirs;
}

void sim_forks_put(struct strbuf *buf, const struct sim_fork *forks, size_t count) {
	wire_put(buf, count);
	for (size_t i = 0; i < count; i++) {
		wire_put_text(buf, forks[i].id);
		wire_put(buf, forks[i].start);
	}
}

size_t sim_forks_get(struct wire *wire, struct sim_fork **forks) {
	uint64_t count = wire_get(wire);
	if (count > wire->length / 16) wire->broken = true;
	if (wire->broken) count = 0;
	*forks = xcalloc((size_t)count, sizeof(**forks));
	for (size_t i = 0; i < count; i++) {
		cleanup_free char *id = wire_get_text(wire);
		snprintf((*forks)[i].id, SIM_GUID_SIZE, "%s", id);
		(*forks)[i].start = wire_get(wire);
	}
	return (size_t)count;
}

static uint64_t block_at(const struct sim_log *log, uint64_t position) {
	return position < log->count ? log->records[position].block : log->next_block;
}

char *sim_log_lsn(const struct sim_log *log, uint64_t position, char buffer[SIM_LSN_SIZE]) {
	snprintf(buffer, SIM_LSN_SIZE, "%d%010llu00001", VIRTUAL_LOG_FILE,
	         (unsigned long long)(block_at(log, position) % UINT64_C(10000000000)));
	return buffer;
}

uint64_t sim_log_bytes(const struct sim_log *log, uint64_t from, uint64_t to) {
	if (to <= from) return 0;
	return (block_at(log, to) - block_at(log, from)) / 8 * BLOCK_BYTES;
}
