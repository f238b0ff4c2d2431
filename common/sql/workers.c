#include "sql/workers.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "sql/session_private.h"
#include "sql/workers_private.h"

enum {
	THREADS_MAX = 32,
	LONG_MS = 500,           /* who has not answered by then is not about to */
	STACK_BYTES = 512 * 1024 /* a TLS handshake fits many times */
};

struct request {
	struct request *next;
	char *text;
	struct sql_batch batch;
	int64_t deadline_ms;
	sql_done *done;
	void *context;
	struct sql_results results;
	struct error *err; /* NULL: results */
	/* A batch that is only started: */
	sql_started *started; /* NULL: one that is run */
	char *before;
	struct sql_session *session;
};
struct requests {
	struct request *first, **end;
};

struct sql_client {
	struct sql_pool *pool;
	char *host, *user, *password;
	int port;
	struct sql_session *session; /* used by the worker that runs the client, cancelled by others under the mutex */
	struct requests waiting;
	bool is_running, is_queued, is_freed;
	bool is_suspect; /* its server did not answer the last time */
	bool wants_reset;
	int64_t running_since;
	struct sql_client *next_running, **running_place;
	struct sql_client *next_ready;
	struct sql_client *next, **place; /* all of the pool */
};

struct sql_pool {
	struct sql_library *library;
	struct sql_pool_options options;
	pthread_mutex_t mutex;
	pthread_cond_t work;
	pthread_t *threads;
	int thread_count, idle_count, suspects_running;
	bool ends;
	struct ready {
		struct sql_client *first, **end;
	} ready[2]; /* those with something to run, in order; urgent ones before the others */
	int ready_count;
	struct sql_client *clients;
	struct sql_client *running, **running_end; /* those that are, the one that began first first */
	struct requests over;
};

/* ---- lists ---- */

static void push(struct requests *list, struct request *request) {
	if (list->first == NULL) list->end = &list->first;
	request->next = NULL;
	*list->end = request;
	list->end = &request->next;
}

static struct request *pop(struct requests *list) {
	struct request *request = list->first;
	if (request != NULL) list->first = request->next;
	return request;
}

static void wipe_free(char *text) {
	if (text != NULL) explicit_bzero(text, strlen(text));
	free(text);
}

static void request_free(struct request *request) {
	if (request->batch.is_secret) wipe_free(request->text);
	else free(request->text);
	free(request->before);
	sql_results_free(&request->results);
	error_free(request->err);
	free(request);
}

/* With the mutex held. Returns whether the loop must be woken: it has not been since it last looked. */
static bool report(struct sql_pool *pool, struct request *request) {
	bool was_empty = pool->over.first == NULL;
	push(&pool->over, request);
	return was_empty;
}

static void wake(struct sql_pool *pool, bool needed) {
	if (needed && pool->options.wake != NULL) pool->options.wake(pool->options.context);
}

/* ---- workers ---- */

/* With the mutex held. */
static void enqueue(struct sql_client *client) {
	struct sql_pool *pool = client->pool;
	if (client->is_queued || client->is_running) return;
	bool is_urgent = client->waiting.first != NULL && client->waiting.first->batch.is_urgent;
	struct ready *ready = &pool->ready[is_urgent ? 0 : 1];
	client->next_ready = NULL;
	client->is_queued = true;
	*ready->end = client;
	ready->end = &client->next_ready;
	pool->ready_count++;
}

static int suspects_allowed(const struct sql_pool *pool) {
	return pool->options.threads_max > 1 ? pool->options.threads_max / 2 : 1;
}

static struct sql_client *take_from(struct sql_pool *pool, struct ready *ready) {
	for (struct sql_client **place = &ready->first; *place != NULL; place = &(*place)->next_ready) {
		struct sql_client *client = *place;
		bool waits =
		        client->is_suspect && !client->is_freed && pool->suspects_running >= suspects_allowed(pool);
		if (waits) continue;
		*place = client->next_ready;
		if (*place == NULL) ready->end = place;
		pool->ready_count--;
		client->is_queued = false;
		return client;
	}
	return NULL;
}

