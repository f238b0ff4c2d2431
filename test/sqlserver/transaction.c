/* Transactions: one writer at a time in a database, a log record at commit, and waiting for who must have it. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "sqlserver/session_state.h"

void sim_release_applocks(struct sim_session *session, bool transactional_only) {
	struct sim_instance *instance = session->instance;
	for (size_t i = 0; i < instance->applock_count;) {
		struct sim_applock *lock = &instance->applocks[i];
		if (lock->owner != session || (transactional_only && !lock->transactional)) {
			i++;
			continue;
		}
		free(lock->resource);
		*lock = instance->applocks[--instance->applock_count];
	}
}

enum sim_run sim_begin_write(struct sim_session *session, int line, struct sim_database *database) {
	if (session->doomed) return sim_raise(session, line, 3930);
	if (session->written != 0 && session->written != database->id)
		return sim_raise_text(session, line, 50000, 16, 1,
		                      "This server does not know transactions over several databases.");
	if (database->writer != NULL && database->writer != session) {
		struct sim_progress_state *progress = &session->progress;
		int64_t now = sim_now(session->instance);
		if (progress->until == 0)
			progress->until = session->lock_timeout < 0 ? INT64_MAX : now + session->lock_timeout * 1000;
		progress->deadline = progress->until;
		return now >= progress->until ? sim_raise(session, line, 1222) : SIM_RUN_WAIT;
	}
	struct sim_store *store = sim_database_store(session->instance, database);
	store->scope.session = session;
	store->scope.time = sim_wall(session->instance);
	store->scope.seed = sim_random(session->instance);
	if (database->writer == NULL) {
		sim_store_run(store, "BEGIN");
		database->writer = session;
		session->written = database->id;
		strbuf_reset(&session->payload);
	}
	sim_store_run(store, "SAVEPOINT statement");
	return SIM_RUN_DONE;
}

enum sim_run sim_end_write(struct sim_session *session, int line, struct sim_database *database, const char *sql,
                           bool keep) {
	struct sim_store *store = sim_database_store(session->instance, database);
	if (keep) {
		size_t count;
		struct sim_named_value *values = sim_named_values(session, &count);
		sim_store_record(store, &session->payload, sql, values, count);
		free(values);
	} else {
		sim_store_run(store, "ROLLBACK TO statement");
	}
	sim_store_run(store, "RELEASE statement");
	if (session->transactions > 0) return SIM_RUN_DONE;
	if (keep) return sim_commit(session, line);
	sim_rollback(session);
	return SIM_RUN_DONE;
}

static void forget(struct sim_session *session) {
	session->transactions = 0;
	session->doomed = false;
	session->written = 0;
	strbuf_reset(&session->payload);
	sim_release_applocks(session, true);
}

void sim_rollback(struct sim_session *session) {
	struct sim_database *database = sim_database_by_id(session->instance, session->written);
	if (database != NULL && database->writer == session) {
		if (database->store != NULL) sim_store_run(database->store, "ROLLBACK");
		database->writer = NULL;
	}
	forget(session);
}

/* A full volume: a table that cannot grow is found before the log that cannot. */
static enum sim_run volume_full(struct sim_session *session, int line, const char *name) {
	sim_rollback(session);
	if (sim_disk_used(session->instance->disk) % 2 == 0) return sim_raise(session, line, 1105, "dbo.table", name);
	return sim_raise(session, line, 9002, name, "ACTIVE_TRANSACTION");
}

enum sim_run sim_commit(struct sim_session *session, int line) {
	struct sim_instance *instance = session->instance;
	struct sim_database *database = sim_database_by_id(instance, session->written);
	if (database == NULL || database->writer != session) {
		forget(session);
		return SIM_RUN_DONE;
	}
	if (session->payload.length == 0) {
		sim_rollback(session);
		return SIM_RUN_DONE;
	}
	cleanup_error struct error *error = NULL;
	if (sim_log_append(&database->log, session->payload.data, session->payload.length, sim_wall(instance), &error) <
	    0)
		return volume_full(session, line, database->name);
	sim_store_run(database->store, "COMMIT");
	database->applied = database->log.count;
	database->writer = NULL;
	forget(session);
	session->progress.database = database->id;
	session->progress.position = database->log.count;
	sim_group_log_grown(instance, database);
	return SIM_RUN_DONE;
}

enum sim_run sim_await_commit(struct sim_session *session, int line) {
	struct sim_database *database = sim_database_by_id(session->instance, session->progress.database);
	session->progress.deadline = INT64_MAX;
	if (database == NULL) return SIM_RUN_DONE;
	switch (sim_group_commit(session->instance, database, session->progress.position)) {
	case SIM_COMMIT_DONE: return SIM_RUN_DONE;
	case SIM_COMMIT_WAITS: return SIM_RUN_WAIT;
	case SIM_COMMIT_FAILED: break;
	}
	return sim_raise(session, line, 988, database->name);
}
