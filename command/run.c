/* agkeeper run: puts the parts together, waits for a signal, takes them apart. */
#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/metrics.h"
#include "certs/files.h"
#include "certs/keeper.h"
#include "certs/names.h"
#include "command/command.h"
#include "command/options.h"
#include "controller/engine/engine.h"
#include "controller/upkeep.h"
#include "kube/cache.h"
#include "kube/client.h"
#include "kube/loop.h"
#include "tls/authority.h"
#include "webhook/handover.h"
#include "webhook/lookup.h"
#include "webhook/metrics_server.h"
#include "webhook/server.h"

/* What manifests/ calls things: Service, webhook configurations, and the CRD whose versions are converted here. */
#define OWN_NAME "agkeeper"
static const char *const converted_crds[] = { "mssqlservers.kubedb.com", NULL };

enum {
	/* Longer than the gate holds a deletion back (webhook/handover.h); with the pause before it, which is 5 s in a
	 * pod, well below terminationGracePeriodSeconds. */
	STOP_DEADLINE_MS = 21000,
	CLIENT_CA_MAX = 1 << 20
};

/* The running process. Parts are made in the order of the members; what is not used stays NULL. */
struct process {
	struct run_options options;
	struct metrics *metrics;
	struct kube_client *client;
	struct kube_loop *loop;
	struct engine *engine; /* NULL: --no-controller */
	char *identity;
	struct kube_cache *pods, *groups; /* of the engine */
	struct lookup_cluster cluster;
	struct lookup_provider lookups;
	char *own_user;
	char *client_ca;
	struct handover *handover; /* NULL: no controller here follows pods */
	struct server *server;
	char **names;
	struct keeper *keeper;
	struct certificate_files *files;
	struct upkeep *upkeep;
	struct probe healthy[2];
	struct probe ready[4];
	struct metrics_server *metrics_server;
	atomic_bool stopping;
};

static int serve_certificate(void *context, const char *certificate, const char *key, struct error **err) {
	struct process *process = context;
	return server_set_certificate(process->server, certificate, key, err);
}

/* ---- The API server ---- */

/* The pod's name: the Deployment says it, because a pod on its node's network has the node's host name. */
static char *own_identity(void) {
	const char *pod = getenv("POD_NAME");
	if (pod != NULL && pod[0] != '\0') return xstrdup(pod);
	char name[HOST_NAME_MAX + 1] = "agkeeper";
	(void)gethostname(name, sizeof(name) - 1);
	return xstrdup(name);
}

static int make_engine(struct process *process, struct error **err) {
	process->identity = own_identity();
	/* In the proportions of lease_default_times. */
	int64_t lease_ms = process->options.lease_seconds * INT64_C(1000);
	const struct lease_times times = { .duration_ms = lease_ms,
		                           .renew_ms = lease_ms * 2 / 3,
		                           .retry_ms = lease_ms * 2 / 15 };
	const struct engine_options options = {
		.loop = process->loop,
		.metrics = process->metrics,
		.namespace = process->options.namespace,
		.identity = process->identity,
		.lease_times = &times,
	};
	process->engine = engine_new(&options, err);
	return process->engine != NULL ? 0 : -1;
}

/* One cache of a resource, for reviews and for the controller. */
static struct kube_cache *follow(struct process *process, const struct kube_resource *resource) {
	if (process->engine != NULL) return engine_follow(process->engine, resource);
	return kube_cache_new(process->loop, &(struct kube_cache_options){ .resource = resource });
}

static int connect_cluster(struct process *process, struct error **err) {
	struct kube_config *config = NULL;
	if (kube_config_load(process->options.kubeconfig, &config, err) < 0) return -1;
	process->client = kube_client_new(config, err);
	if (process->client == NULL) return -1;
	kube_client_add_metrics(process->client, process->metrics);
	if (process->options.namespace == NULL) process->options.namespace = kube_client_namespace(process->client);

	cleanup_error struct error *unknown = NULL;
	if (kube_whoami(process->client, &process->own_user, &unknown) < 0) {
		log_warning("cannot find out our own user name", log_err(unknown));
	}

	process->loop = kube_loop_new(process->client);
	if (!process->options.no_controller && make_engine(process, err) < 0) return -1;
	process->cluster.client = process->client;
	for (int i = 0; i < LOOKUP_RESOURCES; i++) {
		process->cluster.caches[i] = follow(process, lookup_kube_resource((enum lookup_resource)i));
	}
	if (process->engine != NULL) {
		process->pods = engine_follow(process->engine, &kube_pods);
		process->groups = engine_follow(process->engine, &kube_sqlserveravailabilitygroups);
	}
	lookup_cluster_add_metrics(&process->cluster, process->metrics);
	process->lookups = lookup_provider_cluster(&process->cluster);
	if (process->engine != NULL) return engine_start(process->engine, err);
	return kube_loop_start(process->loop, err);
}

