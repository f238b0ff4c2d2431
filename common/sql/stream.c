#include "sql/stream.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "sql/session_private.h"
#include "sql/statements.h"
#include "sql/workers_private.h"

enum {
	READERS = 2,
	READ_MS = 2000, /* for the rest of a set that has begun */
	TICK_MS = 250,  /* silence is looked for this often */
	OPEN_MS = 15000,
	FIRST_MS = 5000,
	STACK_BYTES = 256 * 1024
};

struct event {
	struct event *next;
	struct sql_stream *stream;
	struct sql_health health;
	struct error *err; /* NULL: health */
	bool is_last;      /* nothing else will be said of the stream: its memory may go */
};

/* What a worker's answer finds its stream by; the stream may have been freed meanwhile. */
struct opening {
	struct sql_stream *stream;
};

struct sql_stream {
	struct sql_streams *streams;
	struct sql_stream_options options;
	sql_heard *heard;
	void *context;
	struct sql_client *client; /* with opening: until its session is there */
	struct opening *opening;
	struct sql_session *session; /* under the mutex; read and closed by the reader that epoll has given it to */
	int64_t silent_at_ms;
	struct sql_health health;
	unsigned seen; /* components of the set that is being read */
	bool is_silent, is_freed;
	struct sql_stream *next, **place;
};

struct sql_streams {
	struct sql_pool *pool;
	struct sql_streams_options options;
	pthread_mutex_t mutex;
	int epoll, kick;
	pthread_t readers[READERS];
	bool ends;
	struct sql_stream *all;
	struct event *first, **end;
};

/* ---- events ---- */

/* With the mutex held. Returns whether the loop must be woken. */
static bool push(struct sql_streams *streams, struct event event) {
	bool was_empty = streams->first == NULL;
	struct event *copy = xcalloc(1, sizeof(*copy));
	*copy = event;
	if (was_empty) streams->end = &streams->first;
	*streams->end = copy;
	streams->end = &copy->next;
	return was_empty;
}

static void wake(struct sql_streams *streams, bool needed) {
	if (needed && streams->options.wake != NULL) streams->options.wake(streams->options.context);
}

static void event_free(struct event *event) {
	error_free(event->err);
	free(event);
}

/* ---- reading ---- */

static const char *const column_names[] = { "component_name", "state" };
static const struct {
	const char *name;
	size_t offset;
} components[] = {
	{ "system", offsetof(struct sql_health, system) },
	{ "resource", offsetof(struct sql_health, resource) },
	{ "query_processing", offsetof(struct sql_health, query_processing) },
	{ "io_subsystem", offsetof(struct sql_health, io_subsystem) },
	{ "events", offsetof(struct sql_health, events) },
};
enum { ALL_SEEN = (1 << ARRAY_LENGTH(components)) - 1 };

static void note(struct sql_stream *stream, const char *component, const char *state) {
	for (size_t i = 0; i < ARRAY_LENGTH(components) && component != NULL && state != NULL; i++) {
		if (strcmp(components[i].name, component) != 0) continue;
		enum sql_health_state *place = (void *)((char *)&stream->health + components[i].offset);
		long value = strtol(state, NULL, 10);
		bool known = value >= SQL_HEALTH_CLEAN && value <= SQL_HEALTH_ERROR;
		*place = known ? (enum sql_health_state)value : SQL_HEALTH_UNKNOWN;
		stream->seen |= 1u << i;
	}
}

static bool is_readable(const struct sql_session *session) {
	struct pollfd socket = { .fd = sql_session_socket(session), .events = POLLIN };
	return poll(&socket, 1, 0) == 1;
}

/* Up to where a set is complete: 1; 0: nothing to tell yet; -1: the stream is over. What follows the last component
 * (rows of groups, the end of the set) is left for the next time: whether it has come cannot be known without waiting.
 */
static int read_set(struct sql_stream *stream, struct error **err) {
	cleanup_arena struct arena arena = { 0 };
	const char *values[ARRAY_LENGTH(column_names)];
	for (;;) {
		switch (sql_session_next(stream->session, column_names, ARRAY_LENGTH(column_names), READ_MS, &arena,
		                         values, err)) {
		case SQL_NEXT_ROW:
			note(stream, values[0], values[1]);
			if (stream->seen == ALL_SEEN) return 1;
			break;
		case SQL_NEXT_SET:
			if (stream->seen != 0) return 1;
			if (!is_readable(stream->session)) return 0;
			break;
		case SQL_NEXT_OVER: return -1;
		}
	}
}

static void watch(struct sql_stream *stream, int operation) {
	struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT, .data = { .ptr = stream } };
	if (epoll_ctl(stream->streams->epoll, operation, sql_session_socket(stream->session), &event) != 0) abort();
}

