/* The keeper (certs/keeper.h) and the injection (certs/injection.h) against an API server that keeps objects. Time is
 * simulated, except where threads race. */
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "certs/keeper.h"
#include "certs/names.h"
#include "tls/authority.h"
#include "tls/bundle.h"
#include "unit/store_api.h"

enum { MINUTE = 60, HOUR = 3600, DAY = 24 * HOUR };
static const int64_t start = 1800000000;
static const char namespace[] = "agkeeper-system";
static const char *const names[] = { "agkeeper.agkeeper-system.svc", NULL };
static const char *const crds[] = { "mssqlservers.kubedb.com", NULL };

#define SECRETS    "/api/v1/namespaces/agkeeper-system/secrets"
#define SECRET     SECRETS "/" KEEPER_SECRET
#define MUTATING   "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/agkeeper"
#define VALIDATING "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/agkeeper"
#define CRD        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/mssqlservers.kubedb.com"

static const char mutating[] =
        "{\"metadata\":{\"name\":\"agkeeper\"},\"webhooks\":["
        "{\"name\":\"a\",\"clientConfig\":{\"service\":{\"name\":\"agkeeper\",\"path\":\"/mutate\",\"port\":9443}}}]}";
static const char validating[] =
        "{\"metadata\":{\"name\":\"agkeeper\"},\"webhooks\":["
        "{\"name\":\"a\",\"clientConfig\":{\"service\":{\"name\":\"agkeeper\",\"path\":\"/validate\"}}},"
        "{\"name\":\"b\",\"clientConfig\":{\"service\":{\"name\":\"agkeeper\",\"path\":\"/handover\"}}}]}";
static const char crd[] = "{\"metadata\":{\"name\":\"mssqlservers.kubedb.com\"},\"spec\":{\"conversion\":{"
                          "\"strategy\":\"Webhook\",\"webhook\":{\"conversionReviewVersions\":[\"v1\"],"
                          "\"clientConfig\":{\"service\":{\"name\":\"agkeeper\",\"path\":\"/convert\"}}}}}}";

/* ---- One cluster, and replicas in it ---- */

struct replica {
	struct kube_client *client;
	struct keeper *keeper;
	struct identity served;
	int handed_over;
	bool refuse;
	pthread_mutex_t lock;
};

static int serve(void *context, const char *certificate, const char *key, struct error **err) {
	struct replica *replica = context;
	if (replica->refuse) return error_set(err, ERROR_INTERNAL, "the server does not want it");
	pthread_mutex_lock(&replica->lock);
	identity_free(&replica->served);
	replica->served = (struct identity){ xstrdup(certificate), xstrdup(key) };
	replica->handed_over++;
	pthread_mutex_unlock(&replica->lock);
	return 0;
}

static void begin(struct replica *replica, struct store_api *api, const char *webhook_url) {
	*replica = (struct replica){ .client = store_api_client(api, namespace) };
	pthread_mutex_init(&replica->lock, NULL);
	struct keeper_options options = {
		.client = replica->client,
		.namespace = namespace,
		.names = names,
		.injection = { .client = replica->client,
		               .configuration = "agkeeper",
		               .crds = crds,
		               .webhook_url = webhook_url },
		.serve = serve,
		.context = replica,
	};
	replica->keeper = keeper_new(&options);
}

static void end(struct replica *replica) {
	keeper_free(replica->keeper);
	kube_client_free(replica->client);
	identity_free(&replica->served);
	pthread_mutex_destroy(&replica->lock);
}

static void install(struct store_api *api) {
	store_api_put(api, MUTATING, mutating);
	store_api_put(api, VALIDATING, validating);
	store_api_put(api, CRD, crd);
}

static int set_up(void **state) {
	log_configure(LOG_FORMAT_TEXT, LOG_ERROR);
	struct store_api *api = store_api_new();
	install(api);
	*state = api;
	return 0;
}

