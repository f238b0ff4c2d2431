/* What the simulated storage has been told to do wrong, claim by claim. For the holder of one lock. */
#ifndef SIMNODE_CSI_FAULTS_H
#define SIMNODE_CSI_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum expansion {
	EXPANSION_NORMAL,
	EXPANSION_REFUSE,  /* the disk cannot be made larger */
	EXPANSION_FAIL,    /* so many times, then it works */
	EXPANSION_STUCK,   /* the node never makes the file system larger */
	EXPANSION_OFFLINE, /* only while no pod uses the volume */
	EXPANSION_SLOW     /* takes so many seconds */
};

/* One claim's record: what it was told, and where its attempts are. Times are monotonic milliseconds. */
struct csi_record {
	char *claim; /* NAMESPACE/NAME */
	enum expansion expansion;
	int64_t number;   /* EXPANSION_FAIL: failures left; EXPANSION_SLOW: seconds */
	int64_t retry_at; /* not before */
	int64_t delay_ms; /* between attempts, doubling */
	bool begun;       /* an expansion that takes its time */
	struct csi_record *next;
};
/* Zero-initialise it. */
struct csi_faults {
	struct csi_record *first;
};

/* "normal", "refuse", "fail N", "stuck", "offline", "slow SECONDS": `number` may be NULL where none is said. */
int csi_faults_set(struct csi_faults *faults, const char *claim, const char *mode, const char *number,
                   struct error **err);
/* The claim's record, a new one when there is none. */
struct csi_record *csi_faults_of(struct csi_faults *faults, const char *claim);
void csi_faults_free(struct csi_faults *faults);

/* An attempt at `now` to make the disk of a claim larger, `in_use` by a pod or not: 1 it is larger now; 0 later (see
 * retry_at); -1 it failed, *why says why, and retry_at is set. */
int csi_attempt(struct csi_record *record, bool in_use, int64_t now, const char **why);

#endif