/* With the mutex held. From here on the session is nobody's but the caller's, and the stream may be gone with the next
 * delivery. */
static struct sql_session *take_session(struct sql_stream *stream, struct error *err, bool *must_wake) {
	struct sql_streams *streams = stream->streams;
	struct sql_session *session = stream->session;
	epoll_ctl(streams->epoll, EPOLL_CTL_DEL, sql_session_socket(session), NULL);
	stream->session = NULL;
	if (stream->is_freed) error_free(err);
	*must_wake |= push(streams, stream->is_freed ? (struct event){ .stream = stream, .is_last = true }
	                                             : (struct event){ .stream = stream, .err = err });
	return session;
}

/* Reads what has come; the mutex is held before and after. */
static void serve(struct sql_streams *streams, struct sql_stream *stream) {
	struct error *err = NULL;
	struct sql_session *over = NULL;
	bool must_wake = false;
	int complete = -1;
	if (!stream->is_freed && !stream->is_silent) {
		pthread_mutex_unlock(&streams->mutex);
		complete = read_set(stream, &err);
		pthread_mutex_lock(&streams->mutex);
	}
	if (stream->is_silent && !stream->is_freed) {
		error_free(err);
		err = NULL;
		error_set(&err, ERROR_TIMEOUT, "no word of its health within %lld ms",
		          (long long)stream->options.silence_ms);
	}
	if (complete < 0 || stream->is_freed || stream->is_silent) {
		over = take_session(stream, err, &must_wake);
	} else {
		if (complete == 1) {
			must_wake = push(streams, (struct event){ .stream = stream, .health = stream->health });
			stream->seen = 0;
			stream->silent_at_ms = clock_monotonic_ms() + stream->options.silence_ms;
		}
		watch(stream, EPOLL_CTL_MOD);
	}
	pthread_mutex_unlock(&streams->mutex);
	sql_session_close(over);
	wake(streams, must_wake);
	pthread_mutex_lock(&streams->mutex);
}

/* With the mutex held. What has come and was not read yet is no silence. Cancelling makes the socket readable: a reader
 * does the rest. */
static void find_silent(struct sql_streams *streams) {
	int64_t now = clock_monotonic_ms();
	for (struct sql_stream *stream = streams->all; stream != NULL; stream = stream->next) {
		if (stream->session == NULL || stream->is_silent || now < stream->silent_at_ms) continue;
		if (is_readable(stream->session)) continue;
		stream->is_silent = true;
		sql_session_cancel(stream->session);
	}
}

static void *read_streams(void *context) {
	struct sql_streams *streams = context;
	pthread_mutex_lock(&streams->mutex);
	while (!streams->ends) {
		int timeout = streams->all != NULL ? TICK_MS : -1;
		struct epoll_event event;
		pthread_mutex_unlock(&streams->mutex);
		int count = epoll_wait(streams->epoll, &event, 1, timeout);
		eventfd_t ignored;
		if (count == 1 && event.data.ptr == NULL) (void)eventfd_read(streams->kick, &ignored);
		pthread_mutex_lock(&streams->mutex);
		if (streams->ends) break;
		if (count == 1 && event.data.ptr != NULL) serve(streams, event.data.ptr);
		else if (count == 0) find_silent(streams);
	}
	pthread_mutex_unlock(&streams->mutex);
	return NULL;
}

/* Lets every reader look at what has changed. */
static void kick(struct sql_streams *streams) {
	if (eventfd_write(streams->kick, READERS) != 0) abort();
}

/* ---- the loop's side ---- */

struct sql_streams *sql_streams_new(struct sql_pool *pool, const struct sql_streams_options *options) {
	struct sql_streams *streams = xcalloc(1, sizeof(*streams));
	streams->pool = pool;
	streams->options = *options;
	streams->epoll = epoll_create1(EPOLL_CLOEXEC);
	streams->kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
	struct epoll_event event = { .events = EPOLLIN };
	if (streams->epoll < 0 || streams->kick < 0 ||
	    epoll_ctl(streams->epoll, EPOLL_CTL_ADD, streams->kick, &event) != 0)
		abort();
	pthread_mutex_init(&streams->mutex, NULL);
	pthread_attr_t attributes;
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	for (int i = 0; i < READERS; i++)
		if (pthread_create(&streams->readers[i], &attributes, read_streams, streams) != 0) abort();
	pthread_attr_destroy(&attributes);
	return streams;
}

static void listen_to(struct sql_stream *stream, struct sql_session *session) {
	struct sql_streams *streams = stream->streams;
	pthread_mutex_lock(&streams->mutex);
	stream->session = session;
	stream->silent_at_ms = clock_monotonic_ms() + stream->options.silence_ms;
	watch(stream, EPOLL_CTL_ADD);
	pthread_mutex_unlock(&streams->mutex);
	kick(streams);
}