static int tear_down(void **state) {
	store_api_free(*state);
	return 0;
}

/* What clients of the webhook at that place trust, as PEM; "" when nothing is injected. */
static char *trusted_at(struct store_api *api, const char *path, const char *pointer) {
	cleanup_json struct json_object *object = store_api_get(api, path);
	struct json_object *config = NULL;
	assert_int_equal(json_pointer_get(object, pointer, &config), 0);
	const char *encoded = json_get_text(config, "caBundle");
	if (encoded == NULL) return xstrdup("");
	unsigned char *bytes = NULL;
	size_t length = 0;
	assert_true(base64_decode(encoded, strlen(encoded), &bytes, &length));
	return (char *)bytes;
}

static const struct {
	const char *path;
	const char *pointer;
} clients[] = {
	{ MUTATING, "/webhooks/0/clientConfig" },
	{ VALIDATING, "/webhooks/0/clientConfig" },
	{ VALIDATING, "/webhooks/1/clientConfig" },
	{ CRD, "/spec/conversion/webhook/clientConfig" },
};

static bool every_client_accepts(struct store_api *api, const char *certificate, int64_t now) {
	for (size_t i = 0; i < ARRAY_LENGTH(clients); i++) {
		cleanup_free char *trusted = trusted_at(api, clients[i].path, clients[i].pointer);
		if (certificate_verify(certificate, trusted, names, now, NULL) < 0) return false;
	}
	return true;
}

static void stored_bundle(struct store_api *api, struct bundle *bundle) {
	cleanup_json struct json_object *secret = store_api_get(api, SECRET);
	bundle_from_data(bundle, json_get(secret, "data"));
}

static size_t writes(struct store_api *api) {
	return store_api_count(api, "POST", NULL) + store_api_count(api, "PUT", NULL) +
	       store_api_count(api, "PATCH", NULL);
}

/* ---- One replica ---- */

static void makes_publishes_and_serves(void **state) {
	struct store_api *api = *state;
	struct replica replica;
	begin(&replica, api, NULL);
	int64_t pause = keeper_round(replica.keeper, start);
	assert_in_range(pause, KEEPER_PAUSE_MS * 4 / 5, KEEPER_PAUSE_MS * 6 / 5);
	assert_int_equal(replica.handed_over, 1);
	assert_int_equal(identity_check(&replica.served, NULL), 0);
	assert_true(every_client_accepts(api, replica.served.certificate, start));

	cleanup_json struct json_object *secret = store_api_get(api, SECRET);
	assert_string_equal(json_get_text(secret, "type"), "kubernetes.io/tls");
	cleanup_bundle struct bundle bundle = { 0 };
	stored_bundle(api, &bundle);
	assert_true(identity_equal(&bundle.serving, &replica.served));

	struct keeper_status status = keeper_status(replica.keeper);
	assert_true(status.serving && status.published);
	assert_int_equal(status.serving_expires, start + SERVING_LIFETIME);
	assert_int_equal(status.authority_expires, start + CA_LIFETIME);
	assert_int_equal(status.last_success, start);
	end(&replica);
}

static void writes_nothing_when_nothing_differs(void **state) {
	struct store_api *api = *state;
	struct replica replica;
	begin(&replica, api, NULL);
	keeper_round(replica.keeper, start);
	size_t before = writes(api);
	assert_int_equal(before, 4); /* the Secret, two configurations, one CRD */
	for (int i = 1; i < 10; i++) keeper_round(replica.keeper, start + i * 10);
	assert_int_equal(writes(api), before);
	assert_int_equal(replica.handed_over, 1);
	/* And by name only: nothing is listed. */
	assert_int_equal(store_api_count(api, "GET", SECRETS), 0);
	end(&replica);
	/* A new process takes what is there. */
	begin(&replica, api, NULL);
	keeper_round(replica.keeper, start + 100);
	assert_int_equal(writes(api), before);
	assert_int_equal(replica.handed_over, 1);
	end(&replica);
}

