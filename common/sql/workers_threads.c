/* The threads of a pool: which client is next, and what is done for it. */
#include "sql/workers_threads.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "sql/session_private.h"

enum {
	LONG_MS = 500,           /* who has not answered by then is not about to */
	STACK_BYTES = 512 * 1024 /* a TLS handshake fits many times */
};

/* ---- Requests ---- */

void requests_push(struct requests *list, struct request *request) {
	if (list->first == NULL) list->end = &list->first;
	request->next = NULL;
	*list->end = request;
	list->end = &request->next;
}

struct request *requests_pop(struct requests *list) {
	struct request *request = list->first;
	if (request != NULL) list->first = request->next;
	return request;
}

void text_wipe_free(char *text) {
	if (text != NULL) explicit_bzero(text, strlen(text));
	free(text);
}

void request_free(struct request *request) {
	if (request->batch.is_secret) text_wipe_free(request->text);
	else free(request->text);
	free(request->before);
	sql_results_free(&request->results);
	error_free(request->err);
	free(request);
}

/* With the mutex held. Returns whether the loop must be woken: it has not been since it last looked. */
static bool report(struct sql_pool *pool, struct request *request) {
	bool was_empty = pool->over.first == NULL;
	requests_push(&pool->over, request);
	return was_empty;
}

static void wake(struct sql_pool *pool, bool needed) {
	if (needed && pool->options.wake != NULL) pool->options.wake(pool->options.context);
}

/* ---- Clients ---- */

/* With the mutex held. */
void client_enqueue(struct sql_client *client) {
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

void client_destroy(struct sql_client *client) {
	sql_session_close(client->session);
	free(client->host);
	free(client->user);
	text_wipe_free(client->password);
	free(client);
}

/* With the mutex held: forgets a freed client that no worker holds. */
static void client_forget(struct sql_client *client) {
	*client->place = client->next;
	if (client->next != NULL) client->next->place = client->place;
}

void client_give_up_waiting(struct sql_client *client, bool *must_wake) {
	for (struct request *request; (request = requests_pop(&client->waiting)) != NULL;) {
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
	struct request *request = client->is_freed ? NULL : requests_pop(&client->waiting);
	bool must_wake = false, was_suspect = client->is_suspect;
	if (request != NULL) {
		char *password = xstrdup(client->password);
		begin_running(client);
		pool->suspects_running += was_suspect;
		pthread_mutex_unlock(&pool->mutex);
		run_request(client, request, password);
		text_wipe_free(password);
		pthread_mutex_lock(&pool->mutex);
		pool->suspects_running -= was_suspect;
		end_running(client);
		client->wants_reset = false;
		bool was_tried = request->err == NULL || request->err->code != SQL_NOT_TRIED;
		if (was_tried) client->is_suspect = means_silence(request->err);
		must_wake = report(pool, request);
	}
	if (client->is_freed || pool->ends) client_give_up_waiting(client, &must_wake);
	bool is_freed = client->is_freed;
	if (is_freed) client_forget(client);
	else if (client->waiting.first != NULL) client_enqueue(client);
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
void pool_find_worker(struct sql_pool *pool) {
	pthread_cond_signal(&pool->work);
	if (pool->ends || pool->ready_count <= pool->idle_count || pool->thread_count >= threads_allowed(pool))
		return; /* when it ends nobody would join another one */
	pthread_attr_t attributes;
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	if (pthread_create(&pool->threads[pool->thread_count], &attributes, work, pool) == 0) pool->thread_count++;
	pthread_attr_destroy(&attributes);
}
