/* sql_farm: the SQL Servers of many availability groups and what runs their pods, for ./dev bench controller.
 *
 *   sql_farm --kubeconfig FILE [--network N] [--namespace NS] [--settings NAME=VALUE,…]
 *
 * The control plane is a real one; SQL Servers are simulated (bench/farm_servers.h), and so is what kubelets, the
 * scheduler and a CSI driver do (bench/farm_pods.h): those must not run beside it. Commands come on standard input, one
 * a line; each is answered with one line:
 *
 *   create N      N groups of three replicas, each with a database
 *   state         how many groups there are and how many are Ready
 *   kill N        deletes the primaries of N groups by force, all at once; answered when each has another primary, with
 *                 the times from the deletion to the status that says so
 *   freeze N      the servers of every Nth group accept and never answer; 0: none */
#include <curl/curl.h>
#include <getopt.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "bench/farm_pods.h"
#include "kube/cache.h"

enum { CREATORS = 4, KILLERS = 16, KILL_MS = 300 * 1000 };

struct kill {
	char *group, *pod;
	int64_t at, took; /* ns; took 0: not yet */
};

struct farm {
	struct kube_client *client;
	struct kube_loop *loop;
	struct kube_cache *groups;
	const char *namespace;
	struct farm_servers *servers;
	int frozen;
	pthread_mutex_t mutex; /* of what follows */
	pthread_cond_t changed;
	struct kill *kills;
	size_t kill_count, kills_begun, kills_over;
	int created, to_create;
};

/* ---- What groups say ---- */

static const char *primary_of(const struct kube_object *group) {
	return json_get_text(json_get_path(group->json, "status", "availabilityGroup", "primary", NULL), "pod");
}

static bool is_ready(const struct kube_object *group) {
	const struct json_object *conditions = json_get_path(group->json, "status", "conditions", NULL);
	if (!json_object_is_type(conditions, json_type_array)) return false;
	for (size_t i = 0; i < json_object_array_length(conditions); i++) {
		const struct json_object *condition = json_object_array_get_idx(conditions, i);
		if (strcmp(json_get_text(condition, "type"), "Ready") == 0)
			return strcmp(json_get_text(condition, "status"), "True") == 0;
	}
	return false;
}

static void on_group(void *context, enum kube_event event, const struct kube_object *old,
                     const struct kube_object *new) {
	struct farm *farm = context;
	const char *primary = new != NULL ? primary_of(new) : NULL;
	(void)event, (void)old;
	if (primary == NULL) return;
	pthread_mutex_lock(&farm->mutex);
	for (size_t i = 0; i < farm->kill_count; i++) {
		struct kill *kill = &farm->kills[i];
		if (kill->took != 0 || kill->at == 0 || strcmp(kill->group, new->name) != 0) continue;
		if (strcmp(kill->pod, primary) == 0) continue;
		kill->took = clock_monotonic_ns() - kill->at;
		farm->kills_over++;
		pthread_cond_signal(&farm->changed);
	}
	pthread_mutex_unlock(&farm->mutex);
}

/* ---- Commands ---- */

static int create_group(struct farm *farm, int number, struct error **err) {
	cleanup_free char *text = xasprintf(
	        "{\"metadata\":{\"name\":\"ag-%d\",\"namespace\":\"%s\"},\"spec\":{\"agName\":\"AG%d\","
	        "\"image\":\"mcr.microsoft.com/mssql/server:2022-CU19-ubuntu-22.04\",\"databases\":[\"ledger\"],"
	        "\"automaticFailover\":{\"enabled\":true,\"failoverThresholdSeconds\":10},\"replicas\":[{\"name\":"
	        "\"a\"},"
	        "{\"name\":\"b\"},{\"name\":\"c\"}]}}",
	        number, farm->namespace, number);
	cleanup_json struct json_object *group = json_tokener_parse(text);
	return kube_create(farm->client, &kube_sqlserveravailabilitygroups, group, NULL, err);
}