static void puts_the_bundle_back(void **state) {
	struct store_api *api = *state;
	struct replica replica;
	begin(&replica, api, NULL);
	keeper_round(replica.keeper, start);
	install(api); /* kubectl replace -f manifests/ */
	assert_false(every_client_accepts(api, replica.served.certificate, start));
	keeper_round(replica.keeper, start + 10);
	assert_true(every_client_accepts(api, replica.served.certificate, start));
	end(&replica);
}

static void waits_for_an_installation_under_way(void **state) {
	struct store_api *api = *state;
	store_api_put(api, CRD, NULL);
	store_api_put(api, VALIDATING, NULL);
	struct replica replica;
	begin(&replica, api, NULL);
	assert_in_range(keeper_round(replica.keeper, start), 1, KEEPER_ABSENT_MS * 6 / 5);
	assert_int_equal(replica.handed_over, 1);
	install(api);
	assert_in_range(keeper_round(replica.keeper, start + 2), KEEPER_ABSENT_MS * 6 / 5, KEEPER_PAUSE_MS * 6 / 5);
	assert_true(every_client_accepts(api, replica.served.certificate, start + 2));
	end(&replica);
}

static void serves_on_while_the_api_is_away(void **state) {
	struct store_api *api = *state;
	struct replica replica;
	begin(&replica, api, NULL);
	keeper_round(replica.keeper, start);
	static const int how[] = { 0, 500, 503, 403 };
	for (size_t i = 0; i < ARRAY_LENGTH(how); i++) {
		store_api_fail(api, NULL, NULL, how[i], -1);
		int64_t last = 0;
		for (int round = 0; round < 6; round++) last = keeper_round(replica.keeper, start + HOUR);
		assert_in_range(last, KEEPER_PAUSE_MS * 4 / 5, KEEPER_PAUSE_MS * 6 / 5);
		assert_int_equal(replica.handed_over, 1);
		assert_false(keeper_status(replica.keeper).published);
		assert_true(keeper_status(replica.keeper).serving);
		store_api_fail(api, NULL, NULL, 0, 0);
		keeper_round(replica.keeper, start + HOUR);
		assert_true(keeper_status(replica.keeper).published);
	}
	assert_int_equal(keeper_status(replica.keeper).failures, 24);
	end(&replica);
}

static void begins_when_the_api_comes(void **state) {
	struct store_api *api = *state;
	store_api_fail(api, NULL, NULL, 503, -1);
	struct replica replica;
	begin(&replica, api, NULL);
	assert_in_range(keeper_round(replica.keeper, start), 1, KEEPER_RETRY_MS * 6 / 5);
	assert_int_equal(replica.handed_over, 0);
	store_api_fail(api, NULL, NULL, 0, 0);
	keeper_round(replica.keeper, start + 1);
	assert_int_equal(replica.handed_over, 1);
	end(&replica);
}

static void a_target_that_cannot_be_written_does_not_stop_the_others(void **state) {
	struct store_api *api = *state;
	store_api_fail(api, "PATCH", MUTATING, 403, -1);
	struct replica replica;
	begin(&replica, api, NULL);
	keeper_round(replica.keeper, start);
	assert_int_equal(replica.handed_over, 1);
	assert_false(keeper_status(replica.keeper).published);
	cleanup_free char *trusted = trusted_at(api, CRD, "/spec/conversion/webhook/clientConfig");
	assert_int_equal(certificate_verify(replica.served.certificate, trusted, names, start, NULL), 0);
	end(&replica);
}

static void a_server_that_refuses_is_asked_again(void **state) {
	struct store_api *api = *state;
	struct replica replica;
	begin(&replica, api, NULL);
	replica.refuse = true;
	keeper_round(replica.keeper, start);
	assert_false(keeper_status(replica.keeper).serving);
	replica.refuse = false;
	keeper_round(replica.keeper, start + 1);
	assert_int_equal(replica.handed_over, 1);
	end(&replica);
}

