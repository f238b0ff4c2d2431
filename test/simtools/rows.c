/* rows: writes numbered rows through a Service over many connections, remembers each that was acknowledged, and finds
 * them again.
 *
 *   rows write HOST DATABASE FILE [CONNECTIONS [SECONDS]]   until SIGTERM or for so long; makes table `numbers`
 *   rows check HOST DATABASE FILE                           all acknowledged rows are there; 1: some are missing
 *   rows count HOST DATABASE                                how many there are
 *
 * As sa, with the password in ROWS_PASSWORD. Both print one JSON object. Of each acknowledged row FILE has
 * "number sent acknowledged server", times in microseconds since 1970. A row whose statement failed once it was sent
 * has an unknown outcome, and is only counted. `switches`: how often the server that acknowledged became another one.
 */
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "sql/library.h"
#include "sql/session.h"

enum { CONNECT_S = 2, STATEMENT_MS = 12000, AGAIN_MS = 10, PACE_MS = 15, PORT = 1433, SERVER_SIZE = 64 };

struct acknowledged {
	int64_t number, sent, answered;
	char server[SERVER_SIZE];
};

struct run {
	struct sql_library *library;
	struct sql_target target;
	const char *database;
	FILE *file;
	int64_t first; /* of the numbers of this run */
	pthread_mutex_t lock;
	size_t count, capacity;
	struct acknowledged *rows;
	atomic_long unknown, refused;
	char *last_error;
};

static atomic_bool stopping;

static void stop(int signal) {
	(void)signal;
	atomic_store(&stopping, true);
}

static void pause_ms(int ms) {
	nanosleep(&(struct timespec){ .tv_nsec = ms * 1000000L }, NULL);
}

/* ---- Sessions ---- */

/* A session in the database; the name of the server that answers into `server`. */
static struct sql_session *open_session(struct run *run, char server[SERVER_SIZE], struct error **err) {
	struct sql_session *session = sql_session_open(run->library, &run->target, err);
	if (session == NULL) return NULL;
	cleanup_sql_results struct sql_results results = { 0 };
	cleanup_free char *text = xasprintf("USE [%s]; SELECT @@SERVERNAME", run->database);
	const struct sql_batch batch = { .text = text, .timeout_ms = STATEMENT_MS };
	if (sql_session_execute(session, &batch, &results, err) != 0 || results.set_count == 0 ||
	    results.sets[0].row_count == 0) {
		sql_session_close(session);
		return NULL;
	}
	snprintf(server, SERVER_SIZE, "%s", results.sets[0].rows[0][0]);
	return session;
}

static int ask(struct sql_session *session, const char *text, struct sql_results *results, struct error **err) {
	const struct sql_batch batch = { .text = text, .timeout_ms = STATEMENT_MS };
	return sql_session_execute(session, &batch, results, err);
}

/* ---- Writing ---- */

static void note(struct run *run, const struct acknowledged *row) {
	pthread_mutex_lock(&run->lock);
	if (run->count == run->capacity) {
		run->capacity = run->capacity * 2 + 1024;
		run->rows = xreallocarray(run->rows, run->capacity, sizeof(*run->rows));
	}
	run->rows[run->count++] = *row;
	fprintf(run->file, "%" PRId64 " %" PRId64 " %" PRId64 " %s\n", row->number, row->sent, row->answered,
	        row->server);
	pthread_mutex_unlock(&run->lock);
}

static void note_error(struct run *run, const struct error *err) {
	pthread_mutex_lock(&run->lock);
	free(run->last_error);
	run->last_error = xstrdup(err != NULL ? err->message : "");
	pthread_mutex_unlock(&run->lock);
}

struct writer {
	struct run *run;
	int64_t next;
	pthread_t thread;
};

/* Rows one after another, until one fails. */
static void write_rows(struct writer *writer, struct sql_session *session, const char *server) {
	struct run *run = writer->run;
	while (!atomic_load(&stopping)) {
		struct acknowledged row = { .number = writer->next++, .sent = clock_wall_us() };
		snprintf(row.server, sizeof(row.server), "%s", server);
		cleanup_free char *text = xasprintf("INSERT INTO numbers (id) VALUES (%" PRId64 ")", row.number);
		cleanup_sql_results struct sql_results results = { 0 };
		cleanup_error struct error *err = NULL;
		int failed = ask(session, text, &results, &err);
		row.answered = clock_wall_us();
		if (failed != 0) {
			atomic_fetch_add(&run->unknown, 1);
			note_error(run, err);
			return;
		}
		note(run, &row);
		pause_ms(PACE_MS);
	}
}

