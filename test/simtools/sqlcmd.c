/* sqlcmd, as far as probes use it: one query, its result or the server's error as text, exit code 1 with -b when there
 * was one. It stands in the simulated image at /opt/mssql-tools18/bin, and "localhost" is the pod's
 * (SIMNODE_LOCALHOST).
 *
 *   sqlcmd [-C] [-N] [-S HOST[,PORT]] [-U LOGIN] [-P PASSWORD] [-l SECONDS] [-t SECONDS] [-b] -Q QUERY */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "sql/library.h"
#include "sql/session.h"

struct settings {
	const char *server, *user, *password, *query;
	int login_timeout_s;
	int query_timeout_s; /* 0: none */
	bool errors_count;
};

static int read_settings(int argc, char **argv, struct settings *settings) {
	int option;
	while ((option = getopt(argc, argv, "CNbS:U:P:l:t:Q:")) != -1) {
		switch (option) {
		case 'C':
		case 'N': break; /* any certificate will do; the connection is always encrypted */
		case 'b': settings->errors_count = true; break;
		case 'S': settings->server = optarg; break;
		case 'U': settings->user = optarg; break;
		case 'P': settings->password = optarg; break;
		case 'l': settings->login_timeout_s = atoi(optarg); break;
		case 't': settings->query_timeout_s = atoi(optarg); break;
		case 'Q': settings->query = optarg; break;
		default: return -1;
		}
	}
	return settings->query != NULL && settings->user != NULL && settings->password != NULL ? 0 : -1;
}

static void print_results(const struct sql_results *results) {
	for (size_t i = 0; i < results->set_count; i++) {
		const struct sql_set *set = &results->sets[i];
		for (size_t j = 0; j < set->column_count; j++)
			printf("%s%s", set->columns[j], j + 1 < set->column_count ? " " : "\n");
		for (size_t row = 0; row < set->row_count; row++) {
			for (size_t j = 0; j < set->column_count; j++) {
				const char *value = set->rows[row][j];
				printf("%s%s", value != NULL ? value : "NULL", j + 1 < set->column_count ? " " : "\n");
			}
		}
		printf("\n(%zu rows affected)\n", set->row_count);
	}
}

static int ask(const struct settings *settings, const struct sql_target *target, struct error **err) {
	enum { PATIENT_S = 24 * 3600 };
	int seconds = settings->query_timeout_s != 0 ? settings->query_timeout_s : PATIENT_S;
	cleanup_sql_results struct sql_results results = { 0 };
	struct sql_library *library =
	        sql_library_new(&(struct sql_library_options){ .connect_timeout_s = settings->login_timeout_s }, err);
	if (library == NULL) return -1;
	struct sql_session *session = sql_session_open(library, target, err);
	int failed = session == NULL ? -1 : 0;
	if (failed == 0) {
		const struct sql_batch batch = { .text = settings->query, .timeout_ms = (int64_t)seconds * 1000 };
		failed = sql_session_execute(session, &batch, &results, err);
		print_results(&results);
	}
	sql_session_close(session);
	sql_library_free(library);
	return failed == 0 ? 0 : session == NULL ? -1 : 1;
}

int main(int argc, char **argv) {
	struct settings settings = { .server = "localhost",
		                     .password = getenv("SQLCMDPASSWORD"),
		                     .login_timeout_s = 8 };
	cleanup_error struct error *err = NULL;
	if (read_settings(argc, argv, &settings) < 0) {
		fprintf(stderr,
		        "sqlcmd: this one takes -S -U -P -C -N -l -t -b and -Q; user, password and query are needed\n");
		return 1;
	}
	const char *comma = strchr(settings.server, ',');
	cleanup_free char *host = xstrndup(settings.server, strcspn(settings.server, ","));
	const char *localhost = getenv("SIMNODE_LOCALHOST");
	const struct sql_target target = { .host = strcmp(host, "localhost") == 0 && localhost != NULL ? localhost
		                                                                                       : host,
		                           .port = comma != NULL ? atoi(comma + 1) : 1433,
		                           .user = settings.user,
		                           .password = settings.password };
	int result = ask(&settings, &target, &err);
	if (result != 0) fprintf(stderr, "Sqlcmd: Error: %s\n", err->message);
	return result < 0 || (result > 0 && settings.errors_count) ? 1 : 0;
}