/* ---- Somebody else writes at the same time ---- */

struct meddler {
	struct store_api *api;
	const char *method;
	const char *path;
	const char *text; /* what it puts there; NULL: as it was, in a new version */
	int times;
};

static void meddle(void *context, const char *method, const char *path) {
	struct meddler *meddler = context;
	if (meddler->times == 0 || strcmp(method, meddler->method) != 0 || strcmp(path, meddler->path) != 0) return;
	meddler->times--;
	cleanup_json struct json_object *present = store_api_get(meddler->api, path);
	cleanup_free char *same = json_to_text(present);
	store_api_put(meddler->api, path, meddler->text != NULL ? meddler->text : same);
}

static void conflicts_are_read_again(void **state) {
	struct store_api *api = *state;
	struct replica replica;
	begin(&replica, api, NULL);
	/* The patch's "test" fails twice: the object has another version by the time it arrives. */
	struct meddler meddler = { .api = api, .method = "PATCH", .path = VALIDATING, .times = 2 };
	store_api_interfere(api, meddle, &meddler);
	keeper_round(replica.keeper, start);
	assert_int_equal(store_api_count(api, "PATCH", VALIDATING), 3);
	assert_true(every_client_accepts(api, replica.served.certificate, start));
	/* So does a renewal's PUT. */
	meddler = (struct meddler){ .api = api, .method = "PUT", .path = SECRET, .times = 3 };
	keeper_round(replica.keeper, start + 55 * DAY);
	assert_int_equal(store_api_count(api, "PUT", SECRET), 4);
	assert_int_equal(replica.handed_over, 2);
	store_api_interfere(api, NULL, NULL);
	end(&replica);
}

/* A webhook that is inserted between reading and patching must not get another one's place. */
static void indices_never_hit_another_webhook(void **state) {
	struct store_api *api = *state;
	static const char with_another[] =
	        "{\"metadata\":{\"name\":\"agkeeper\"},\"webhooks\":[{\"name\":\"no client\"},"
	        "{\"name\":\"a\",\"clientConfig\":{\"service\":{\"name\":\"agkeeper\",\"path\":\"/mutate\"}}}]}";
	struct meddler meddler = { .api = api, .method = "PATCH", .path = MUTATING, .text = with_another, .times = 1 };
	store_api_interfere(api, meddle, &meddler);
	struct replica replica;
	begin(&replica, api, NULL);
	keeper_round(replica.keeper, start);
	store_api_interfere(api, NULL, NULL);
	cleanup_free char *trusted = trusted_at(api, MUTATING, "/webhooks/1/clientConfig");
	assert_int_equal(certificate_verify(replica.served.certificate, trusted, names, start, NULL), 0);
	cleanup_json struct json_object *object = store_api_get(api, MUTATING);
	assert_null(json_get(json_object_array_get_idx(json_get(object, "webhooks"), 0), "clientConfig"));
	end(&replica);
}

/* ---- Several replicas ---- */

enum { REPLICAS = 3 };

static bool all_serve(struct replica *replicas) {
	bool all = true;
	for (int i = 0; i < REPLICAS; i++) {
		struct keeper_status status = keeper_status(replicas[i].keeper);
		all = all && status.serving && status.published;
	}
	return all;
}