static void *create_some(void *context) {
	struct farm *farm = context;
	for (;;) {
		cleanup_error struct error *err = NULL;
		pthread_mutex_lock(&farm->mutex);
		int number = farm->created < farm->to_create ? farm->created++ : -1;
		pthread_mutex_unlock(&farm->mutex);
		if (number < 0) return NULL;
		if (create_group(farm, number, &err) < 0)
			fprintf(stderr, "sql_farm: ag-%d: %s\n", number, err->message);
	}
}

static void run_threads(struct farm *farm, int count, void *(*run)(void *context)) {
	pthread_t threads[KILLERS];
	for (int i = 0; i < count; i++) pthread_create(&threads[i], NULL, run, farm);
	for (int i = 0; i < count; i++) pthread_join(threads[i], NULL);
}

static void create(struct farm *farm, int count) {
	farm->to_create = farm->created + count;
	run_threads(farm, CREATORS, create_some);
	printf("created %d\n", farm->created);
}

static void tell_state(struct farm *farm) {
	cleanup_kube_objects struct kube_objects groups = kube_cache_list(farm->groups, farm->namespace);
	struct farm_counts counts = farm_servers_count(farm->servers);
	size_t ready = 0;
	for (size_t i = 0; i < groups.count; i++) ready += is_ready(groups.items[i]);
	printf("groups %zu ready %zu servers %zu sessions %zu\n", groups.count, ready, counts.running, counts.sessions);
}

static void *kill_some(void *context) {
	struct farm *farm = context;
	for (;;) {
		cleanup_error struct error *err = NULL;
		pthread_mutex_lock(&farm->mutex);
		struct kill *kill = farm->kills_begun < farm->kill_count ? &farm->kills[farm->kills_begun++] : NULL;
		if (kill != NULL) kill->at = clock_monotonic_ns();
		pthread_mutex_unlock(&farm->mutex);
		if (kill == NULL) return NULL;
		const struct kube_delete_options now = { .has_grace_period = true };
		if (kube_delete(farm->client, &kube_pods, farm->namespace, kill->pod, &now, &err) < 0)
			fprintf(stderr, "sql_farm: %s: %s\n", kill->pod, err->message);
	}
}

static int compare_took(const void *a, const void *b) {
	const struct kill *first = a, *second = b;
	return (first->took > second->took) - (first->took < second->took);
}

static double took_ms(const struct farm *farm, double part) {
	size_t at = (size_t)ceil(part * (double)farm->kill_count);
	return (double)farm->kills[at > 0 ? at - 1 : 0].took / 1e6;
}

static void choose_kills(struct farm *farm, size_t count) {
	cleanup_kube_objects struct kube_objects groups = kube_cache_list(farm->groups, farm->namespace);
	farm->kills = xcalloc(count, sizeof(*farm->kills));
	farm->kill_count = 0;
	for (size_t i = 0; i < groups.count && farm->kill_count < count; i++) {
		const char *primary = primary_of(groups.items[i]);
		if (primary == NULL || !is_ready(groups.items[i]) || farm_is_frozen(primary, farm->frozen)) continue;
		farm->kills[farm->kill_count++] =
		        (struct kill){ .group = xstrdup(groups.items[i]->name), .pod = xstrdup(primary) };
	}
}

static void kill_primaries(struct farm *farm, int count) {
	choose_kills(farm, (size_t)count);
	if (farm->kill_count == 0) {
		printf("killed 0\n");
		return;
	}
	farm->kills_begun = farm->kills_over = 0;
	run_threads(farm, KILLERS, kill_some);
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += KILL_MS / 1000;
	pthread_mutex_lock(&farm->mutex);
	while (farm->kills_over < farm->kill_count && pthread_cond_timedwait(&farm->changed, &farm->mutex, &until) == 0)
		continue;
	size_t over = farm->kills_over;
	for (size_t i = 0; i < farm->kill_count; i++) {
		if (farm->kills[i].took == 0) fprintf(stderr, "sql_farm: no other primary: %s\n", farm->kills[i].group);
	}
	qsort(farm->kills, farm->kill_count, sizeof(*farm->kills), compare_took);
	printf("killed %zu promoted %zu p50 %.0f ms p99 %.0f ms last %.0f ms\n", farm->kill_count, over,
	       took_ms(farm, 0.5), took_ms(farm, 0.99), took_ms(farm, 1));
	for (size_t i = 0; i < farm->kill_count; i++) {
		free(farm->kills[i].group);
		free(farm->kills[i].pod);
	}
	farm->kill_count = 0;
	free(farm->kills);
	farm->kills = NULL;
	pthread_mutex_unlock(&farm->mutex);
}