static void *write_thread(void *argument) {
	struct writer *writer = argument;
	while (!atomic_load(&stopping)) {
		char server[SERVER_SIZE];
		cleanup_error struct error *err = NULL;
		struct sql_session *session = open_session(writer->run, server, &err);
		if (session != NULL) {
			write_rows(writer, session, server);
		} else {
			atomic_fetch_add(&writer->run->refused, 1);
			note_error(writer->run, err);
		}
		sql_session_close(session);
		if (!atomic_load(&stopping)) pause_ms(AGAIN_MS);
	}
	return NULL;
}

/* The table, however long it takes until somebody is there to make it. */
static void make_table(struct run *run) {
	while (!atomic_load(&stopping)) {
		char server[SERVER_SIZE];
		cleanup_error struct error *err = NULL;
		cleanup_sql_results struct sql_results results = { 0 };
		struct sql_session *session = open_session(run, server, &err);
		static const char text[] = "IF OBJECT_ID(N'numbers') IS NULL EXEC(N'CREATE TABLE numbers (id bigint "
		                           "PRIMARY KEY)')";
		int failed = session == NULL ? -1 : ask(session, text, &results, &err);
		sql_session_close(session);
		if (failed == 0) return;
		note_error(run, err);
		pause_ms(AGAIN_MS);
	}
}

/* ---- What came of it ---- */

static int by_answer(const void *a, const void *b) {
	const struct acknowledged *first = a, *second = b;
	return first->answered < second->answered ? -1 : first->answered > second->answered;
}

/* Answers may overtake each other on their way: a row that was sent before the present server's first answer may still
 * belong to the one before it. */
static int count_switches(const struct run *run) {
	const char *now = NULL, *before = NULL;
	int64_t since = 0;
	int switches = 0;
	for (size_t i = 0; i < run->count; i++) {
		const struct acknowledged *row = &run->rows[i];
		if (now != NULL && strcmp(row->server, now) == 0) continue;
		if (before != NULL && strcmp(row->server, before) == 0 && row->sent < since) continue;
		switches += now != NULL;
		before = now;
		now = row->server;
		since = row->answered;
	}
	return switches;
}

static void print_summary(struct run *run) {
	qsort(run->rows, run->count, sizeof(*run->rows), by_answer);
	size_t widest = 0;
	int64_t gap = 0;
	for (size_t i = 1; i < run->count; i++) {
		int64_t between = run->rows[i].answered - run->rows[i - 1].answered;
		if (between <= gap) continue;
		gap = between;
		widest = i;
	}
	cleanup_strbuf struct strbuf json = { 0 };
	strbuf_printf(&json, "{\"acknowledged\":%zu,\"unknown\":%ld,\"refused\":%ld,\"switches\":%d,\"gapMs\":%" PRId64,
	              run->count, atomic_load(&run->unknown), atomic_load(&run->refused), count_switches(run),
	              gap / 1000);
	char from[CLOCK_RFC3339_SIZE], to[CLOCK_RFC3339_SIZE];
	if (run->count > 0)
		strbuf_printf(&json, ",\"firstAt\":\"%s\"", clock_format_micro_time(run->rows[0].answered, from));
	if (widest > 0) {
		strbuf_printf(&json, ",\"gapFrom\":\"%s\",\"gapTo\":\"%s\"",
		              clock_format_micro_time(run->rows[widest - 1].answered, from),
		              clock_format_micro_time(run->rows[widest].answered, to));
	}
	strbuf_append(&json, ",\"lastError\":");
	strbuf_append_json(&json, run->last_error != NULL ? run->last_error : "");
	printf("%s}\n", strbuf_text(&json));
}

static int write_all(struct run *run, const char *file, int connections, int seconds) {
	enum { EACH = 10000000 };
	run->file = fopen(file, "a");
	if (run->file == NULL) {
		perror(file);
		return 2;
	}
	setvbuf(run->file, NULL, _IOLBF, 0);
	run->first = clock_wall_us();
	if (seconds > 0) alarm((unsigned)seconds);
	make_table(run);
	struct writer *writers = xcalloc((size_t)connections, sizeof(*writers));
	for (int i = 0; i < connections; i++) {
		writers[i] = (struct writer){ .run = run, .next = run->first * 1000 + (int64_t)i * EACH };
		if (pthread_create(&writers[i].thread, NULL, write_thread, &writers[i]) != 0) abort();
	}
	for (int i = 0; i < connections; i++) pthread_join(writers[i].thread, NULL);
	free(writers);
	fclose(run->file);
	print_summary(run);
	return 0;
}

