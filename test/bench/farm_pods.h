/* What kubelets, the scheduler and a CSI driver do for the farm's pods, in as few requests as possible: a pod is bound
 * to the one node, its server started at an address of its own and reported Running and Ready in one write; claims are
 * reported Bound (no volumes are made); pods that are being deleted end at once. */
#ifndef BENCH_FARM_PODS_H
#define BENCH_FARM_PODS_H

#include "base/error.h"
#include "base/metrics.h"
#include "bench/farm_servers.h"
#include "kube/client.h"
#include "kube/loop.h"

struct farm_pods;
struct farm_pods_options {
	struct kube_client *client;
	struct kube_loop *loop; /* not started yet */
	struct metrics *metrics;
	struct farm_servers *servers;
	const char *namespace;
	int network; /* pods get addresses in 127.NETWORK.0.0/16 */
};
struct farm_pods *farm_pods_new(const struct farm_pods_options *options, struct error **err);
/* After the loop was started. */
int farm_pods_start(struct farm_pods *pods, struct error **err);

#endif
