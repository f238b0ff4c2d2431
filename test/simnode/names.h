/* The names that pods of a namespace can use, as cluster DNS and the resolver's search list give them: a hosts(5) file.
 * Pure. */
#ifndef SIMNODE_NAMES_H
#define SIMNODE_NAMES_H

#include "base/strbuf.h"
#include "kube/object.h"

/* Appends a line for each pod with an address and each Service with a ClusterIP:
 *   pods        <hostname>.<subdomain>.<namespace>.svc.cluster.local and its shorter forms where the headless Service
 *               <subdomain> takes the pod (ready, or publishNotReadyAddresses); in its own namespace <pod> alone too
 *   services    <service>.<namespace>.svc.cluster.local and its shorter forms
 * "Shorter forms" are without .cluster.local, without .svc, and in `namespace` itself without the namespace. */
void names_write(struct strbuf *text, const char *namespace, const struct kube_objects *pods,
                 const struct kube_objects *services);

#endif