static void replicas_that_start_at_once_agree(void **state) {
	struct store_api *api = *state;
	for (int again = 0; again < 8; again++) {
		store_api_put(api, SECRET, NULL);
		install(api);
		struct replica replicas[REPLICAS];
		for (int i = 0; i < REPLICAS; i++) begin(&replicas[i], api, NULL);
		for (int i = 0; i < REPLICAS; i++) assert_int_equal(keeper_start(replicas[i].keeper, NULL), 0);
		int64_t deadline = clock_monotonic_ms() + 60000;
		while (!all_serve(replicas) && clock_monotonic_ms() < deadline) poll(NULL, 0, 1);
		assert_true(all_serve(replicas));
		for (int i = 0; i < REPLICAS; i++) keeper_stop(replicas[i].keeper);
		cleanup_bundle struct bundle bundle = { 0 };
		stored_bundle(api, &bundle);
		for (int i = 0; i < REPLICAS; i++) {
			assert_true(identity_equal(&replicas[i].served, &bundle.serving));
			assert_int_equal(replicas[i].handed_over, 1);
			assert_true(every_client_accepts(api, replicas[i].served.certificate, clock_wall_seconds()));
			end(&replicas[i]);
		}
	}
}

/* All replicas at once, each on a thread, at the same simulated moment. */
struct round {
	struct replica *replica;
	int64_t now;
};

static void *do_round(void *context) {
	struct round *round = context;
	keeper_round(round->replica->keeper, round->now);
	return NULL;
}

static void rounds_at_once(struct replica *replicas, int64_t now) {
	pthread_t threads[REPLICAS];
	struct round rounds[REPLICAS];
	for (int i = 0; i < REPLICAS; i++) {
		rounds[i] = (struct round){ &replicas[i], now };
		assert_int_equal(pthread_create(&threads[i], NULL, do_round, &rounds[i]), 0);
	}
	for (int i = 0; i < REPLICAS; i++) pthread_join(threads[i], NULL);
}

static void assert_all_accepted(struct store_api *api, struct replica *replicas, int64_t now) {
	for (int i = 0; i < REPLICAS; i++) {
		assert_int_equal(identity_check(&replicas[i].served, NULL), 0);
		assert_true(every_client_accepts(api, replicas[i].served.certificate, now));
	}
}

/* The API server fails now and then, and somebody applies the manifests anew: no client ever refuses a replica. */
static void replicas_rotate_together(void **state) {
	struct store_api *api = *state;
	struct replica replicas[REPLICAS];
	for (int i = 0; i < REPLICAS; i++) begin(&replicas[i], api, NULL);
	unsigned seed = 7;
	int64_t now = start;
	rounds_at_once(replicas, now);
	rounds_at_once(replicas, now + 1);
	cleanup_free char *first = xstrdup(replicas[0].served.certificate);
	int authorities = 0;
	cleanup_free char *authority = xstrdup("");
	while (now < start + 260 * DAY) {
		int watchful = 15;
		now += 10 * DAY + rand_r(&seed) % (10 * DAY);
		while (watchful-- > 0) {
			bool away = rand_r(&seed) % 4 == 0;
			if (away) store_api_fail(api, NULL, NULL, rand_r(&seed) % 2 ? 500 : 0, rand_r(&seed) % 8);
			rounds_at_once(replicas, now);
			store_api_fail(api, NULL, NULL, 0, 0);
			assert_all_accepted(api, replicas, now);
			now += 1 + rand_r(&seed) % (10 * MINUTE);
			cleanup_bundle struct bundle bundle = { 0 };
			stored_bundle(api, &bundle);
			if (bundle.next.certificate == NULL && watchful < 12 && !away) break;
			if (strcmp(authority, bundle.current.certificate) == 0) continue;
			authorities++;
			free(authority);
			authority = xstrdup(bundle.current.certificate);
		}
	}
	assert_int_equal(authorities, 2);
	for (int i = 0; i < REPLICAS; i++) {
		assert_true(replicas[i].handed_over >= 4);
		assert_string_not_equal(replicas[i].served.certificate, first);
		end(&replicas[i]);
	}
}

/* ---- The Secret in other hands ---- */