/* With the mutex held: the next client that may be run now; NULL: none. */
static struct sql_client *take_ready(struct sql_pool *pool) {
	struct sql_client *client = take_from(pool, &pool->ready[0]);
	return client != NULL ? client : take_from(pool, &pool->ready[1]);
}

/* The connection as the next statement needs it. On a worker, without the mutex. */
static int prepare(struct sql_client *client, const char *password, struct error **err) {
	if (client->session != NULL && sql_session_is_usable(client->session)) return 0;
	struct sql_pool *pool = client->pool;
	const struct sql_target target = { client->host, client->port, client->user, password };
	struct sql_session *lost = client->session;
	pthread_mutex_lock(&pool->mutex);
	client->session = NULL;
	pthread_mutex_unlock(&pool->mutex);
	sql_session_close(lost);
	struct sql_session *session = sql_session_open(pool->library, &target, err);
	if (session == NULL) return -1;
	pthread_mutex_lock(&pool->mutex);
	client->session = session;
	if (client->is_freed || pool->ends || client->wants_reset) sql_session_cancel(session);
	pthread_mutex_unlock(&pool->mutex);
	return 0;
}

static void run_request(struct sql_client *client, struct request *request, const char *password) {
	if (clock_monotonic_ms() >= request->deadline_ms) {
		error_set_code(&request->err, ERROR_TIMEOUT, SQL_NOT_TRIED, "no worker was free within %lld ms",
		               (long long)request->batch.timeout_ms);
		return;
	}
	/* Waiting for a worker was not the server's fault. What changes something keeps to its time all the same. */
	if (!request->batch.is_changing) request->deadline_ms = clock_monotonic_ms() + request->batch.timeout_ms;
	if (prepare(client, password, &request->err) != 0) {
		if (request->err->code == 0) request->err->code = SQL_NOT_SENT;
		return;
	}
	int64_t left = request->deadline_ms - clock_monotonic_ms();
	if (left <= 0) {
		error_set_code(&request->err, ERROR_TIMEOUT, SQL_NOT_SENT, "not sent within %lld ms",
		               (long long)request->batch.timeout_ms);
		return;
	}
	struct sql_batch batch = request->batch;
	batch.text = request->started != NULL ? request->before : request->text;
	batch.timeout_ms = left;
	if (sql_session_execute(client->session, &batch, &request->results, &request->err) != 0) return;
	if (request->started == NULL || sql_session_start(client->session, request->text, &request->err) != 0) return;
	pthread_mutex_lock(&client->pool->mutex);
	request->session = client->session;
	client->session = NULL;
	pthread_mutex_unlock(&client->pool->mutex);
}

static bool means_silence(const struct error *err) {
	return err != NULL && err->code <= 0 && (err->kind == ERROR_TIMEOUT || err->kind == ERROR_UNAVAILABLE);
}

static void client_destroy(struct sql_client *client) {
	sql_session_close(client->session);
	free(client->host);
	free(client->user);
	wipe_free(client->password);
	free(client);
}

/* With the mutex held: forgets a freed client that no worker holds. */
static void client_forget(struct sql_client *client) {
	*client->place = client->next;
	if (client->next != NULL) client->next->place = client->place;
}

static void give_up_waiting(struct sql_client *client, bool *must_wake) {
	for (struct request *request; (request = pop(&client->waiting)) != NULL;) {
		error_set_code(&request->err, ERROR_UNAVAILABLE, SQL_NOT_SENT,
		               "the session was given up; nothing was sent");
		*must_wake |= report(client->pool, request);
	}
}

/* With the mutex held. */
static void begin_running(struct sql_client *client) {
	struct sql_pool *pool = client->pool;
	client->is_running = true;
	client->running_since = clock_monotonic_ms();
	client->next_running = NULL;
	client->running_place = pool->running_end;
	*pool->running_end = client;
	pool->running_end = &client->next_running;
}

static void end_running(struct sql_client *client) {
	client->is_running = false;
	*client->running_place = client->next_running;
	if (client->next_running != NULL) client->next_running->running_place = client->running_place;
	else client->pool->running_end = client->running_place;
}

