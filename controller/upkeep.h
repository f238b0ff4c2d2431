/* What agkeeper installs by itself in its own namespace, because no manifest can:
 *
 *   - the PodDisruptionBudget of its Deployment: policy/v1 where the cluster has it (1.21), policy/v1beta1 where not
 *     (that one is gone since 1.25);
 *   - the starter catalogue: `kubectl apply` of one folder cannot create a CRD and objects of it in one go.
 *
 * Both are looked after every few minutes. Objects of the catalogue are only ever created: what a person changed stays
 * theirs, and what they deleted comes back at the next look; to retire a version, mark it deprecated. */
#ifndef AGKEEPER_CONTROLLER_UPKEEP_H
#define AGKEEPER_CONTROLLER_UPKEEP_H

#include <stdint.h>

#include "base/error.h"
#include "kube/client.h"

enum {
	UPKEEP_PAUSE_MS = 300000, /* between looks; */
	UPKEEP_RETRY_MS = 1000    /* after one that failed: the CRD or the webhook may be on its way */
};

struct upkeep_options {
	struct kube_client *client; /* must outlive the upkeep, as must the strings */
	const char *namespace;
	const char *deployment; /* whose pods the budget is for; NULL: "agkeeper" */
	const char *catalog;    /* folder of YAML files with MSSQLServerVersion objects; NULL: none */
};

/* Each may be called by itself. A Deployment that does not exist (the process runs outside of the cluster) has no
 * budget. ERROR_INVALID: a file of the catalogue is not as it should be, which the message names. */
int upkeep_disruption_budget(const struct upkeep_options *options, struct error **err);
int upkeep_catalog(const struct upkeep_options *options, struct error **err);

/* Does both at once and then again and again, on a thread of its own. */
struct upkeep;
struct upkeep *upkeep_start(const struct upkeep_options *options, struct error **err);
/* NULL is fine. */
void upkeep_stop(struct upkeep *upkeep);

#endif