static void data_of_strangers_stays(void **state) {
	struct store_api *api = *state;
	store_api_put(api, SECRET,
	              "{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"metadata\":{\"name\":\"agkeeper-serving-cert\","
	              "\"namespace\":\"agkeeper-system\",\"annotations\":{\"theirs\":\"yes\"}},"
	              "\"type\":\"Opaque\",\"data\":{\"theirs\":\"AAAA\",\"tls.crt\":\"aGVsbG8=\"}}");
	struct replica replica;
	begin(&replica, api, NULL);
	keeper_round(replica.keeper, start);
	assert_int_equal(replica.handed_over, 1);
	keeper_round(replica.keeper, start + 60 * DAY); /* a renewal leaves it too */
	assert_int_equal(replica.handed_over, 2);
	cleanup_json struct json_object *secret = store_api_get(api, SECRET);
	assert_string_equal(json_get_text(json_get(secret, "data"), "theirs"), "AAAA");
	assert_string_equal(json_get_text(secret, "type"), "Opaque");
	assert_string_equal(json_get_text(json_get_path(secret, "metadata", "annotations", NULL), "theirs"), "yes");
	end(&replica);
}

static void a_secret_without_data(void **state) {
	struct store_api *api = *state;
	store_api_put(api, SECRET,
	              "{\"metadata\":{\"name\":\"agkeeper-serving-cert\",\"namespace\":\"agkeeper-system\"}}");
	struct replica replica;
	begin(&replica, api, NULL);
	keeper_round(replica.keeper, start);
	assert_int_equal(replica.handed_over, 1);
	assert_true(every_client_accepts(api, replica.served.certificate, start));
	end(&replica);
}

static void a_damaged_secret_is_restored_from_memory(void **state) {
	struct store_api *api = *state;
	struct replica replica;
	begin(&replica, api, NULL);
	keeper_round(replica.keeper, start);
	cleanup_json struct json_object *good = store_api_get(api, SECRET);
	static const char *const keys[] = { "ca.crt", "ca.key", "tls.crt", "tls.key" };
	for (size_t i = 0; i < ARRAY_LENGTH(keys); i++) {
		cleanup_json struct json_object *damaged = store_api_get(api, SECRET);
		json_set_text(json_get(damaged, "data"), keys[i], "aGVsbG8=");
		cleanup_free char *text = json_to_text(damaged);
		store_api_put(api, SECRET, text);
		keeper_round(replica.keeper, start + 10);
		cleanup_json struct json_object *now = store_api_get(api, SECRET);
		assert_true(json_object_equal(json_get(now, "data"), json_get(good, "data")));
	}
	assert_int_equal(replica.handed_over, 1);
	end(&replica);
}

static void a_deleted_secret_brings_a_new_ca_without_a_gap(void **state) {
	struct store_api *api = *state;
	struct replica replicas[REPLICAS];
	for (int i = 0; i < REPLICAS; i++) begin(&replicas[i], api, NULL);
	rounds_at_once(replicas, start);
	cleanup_bundle struct bundle before = { 0 };
	stored_bundle(api, &before);
	store_api_put(api, SECRET, NULL);
	cleanup_bundle struct bundle after = { 0 };
	for (int64_t now = start + 10; now < start + HOUR + 20 * MINUTE; now += 6 * MINUTE) {
		rounds_at_once(replicas, now);
		assert_all_accepted(api, replicas, now);
		if (now > start + HOUR) continue;
		stored_bundle(api, &after);
		assert_string_equal(after.current.certificate, before.current.certificate);
		assert_non_null(after.next.certificate);
	}
	stored_bundle(api, &after);
	assert_string_not_equal(after.current.certificate, before.current.certificate);
	for (int i = 0; i < REPLICAS; i++) {
		assert_true(identity_equal(&replicas[i].served, &after.serving));
		end(&replicas[i]);
	}
}

/* Somebody puts another, valid Secret in place (a backup): what is served stays trusted until every replica has moved.
 */