/* Runs one request of the client; the mutex is held before and after. */
static void serve(struct sql_pool *pool, struct sql_client *client) {
	struct request *request = client->is_freed ? NULL : pop(&client->waiting);
	bool must_wake = false, was_suspect = client->is_suspect;
	if (request != NULL) {
		char *password = xstrdup(client->password);
		begin_running(client);
		pool->suspects_running += was_suspect;
		pthread_mutex_unlock(&pool->mutex);
		run_request(client, request, password);
		wipe_free(password);
		pthread_mutex_lock(&pool->mutex);
		pool->suspects_running -= was_suspect;
		end_running(client);
		client->wants_reset = false;
		bool was_tried = request->err == NULL || request->err->code != SQL_NOT_TRIED;
		if (was_tried) client->is_suspect = means_silence(request->err);
		must_wake = report(pool, request);
	}
	if (client->is_freed || pool->ends) give_up_waiting(client, &must_wake);
	bool is_freed = client->is_freed;
	if (is_freed) client_forget(client);
	else if (client->waiting.first != NULL) enqueue(client);
	/* One who waited because of too many suspects may run now. */
	if (was_suspect) pthread_cond_broadcast(&pool->work);
	pthread_mutex_unlock(&pool->mutex);
	if (is_freed) client_destroy(client);
	wake(pool, must_wake);
	pthread_mutex_lock(&pool->mutex);
}

static void *work(void *context) {
	struct sql_pool *pool = context;
	pthread_mutex_lock(&pool->mutex);
	for (;;) {
		struct sql_client *client = take_ready(pool);
		if (client != NULL) {
			serve(pool, client);
			continue;
		}
		if (pool->ends) break;
		pool->idle_count++;
		pthread_cond_wait(&pool->work, &pool->mutex);
		pool->idle_count--;
	}
	pthread_mutex_unlock(&pool->mutex);
	return NULL;
}

/* With the mutex held: how many threads there may be. */
static int threads_allowed(const struct sql_pool *pool) {
	int allowed = pool->options.threads_max, most = allowed + pool->options.spares_max;
	int64_t long_ago = clock_monotonic_ms() - LONG_MS;
	for (const struct sql_client *client = pool->running; client != NULL && allowed < most; allowed++) {
		if (client->running_since > long_ago) break;
		client = client->next_running;
	}
	return allowed;
}

/* With the mutex held. A thread more only when more is to be run than threads are idle (one that has been signalled
 * still counts as idle); without memory for it, the others go on. */
static void find_worker(struct sql_pool *pool) {
	pthread_cond_signal(&pool->work);
	if (pool->ends || pool->ready_count <= pool->idle_count || pool->thread_count >= threads_allowed(pool))
		return; /* when it ends nobody would join another one */
	pthread_attr_t attributes;
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	if (pthread_create(&pool->threads[pool->thread_count], &attributes, work, pool) == 0) pool->thread_count++;
	pthread_attr_destroy(&attributes);
}

/* ---- the loop's side ---- */

struct sql_pool *sql_pool_new(struct sql_library *library, const struct sql_pool_options *options) {
	struct sql_pool *pool = xcalloc(1, sizeof(*pool));
	pool->library = library;
	pool->options = *options;
	for (size_t i = 0; i < ARRAY_LENGTH(pool->ready); i++) pool->ready[i].end = &pool->ready[i].first;
	if (pool->options.threads_max <= 0) pool->options.threads_max = THREADS_MAX;
	pool->running_end = &pool->running;
	pool->threads = xcalloc((size_t)(pool->options.threads_max + pool->options.spares_max), sizeof(*pool->threads));
	pthread_mutex_init(&pool->mutex, NULL);
	pthread_cond_init(&pool->work, NULL);
	return pool;
}

void sql_pool_deliver(struct sql_pool *pool) {
	pthread_mutex_lock(&pool->mutex);
	struct request *over = pool->over.first;
	pool->over.first = NULL;
	if (pool->ready_count > 0) find_worker(pool); /* some may have been waiting for long by now */
	pthread_mutex_unlock(&pool->mutex);
	while (over != NULL) {
		struct request *request = over;
		over = request->next;
		if (request->started != NULL) request->started(request->context, request->session, request->err);
		else request->done(request->context, request->err == NULL ? &request->results : NULL, request->err);
		request_free(request);
	}
}

