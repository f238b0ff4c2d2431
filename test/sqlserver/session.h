/* A session with a simulated SQL Server: what a client sees of it, below the wire protocol.
 *
 * The TDS server turns packets into these calls and what comes through the sink into tokens; the deterministic
 * simulation calls the same functions with a virtual clock. Nothing here blocks, starts threads or looks at a clock: a
 * statement that has to wait (a commit for its secondaries, a role change, a lock, the next round of
 * sp_server_diagnostics) answers SIM_WAITING, and the session is stepped again when something has happened.
 *
 *   struct sim_session *session = sim_session_open(instance, &login, &sink);   // NULL: refused, the sink has the
 * reason sim_session_execute(session, "SELECT @@SERVERNAME", NULL, 0); while (sim_session_step(session) == SIM_WAITING)
 * …let time pass, deliver messages (sqlserver/instance.h)… sim_session_close(session);
 *
 * Threads: an instance and all its sessions belong under one lock. */
#ifndef SIMSQL_SESSION_H
#define SIMSQL_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim_instance;
struct sim_session;

enum sim_type {
	SIM_BIT,
	SIM_TINYINT,
	SIM_SMALLINT,
	SIM_INT,
	SIM_BIGINT,
	SIM_DECIMAL, /* numeric too: precision and scale are in the column */
	SIM_REAL,
	SIM_FLOAT,
	SIM_CHAR,
	SIM_VARCHAR,
	SIM_NCHAR,
	SIM_NVARCHAR, /* sysname is nvarchar(128) */
	SIM_BINARY,
	SIM_VARBINARY,
	SIM_UNIQUEIDENTIFIER,
	SIM_DATE,
	SIM_TIME,
	SIM_DATETIME,
	SIM_DATETIME2
};

enum { SIM_MAX = -1 }; /* the length of nvarchar(max), varchar(max), varbinary(max) */

struct sim_type_info {
	enum sim_type type;
	int length; /* characters of n[var]char, bytes of [var]char and [var]binary, or SIM_MAX; 0 for all others */
	int precision, scale; /* of decimal; scale: also the fractional digits of time and datetime2 */
};

/* A value does not repeat its type: the column or parameter says how to read it.
 *   SIM_VALUE_INTEGER  bit … bigint
 *   SIM_VALUE_REAL     real, float
 *   SIM_VALUE_TEXT     UTF-8: all character types; decimal ("-12.50"); uniqueidentifier ("C4FADE0D-BC82-…", upper
 *                      case); date "2026-11-22", time "10:00:00.0000000", datetime "2026-11-22 10:00:00.003",
 *                      datetime2 "2026-11-22 10:00:00.0000000" (as many digits as its scale)
 *   SIM_VALUE_BYTES    binary types */
struct sim_value {
	enum sim_value_kind { SIM_VALUE_NULL, SIM_VALUE_INTEGER, SIM_VALUE_REAL, SIM_VALUE_TEXT, SIM_VALUE_BYTES } kind;
	int64_t integer;
	double real;
	const char *bytes; /* of text and bytes; text has a NUL behind its end, which `length` does not count */
	size_t length;
};

struct sim_column {
	const char *name; /* "" where a column has none */
	struct sim_type_info type;
	bool nullable;
};

/* An error (severity 11 and above) or an informational message, as SQL Server numbers them. */
struct sim_message {
	int number;
	int severity; /* 0 … 25; 20 and above end the session */
	int state;
	int line; /* within the batch, from 1; 0 where SQL Server gives none */
	const char *text;
	const char *server;    /* @@SERVERNAME */
	const char *procedure; /* "" outside a procedure */
};
static inline bool sim_message_is_error(const struct sim_message *message) {
	return message->severity > 10;
}

enum sim_environment { SIM_ENV_DATABASE, SIM_ENV_LANGUAGE, SIM_ENV_PACKET_SIZE };

/* Where results go, in the order SQL Server sends them. Pointers are valid during the call only. Every function must
 * be there. */
struct sim_sink {
	void *context;
	/* A result set begins; its rows follow, then one `done`. */
	void (*columns)(void *context, const struct sim_column *columns, size_t count);
	void (*row)(void *context, const struct sim_value *values, size_t count);
	/* A statement ended. `rows` is -1 when it has no row count (DDL, SET NOCOUNT ON, a failed statement). Whether
	 * more follows is known only later: what is last in a response is last when sim_session_step says so. */
	void (*done)(void *context, int64_t rows, bool failed);
	void (*message)(void *context, const struct sim_message *message);
	/* USE, and at login: "master" → "agdb1". Its informational message (5701, 5703) comes through `message`. */
	void (*environment)(void *context, enum sim_environment what, const char *value, const char *previous);
};

struct sim_login {
	const char *user;
	const char *password;
	const char *database;    /* NULL or "": the login's default database */
	const char *application; /* NULL or "": none */
	const char *host;        /* the client's name; NULL or "": none */
	bool read_only_intent;   /* ApplicationIntent=ReadOnly */
};

/* NULL when refused: the sink then has Msg 18456 (user or password), 4060 (database), 976, 978 or 983 (a secondary
 * that lets nobody in) with 4060. Otherwise the sink has the environment of the session. `sink` is copied. */
struct sim_session *sim_session_open(struct sim_instance *instance, const struct sim_login *login,
                                     const struct sim_sink *sink);
/* Rolls back what is open, releases locks. The instance must still be there. NULL is fine. */
void sim_session_close(struct sim_session *session);

struct sim_parameter {
	const char *name; /* "@id"; "" or NULL: by position, for sim_session_call only */
	struct sim_type_info type;
	struct sim_value value;
	bool output;
};

/* Starts a batch; the session must be idle. Text and parameters are copied. Nothing is done before the first step. */
void sim_session_execute(struct sim_session *session, const char *text, const struct sim_parameter *parameters,
                         size_t count);
/* Starts a procedure by name, as an RPC request does ("sp_getapplock", "sys.sp_set_session_context", and sp_executesql
 * with its statement, its declaration and its values as parameters). */
void sim_session_call(struct sim_session *session, const char *procedure, const struct sim_parameter *parameters,
                      size_t count);

enum sim_step {
	SIM_FINISHED, /* the response is complete; the session is idle */
	SIM_WAITING,  /* step again after any event of the instance (a message, a timer, another session's step), and at
	               * sim_session_deadline at the latest; stepping too often does no harm */
	SIM_CLOSED    /* the server ended the session (role change, KILL, SHUTDOWN, severity 20+): close it */
};
enum sim_step sim_session_step(struct sim_session *session);
/* When a waiting session must be stepped even if nothing happens, in the instance's time (microseconds); INT64_MAX:
 * never. */
int64_t sim_session_deadline(const struct sim_session *session);
/* Whether an idle session has been ended by the server meanwhile (a role change does that). */
bool sim_session_is_closed(const struct sim_session *session);

/* The client's attention: what runs is abandoned (the open transaction stays, as without XACT_ABORT); the session is
 * idle afterwards. A commit that waits for secondaries is hardened locally: cancelling it does not undo it. */
void sim_session_cancel(struct sim_session *session);
/* sp_reset_connection: as new (transaction rolled back, settings, locks and context forgotten, login database). */
void sim_session_reset(struct sim_session *session);

/* The RETURN value of the last sim_session_call, and its output parameters by position in the call: false when the
 * parameter was no output. Valid until the next execute, call or close. */
int sim_session_return_status(const struct sim_session *session);
bool sim_session_output(const struct sim_session *session, size_t index, struct sim_value *value);

int sim_session_id(const struct sim_session *session); /* @@SPID */

#endif
