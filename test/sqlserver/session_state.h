/* What a session remembers, for the parts that run statements. */
#ifndef SIMSQL_SESSION_STATE_H
#define SIMSQL_SESSION_STATE_H

#include "sqlserver/group.h"
#include "sqlserver/server.h"
#include "sqlserver/store.h"
#include "sqlserver/syntax.h"

struct sim_variable {
	char *name; /* "@id" */
	struct sim_type_info type;
	struct sim_value value;
	bool output;
};

struct sim_variables {
	struct sim_variable *list;
	size_t count;
};

/* A result set that is held until it may be shown. */
struct sim_rowset {
	struct sim_column *columns; /* names owned */
	size_t column_count;
	struct sim_value *values; /* rows one after the other, owned */
	size_t value_count;
};

/* Where a batch stands: one frame for each list of statements that is open. */
struct sim_frame {
	enum sim_frame_kind { SIM_FRAME_LIST, SIM_FRAME_WHILE, SIM_FRAME_TRY, SIM_FRAME_CATCH, SIM_FRAME_CALL } kind;
	const struct sim_statement *at;
	const struct sim_statement *owner; /* the WHILE, the TRY, the EXEC sp_executesql */
	struct arena arena;                /* of a CALL: its text */
	struct sim_variables variables;    /* of a CALL: those of the caller, meanwhile */
};

struct sim_error_state {
	int number, severity, state, line;
	char *text, *procedure;
};

struct sim_pair {
	char *key;
	struct sim_value value;
	bool read_only;
};

struct sim_session {
	struct sim_instance *instance;
	struct sim_sink sink;
	int id;
	char *login, *host, *application, *database, *first_database;
	bool read_only_intent, closed;
	int64_t login_wall;

	bool no_count, xact_abort;
	int64_t lock_timeout; /* milliseconds; -1: for ever */
	struct sim_variables variables;
	struct sim_pair *context;
	size_t context_count;
	int64_t row_count;
	int error;
	struct sim_value identity;
	struct sim_error_state caught;

	/* The open transaction. It has written in one database at most. */
	int transactions; /* @@TRANCOUNT */
	bool doomed;
	int written; /* database id; 0: nothing written */
	struct strbuf payload;

	/* What runs. */
	struct sim_frame *frames;
	size_t frame_count;
	char *call; /* a batch that has not begun, and its variables */
	struct sim_variables call_arguments;
	int return_status;

	/* How far the present statement is; everything is zero when it begins. */
	struct sim_progress_state {
		int stage;
		int64_t until, deadline;
		int64_t hardened_at; /* on a slow volume */
		int database;        /* whose log is waited for */
		uint64_t position;
		int64_t rows;
		uint64_t sequence;
		struct sim_rowset rowset;
	} progress;
};

enum sim_run { SIM_RUN_DONE, SIM_RUN_WAIT, SIM_RUN_FAILED, SIM_RUN_PUSHED };

/* Raises a message of the table in sqlserver/messages.c: an error goes to the CATCH around it or to the client; a
 * number below severity 11 is just told. Returns SIM_RUN_FAILED. */
enum sim_run sim_raise(struct sim_session *session, int line, int number, ...);
/* The same with everything given. */
enum sim_run sim_raise_text(struct sim_session *session, int line, int number, int severity, int state,
                            const char *text);
/* Tells the client, whatever is around. */
void sim_tell(struct sim_session *session, int line, int number, int severity, int state, const char *text);

struct sim_message_row {
	int number, severity, state;
	const char *format;
};
const struct sim_message_row *sim_message_find(int number);

/* --- sqlserver/interpreter.c --- */
/* Runs one statement; false when the session has to wait. */
bool sim_advance(struct sim_session *session);
/* Leaves the batch where it is. */
void sim_abandon(struct sim_session *session);
bool sim_inside_try(const struct sim_session *session);

/* --- sqlserver/access.c --- */
/* The database by name, open for this session: NULL after raising why not. */
struct sim_database *sim_open_database(struct sim_session *session, int line, const char *name);
/* Whether it can be written: raises 3906 and the like. */
bool sim_may_write(struct sim_session *session, int line, struct sim_database *database);
/* The number of the message that keeps this session out; 0: it may in. */
int sim_access_error(const struct sim_session *session, const struct sim_database *database);

/* --- sqlserver/transaction.c --- */
/* Takes the database's write lock for the session's transaction, or one of its own. SIM_RUN_WAIT: another has it. */
enum sim_run sim_begin_write(struct sim_session *session, int line, struct sim_database *database);
/* The statement inside is done: keep its change, or not. */
enum sim_run sim_end_write(struct sim_session *session, int line, struct sim_database *database, const char *sql,
                           bool keep);
enum sim_run sim_commit(struct sim_session *session, int line);
void sim_rollback(struct sim_session *session);
/* Waits until everybody may know of the log up to session->progress.position. */
enum sim_run sim_await_commit(struct sim_session *session, int line);
void sim_release_applocks(struct sim_session *session, bool transactional_only);

/* --- sqlserver/query.c --- */
enum sim_run sim_run_select(struct sim_session *session, const struct sim_statement *statement);
enum sim_run sim_run_change(struct sim_session *session, const struct sim_statement *statement);
enum sim_run sim_run_define(struct sim_session *session, const struct sim_statement *statement);
/* Evaluates an expression; `query` tells where it runs. False after an error was raised, or *wait set. */
bool sim_evaluate(struct sim_session *session, int line, const struct sim_expression *expression,
                  const struct sim_query *query, struct sim_value *value, bool *wait);
void sim_send_rowset(struct sim_session *session, struct sim_rowset *rowset);
void sim_rowset_free(struct sim_rowset *rowset);
void sim_rowset_column(struct sim_rowset *rowset, const char *name, struct sim_type_info type);
void sim_rowset_value(struct sim_rowset *rowset, struct sim_value value); /* copied */
/* Variables as SQLite parameters; the caller frees the array only. */
struct sim_named_value *sim_named_values(const struct sim_session *session, size_t *count);
struct sim_variable *sim_variable_find(struct sim_variables *variables, const char *name);
struct sim_variable *sim_variable_add(struct sim_variables *variables, const char *name, struct sim_type_info type);
void sim_variable_set(struct sim_variable *variable, const struct sim_value *value);
void sim_variables_free(struct sim_variables *variables);
/* Converts as an assignment does (sqlserver/convert.c); false when it cannot be (Msg 245). The result is owned. */
bool sim_convert_value(const struct sim_value *value, const struct sim_type_info *type, int style,
                       struct sim_value *result);

/* --- sqlserver/procedures.c, sqlserver/run_server.c, sqlserver/run_group.c --- */
enum sim_run sim_run_procedure(struct sim_session *session, const struct sim_statement *statement);
enum sim_run sim_run_server(struct sim_session *session, const struct sim_statement *statement);
enum sim_run sim_run_group(struct sim_session *session, const struct sim_statement *statement);
/* Runs text as EXEC('…') does, with variables of its own. */
enum sim_run sim_push_text(struct sim_session *session, const struct sim_statement *owner, const char *text,
                           struct sim_variables variables);
void sim_session_use(struct sim_session *session, const char *database, bool tell);
void sim_done(struct sim_session *session, int64_t rows, bool failed);
bool sim_is_sysadmin(const struct sim_session *session);
bool sim_has_permission(const struct sim_session *session, const char *permission);
/* As db_owner: of what a login has created. */
bool sim_owns(const struct sim_session *session, const struct sim_database *database);

#endif