/* ---- Finding them ---- */

static int by_number(const void *a, const void *b) {
	int64_t first = *(const int64_t *)a, second = *(const int64_t *)b;
	return first < second ? -1 : first > second;
}

/* The numbers after `last`, so many that a result holds them; how many they are, -1 without an answer. */
static int64_t read_page(struct run *run, struct sql_session *session, int64_t **numbers, size_t *count) {
	enum { PAGE = 50000 };
	int64_t last = *count > 0 ? (*numbers)[*count - 1] : 0;
	cleanup_error struct error *err = NULL;
	cleanup_sql_results struct sql_results results = { 0 };
	cleanup_free char *text =
	        xasprintf("SELECT TOP (%d) id FROM numbers WHERE id > %" PRId64 " ORDER BY id", PAGE, last);
	if (ask(session, text, &results, &err) != 0 || results.set_count == 0) {
		note_error(run, err);
		return -1;
	}
	size_t found = results.sets[0].row_count;
	*numbers = xreallocarray(*numbers, *count + found + 1, sizeof(**numbers));
	for (size_t i = 0; i < found; i++) (*numbers)[*count + i] = strtoll(results.sets[0].rows[i][0], NULL, 10);
	*count += found;
	return (int64_t)found;
}

/* All of them, in their order. */
static int read_numbers(struct run *run, int64_t **numbers, size_t *count) {
	char server[SERVER_SIZE];
	cleanup_error struct error *err = NULL;
	struct sql_session *session = open_session(run, server, &err);
	if (session == NULL) note_error(run, err);
	int64_t found = session == NULL ? -1 : 1;
	while (found > 0) found = read_page(run, session, numbers, count);
	sql_session_close(session);
	if (found < 0) fprintf(stderr, "rows: %s\n", run->last_error);
	return found < 0 ? -1 : 0;
}

static int check_all(struct run *run, const char *path) {
	enum { SHOWN = 5 };
	cleanup_free int64_t *numbers = NULL;
	size_t count = 0, acknowledged = 0, missing = 0;
	FILE *file = fopen(path, "r");
	if (file == NULL || read_numbers(run, &numbers, &count) < 0) {
		if (file == NULL) perror(path);
		else fclose(file);
		return 2;
	}
	char line[256];
	while (fgets(line, sizeof(line), file) != NULL) {
		int64_t number = strtoll(line, NULL, 10);
		acknowledged++;
		if (bsearch(&number, numbers, count, sizeof(*numbers), by_number) != NULL) continue;
		if (missing++ < SHOWN) fprintf(stderr, "acknowledged and missing: %s", line);
	}
	fclose(file);
	printf("{\"acknowledged\":%zu,\"missing\":%zu,\"rows\":%zu}\n", acknowledged, missing, count);
	return missing == 0 ? 0 : 1;
}

static int count_all(struct run *run) {
	cleanup_free int64_t *numbers = NULL;
	size_t count = 0;
	if (read_numbers(run, &numbers, &count) < 0) return 2;
	printf("%zu\n", count);
	return 0;
}

int main(int argc, char **argv) {
	const char *password = getenv("ROWS_PASSWORD");
	bool writes = argc >= 5 && strcmp(argv[1], "write") == 0;
	bool checks = argc == 5 && strcmp(argv[1], "check") == 0;
	bool counts = argc == 4 && strcmp(argv[1], "count") == 0;
	if (password == NULL || (!writes && !checks && !counts)) {
		fprintf(stderr, "usage: ROWS_PASSWORD=... rows write|check|count HOST DATABASE [FILE [CONNECTIONS "
		                "[SECONDS]]]\n");
		return 2;
	}
	signal(SIGTERM, stop);
	signal(SIGINT, stop);
	signal(SIGALRM, stop);
	signal(SIGPIPE, SIG_IGN);
	cleanup_error struct error *err = NULL;
	struct run run = { .target = { argv[2], PORT, "sa", password }, .database = argv[3] };
	pthread_mutex_init(&run.lock, NULL);
	run.library = sql_library_new(&(struct sql_library_options){ .connect_timeout_s = CONNECT_S }, &err);
	if (run.library == NULL) {
		fprintf(stderr, "rows: %s\n", err->message);
		return 2;
	}
	int code;
	if (writes) code = write_all(&run, argv[4], argc > 5 ? atoi(argv[5]) : 4, argc > 6 ? atoi(argv[6]) : 0);
	else code = checks ? check_all(&run, argv[4]) : count_all(&run);
	sql_library_free(run.library);
	free(run.rows);
	free(run.last_error);
	return code;
}
