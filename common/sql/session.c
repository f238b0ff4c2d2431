#include "sql/session.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sybdb.h>
#include <sybfront.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/strbuf.h"
#include "sql/messages.h"
#include "sql/result.h"
#include "sql/session_private.h"

enum {
	SEVERITY_ERROR = 11,   /* below: information */
	SEVERITY_FATAL = 20,   /* the server ends the session */
	MESSAGES_MAX = 8,      /* of one batch, kept in its error */
	CONNECTION_LOST_OS = 0 /* db-lib gives no errno when the peer has closed */
};

/* What the handlers have heard during the call that is under way. */
struct heard {
	int number; /* of the first error of the server; 0: none */
	int severity;
	bool is_fatal;
	int message_count;
	struct strbuf messages;
	int library_error; /* of the first error of FreeTDS; 0: none */
	char *library_message;
	bool keeps_words; /* false: the server's text may repeat a secret */
};

struct sql_session {
	struct sql_library *library;
	DBPROCESS *process;
	int socket; /* a second descriptor of the connection's socket: stays ours when FreeTDS closes its own */
	atomic_bool is_cancelled;
	bool is_over;
	bool is_answered, has_rows; /* of a batch that was started: how far it is read */
};

static _Thread_local struct heard *hearing;

static void heard_free(struct heard *heard) {
	strbuf_free(&heard->messages);
	free(heard->library_message);
}
#define cleanup_heard __attribute__((cleanup(heard_free)))

/* ---- handlers ---- */

static int on_message(DBPROCESS *process, DBINT number, int state, int severity, char *text, char *server,
                      char *procedure, int line) {
	(void)process;
	(void)server;
	struct heard *heard = hearing;
	if (heard == NULL || severity < SEVERITY_ERROR) return 0;
	if (severity >= SEVERITY_FATAL) heard->is_fatal = true;
	if (heard->number == 0) {
		heard->number = number;
		heard->severity = severity;
	}
	if (heard->message_count++ >= MESSAGES_MAX) return 0;
	if (heard->messages.length != 0) strbuf_append(&heard->messages, "; ");
	strbuf_printf(&heard->messages, "Msg %d, Level %d, State %d", (int)number, severity, state);
	if (procedure != NULL && procedure[0] != '\0') strbuf_printf(&heard->messages, ", Procedure %s", procedure);
	if (line > 0) strbuf_printf(&heard->messages, ", Line %d", line);
	if (heard->keeps_words && text != NULL) strbuf_printf(&heard->messages, ": %s", text);
	return 0;
}

static int on_error(DBPROCESS *process, int severity, int number, int os_error, char *text, char *os_text) {
	(void)process;
	(void)severity;
	struct heard *heard = hearing;
	/* SYBESMSG only says that on_message has been called. */
	if (heard == NULL || number == SYBESMSG || heard->library_error != 0) return INT_CANCEL;
	heard->library_error = number;
	bool has_reason = os_error > CONNECTION_LOST_OS && os_text != NULL;
	heard->library_message = xasprintf("%s%s%s", text, has_reason ? ": " : "", has_reason ? os_text : "");
	return INT_CANCEL;
}

void sql_session_install_handlers(void) {
	dberrhandle(on_error);
	dbmsghandle(on_message);
}

/* ---- opening ---- */

/* "10.1.2.3:1433" or "[fd00::1]:1433": dbopen would look a name up under a lock that all sessions share. */
static char *resolve(const struct sql_target *target, struct error **err) {
	const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	int status = getaddrinfo(target->host, NULL, &hints, &found);
	if (status != 0) {
		error_set(err, ERROR_UNAVAILABLE, "cannot resolve %s: %s", target->host, gai_strerror(status));
		return NULL;
	}
	char address[NI_MAXHOST];
	status = getnameinfo(found->ai_addr, found->ai_addrlen, address, sizeof(address), NULL, 0, NI_NUMERICHOST);
	bool is_v6 = found->ai_family == AF_INET6;
	freeaddrinfo(found);
	if (status != 0) {
		error_set(err, ERROR_UNAVAILABLE, "cannot resolve %s: %s", target->host, gai_strerror(status));
		return NULL;
	}
	return xasprintf(is_v6 ? "[%s]:%d" : "%s:%d", address, target->port);
}