static void another_secret_is_taken_up_without_a_gap(void **state) {
	struct store_api *api = *state;
	struct replica other;
	begin(&other, api, NULL);
	keeper_round(other.keeper, start);
	cleanup_json struct json_object *backup = store_api_get(api, SECRET);
	cleanup_free char *backup_text = json_to_text(backup);
	end(&other);
	store_api_put(api, SECRET, NULL);
	install(api);

	struct replica replica;
	begin(&replica, api, NULL);
	keeper_round(replica.keeper, start);
	store_api_put(api, SECRET, backup_text);
	cleanup_bundle struct bundle restored = { 0 };
	bundle_from_data(&restored, json_get(backup, "data"));
	cleanup_free char *first = xstrdup(replica.served.certificate);
	for (int64_t now = start + 10; now <= start + 20 + KEEPER_SETTLE; now += 10) {
		keeper_round(replica.keeper, now);
		assert_true(every_client_accepts(api, replica.served.certificate, now));
		assert_true(every_client_accepts(api, restored.serving.certificate, now));
		if (now < start + 10 + KEEPER_SETTLE) assert_string_equal(replica.served.certificate, first);
	}
	assert_string_equal(replica.served.certificate, restored.serving.certificate);
	end(&replica);
}

/* ---- Outside of the cluster ---- */

static void assert_url(struct store_api *api, const char *path, const char *pointer, const char *url) {
	cleanup_json struct json_object *object = store_api_get(api, path);
	struct json_object *config = NULL;
	assert_int_equal(json_pointer_get(object, pointer, &config), 0);
	assert_string_equal(json_get_text(config, "url"), url);
	assert_null(json_get(config, "service"));
	assert_non_null(json_get(config, "caBundle"));
}

static void writes_urls_in_place_of_services(void **state) {
	struct store_api *api = *state;
	struct replica replica;
	begin(&replica, api, "https://127.0.0.1:9443/");
	keeper_round(replica.keeper, start);
	assert_url(api, MUTATING, "/webhooks/0/clientConfig", "https://127.0.0.1:9443/mutate");
	assert_url(api, VALIDATING, "/webhooks/0/clientConfig", "https://127.0.0.1:9443/validate");
	assert_url(api, VALIDATING, "/webhooks/1/clientConfig", "https://127.0.0.1:9443/handover");
	assert_url(api, CRD, "/spec/conversion/webhook/clientConfig", "https://127.0.0.1:9443/convert");
	size_t before = writes(api);
	keeper_round(replica.keeper, start + 10);
	assert_int_equal(writes(api), before);
	end(&replica);
	/* Another time at another place, below a path. */
	begin(&replica, api, "https://[::1]:8443/hooks");
	keeper_round(replica.keeper, start + 20);
	assert_url(api, MUTATING, "/webhooks/0/clientConfig", "https://[::1]:8443/hooks/mutate");
	end(&replica);
	begin(&replica, api, "https://127.0.0.1:9443");
	keeper_round(replica.keeper, start + 30);
	assert_url(api, MUTATING, "/webhooks/0/clientConfig", "https://127.0.0.1:9443/mutate");
	end(&replica);
}

