#include "simnode/csi_faults.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* Pauses between attempts, as external-resizer begins; the real one goes on to five minutes. */
enum { FIRST_DELAY_MS = 1000, LONGEST_DELAY_MS = 30 * 1000 };

static const struct {
	const char *name;
	bool takes_number;
} modes[] = {
	[EXPANSION_NORMAL] = { "normal", false },   [EXPANSION_REFUSE] = { "refuse", false },
	[EXPANSION_FAIL] = { "fail", true },        [EXPANSION_STUCK] = { "stuck", false },
	[EXPANSION_OFFLINE] = { "offline", false }, [EXPANSION_SLOW] = { "slow", true },
};

struct csi_record *csi_faults_of(struct csi_faults *faults, const char *claim) {
	for (struct csi_record *record = faults->first; record != NULL; record = record->next) {
		if (strcmp(record->claim, claim) == 0) return record;
	}
	struct csi_record *record = xcalloc(1, sizeof(*record));
	record->claim = xstrdup(claim);
	record->next = faults->first;
	faults->first = record;
	return record;
}

int csi_faults_set(struct csi_faults *faults, const char *claim, const char *mode, const char *number,
                   struct error **err) {
	for (size_t i = 0; i < ARRAY_LENGTH(modes); i++) {
		if (strcmp(modes[i].name, mode) != 0) continue;
		char *end = NULL;
		int64_t value = number != NULL ? strtoll(number, &end, 10) : 0;
		bool has_number = number != NULL && *number != '\0' && *end == '\0' && value > 0;
		if (modes[i].takes_number != has_number || (number != NULL && !has_number))
			return error_set(err, ERROR_INVALID, "expansion %s: %s", mode,
			                 modes[i].takes_number ? "a number above 0 must follow" : "nothing may follow");
		struct csi_record *record = csi_faults_of(faults, claim);
		record->expansion = (enum expansion)i;
		record->number = value;
		record->retry_at = record->delay_ms = 0;
		record->begun = false;
		return 0;
	}
	return error_set(err, ERROR_INVALID,
	                 "expansion %s: must be normal, refuse, fail N, stuck, offline or slow SECONDS", mode);
}

void csi_faults_free(struct csi_faults *faults) {
	while (faults->first != NULL) {
		struct csi_record *record = faults->first;
		faults->first = record->next;
		free(record->claim);
		free(record);
	}
}

static int fails(struct csi_record *record, int64_t now, const char **why, const char *reason) {
	int64_t doubled = 2 * record->delay_ms;
	record->delay_ms = record->delay_ms == 0 ? FIRST_DELAY_MS : doubled;
	if (record->delay_ms > LONGEST_DELAY_MS) record->delay_ms = LONGEST_DELAY_MS;
	record->retry_at = now + record->delay_ms;
	*why = reason;
	return -1;
}

static int succeeds(struct csi_record *record) {
	record->retry_at = record->delay_ms = 0;
	record->begun = false;
	return 1;
}

int csi_attempt(struct csi_record *record, bool in_use, int64_t now, const char **why) {
	/* The resizer knows which claims are in use, and tries again as soon as they are not. */
	bool is_released = record->expansion == EXPANSION_OFFLINE && !in_use;
	if (now < record->retry_at && !is_released) return 0;
	if (record->expansion == EXPANSION_REFUSE)
		return fails(record, now, why,
		             "rpc error: code = OutOfRange desc = the disk cannot be made larger (simulated)");
	if (record->expansion == EXPANSION_FAIL && record->number > 0) {
		record->number--;
		return fails(record, now, why,
		             "rpc error: code = Internal desc = making the disk larger failed (simulated)");
	}
	if (record->expansion == EXPANSION_OFFLINE && in_use)
		return fails(record, now, why,
		             "rpc error: code = FailedPrecondition desc = the disk cannot be made larger while it is "
		             "attached to a node (simulated)");
	if (record->expansion == EXPANSION_SLOW && !record->begun) {
		record->begun = true;
		record->retry_at = now + 1000 * record->number;
		return 0;
	}
	return succeeds(record);
}
