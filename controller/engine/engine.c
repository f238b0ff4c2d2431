#include "controller/engine/engine.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "controller/engine/engine_private.h"

enum {
	STEP_MS = 1000,    /* the loop is left at least this often */
	TURN_MS = 20,      /* of work, before the loop gets its turn */
	RELEASE_MS = 3000, /* to give the Lease back */
	SPARES_MAX = 224,  /* threads more, while servers do not answer */
	TRIM_MS = 60000,   /* between returns of freed memory */
};

#define LEASE_NAME "agkeeper"

/* ---- Leading ---- */

static void begin_tenure(struct engine *engine) {
	free(engine->tenure);
	engine->tenures++;
	engine->tenure = xasprintf("%s_%08x%08x", engine->options.identity, arc4random(), arc4random());
	atomic_store(&engine->leading, true);
	metric_set(metric_cell(engine->metrics.leading, NULL), 1);
	log_info("reconciling", log_str("identity", engine->tenure));
	follow_add_all(engine);
}

/* Sessions end at once, and with them what they were doing; what is under way in the API fails on its resourceVersion
 * if it comes too late. */
static void end_tenure(struct engine *engine) {
	if (engine->tenure == NULL) return;
	log_info("not reconciling any more", log_str("identity", engine->tenure));
	free(engine->tenure);
	engine->tenure = NULL;
	atomic_store(&engine->leading, false);
	metric_set(metric_cell(engine->metrics.leading, NULL), 0);
	managed_forget_all(engine);
	if (engine->workshop != NULL) workshop_clear(engine->workshop);
}

static void on_lease(void *context, bool leading) {
	struct engine *engine = context;
	if (leading) begin_tenure(engine);
	else end_tenure(engine);
}

bool engine_is_leading(const struct engine *engine) {
	return atomic_load(&engine->leading);
}

/* ---- Requests ---- */

struct question {
	struct engine *engine;
	kube_done *then;
	void *what;
};

static void on_answer(void *context, struct json_object *answer, const struct error *err) {
	struct question *question = context;
	question->engine->requests--;
	question->then(question->what, answer, err);
	free(question);
}

/* Who asks again does so with the time that the renewed Lease gives. */
static int64_t patience_ms(const struct engine *engine) {
	int64_t left = lease_keeper_left_ms(engine->lease);
	if (left > KUBE_TIMEOUT_MS) return KUBE_TIMEOUT_MS;
	return left > 0 ? left : 1;
}

void engine_request(struct engine *engine, const struct kube_request *request, kube_done *then, void *what) {
	struct kube_request limited = *request;
	struct question *question = xmalloc(sizeof(*question));
	*question = (struct question){ engine, then, what };
	limited.timeout_ms = patience_ms(engine);
	engine->requests++;
	kube_loop_submit(engine->options.loop, &limited, on_answer, question);
}

/* ---- Pauses ---- */

struct pause {
	struct pause *next;
	int64_t at;
	struct managed *managed;
	void (*then)(void *what);
	void *what;
};

void engine_after(struct managed *managed, int64_t ms, void (*then)(void *what), void *what) {
	struct engine *engine = managed->engine;
	struct pause *pause = xmalloc(sizeof(*pause));
	*pause = (struct pause){ engine->pauses, clock_monotonic_ms() + ms, managed, then, what };
	engine->pauses = pause;
	managed_hold(managed);
}

/* Returns when the next one is over. */
static int64_t end_pauses(struct engine *engine, int64_t now) {
	int64_t next = INT64_MAX;
	struct pause *pause = engine->pauses;
	engine->pauses = NULL;
	while (pause != NULL) {
		struct pause *current = pause;
		pause = pause->next;
		if (current->at > now) {
			if (current->at < next) next = current->at;
			current->next = engine->pauses;
			engine->pauses = current;
			continue;
		}
		struct managed *managed = current->managed;
		current->then(current->what);
		free(current);
		managed_release(managed);
	}
	return next;
}

/* ---- The thread ---- */

/* Looks at what is due, for a while; whether something is left. */
static bool work(struct engine *engine) {
	int64_t until = clock_monotonic_ms() + TURN_MS;
	for (;;) {
		bool is_full = engine->requests >= REQUESTS_MAX;
		cleanup_free char *key = is_full ? queue_take_urgent(engine->queue) : queue_take(engine->queue);
		if (key == NULL) return false;
		reconcile(engine, key);
		queue_done(engine->queue, key);
		if (clock_monotonic_ms() >= until) return true;
	}
}