static void patches_are_minimal(void **state) {
	(void)state;
	cleanup_json struct json_object *object = json_tokener_parse(validating);
	assert_null(injection_patch(json_get(object, "metadata"), "QUJD", NULL)); /* nothing of ours */
	json_set_text(json_get(object, "metadata"), "resourceVersion", "7");
	cleanup_json struct json_object *both = injection_patch(object, "QUJD", NULL);
	cleanup_free char *text = json_to_text(both);
	assert_string_equal(text,
	                    "[{\"op\":\"test\",\"path\":\"/metadata/resourceVersion\",\"value\":\"7\"},"
	                    "{\"op\":\"add\",\"path\":\"/webhooks/0/clientConfig/caBundle\",\"value\":\"QUJD\"},"
	                    "{\"op\":\"add\",\"path\":\"/webhooks/1/clientConfig/caBundle\",\"value\":\"QUJD\"}]");
	struct json_object *first = json_object_array_get_idx(json_get(object, "webhooks"), 0);
	json_set_text(json_get(first, "clientConfig"), "caBundle", "QUJD");
	cleanup_json struct json_object *one = injection_patch(object, "QUJD", NULL);
	assert_int_equal(json_object_array_length(one), 2);
	struct json_object *second = json_object_array_get_idx(json_get(object, "webhooks"), 1);
	json_set_text(json_get(second, "clientConfig"), "caBundle", "QUJD");
	assert_null(injection_patch(object, "QUJD", NULL));
	/* A CRD that is not converted by a webhook is left alone. */
	cleanup_json struct json_object *none =
	        json_tokener_parse("{\"metadata\":{},\"spec\":{\"conversion\":{\"strategy\":\"None\"}}}");
	assert_null(injection_patch(none, "QUJD", NULL));
	assert_null(injection_patch(none, "QUJD", "https://127.0.0.1"));
}

/* ---- Names ---- */

static void names_to_serve(void **state) {
	(void)state;
	static const struct {
		const char *url;
		const char *host; /* NULL: the URL is refused */
	} cases[] = {
		{ "https://127.0.0.1:9443", "127.0.0.1" },
		{ "https://[::1]:9443/x", "::1" },
		{ "https://host.example", "host.example" },
		{ "http://127.0.0.1", NULL },
		{ "127.0.0.1:9443", NULL },
		{ "https://", NULL },
		{ "https://user@127.0.0.1", NULL },
		{ "https://127.0.0.1/?a=b", NULL },
		{ "https://127.0.0.1/#a", NULL },
		{ "", NULL },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		cleanup_serving_names char **list = NULL;
		cleanup_error struct error *err = NULL;
		int result = serving_names("agkeeper", "ns", cases[i].url, &list, &err);
		assert_int_equal(result, cases[i].host != NULL ? 0 : -1);
		if (result < 0) assert_non_null(strstr(err->message, cases[i].url));
		else assert_string_equal(list[3], cases[i].host);
	}
	cleanup_serving_names char **list = NULL;
	assert_int_equal(serving_names("agkeeper", "ns", NULL, &list, NULL), 0);
	assert_string_equal(list[0], "agkeeper.ns.svc");
	assert_string_equal(list[1], "agkeeper.ns.svc.cluster.local");
	assert_null(list[3]);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(makes_publishes_and_serves, set_up, tear_down),
		cmocka_unit_test_setup_teardown(writes_nothing_when_nothing_differs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(puts_the_bundle_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(waits_for_an_installation_under_way, set_up, tear_down),
		cmocka_unit_test_setup_teardown(serves_on_while_the_api_is_away, set_up, tear_down),
		cmocka_unit_test_setup_teardown(begins_when_the_api_comes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_target_that_cannot_be_written_does_not_stop_the_others, set_up,
		                                tear_down),
		cmocka_unit_test_setup_teardown(a_server_that_refuses_is_asked_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(conflicts_are_read_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(indices_never_hit_another_webhook, set_up, tear_down),
		cmocka_unit_test_setup_teardown(replicas_that_start_at_once_agree, set_up, tear_down),
		cmocka_unit_test_setup_teardown(replicas_rotate_together, set_up, tear_down),
		cmocka_unit_test_setup_teardown(data_of_strangers_stays, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_secret_without_data, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_damaged_secret_is_restored_from_memory, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_deleted_secret_brings_a_new_ca_without_a_gap, set_up, tear_down),
		cmocka_unit_test_setup_teardown(another_secret_is_taken_up_without_a_gap, set_up, tear_down),
		cmocka_unit_test_setup_teardown(writes_urls_in_place_of_services, set_up, tear_down),
		cmocka_unit_test(patches_are_minimal),
		cmocka_unit_test(names_to_serve),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