static int refuse_open(const struct sql_target *target, const struct heard *heard, struct error **err) {
	if (heard->number != 0)
		return error_set_code(err, sql_message_kind(heard->number, heard->severity), heard->number, "%s:%d: %s",
		                      target->host, target->port, strbuf_text(&heard->messages));
	return error_set(err, heard->library_error == SYBETIME ? ERROR_TIMEOUT : ERROR_UNAVAILABLE,
	                 "cannot connect to %s:%d: %s", target->host, target->port,
	                 heard->library_message != NULL ? heard->library_message : "no reason given");
}

static DBPROCESS *connect_to(const struct sql_target *target, const char *address) {
	LOGINREC *login = dblogin();
	if (login == NULL) abort(); /* out of memory */
	DBSETLUSER(login, target->user);
	DBSETLPWD(login, target->password);
	DBSETLAPP(login, "agkeeper");
	/* A login's own default database may be one that this server opens for nobody, and locks belong to a database.
	 */
	DBSETLDBNAME(login, "master");
	/* Here and not only in the configuration: Debian's /etc/freetds/freetds.conf says "auto", is read after ours,
	 * and would make FreeTDS follow an unanswered TDS 7 login by one of TDS 5, with the password in clear. */
	DBSETLVERSION(login, DBVERSION_74);
	DBPROCESS *process = dbopen(login, address);
	dbloginfree(login); /* wipes its copy of the password */
	return process;
}

struct sql_session *sql_session_open(struct sql_library *library, const struct sql_target *target, struct error **err) {
	cleanup_free char *address = resolve(target, err);
	if (address == NULL) return NULL;
	cleanup_heard struct heard heard = { .keeps_words = true };
	hearing = &heard;
	DBPROCESS *process = connect_to(target, address);
	hearing = NULL;
	if (process == NULL) {
		refuse_open(target, &heard, err);
		return NULL;
	}
	int copy = fcntl(dbiordesc(process), F_DUPFD_CLOEXEC, 0);
	if (copy < 0) {
		error_errno(err, errno, "cannot keep the socket of %s", target->host);
		dbclose(process);
		return NULL;
	}
	struct sql_session *session = xcalloc(1, sizeof(*session));
	session->library = library;
	session->process = process;
	session->socket = copy;
	return session;
}

void sql_session_close(struct sql_session *session) {
	if (session == NULL) return;
	/* dbclose would say good-bye and might wait for a server that is frozen. */
	(void)shutdown(session->socket, SHUT_RDWR);
	cleanup_heard struct heard ignored = { 0 };
	hearing = &ignored;
	dbclose(session->process);
	hearing = NULL;
	close(session->socket);
	free(session);
}

void sql_session_cancel(struct sql_session *session) {
	atomic_store(&session->is_cancelled, true);
	(void)shutdown(session->socket, SHUT_RDWR);
}

/* An idle server says nothing: whatever can be read from the socket is its end, or the notice of it. */
bool sql_session_is_usable(struct sql_session *session) {
	if (session->is_over || atomic_load(&session->is_cancelled) || dbdead(session->process)) return false;
	struct pollfd idle = { .fd = session->socket, .events = POLLIN | POLLRDHUP };
	return poll(&idle, 1, 0) == 0;
}

/* ---- batches ---- */

/* True when the batch was sent and its answer read to the end, whatever the server said in it. */
static bool run(struct sql_session *session, const char *text, struct sql_results *results) {
	DBPROCESS *process = session->process;
	if (dbcmd(process, text) == FAIL || dbsqlexec(process) == FAIL) {
		/* The server's refusal of the first statement is a failure too: the rest of the answer still follows.
		 */
		if (dbdead(process)) return false;
	}
	for (RETCODE status; (status = dbresults(process)) != NO_MORE_RESULTS;) {
		if (dbdead(process)) return false;
		if (status == FAIL) continue;
		if (!sql_result_read(process, results)) return false;
	}
	return !dbdead(process);
}