static int64_t wait_ms(struct engine *engine, int64_t until) {
	bool is_full = engine->requests >= REQUESTS_MAX && !queue_has_urgent(engine->queue);
	int64_t wait = is_full ? STEP_MS : queue_wait_ms(engine->queue);
	int64_t left = until - clock_monotonic_ms();
	if (wait < 0 || wait > STEP_MS) wait = STEP_MS;
	if (left < wait) wait = left > 0 ? left : 0;
	return wait;
}

/* glibc gives back only what lies at the end of its heaps. After all objects were looked at at once, a third of them is
 * holes. */
static void return_memory(struct engine *engine, int64_t now) {
#ifdef __GLIBC__
	if (now - engine->trimmed_at < TRIM_MS) return;
	engine->trimmed_at = now;
	malloc_trim(0);
#else
	(void)engine, (void)now;
#endif
}

static void turn(struct engine *engine) {
	sql_pool_deliver(engine->pool);
	sql_streams_deliver(engine->streams);
	workshop_deliver(engine->workshop);
	int64_t now = clock_monotonic_ms();
	int64_t until = end_pauses(engine, now);
	int64_t discovery = discovery_tick(engine, now);
	if (discovery < until) until = discovery;
	bool has_more = work(engine);
	if (!has_more) return_memory(engine, now);
	metric_set(metric_cell(engine->metrics.requests, NULL), engine->requests);
	kube_loop_step(engine->options.loop, has_more ? 0 : wait_ms(engine, until));
}

/* on_lease tells the thread. */
void engine_resign(struct engine *engine) {
	if (engine != NULL) lease_keeper_release(engine->lease);
}

static void *run(void *context) {
	struct engine *engine = context;
	while (!atomic_load(&engine->stopping)) turn(engine);
	end_tenure(engine);
	engine_resign(engine);
	int64_t until = clock_monotonic_ms() + RELEASE_MS;
	while (!lease_keeper_is_released(engine->lease) && clock_monotonic_ms() < until)
		kube_loop_step(engine->options.loop, 100);
	return NULL;
}

static void wake(void *context) {
	struct engine *engine = context;
	kube_loop_wake(engine->options.loop);
}

/* ---- Beginning and end ---- */

struct engine *engine_new(const struct engine_options *options, struct error **err) {
	struct sql_library *library = sql_library_new(&(struct sql_library_options){ 0 }, err);
	if (library == NULL) return NULL;
	struct engine *engine = xcalloc(1, sizeof(*engine));
	engine->options = *options;
	engine->library = library;
	engine->pool = sql_pool_new(
	        library, &(struct sql_pool_options){ .spares_max = SPARES_MAX, .wake = wake, .context = engine });
	engine->streams =
	        sql_streams_new(engine->pool, &(struct sql_streams_options){ .wake = wake, .context = engine });
	engine->workshop = workshop_new(&(struct workshop_options){ .wake = wake, .context = engine });
	engine->metrics = engine_metrics_new(options->metrics);
	engine->queue = queue_new(&(struct queue_options){
	        .name = "objects", .metrics = options->metrics, .wake = wake, .context = engine });
	engine->recorder = event_recorder_new(options->loop, &(struct event_recorder_options){
	                                                             .component = LEASE_NAME,
	                                                             .instance = options->identity,
	                                                             .metrics = options->metrics,
	                                                     });
	engine->lease = lease_keeper_new(options->loop, &(struct lease_keeper_options){
	                                                        .namespace = options->namespace,
	                                                        .name = LEASE_NAME,
	                                                        .identity = options->identity,
	                                                        .on_change = on_lease,
	                                                        .context = engine,
	                                                        .times = options->lease_times,
	                                                });
	follow_start(engine);
	return engine;
}

int engine_start(struct engine *engine, struct error **err) {
	int failed = pthread_create(&engine->thread, NULL, run, engine);
	if (failed != 0) return error_errno(err, failed, "the controller's thread");
	engine->has_thread = true;
	return 0;
}

static void end_sessions(struct engine *engine) {
	if (engine->pool == NULL) return;
	sql_streams_free(engine->streams);
	sql_pool_free(engine->pool);
	workshop_free(engine->workshop);
	engine->pool = NULL;
	engine->workshop = NULL;
}

void engine_stop(struct engine *engine) {
	if (engine == NULL) return;
	atomic_store(&engine->stopping, true);
	wake(engine);
	if (engine->has_thread) pthread_join(engine->thread, NULL);
	engine->has_thread = false;
	end_tenure(engine);
	end_sessions(engine);
}

void engine_free(struct engine *engine) {
	if (engine == NULL) return;
	end_pauses(engine, INT64_MAX);
	end_sessions(engine);
	sql_library_free(engine->library);
	queue_free(engine->queue);
	free(engine->followings);
	free(engine->tenure);
	free(engine);
}
