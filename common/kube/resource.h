/* The resources of the Kubernetes API that this project reads or writes: one table, from which paths are built.
 *
 * `kube_pods`, `kube_secrets` … are descriptors to pass to the client and the caches. A new resource is a new row. */
#ifndef AGKEEPER_KUBE_RESOURCE_H
#define AGKEEPER_KUBE_RESOURCE_H

#include <stdbool.h>

#include "base/strbuf.h"

struct kube_resource {
	const char *group; /* "" is the core group, whose paths start with /api instead of /apis */
	const char *version;
	const char *plural; /* as paths name it */
	const char *kind;
	bool namespaced;
};

/* name, group, version, plural, kind, namespaced */
#define KUBE_RESOURCES(ROW)                                                                                            \
	ROW(kube_namespaces, "", "v1", "namespaces", "Namespace", false)                                               \
	ROW(kube_nodes, "", "v1", "nodes", "Node", false)                                                              \
	ROW(kube_pods, "", "v1", "pods", "Pod", true)                                                                  \
	ROW(kube_services, "", "v1", "services", "Service", true)                                                      \
	ROW(kube_secrets, "", "v1", "secrets", "Secret", true)                                                         \
	ROW(kube_configmaps, "", "v1", "configmaps", "ConfigMap", true)                                                \
	ROW(kube_serviceaccounts, "", "v1", "serviceaccounts", "ServiceAccount", true)                                 \
	ROW(kube_events, "", "v1", "events", "Event", true)                                                            \
	ROW(kube_events_v1, "events.k8s.io", "v1", "events", "Event", true)                                            \
	ROW(kube_persistentvolumes, "", "v1", "persistentvolumes", "PersistentVolume", false)                          \
	ROW(kube_persistentvolumeclaims, "", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", true)            \
	ROW(kube_deployments, "apps", "v1", "deployments", "Deployment", true)                                         \
	ROW(kube_statefulsets, "apps", "v1", "statefulsets", "StatefulSet", true)                                      \
	ROW(kube_leases, "coordination.k8s.io", "v1", "leases", "Lease", true)                                         \
	ROW(kube_storageclasses, "storage.k8s.io", "v1", "storageclasses", "StorageClass", false)                      \
	ROW(kube_poddisruptionbudgets, "policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", true)            \
	ROW(kube_poddisruptionbudgets_v1beta1, "policy", "v1beta1", "poddisruptionbudgets", "PodDisruptionBudget",     \
	    true)                                                                                                      \
	ROW(kube_mutatingwebhookconfigurations, "admissionregistration.k8s.io", "v1", "mutatingwebhookconfigurations", \
	    "MutatingWebhookConfiguration", false)                                                                     \
	ROW(kube_validatingwebhookconfigurations, "admissionregistration.k8s.io", "v1",                                \
	    "validatingwebhookconfigurations", "ValidatingWebhookConfiguration", false)                                \
	ROW(kube_customresourcedefinitions, "apiextensions.k8s.io", "v1", "customresourcedefinitions",                 \
	    "CustomResourceDefinition", false)                                                                         \
	ROW(kube_selfsubjectreviews, "authentication.k8s.io", "v1", "selfsubjectreviews", "SelfSubjectReview", false)  \
	ROW(kube_certificates, "cert-manager.io", "v1", "certificates", "Certificate", true)                           \
	ROW(kube_issuers, "cert-manager.io", "v1", "issuers", "Issuer", true)                                          \
	ROW(kube_clusterissuers, "cert-manager.io", "v1", "clusterissuers", "ClusterIssuer", false)                    \
	ROW(kube_servicemonitors, "monitoring.coreos.com", "v1", "servicemonitors", "ServiceMonitor", true)            \
	ROW(kube_sqlserveravailabilitygroups, "sql.mssql.microsoft.com", "v1alpha1", "sqlserveravailabilitygroups",    \
	    "SQLServerAvailabilityGroup", true)                                                                        \
	ROW(kube_mssqlservers, "kubedb.com", "v1alpha2", "mssqlservers", "MSSQLServer", true)                          \
	ROW(kube_mssqlservers_v1, "kubedb.com", "v1", "mssqlservers", "MSSQLServer", true)                             \
	ROW(kube_mssqlserveropsrequests, "ops.kubedb.com", "v1alpha1", "mssqlserveropsrequests",                       \
	    "MSSQLServerOpsRequest", true)                                                                             \
	ROW(kube_mssqlserverversions, "catalog.kubedb.com", "v1alpha1", "mssqlserverversions", "MSSQLServerVersion",   \
	    false)

#define KUBE_DECLARE_ROW_(name_, group_, version_, plural_, kind_, namespaced_) extern const struct kube_resource name_;
KUBE_RESOURCES(KUBE_DECLARE_ROW_)
#undef KUBE_DECLARE_ROW_

/* Appends the path of one object, "/apis/apps/v1/namespaces/default/statefulsets/sales", or with name NULL of the
 * collection; namespace NULL is all namespaces. `subresource` may be NULL. Names are percent-encoded. */
void kube_resource_path(struct strbuf *path, const struct kube_resource *resource, const char *namespace,
                        const char *name, const char *subresource);

/* Appends "group/version", or "version" for the core group: what apiVersion says. */
void kube_resource_api_version(struct strbuf *text, const struct kube_resource *resource);

/* Appends `text` percent-encoded for a path segment or a query value (RFC 3986 section 2). */
void kube_percent_encode(struct strbuf *url, const char *text);

#endif