static void obey(struct farm *farm, const char *line) {
	char command[16];
	int number = 0;
	int words = sscanf(line, "%15s %d", command, &number);
	if (words >= 1 && strcmp(command, "state") == 0) {
		tell_state(farm);
	} else if (words == 2 && strcmp(command, "create") == 0) {
		create(farm, number);
	} else if (words == 2 && strcmp(command, "kill") == 0) {
		kill_primaries(farm, number);
	} else if (words == 2 && strcmp(command, "freeze") == 0) {
		farm->frozen = number;
		farm_servers_freeze(farm->servers, number);
		printf("frozen %d\n", number);
	} else {
		printf("no such command\n");
	}
	fflush(stdout);
}

/* ---- Beginning ---- */

struct settings {
	const char *kubeconfig, *namespace, *settings;
	int network;
};

static int start(struct farm *farm, const struct settings *settings, struct error **err) {
	struct kube_config *config = NULL;
	if (kube_config_load(settings->kubeconfig, &config, err) < 0) return -1;
	farm->client = kube_client_new(config, err);
	farm->servers = farm->client != NULL ? farm_servers_new(settings->settings, err) : NULL;
	if (farm->servers == NULL) return -1;
	farm->loop = kube_loop_new(farm->client);
	const struct farm_pods_options options = { .client = farm->client,
		                                   .loop = farm->loop,
		                                   .metrics = metrics_new(),
		                                   .servers = farm->servers,
		                                   .namespace = farm->namespace,
		                                   .network = settings->network };
	struct farm_pods *pods = farm_pods_new(&options, err);
	if (pods == NULL) return -1;
	farm->groups =
	        kube_cache_new(farm->loop, &(struct kube_cache_options){ .resource = &kube_sqlserveravailabilitygroups,
	                                                                 .namespace = farm->namespace,
	                                                                 .on_event = on_group,
	                                                                 .context = farm });
	pthread_t thread;
	int failed = pthread_create(&thread, NULL, farm_servers_run, farm->servers);
	if (failed != 0) return error_errno(err, failed, "a thread");
	return kube_loop_start(farm->loop, err) < 0 ? -1 : farm_pods_start(pods, err);
}

static void allow_many_sockets(void) {
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int usage(void) {
	fprintf(stderr,
	        "usage: sql_farm [--kubeconfig FILE] [--network N] [--namespace NS] [--settings NAME=VALUE,...]\n");
	return 2;
}

int main(int argc, char **argv) {
	static const struct option options[] = { { "kubeconfig", required_argument, NULL, 'k' },
		                                 { "network", required_argument, NULL, 'w' },
		                                 { "namespace", required_argument, NULL, 'n' },
		                                 { "settings", required_argument, NULL, 's' },
		                                 { 0 } };
	struct settings settings = { .namespace = "bench", .network = 200 };
	for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		switch (option) {
		case 'k': settings.kubeconfig = optarg; break;
		case 'w': settings.network = atoi(optarg); break;
		case 'n': settings.namespace = optarg; break;
		case 's': settings.settings = optarg; break;
		default: return usage();
		}
	}
	cleanup_error struct error *err = NULL;
	struct farm farm = { .namespace = settings.namespace };
	pthread_mutex_init(&farm.mutex, NULL);
	pthread_cond_init(&farm.changed, NULL);
	signal(SIGPIPE, SIG_IGN);
	allow_many_sockets();
	curl_global_init(CURL_GLOBAL_DEFAULT);
	if (start(&farm, &settings, &err) < 0) {
		fprintf(stderr, "sql_farm: %s\n", err->message);
		return EXIT_FAILURE;
	}
	puts("ready");
	fflush(stdout);
	char line[128];
	while (fgets(line, sizeof(line), stdin) != NULL) obey(&farm, line);
	/* Threads are at work everywhere: what is left goes with the process. */
	_exit(EXIT_SUCCESS);
}