static int refuse_batch(struct sql_session *session, int64_t timeout_ms, const struct heard *heard, bool timed_out,
                        bool complete, struct error **err) {
	if (timed_out) return error_set(err, ERROR_TIMEOUT, "no answer within %lld ms", (long long)timeout_ms);
	if (atomic_load(&session->is_cancelled)) return error_set(err, ERROR_UNAVAILABLE, "the session was cancelled");
	if (heard->number != 0)
		return error_set_code(err, sql_message_kind(heard->number, heard->severity), heard->number, "%s",
		                      strbuf_text(&heard->messages));
	const char *reason = heard->library_message != NULL ? heard->library_message : "the server has closed it";
	if (!complete) return error_set(err, ERROR_UNAVAILABLE, "connection lost: %s", reason);
	return error_set(err, ERROR_INTERNAL, "FreeTDS: %s", reason);
}

int sql_session_execute(struct sql_session *session, const struct sql_batch *batch, struct sql_results *results,
                        struct error **err) {
	if (!sql_session_is_usable(session)) {
		session->is_over = true;
		return error_set(err, ERROR_UNAVAILABLE, "the server has ended the session; nothing was sent");
	}
	cleanup_heard struct heard heard = { .keeps_words = !batch->is_secret };
	struct sql_watch watch = { .fd = session->socket, .deadline_ms = clock_monotonic_ms() + batch->timeout_ms };
	hearing = &heard;
	sql_watch_start(session->library, &watch);
	bool complete = run(session, batch->text, results);
	bool timed_out = sql_watch_stop(session->library, &watch);
	dbfreebuf(session->process);
	hearing = NULL;
	bool failed = timed_out || !complete || heard.number != 0 || heard.library_error != 0 ||
	              atomic_load(&session->is_cancelled);
	if (timed_out || !complete || heard.is_fatal || (failed && batch->is_changing)) session->is_over = true;
	if (!failed) return 0;
	sql_results_free(results);
	return refuse_batch(session, batch->timeout_ms, &heard, timed_out, complete, err);
}

/* ---- a batch whose answer is read as it arrives ---- */

int sql_session_start(struct sql_session *session, const char *text, struct error **err) {
	cleanup_heard struct heard heard = { .keeps_words = true };
	hearing = &heard;
	bool sent = dbcmd(session->process, text) == SUCCEED && dbsqlsend(session->process) == SUCCEED;
	dbfreebuf(session->process);
	hearing = NULL;
	if (sent) return 0;
	session->is_over = true;
	return refuse_batch(session, 0, &heard, false, false, err);
}

int sql_session_socket(const struct sql_session *session) {
	return session->socket;
}

static enum sql_next next(struct sql_session *session) {
	DBPROCESS *process = session->process;
	if (!session->is_answered && dbsqlok(process) == FAIL) return SQL_NEXT_OVER;
	session->is_answered = true;
	while (!session->has_rows) {
		RETCODE status = dbresults(process);
		if (status != SUCCEED || dbdead(process)) return SQL_NEXT_OVER;
		session->has_rows = dbnumcols(process) > 0;
	}
	STATUS status = dbnextrow(process);
	if (status == REG_ROW) return SQL_NEXT_ROW;
	session->has_rows = false;
	return status == NO_MORE_ROWS && !dbdead(process) ? SQL_NEXT_SET : SQL_NEXT_OVER;
}

static void read_values(DBPROCESS *process, const char *const *names, size_t count, struct arena *arena,
                        const char **values) {
	for (size_t i = 0; i < count; i++) {
		values[i] = NULL;
		for (int column = 1; column <= dbnumcols(process); column++) {
			const char *name = dbcolname(process, column);
			if (name == NULL || strcmp(name, names[i]) != 0) continue;
			values[i] = sql_result_value(process, column, arena);
			break;
		}
	}
}

enum sql_next sql_session_next(struct sql_session *session, const char *const *names, size_t count, int64_t timeout_ms,
                               struct arena *arena, const char **values, struct error **err) {
	cleanup_heard struct heard heard = { .keeps_words = true };
	struct sql_watch watch = { .fd = session->socket, .deadline_ms = clock_monotonic_ms() + timeout_ms };
	hearing = &heard;
	sql_watch_start(session->library, &watch);
	enum sql_next what = next(session);
	bool timed_out = sql_watch_stop(session->library, &watch);
	if (what == SQL_NEXT_ROW) read_values(session->process, names, count, arena, values);
	bool complete = what != SQL_NEXT_OVER;
	hearing = NULL;
	if (complete && !timed_out && heard.number == 0) return what;
	session->is_over = true;
	refuse_batch(session, timeout_ms, &heard, timed_out, complete, err);
	return SQL_NEXT_OVER;
}
