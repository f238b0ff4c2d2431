/* simnode: the simulated nodes of a test cluster. One process registers some Node objects with a real API server and
 * runs their pods as local processes, each on an address of its own; it proxies Services, and obeys fault commands. */
#include <curl/curl.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "kube/cache.h"
#include "kube/client.h"
#include "kube/events.h"
#include "kube/loop.h"
#include "simnode/attachments.h"
#include "simnode/claim.h"
#include "simnode/cluster_api.h"
#include "simnode/control.h"
#include "simnode/csi.h"
#include "simnode/folder.h"
#include "simnode/kubelet.h"
#include "simnode/network.h"
#include "simnode/node.h"
#include "simnode/proxy.h"

static const char usage[] =
        "usage: simnode [--kubeconfig FILE] --state FOLDER [--nodes N] [--network N] [--image IMAGE=PROGRAM]...\n"
        "       simnode ctl --state FOLDER COMMAND...\n"
        "\n"
        "  --kubeconfig FILE      how to reach the API server, as an administrator\n"
        "  --state FOLDER         volumes, logs (FOLDER/logs) and the control socket\n"
        "  --nodes N              how many nodes to simulate: node-1 ... node-N (3)\n"
        "  --network N            0 to 15 (0): clusters on one machine need different ones. Pods get addresses in\n"
        "                         127.(64+N).0.0/16, nodes in 127.(48+N).0.0/16\n"
        "  --image IMAGE=PROGRAM  what to run for containers of an image; IMAGE may be the end of its name, or * for\n"
        "                         every other image (but those of registries below .invalid, which cannot be pulled).\n"
        "                         Folders PROGRAM.root/A/B are in the image as /A/B\n"
        "  Environment: SIMSQL_TIME_SCALE, SIMSQL_SETTINGS are handed on to simulated SQL Servers\n"
        "\n"
        "COMMAND (POD and CLAIM are NAME or NAMESPACE/NAME):\n";

static void print_usage(FILE *file) {
	fputs(usage, file);
	control_help(file);
}

struct settings {
	const char *kubeconfig;
	const char *state;
	size_t nodes;
	unsigned network;
	struct images images;
};

enum { MAX_NODES = 1000, USAGE_ERROR = 2 };

static bool read_number(const char *option, const char *text, unsigned long least, unsigned long most,
                        unsigned long *number) {
	char *end;
	*number = strtoul(text, &end, 10);
	if (end != text && *end == '\0' && *number >= least && *number <= most) return true;
	fprintf(stderr, "simnode: %s %s: must be %lu to %lu\n", option, text, least, most);
	return false;
}