/* ---- Certificates: from files, from the keeper, or for a process without a cluster made on the spot ---- */

static int start_files(struct process *process, struct error **err) {
	const struct certificate_files_options options = {
		.certificate = process->options.tls_cert,
		.key = process->options.tls_key,
		.serve = serve_certificate,
		.context = process,
	};
	process->files = certificate_files_new(&options);
	if (certificate_files_look(process->files, err) < 0) return -1;
	return certificate_files_start(process->files, err);
}

static int start_keeper(struct process *process, struct error **err) {
	if (serving_names(OWN_NAME, process->options.namespace, process->options.webhook_url, &process->names, err) <
	    0) {
		return -1;
	}
	const struct keeper_options options = {
		.client = process->client,
		.namespace = process->options.namespace,
		.names = (const char *const *)process->names,
		.injection = { .client = process->client,
		               .configuration = OWN_NAME,
		               .crds = converted_crds,
		               .webhook_url = process->options.webhook_url },
		.serve = serve_certificate,
		.context = process,
	};
	process->keeper = keeper_new(&options);
	return keeper_start(process->keeper, err);
}

static int serve_temporary(struct process *process, struct error **err) {
	static const char *const names[] = { "localhost", "127.0.0.1", "::1", NULL };
	cleanup_identity struct identity ca = { 0 };
	cleanup_identity struct identity serving = { 0 };
	int64_t now = clock_wall_seconds();
	if (authority_create(&profile_webhook, now, &ca, err) < 0 ||
	    authority_issue(&profile_webhook, &ca, names, now, &serving, err) < 0)
		return -1;
	log_info("serving a certificate made for this run only; --tls-cert and --tls-key name another");
	return server_set_certificate(process->server, serving.certificate, serving.key, err);
}

static int start_certificates(struct process *process, struct error **err) {
	if (process->options.tls_cert != NULL) return start_files(process, err);
	if (process->options.no_cluster) return serve_temporary(process, err);
	return start_keeper(process, err);
}

/* ---- What others see: metrics and probes ---- */

static bool is_alive(void *context, struct strbuf *why) {
	struct process *process = context;
	if (server_is_alive(process->server)) return true;
	strbuf_append(why, "the webhook server's threads do not turn");
	return false;
}

static bool is_not_stopping(void *context, struct strbuf *why) {
	const struct process *process = context;
	if (!process->stopping) return true;
	strbuf_append(why, "shutting down");
	return false;
}

static bool has_certificate(void *context, struct strbuf *why) {
	struct process *process = context;
	if (!server_has_certificate(process->server)) {
		strbuf_append(why, "no certificate to serve yet");
		return false;
	}
	if (process->keeper != NULL && !keeper_status(process->keeper).published) {
		strbuf_append(why, "the CA is not in the webhook configurations yet");
		return false;
	}
	return true;
}

static bool caches_are_synced(void *context, struct strbuf *why) {
	struct process *process = context;
	return process->loop == NULL || lookup_cluster_is_synced(&process->cluster, why);
}

/* The server itself tells when the certificate that it serves expires. */
static void collect_authority_expiry(void *context) {
	struct process *process = context;
	if (process->keeper == NULL) return;
	struct metric *metric =
	        metrics_add(process->metrics, METRIC_GAUGE, "agkeeper_authority_expiry_timestamp_seconds",
	                    "When the CA that agkeeper made for its own certificates expires.", NULL);
	metric_set(metric_cell(metric, NULL), (double)keeper_status(process->keeper).authority_expires);
}

static int start_metrics_server(struct process *process, struct error **err) {
	process->healthy[0] = (struct probe){ "webhooks", is_alive, process };
	process->ready[0] = (struct probe){ "running", is_not_stopping, process };
	process->ready[1] = (struct probe){ "certificate", has_certificate, process };
	process->ready[2] = (struct probe){ "caches", caches_are_synced, process };
	const struct metrics_server_config config = {
		.listen = process->options.metrics,
		.metrics = process->metrics,
		.healthy = process->healthy,
		.ready = process->ready,
	};
	metrics_on_collect(process->metrics, collect_authority_expiry, process, NULL);
	process->metrics_server = metrics_server_start(&config, err);
	return process->metrics_server != NULL ? 0 : -1;
}

/* ---- Start, wait, stop ---- */

/* After engine_start: its caches are there. */
static struct handover *make_handover(struct process *process) {
	return handover_new(&(struct handover_options){
	        .client = process->client,
	        .pods = process->pods,
	        .groups = process->groups,
	        .servers = process->cluster.caches[LOOKUP_MSSQLSERVER],
	        .metrics = process->metrics,
	        .own_user = process->own_user,
	});
}