static void on_started(void *context, struct sql_session *session, const struct error *err) {
	struct opening *opening = context;
	struct sql_stream *stream = opening->stream;
	free(opening);
	if (stream == NULL) {
		sql_session_close(session);
		return;
	}
	stream->opening = NULL;
	sql_client_free(stream->client);
	stream->client = NULL;
	if (session != NULL) listen_to(stream, session);
	else stream->heard(stream->context, NULL, err);
}

static void open_stream(struct sql_stream *stream, const struct sql_target *target) {
	cleanup_strbuf struct strbuf before = { 0 }, text = { 0 };
	/* Nothing in them that could be refused. */
	if (sql_cut_texts(&before, NULL) != 0 || sql_stream_diagnostics(&text, stream->options.interval_s, NULL) != 0)
		abort();
	stream->client = sql_client_new(stream->streams->pool, target);
	stream->opening = xcalloc(1, sizeof(*stream->opening));
	stream->opening->stream = stream;
	const struct sql_batch batch = { .text = text.data, .timeout_ms = stream->options.open_ms };
	sql_client_start(stream->client, before.data, &batch, on_started, stream->opening);
}

struct sql_stream *sql_stream_new(struct sql_streams *streams, const struct sql_target *target,
                                  const struct sql_stream_options *options, sql_heard *heard, void *context) {
	struct sql_stream *stream = xcalloc(1, sizeof(*stream));
	stream->streams = streams;
	stream->options = *options;
	if (options->open_ms <= 0) stream->options.open_ms = OPEN_MS;
	if (options->silence_ms <= 0) stream->options.silence_ms = FIRST_MS + 3000 * (int64_t)options->interval_s;
	stream->heard = heard;
	stream->context = context;
	pthread_mutex_lock(&streams->mutex);
	stream->next = streams->all;
	stream->place = &streams->all;
	if (stream->next != NULL) stream->next->place = &stream->next;
	streams->all = stream;
	pthread_mutex_unlock(&streams->mutex);
	open_stream(stream, target);
	return stream;
}

static void stop_opening(struct sql_stream *stream) {
	if (stream->opening == NULL) return;
	stream->opening->stream = NULL;
	stream->opening = NULL;
	sql_client_free(stream->client);
	stream->client = NULL;
}

void sql_stream_free(struct sql_stream *stream) {
	if (stream == NULL) return;
	struct sql_streams *streams = stream->streams;
	bool must_wake = false;
	stop_opening(stream);
	pthread_mutex_lock(&streams->mutex);
	stream->is_freed = true;
	if (stream->session != NULL) sql_session_cancel(stream->session);
	else must_wake = push(streams, (struct event){ .stream = stream, .is_last = true });
	pthread_mutex_unlock(&streams->mutex);
	wake(streams, must_wake);
}

static void forget(struct sql_stream *stream) {
	struct sql_streams *streams = stream->streams;
	pthread_mutex_lock(&streams->mutex);
	*stream->place = stream->next;
	if (stream->next != NULL) stream->next->place = stream->place;
	pthread_mutex_unlock(&streams->mutex);
	free(stream);
}

void sql_streams_deliver(struct sql_streams *streams) {
	pthread_mutex_lock(&streams->mutex);
	struct event *event = streams->first;
	streams->first = NULL;
	pthread_mutex_unlock(&streams->mutex);
	while (event != NULL) {
		struct event *next = event->next;
		struct sql_stream *stream = event->stream;
		if (event->is_last) forget(stream);
		else if (!stream->is_freed)
			stream->heard(stream->context, event->err == NULL ? &event->health : NULL, event->err);
		event_free(event);
		event = next;
	}
}

void sql_streams_free(struct sql_streams *streams) {
	if (streams == NULL) return;
	pthread_mutex_lock(&streams->mutex);
	streams->ends = true;
	for (struct sql_stream *stream = streams->all; stream != NULL; stream = stream->next)
		if (stream->session != NULL) sql_session_cancel(stream->session);
	pthread_mutex_unlock(&streams->mutex);
	kick(streams);
	for (int i = 0; i < READERS; i++) pthread_join(streams->readers[i], NULL);
	for (struct event *event; (event = streams->first) != NULL;) {
		streams->first = event->next;
		event_free(event);
	}
	while (streams->all != NULL) {
		struct sql_stream *stream = streams->all;
		stop_opening(stream);
		sql_session_close(stream->session);
		forget(stream);
	}
	pthread_mutex_destroy(&streams->mutex);
	close(streams->epoll);
	close(streams->kick);
	free(streams);
}