static int read_settings(int argc, char **argv, struct settings *settings) {
	static const struct option options[] = {
		{ "kubeconfig", required_argument, NULL, 'k' },
		{ "state", required_argument, NULL, 's' },
		{ "nodes", required_argument, NULL, 'n' },
		{ "network", required_argument, NULL, 'w' },
		{ "image", required_argument, NULL, 'i' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	cleanup_error struct error *err = NULL;
	unsigned long number;
	int option;
	while ((option = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		switch (option) {
		case 'k': settings->kubeconfig = optarg; break;
		case 's': settings->state = optarg; break;
		case 'n':
			if (!read_number("--nodes", optarg, 1, MAX_NODES, &number)) return -1;
			settings->nodes = number;
			break;
		case 'w':
			if (!read_number("--network", optarg, 0, ADDRESS_NETWORKS - 1, &number)) return -1;
			settings->network = (unsigned)number;
			break;
		case 'i':
			if (images_add(&settings->images, optarg, &err) < 0) {
				fprintf(stderr, "simnode: %s\n", err->message);
				return -1;
			}
			break;
		case 'h': print_usage(stdout); exit(0);
		default: return -1;
		}
	}
	if (settings->state == NULL) {
		fprintf(stderr, "simnode: --state is missing\n");
		return -1;
	}
	return 0;
}

/* ---- The running program ---- */

struct simnode {
	struct kube_client *client;
	struct kube_loop *loop;
	struct kube_cache *pods;
	struct kube_cache *services;
	struct kube_cache *classes;
	struct metrics *metrics;
	struct cluster_api api;
	struct cluster cluster;
	struct nodes nodes;
	struct addresses addresses;
	struct kubelet *kubelet;
	struct network *network;
	struct attachments *attachments;
	struct csi *csi;
	char *network_folder;
	char *disks;
	_Atomic(struct heartbeat *) heartbeat; /* set before caches can call */
	_Atomic(struct proxy *) proxy;
	int wake_fd;
	int storage_fd; /* an eventfd: claims, volumes, classes or attachments have changed */
	atomic_bool configuration_changed;
};

static void pods_changed(void *context, enum kube_event event, const struct kube_object *old,
                         const struct kube_object *new) {
	(void)event, (void)old, (void)new;
	struct simnode *simnode = context;
	struct proxy *proxy = atomic_load(&simnode->proxy);
	eventfd_write(simnode->wake_fd, 1);
	if (proxy != NULL) proxy_wake(proxy);
}

static void services_changed(void *context, enum kube_event event, const struct kube_object *old,
                             const struct kube_object *new) {
	(void)event, (void)old, (void)new;
	struct simnode *simnode = context;
	struct proxy *proxy = atomic_load(&simnode->proxy);
	struct heartbeat *heartbeat = atomic_load(&simnode->heartbeat);
	if (proxy != NULL) proxy_wake(proxy);
	if (heartbeat != NULL) heartbeat_wake(heartbeat);
	eventfd_write(simnode->wake_fd, 1); /* names */
}

static void configuration_changed(void *context, enum kube_event event, const struct kube_object *old,
                                  const struct kube_object *new) {
	(void)event, (void)old, (void)new;
	struct simnode *simnode = context;
	atomic_store(&simnode->configuration_changed, true);
	eventfd_write(simnode->wake_fd, 1);
}

/* Pods that wait for a claim want to know too. */
static void storage_changed(void *context, enum kube_event event, const struct kube_object *old,
                            const struct kube_object *new) {
	struct simnode *simnode = context;
	eventfd_write(simnode->storage_fd, 1);
	configuration_changed(context, event, old, new);
}

static void cache_synced(void *context) {
	pods_changed(context, KUBE_ADDED, NULL, NULL);
	services_changed(context, KUBE_ADDED, NULL, NULL);
}

static struct kube_cache *follow(struct simnode *simnode, const struct kube_resource *resource,
                                 void (*on_event)(void *, enum kube_event, const struct kube_object *,
                                                  const struct kube_object *)) {
	return kube_cache_new(simnode->loop, &(struct kube_cache_options){
	                                             .resource = resource,
	                                             .on_event = on_event,
	                                             .on_synced = cache_synced,
	                                             .context = simnode,
	                                     });
}

/* "https://HOST:PORT", as pods are told where the API server is. */
static int split_server(const char *server, char **host, char **port, struct error **err) {
	const char *start = strstr(server, "://");
	start = start != NULL ? start + 3 : server;
	size_t length = strcspn(start, "/");
	const char *colon = memrchr(start, ':', length);
	const char *bracket = memrchr(start, ']', length);
	if (bracket != NULL) return error_set(err, ERROR_INVALID, "\"%s\": only IPv4 is simulated", server);
	*host = xstrndup(start, colon != NULL ? (size_t)(colon - start) : length);
	*port = colon != NULL ? xstrndup(colon + 1, length - (size_t)(colon + 1 - start))
	                      : xstrdup(strncmp(server, "http:", 5) == 0 ? "80" : "443");
	return 0;
}

static void sync_network(struct simnode *simnode) {
	if (!kube_cache_synced(simnode->pods) || !kube_cache_synced(simnode->services)) return;
	cleanup_kube_objects struct kube_objects pods = kube_cache_list(simnode->pods, NULL);
	cleanup_kube_objects struct kube_objects services = kube_cache_list(simnode->services, NULL);
	size_t count;
	cleanup_free struct pod_address *addresses = kubelet_addresses(simnode->kubelet, &count);
	network_sync(simnode->network, addresses, count, &pods, &services);
}

static void serve(struct simnode *simnode, int signal_fd, int control_fd) {
	const struct control control = { simnode->kubelet, simnode->network, simnode->csi };
	enum { SIGNAL, WAKE, CONTROL };
	struct pollfd fds[] = {
		[SIGNAL] = { .fd = signal_fd, .events = POLLIN },
		[WAKE] = { .fd = simnode->wake_fd, .events = POLLIN },
		[CONTROL] = { .fd = control_fd, .events = POLLIN },
	};
	for (;;) {
		poll(fds, ARRAY_LENGTH(fds), -1);
		if (fds[SIGNAL].revents != 0) return;
		eventfd_t ignored;
		eventfd_read(simnode->wake_fd, &ignored);
		kubelet_sync(simnode->kubelet);
		if (atomic_exchange(&simnode->configuration_changed, false)) kubelet_refresh(simnode->kubelet);
		if (fds[CONTROL].revents != 0) control_answer(control_fd, &control);
		sync_network(simnode);
	}
}

/* Everything that is needed, in order; what was started is stopped by `stop`. */
static int start(struct simnode *simnode, const struct settings *settings, struct error **err) {
	struct kube_config *config = NULL;
	char *host = NULL;
	char *port = NULL;
	if (kube_config_load(settings->kubeconfig, &config, err) < 0) return -1;
	if (split_server(config->server, &host, &port, err) < 0) {
		kube_config_free(config);
		return -1;
	}
	simnode->client = kube_client_new(config, err);
	if (simnode->client == NULL) return -1;
	simnode->loop = kube_loop_new(simnode->client);
	simnode->pods = follow(simnode, &kube_pods, pods_changed);
	simnode->services = follow(simnode, &kube_services, services_changed);
	simnode->api = (struct cluster_api){
		.client = simnode->client,
		.secrets = follow(simnode, &kube_secrets, configuration_changed),
		.configmaps = follow(simnode, &kube_configmaps, configuration_changed),
		.claims = follow(simnode, &kube_persistentvolumeclaims, storage_changed),
		.volumes = follow(simnode, &kube_persistentvolumes, storage_changed),
	};
	simnode->classes = follow(simnode, &kube_storageclasses, storage_changed);
	simnode->cluster = cluster_api(&simnode->api, host, port);
	simnode->cluster.network_folder = simnode->network_folder;
	const struct pod_worker_options workers = {
		.client = simnode->client,
		.cluster = &simnode->cluster,
		.images = &settings->images,
		.addresses = &simnode->addresses,
		.claims = { .disks = simnode->disks, .attachments = simnode->attachments },
		.state = settings->state,
		.done_fd = simnode->wake_fd,
	};
	const struct csi_options storage = {
		.client = simnode->client,
		.claims = simnode->api.claims,
		.volumes = simnode->api.volumes,
		.classes = simnode->classes,
		.events = event_recorder_new(simnode->loop,
		                             &(struct event_recorder_options){ .component = CSI_DRIVER,
		                                                               .instance = "simnode",
		                                                               .metrics = simnode->metrics }),
		.attachments = simnode->attachments,
		.nodes = &simnode->nodes,
		.disks = simnode->disks,
		.wake_fd = simnode->storage_fd,
	};
	simnode->kubelet = kubelet_new(&workers, &simnode->nodes, simnode->pods);
	if (kube_loop_start(simnode->loop, err) < 0) return -1;
	simnode->heartbeat = heartbeat_start(simnode->client, &simnode->nodes, simnode->services, err);
	if (simnode->heartbeat == NULL) return -1;
	simnode->csi = csi_start(&storage, err);
	if (simnode->csi == NULL) return -1;
	const struct proxy_options proxy = {
		.services = simnode->services,
		.pods = simnode->pods,
		.api_host = host,
		.api_port = port,
	};
	simnode->proxy = proxy_start(&proxy, err);
	return simnode->proxy != NULL ? 0 : -1;
}

/* Pods first, so that nothing is left running whatever comes after. */
static void stop(struct simnode *simnode) {
	if (simnode->kubelet != NULL) kubelet_free(simnode->kubelet);
	if (simnode->loop != NULL) kube_loop_stop(simnode->loop);
	csi_free(simnode->csi);
	proxy_free(simnode->proxy);
	heartbeat_free(simnode->heartbeat);
	if (simnode->loop != NULL) kube_loop_free(simnode->loop);
	if (simnode->client != NULL) kube_client_free(simnode->client);
	nodes_free(&simnode->nodes);
	network_free(simnode->network);
	attachments_free(simnode->attachments);
	metrics_free(simnode->metrics);
	free(simnode->network_folder);
	free(simnode->disks);
	free((char *)simnode->cluster.api_host);
	free((char *)simnode->cluster.api_port);
}

/* Blocks the signals that end us, for all threads to come, and returns a descriptor that tells of them. */
static int catch_signals(void) {
	sigset_t signals;
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int run(const struct settings *settings) {
	struct error *err = NULL;
	struct simnode simnode = { 0 };
	int signal_fd = catch_signals();
	int result = folder_create(settings->state, &err);
	if (result == 0 && chmod(settings->state, 0700) < 0)
		result = error_errno(&err, errno, "cannot use %s", settings->state);
	int control_fd = result == 0 ? control_listen(settings->state, &err) : -1;
	if (control_fd < 0) result = -1;
	simnode.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	simnode.storage_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	simnode.network_folder = xasprintf("%s/network", settings->state);
	simnode.disks = xasprintf("%s/disks", settings->state);
	simnode.network = network_new(simnode.network_folder);
	simnode.attachments = attachments_new(simnode.storage_fd);
	simnode.metrics = metrics_new();
	addresses_init(&simnode.addresses, settings->network);
	nodes_init(&simnode.nodes, settings->nodes, settings->network);
	if (result == 0) result = start(&simnode, settings, &err);
	if (result == 0) serve(&simnode, signal_fd, control_fd);
	else fprintf(stderr, "simnode: %s\n", err->message);
	stop(&simnode);
	error_free(err);
	close(simnode.wake_fd);
	close(simnode.storage_fd);
	close(signal_fd);
	if (control_fd >= 0) close(control_fd);
	return result == 0 ? 0 : 1;
}

int main(int argc, char **argv) {
	struct settings settings = { .nodes = 3 };
	bool is_client = argc > 1 && strcmp(argv[1], "ctl") == 0;
	if (is_client) {
		argv++;
		argc--;
	}
	if (read_settings(argc, argv, &settings) < 0 || (is_client && optind == argc) ||
	    (!is_client && optind != argc)) {
		print_usage(stderr);
		return USAGE_ERROR;
	}
	curl_global_init(CURL_GLOBAL_DEFAULT);
	log_configure(LOG_FORMAT_JSON, LOG_INFO);
	cleanup_free char *state = NULL;
	int result;
	if (is_client) {
		result = control_send(settings.state, argv + optind, argc - optind);
	} else {
		/* Containers run elsewhere: their volumes need whole paths. */
		state = settings.state[0] == '/' ? xstrdup(settings.state) : NULL;
		if (state == NULL) {
			cleanup_free char *here = getcwd(NULL, 0);
			state = xasprintf("%s/%s", here != NULL ? here : "", settings.state);
		}
		settings.state = state;
		result = run(&settings);
	}
	images_free(&settings.images);
	curl_global_cleanup();
	return result;
}
