/* A Lease kept on an event loop (kube/lease_keeper.h), against an API server of the test's own. */
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/memory.h"
#include "kube/client_private.h"
#include "kube/lease_keeper.h"
#include "unit/fake_api.h"
#include "unit/store_api.h"

#define LEASES "/apis/coordination.k8s.io/v1/namespaces/ns/leases"
#define LEASE  LEASES "/leader"
#define BLANK  "{\"metadata\":{\"namespace\":\"ns\",\"name\":\"leader\"}}"

struct candidate {
	struct kube_client *client;
	struct kube_loop *loop;
	struct lease_keeper *keeper;
	atomic_int begun;
	atomic_int ended;
};

static struct store_api *api;
static struct candidate a;
static struct candidate b;

/* Long enough for a slow machine to renew in time, short enough to wait for. */
static const struct lease_times times = { .duration_ms = 3000, .renew_ms = 2000, .retry_ms = 100 };

static void on_change(void *context, bool leading) {
	struct candidate *candidate = context;
	atomic_fetch_add(leading ? &candidate->begun : &candidate->ended, 1);
}

static void start(struct candidate *candidate, const char *identity) {
	candidate->client = store_api_client(api, "ns");
	candidate->loop = kube_loop_new(candidate->client);
	candidate->keeper = lease_keeper_new(candidate->loop, &(struct lease_keeper_options){ .namespace = "ns",
	                                                                                      .name = "leader",
	                                                                                      .identity = identity,
	                                                                                      .on_change = on_change,
	                                                                                      .context = candidate,
	                                                                                      .times = &times });
	assert_int_equal(kube_loop_start(candidate->loop, NULL), 0);
}

static void stop(struct candidate *candidate) {
	if (candidate->loop == NULL) return;
	kube_loop_free(candidate->loop);
	kube_client_free(candidate->client);
}

static int set_up(void **state) {
	(void)state;
	api = store_api_new();
	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	return 0;
}

static int tear_down(void **state) {
	(void)state;
	stop(&a);
	stop(&b);
	store_api_free(api);
	return 0;
}

static bool holder_starts_with(const char *identity) {
	cleanup_json struct json_object *lease = store_api_get(api, LEASE);
	const char *holder = json_get_text(json_get(lease, "spec"), "holderIdentity");
	return holder != NULL && strncmp(holder, identity, strlen(identity)) == 0;
}

static void one_leads_and_hands_over_when_it_leaves(void **state) {
	(void)state;
	store_api_put(api, LEASE, BLANK);
	start(&a, "pod-a");
	assert_true(wait_until(lease_keeper_holds(a.keeper)));
	assert_true(holder_starts_with("pod-a_"));
	start(&b, "pod-b");
	size_t reads = store_api_count(api, "GET", LEASE);
	assert_true(wait_until(store_api_count(api, "GET", LEASE) >= reads + 3));
	assert_false(lease_keeper_holds(b.keeper));

	lease_keeper_release(a.keeper);
	assert_false(lease_keeper_holds(a.keeper)); /* at once */
	assert_true(wait_until(lease_keeper_is_released(a.keeper)));
	assert_true(wait_until(lease_keeper_holds(b.keeper)));
	assert_true(wait_until(b.begun == 1 && a.ended == 1));
	assert_int_equal(a.begun, 1);
	assert_true(holder_starts_with("pod-b_"));
}

static void without_the_api_it_stops_leading_and_then_goes_on(void **state) {
	(void)state;
	store_api_put(api, LEASE, BLANK);
	start(&a, "pod-a");
	assert_true(wait_until(lease_keeper_holds(a.keeper)));
	assert_true(wait_until(a.begun == 1));
	store_api_fail(api, NULL, NULL, 500, -1);
	assert_true(wait_until(!lease_keeper_holds(a.keeper)));
	assert_true(wait_until(a.ended == 1));
	store_api_fail(api, NULL, NULL, 500, 0);
	assert_true(wait_until(lease_keeper_holds(a.keeper)));
	assert_true(wait_until(a.begun == 2));
}

static void another_takes_over_from_one_that_vanished(void **state) {
	(void)state;
	store_api_put(api, LEASE, BLANK);
	start(&a, "pod-a");
	assert_true(wait_until(lease_keeper_holds(a.keeper)));
	stop(&a);
	a.loop = NULL;
	start(&b, "pod-b");
	assert_true(wait_until(lease_keeper_holds(b.keeper)));
}

static void a_lease_that_is_not_there_is_made(void **state) {
	(void)state;
	start(&a, "pod-a");
	assert_true(wait_until(holder_starts_with("pod-a_")));
	assert_true(wait_until(lease_keeper_holds(a.keeper)));
	assert_true(lease_keeper_left_ms(a.keeper) <= times.renew_ms);
	assert_int_equal(store_api_count(api, "POST", LEASES), 1);
}

/* ---- A process that is frozen for real ---- */

/* Another process: leads, says so, freezes, and says what it finds when it is woken. */
static int hold_and_freeze(const char *url) {
	struct kube_config *config = xcalloc(1, sizeof(*config));
	config->server = xstrdup(url);
	config->namespace = xstrdup("ns");
	struct kube_client *client = kube_client_new(config, NULL);
	struct kube_loop *loop = kube_loop_new(client);
	const struct lease_keeper *keeper = lease_keeper_new(
	        loop, &(struct lease_keeper_options){
	                      .namespace = "ns", .name = "leader", .identity = "frozen", .times = &times });
	if (kube_loop_start(loop, NULL) < 0) return 2;
	if (!wait_until(lease_keeper_holds(keeper))) return 3;
	raise(SIGSTOP);
	bool holds = lease_keeper_holds(keeper);
	kube_loop_free(loop);
	kube_client_free(client);
	return holds ? 4 : 0;
}

extern char **environ;

static void one_that_was_frozen_knows_when_it_wakes(void **state) {
	(void)state;
	store_api_put(api, LEASE, BLANK);
	b.client = store_api_client(api, "ns");
	pid_t child;
	char *const arguments[] = { "test", "hold", b.client->config->server, NULL };
	assert_int_equal(posix_spawn(&child, "/proc/self/exe", NULL, NULL, arguments, environ), 0);
	kube_client_free(b.client);
	int status;
	assert_int_equal(waitpid(child, &status, WUNTRACED), child);
	assert_true(WIFSTOPPED(status));
	assert_true(holder_starts_with("frozen_"));
	start(&b, "pod-b");
	assert_true(wait_until(lease_keeper_holds(b.keeper)));
	assert_int_equal(kill(child, SIGCONT), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_true(lease_keeper_holds(b.keeper));
}

int main(int count, char **arguments) {
	if (count == 3 && strcmp(arguments[1], "hold") == 0) return hold_and_freeze(arguments[2]);
#define TEST(name_) cmocka_unit_test_setup_teardown(name_, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(one_leads_and_hands_over_when_it_leaves),
		TEST(without_the_api_it_stops_leading_and_then_goes_on),
		TEST(another_takes_over_from_one_that_vanished),
		TEST(a_lease_that_is_not_there_is_made),
		TEST(one_that_was_frozen_knows_when_it_wakes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
