/* The objects that one of ours consists of: which they are and what stands in them.
 *
 * Pure: the same object and surroundings give the same children, byte for byte, so that whatever drifts is seen and put
 * back by applying them. Nothing here reads or writes anything.
 *
 * Secrets are not among them (their content must not change): see secrets.h. */
#ifndef AGKEEPER_CONTROLLER_RESOURCES_CHILDREN_H
#define AGKEEPER_CONTROLLER_RESOURCES_CHILDREN_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* What the children depend on besides the object. */
struct surroundings {
	const char *image;          /* MSSQLServer: what spec.version stands for */
	const char *exporter_image; /* the same, of the exporter beside it; NULL: none */
	const char *configuration;  /* MSSQLServer: mssql.conf of the Secret that the spec names; NULL: none */
	/* Pods that stay although the object asks for fewer, since they are members of the group still (pods_kept in
	 * controller/decide). */
	int64_t kept_pods;
	const char *volume_size;   /* of volumes made from now on, where the object says less; NULL: what it says */
	bool has_policy_v1;        /* the server offers PodDisruptionBudgets in policy/v1, else v1beta1 */
	bool has_service_monitors; /* it knows monitoring.coreos.com/v1 */
	bool has_issuers;          /* it knows cert-manager.io/v1 */
	const char *certificate;   /* PEM: what the Secret holds that SQL Server's certificate is mounted from; NULL: it
	                              is not there yet */
};

/* The children of a SQLServerAvailabilityGroup or an MSSQLServer (kubedb.com/v1alpha2), as an array in the order in
 * which to apply them: what pods need comes before the StatefulSet. The caller owns it. `object` need not be defaulted.
 * ERROR_INVALID: it is neither, or not one that admission would have let through. */
int children_of(const struct json_object *object, const struct surroundings *surroundings,
                struct json_object **children, struct error **err);

/* Names of children of which there is one of their kind at most: the object's with this. */
#define SERVICE_MONITOR_SUFFIX "-stats"
#define CERTIFICATE_SUFFIX     "-server-cert"

/* On the pods' template: changes when SQL Server must be restarted to read its settings anew. */
#define CHECKSUM_ANNOTATION    "agkeeper.dev/config-checksum"
#define CERTIFICATE_ANNOTATION "agkeeper.dev/certificate-checksum" /* … its certificate */

#endif
