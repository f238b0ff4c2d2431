/* The network of the pods as simulated servers see it: files in a folder that they read anew when they have changed.
 *
 *   <namespace>.hosts   names (simnode/names.h)
 *   faults              what is cut (sqlserver/tds/faults.h)
 *
 * Pods share this machine's network, so what is cut is cut by the simulated servers themselves: messages between their
 * mirroring endpoints, and the sockets of their clients. For one thread. */
#ifndef SIMNODE_NETWORK_H
#define SIMNODE_NETWORK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "kube/object.h"

char *network_hosts_file(const char *folder, const char *namespace);
char *network_faults_file(const char *folder);

struct network;
struct network *network_new(const char *folder);
void network_free(struct network *network);

/* Faults. Pods are NAMESPACE/NAME, whatever address they have, now or later; NULL: every pod. The same again is fine.
 */
void network_cut(struct network *network, const char *from, const char *to);
void network_cut_clients(struct network *network, const char *pod);
/* Takes back all faults that name `pod`; NULL: all there are. */
void network_heal(struct network *network, const char *pod);

/* An address that a pod has: a predecessor that still runs somewhere has one too. Borrowed. */
struct pod_address {
	const char *pod; /* NAMESPACE/NAME */
	const char *address;
};
/* Brings the files up to date. What cannot be written is tried again at the next time. */
void network_sync(struct network *network, const struct pod_address *addresses, size_t count,
                  const struct kube_objects *pods, const struct kube_objects *services);

/* For tests: what the file of faults says. */
struct strbuf;
void network_write_faults(const struct network *network, const struct pod_address *addresses, size_t count,
                          struct strbuf *text);

#endif
