/* The server while reviews wait for the API, and when it stops. */
#include "webhook_clients.h"

/* ---- Reviews that wait for the API ---- */

/* A cluster whose live reads wait until the test lets them go. */
struct gate {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool open;
	int waiting;
};

static enum lookup_result get_through_gate(void *context, enum lookup_resource resource, const char *namespace,
                                           const char *name, const struct json_object **object,
                                           struct findings *findings) {
	struct lookup_session *session = context;
	struct gate *gate = session->state;
	(void)resource;
	(void)namespace;
	(void)object;
	if (!session->live) {
		session->needs_live = true;
		if (findings->failure == NULL) findings->failure = xstrdup("not in the cache");
		return LOOKUP_FAILED;
	}
	pthread_mutex_lock(&gate->lock);
	gate->waiting++;
	pthread_cond_broadcast(&gate->changed);
	while (!gate->open) pthread_cond_wait(&gate->changed, &gate->lock);
	gate->waiting--;
	pthread_mutex_unlock(&gate->lock);
	return strcmp(name, "known") == 0 ? LOOKUP_FOUND : LOOKUP_ABSENT;
}

static void begin_gate(void *context, bool live, struct lookup_session *session) {
	*session = (struct lookup_session){ .lookup = { .context = session, .get = get_through_gate },
		                            .live = live,
		                            .state = context };
}

static void end_gate(struct lookup_session *session) {
	(void)session;
}

static void open_gate(struct gate *gate) {
	pthread_mutex_lock(&gate->lock);
	gate->open = true;
	pthread_cond_broadcast(&gate->changed);
	pthread_mutex_unlock(&gate->lock);
}

static void wait_for_waiting(struct gate *gate, int count) {
	pthread_mutex_lock(&gate->lock);
	while (gate->waiting < count) pthread_cond_wait(&gate->changed, &gate->lock);
	pthread_mutex_unlock(&gate->lock);
}

#define GATE \
	{ .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER }

/* A request made on a thread of its own. */
struct background {
	const struct fixture *fixture;
	const char *body;
	struct reply reply;
	pthread_t thread;
};

static void *post_in_background(void *argument) {
	struct background *background = argument;
	CURL *curl = client();
	background->reply = post(curl, background->fixture, "/validate", background->body);
	curl_easy_cleanup(curl);
	return NULL;
}

static void start_background(struct background *background, const struct fixture *fixture, const char *body) {
	*background = (struct background){ .fixture = fixture, .body = body };
	assert_int_equal(pthread_create(&background->thread, NULL, post_in_background, background), 0);
}

#define KNOWN   CREATE("\"size\":3,\"color\":\"blue\",\"version\":\"known\"")
#define UNKNOWN CREATE("\"size\":3,\"color\":\"blue\",\"version\":\"unknown\"")

static void a_review_that_waits_blocks_nobody(void **state) {
	(void)state;
	struct gate gate = GATE;
	const struct lookup_provider provider = { &gate, begin_gate, end_gate };
	struct fixture fixture;
	start(&fixture, (struct server_config){ .lookups = &provider, .threads = 1, .workers = 1, .max_waiting = 1 });
	struct background running, queued;
	start_background(&running, &fixture, KNOWN);
	wait_for_waiting(&gate, 1);
	CURL *curl = client();
	/* The only network thread is free. */
	cleanup_reply struct reply meanwhile = post(curl, &fixture, "/validate", GOOD);
	assert_allowed(&meanwhile);

	/* One more may wait; the one after it is sent away. Which is which depends on who comes first. */
	start_background(&queued, &fixture, UNKNOWN);
	int64_t deadline = clock_monotonic_ms() + PATIENCE_MS;
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 1000L);
	for (;;) {
		cleanup_reply struct reply full = post(curl, &fixture, "/validate", KNOWN);
		if (full.code == CURLE_OK) {
			assert_status(&full, 503, "try again");
			break;
		}
		assert_true(clock_monotonic_ms() < deadline);
	}
	open_gate(&gate);
	pthread_join(running.thread, NULL);
	pthread_join(queued.thread, NULL);
	assert_allowed(&running.reply);
	if (queued.reply.status == 200) assert_non_null(strstr(queued.reply.body.data, "no such version"));
	else assert_int_equal(queued.reply.status, 503);
	reply_free(&running.reply);
	reply_free(&queued.reply);
	curl_easy_cleanup(curl);
	stop(&fixture);
}

static void *stop_in_background(void *fixture) {
	stop(fixture);
	return NULL;
}

static void a_stop_finishes_what_is_in_flight(void **state) {
	(void)state;
	struct gate gate = GATE;
	const struct lookup_provider provider = { &gate, begin_gate, end_gate };
	struct fixture fixture;
	start(&fixture, (struct server_config){ .lookups = &provider, .request_timeout_ms = 1000 });
	int port = server_port(fixture.server);
	/* An idle connection must not hold the stop up. */
	CURL *idle = client();
	cleanup_reply struct reply first = post(idle, &fixture, "/validate", GOOD);
	assert_allowed(&first);
	struct background running;
	start_background(&running, &fixture, KNOWN);
	wait_for_waiting(&gate, 1);

	pthread_t stopper;
	assert_int_equal(pthread_create(&stopper, NULL, stop_in_background, &fixture), 0);
	/* No new connections from here on. */
	int64_t deadline = clock_monotonic_ms() + PATIENCE_MS;
	const struct sockaddr_in address = { .sin_family = AF_INET,
		                             .sin_port = htons((uint16_t)port),
		                             .sin_addr = { htonl(INADDR_LOOPBACK) } };
	for (int refused = 0; !refused;) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		refused = connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0;
		close(fd);
		assert_true(clock_monotonic_ms() < deadline);
	}
	open_gate(&gate);
	pthread_join(running.thread, NULL);
	assert_allowed(&running.reply);
	assert_non_null(strcasestr(running.reply.headers.data, "Connection: close\r\n"));
	pthread_join(stopper, NULL);
	reply_free(&running.reply);
	curl_easy_cleanup(idle);
}

static void a_stop_gives_up_at_its_deadline(void **state) {
	(void)state;
	struct fixture fixture;
	start(&fixture, (struct server_config){ .request_timeout_ms = 1000000 });
	/* A request that is never completed. */
	struct raw raw = raw_open(&fixture);
	raw_send(&raw, "POST /validate HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
	               "Content-Length: 10\r\n\r\n");
	server_drain(fixture.server, 10);
	assert_true(server_is_alive(fixture.server));
	server_stop(fixture.server, 50);
	assert_closed(raw.fd);
	raw_close(&raw);
	metrics_free(fixture.metrics);
	pair_free(&fixture.pair);
}

int main(void) {
	curl_global_init(CURL_GLOBAL_ALL);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_review_that_waits_blocks_nobody),
		cmocka_unit_test(a_stop_finishes_what_is_in_flight),
		cmocka_unit_test(a_stop_gives_up_at_its_deadline),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	curl_global_cleanup();
	return failed;
}
