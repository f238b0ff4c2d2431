#include "sql/workers.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "sql/workers_threads.h"

enum { THREADS_MAX = 32 };

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
	if (pool->ready_count > 0) pool_find_worker(pool); /* some may have been waiting for long by now */
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
	client_enqueue(client);
	pool_find_worker(pool);
	pthread_mutex_unlock(&pool->mutex);
}

void sql_client_set_password(struct sql_client *client, const char *password) {
	pthread_mutex_lock(&client->pool->mutex);
	text_wipe_free(client->password);
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
	requests_push(&client->waiting, request);
	client_enqueue(client);
	pool_find_worker(pool);
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
		client_give_up_waiting(client, &ignored);
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