static int start_server(struct process *process, struct error **err) {
	if (process->options.client_ca != NULL) {
		cleanup_strbuf struct strbuf pem = { 0 };
		if (file_read(process->options.client_ca, CLIENT_CA_MAX, &pem, err) < 0)
			return error_prefix(err, "--client-ca");
		process->client_ca = strbuf_detach(&pem);
	}
	if (process->engine != NULL) process->handover = make_handover(process);
	const struct server_config config = {
		.listen = process->options.listen,
		.lookups = &process->lookups,
		.handover = process->handover,
		.metrics = process->metrics,
		.own_user = process->own_user,
		.client_ca_pem = process->client_ca,
	};
	process->server = server_start(&config, err);
	return process->server != NULL ? 0 : -1;
}

static int start_upkeep(struct process *process, struct error **err) {
	const struct upkeep_options options = {
		.client = process->client,
		.namespace = process->options.namespace,
		.deployment = OWN_NAME,
		.catalog = process->options.catalog,
	};
	process->upkeep = upkeep_start(&options, err);
	return process->upkeep != NULL ? 0 : -1;
}

static int start(struct process *process, struct error **err) {
	process->metrics = metrics_new();
	metrics_add_process(process->metrics, AGKEEPER_VERSION);
	process->lookups = lookup_provider_offline;
	if (!process->options.no_cluster && connect_cluster(process, err) < 0) return -1;
	if (start_server(process, err) < 0 || start_certificates(process, err) < 0) return -1;
	if (process->client != NULL && start_upkeep(process, err) < 0) return -1;
	return start_metrics_server(process, err);
}

static void stop(struct process *process) {
	engine_resign(process->engine);
	/* Reviews first: the others may hang in a request to an API server that does not answer, for longer than the
	 * pod is given to end. They still need the caches: a deletion that is held back is let go when the leader that
	 * comes after us has handed over, or at its own deadline. */
	if (process->server != NULL) server_drain(process->server, STOP_DEADLINE_MS);
	engine_stop(process->engine);
	upkeep_stop(process->upkeep);
	if (process->keeper != NULL) keeper_stop(process->keeper);
	if (process->files != NULL) certificate_files_stop(process->files);
	/* The probes are answered until the last review is, and ask the server how it is. */
	metrics_server_stop(process->metrics_server);
	server_stop(process->server, 0);
	handover_stop(process->handover);
	handover_free(process->handover);
	keeper_free(process->keeper);
	certificate_files_free(process->files);
	serving_names_free(process->names);
	kube_loop_free(process->loop);
	engine_free(process->engine);
	kube_client_free(process->client);
	metrics_free(process->metrics);
	free(process->own_user);
	free(process->identity);
	free(process->client_ca);
}

/* SIGTERM comes when Kubernetes removes the pod, and for some seconds more requests are sent here: they are served.
 * SIGINT comes from a person, and a second signal from one without patience. */
static void wait_for_signal(struct process *process, const sigset_t *signals) {
	int received = 0;
	while (sigwait(signals, &received) != 0) continue;
	process->stopping = true;
	log_info("shutting down", log_str("signal", received == SIGTERM ? "SIGTERM" : "SIGINT"));
	/* The other replica takes over while this one answers what still comes. */
	engine_resign(process->engine);
	if (received != SIGTERM || process->options.drain_seconds == 0) return;
	const struct timespec drain = { .tv_sec = process->options.drain_seconds };
	while (sigtimedwait(signals, NULL, &drain) < 0 && errno == EINTR) continue;
}

int command_run(int argc, char **argv) {
	struct process process = { 0 };
	switch (run_options_parse(argc, argv, &process.options)) {
	case OPTIONS_HELP: return EXIT_OK;
	case OPTIONS_WRONG: return EXIT_UNUSABLE;
	case OPTIONS_OK: break;
	}
	/* Blocked in every thread, and taken by sigwait in this one. */
	sigset_t signals;
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
#ifdef M_ARENA_MAX
	/* Dozens of threads that allocate little at a time: heaps of their own would only hold on to memory. */
	mallopt(M_ARENA_MAX, 2);
#endif

	cleanup_error struct error *err = NULL;
	int code = EXIT_OK;
	if (start(&process, &err) == 0) {
		log_info("agkeeper runs", log_str("version", AGKEEPER_VERSION),
		         log_int("port", server_port(process.server)),
		         log_int("metricsPort", metrics_server_port(process.metrics_server)),
		         log_str("user", process.own_user));
		wait_for_signal(&process, &signals);
	} else {
		log_error("cannot start", log_err(err));
		code = EXIT_UNUSABLE;
	}
	stop(&process);
	if (code == EXIT_OK) log_info("stopped");
	return code;
}