struct sql_client *sql_client_new(struct sql_pool *pool, const struct sql_target *target) {
	struct sql_client *client = xcalloc(1, sizeof(*client));
	client->pool = pool;
	client->host = xstrdup(target->host);
	client->port = target->port;
	client->user = xstrdup(target->user);
	client->password = xstrdup(target->password);
	pthread_mutex_lock(&pool->mutex);
	client->next = pool->clients;
	client->place = &pool->clients;
	if (client->next != NULL) client->next->place = &client->next;
	pool->clients = client;
	pthread_mutex_unlock(&pool->mutex);
	return client;
}

void sql_client_free(struct sql_client *client) {
	if (client == NULL) return;
	struct sql_pool *pool = client->pool;
	pthread_mutex_lock(&pool->mutex);
	client->is_freed = true;
	if (client->session != NULL) sql_session_cancel(client->session);
	/* A worker closes the session: that may take a while. */
	enqueue(client);
	find_worker(pool);
	pthread_mutex_unlock(&pool->mutex);
}

void sql_client_set_password(struct sql_client *client, const char *password) {
	pthread_mutex_lock(&client->pool->mutex);
	wipe_free(client->password);
	client->password = xstrdup(password);
	pthread_mutex_unlock(&client->pool->mutex);
}

int64_t sql_client_running_since(struct sql_client *client) {
	pthread_mutex_lock(&client->pool->mutex);
	int64_t since = client->is_running ? client->running_since : 0;
	pthread_mutex_unlock(&client->pool->mutex);
	return since;
}

void sql_client_reset(struct sql_client *client) {
	pthread_mutex_lock(&client->pool->mutex);
	client->wants_reset = client->is_running;
	if (client->session != NULL) sql_session_cancel(client->session);
	pthread_mutex_unlock(&client->pool->mutex);
}

static struct request *request_new(const struct sql_batch *batch, void *context) {
	struct request *request = xcalloc(1, sizeof(*request));
	request->text = xstrdup(batch->text);
	request->batch = *batch;
	request->batch.text = NULL;
	request->deadline_ms = clock_monotonic_ms() + batch->timeout_ms;
	request->context = context;
	return request;
}

static void submit(struct sql_client *client, struct request *request) {
	struct sql_pool *pool = client->pool;
	pthread_mutex_lock(&pool->mutex);
	push(&client->waiting, request);
	enqueue(client);
	find_worker(pool);
	pthread_mutex_unlock(&pool->mutex);
}

void sql_client_submit(struct sql_client *client, const struct sql_batch *batch, sql_done *done, void *context) {
	struct request *request = request_new(batch, context);
	request->done = done;
	submit(client, request);
}

void sql_client_start(struct sql_client *client, const char *before, const struct sql_batch *batch,
                      sql_started *started, void *context) {
	struct request *request = request_new(batch, context);
	request->before = xstrdup(before);
	request->started = started;
	submit(client, request);
}

void sql_pool_free(struct sql_pool *pool) {
	if (pool == NULL) return;
	bool ignored = false;
	pthread_mutex_lock(&pool->mutex);
	pool->ends = true;
	for (struct sql_client *client = pool->clients; client != NULL; client = client->next) {
		if (client->session != NULL) sql_session_cancel(client->session);
		give_up_waiting(client, &ignored);
	}
	pthread_cond_broadcast(&pool->work);
	pthread_mutex_unlock(&pool->mutex);
	for (int i = 0; i < pool->thread_count; i++) pthread_join(pool->threads[i], NULL);
	sql_pool_deliver(pool);
	while (pool->clients != NULL) {
		struct sql_client *client = pool->clients;
		pool->clients = client->next;
		client_destroy(client);
	}
	pthread_cond_destroy(&pool->work);
	pthread_mutex_destroy(&pool->mutex);
	free(pool->threads);
	free(pool);
}
