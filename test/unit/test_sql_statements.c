/* Every statement once, in a file that a DBA can read: sql_statements.golden.sql. UPDATE_GOLDEN=1 writes it anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "sql/statements.h"

#define GOLDEN SOURCE_DIR "/test/unit/sql_statements.golden.sql"

static const struct sql_replica replicas[] = {
	{ "ag-0", "TCP://ag-0.ag.ns.svc.cluster.local:5022", SQL_SYNCHRONOUS_COMMIT, SQL_ACCESS_ALL },
	{ "ag-1", "TCP://ag-1.ag.ns.svc.cluster.local:5022", SQL_SYNCHRONOUS_COMMIT, SQL_ACCESS_READ_ONLY },
	{ "ag-2", "TCP://ag-2.ag.ns.svc.cluster.local:5022", SQL_ASYNCHRONOUS_COMMIT, SQL_ACCESS_NO },
};
static const struct sql_bootstrap first = { .master_key_password = "Master-1'",
	                                    .endpoint_login = "agkeeper_endpoint",
	                                    .endpoint_password = "Never-Used-1",
	                                    .endpoint = "agkeeper",
	                                    .port = 5022,
	                                    .certificate = "agkeeper",
	                                    .subject = "ns/ag",
	                                    .expires = "20361122",
	                                    .controller = "agkeeper",
	                                    .controller_password = "Generated-2" };
static struct sql_bootstrap another(void) {
	struct sql_bootstrap bootstrap = first;
	bootstrap.encoded = "\x30\x82\x01\xFF";
	bootstrap.encoded_length = 4;
	bootstrap.private_key = "\x1E\xF1\xB5\xB0";
	bootstrap.private_key_length = 4;
	bootstrap.private_key_password = "Generated-1";
	return bootstrap;
}

/* `expression` appends one statement to `out`. */
#define SHOW(expression)                                                          \
	do {                                                                      \
		const char *call_ = #expression;                                  \
		strbuf_printf(out, "-- %.*s\n", (int)strcspn(call_, "("), call_); \
		assert_int_equal((expression), 0);                                \
		strbuf_append_char(out, '\n');                                    \
	} while (0)

static void show_bootstrap(struct strbuf *out) {
	const struct sql_bootstrap other = another();
	SHOW(sql_bootstrap_server(out, &first, NULL));
	SHOW(sql_bootstrap_server(out, &other, NULL));
	SHOW(sql_export_certificate(out, "agkeeper", "Generated-1", NULL));
	SHOW(sql_apply_password(out, "sa", "Chosen-1", NULL));
}

static void show_group(struct strbuf *out) {
	const struct sql_group external = { .name = "ag1",
		                            .cluster = SQL_CLUSTER_EXTERNAL,
		                            .db_failover = true,
		                            .required = 1,
		                            .write_lease_validity = 60,
		                            .replicas = replicas,
		                            .replica_count = 3 };
	const struct sql_group none = {
		.name = "ag]1", .cluster = SQL_CLUSTER_NONE, .replicas = replicas, .replica_count = 1
	};
	SHOW(sql_create_group(out, &external, NULL));
	SHOW(sql_create_group(out, &none, NULL));
	SHOW(sql_join_group(out, "ag1", SQL_CLUSTER_EXTERNAL, NULL));
	SHOW(sql_grant_create_any_database(out, "ag1", NULL));
	SHOW(sql_become_secondary(out, "ag1", NULL));
	SHOW(sql_failover(out, "ag1", NULL));
	SHOW(sql_promote(out, "ag1", "2026-11-22T10:00:00.123", NULL));
	SHOW(sql_promote_started(out, "ag1", "2026-11-22T10:00:00.123", "AGEP", NULL));
	SHOW(sql_force_promote(out, "ag1", "2026-11-22T10:00:00.123", "AGEP", NULL));
	SHOW(sql_offline(out, "ag1", NULL));
	SHOW(sql_drop_group(out, "ag1", NULL));
	SHOW(sql_add_replica(out, "ag1", SQL_CLUSTER_EXTERNAL, &replicas[2], NULL));
	SHOW(sql_remove_replica(out, "ag1", "ag-2", NULL));
	SHOW(sql_set_availability(out, "ag1", "ag-2", SQL_SYNCHRONOUS_COMMIT, NULL));
	SHOW(sql_set_access(out, "ag1", "ag-2", SQL_ACCESS_READ_ONLY, NULL));
	SHOW(sql_set_endpoint_url(out, "ag1", "ag-2", replicas[2].endpoint_url, NULL));
	SHOW(sql_set_session_timeout(out, "ag1", "ag-2", 10, NULL));
	SHOW(sql_set_required(out, "ag1", 2, NULL));
	SHOW(sql_set_db_failover(out, "ag1", false, NULL));
	SHOW(sql_set_write_lease(out, "ag1", 60, NULL));
	SHOW(sql_add_database(out, "ag1", "agdb1", NULL));
	SHOW(sql_remove_database(out, "ag1", "agdb1", NULL));
}

static void show_others(struct strbuf *out) {
	SHOW(sql_set_endpoint_state(out, "agkeeper", false, NULL));
	SHOW(sql_create_database(out, "agdb'1", NULL));
	SHOW(sql_set_recovery_full(out, "agdb1", NULL));
	SHOW(sql_backup_database(out, "agdb1", "/var/opt/mssql/data/agdb1.bak", NULL));
	SHOW(sql_drop_database(out, "agdb1", NULL));
	SHOW(sql_drop_leftover(out, "agdb'1", NULL));
	SHOW(sql_leave_group(out, "agdb1", NULL));
	SHOW(sql_create_kubedb_system(out, NULL));
	SHOW(sql_write_check(out, NULL));
	SHOW(sql_set_movement(out, "agdb1", true, NULL));
	SHOW(sql_raise_generation(out, 7, 1000, NULL));
	SHOW(sql_begin_change(out, 7, 1000, NULL));
	SHOW(sql_end_change(out, NULL));
	SHOW(sql_cut_texts(out, NULL));
	SHOW(sql_stream_diagnostics(out, 5, NULL));
	SHOW(sql_probe(out, "ag1", NULL));
}

static void are_as_the_golden_file_has_them(void **state) {
	(void)state;
	cleanup_strbuf struct strbuf text = { 0 }, golden = { 0 };
	show_bootstrap(&text);
	show_group(&text);
	show_others(&text);
	if (getenv("UPDATE_GOLDEN") != NULL) {
		FILE *file = fopen(GOLDEN, "we");
		assert_non_null(file);
		fwrite(text.data, 1, text.length, file);
		fclose(file);
	}
	FILE *file = fopen(GOLDEN, "re");
	assert_non_null(file);
	for (size_t got = 1; got != 0; golden.length += got) got = fread(strbuf_reserve(&golden, 4096), 1, 4096, file);
	fclose(file);
	golden.data[golden.length] = '\0';
	assert_string_equal(text.data, golden.data);
}

/* A function per statement in the header, and none that the golden file does not show. */
static void all_are_shown(void **state) {
	(void)state;
	cleanup_strbuf struct strbuf text = { 0 };
	show_bootstrap(&text);
	show_group(&text);
	show_others(&text);
	FILE *header = fopen(SOURCE_DIR "/common/sql/statements.h", "re");
	assert_non_null(header);
	char line[1024];
	int functions = 0;
	while (fgets(line, sizeof(line), header) != NULL) {
		if (strncmp(line, "int sql_", 8) != 0) continue;
		cleanup_free char *comment = xasprintf("-- %.*s\n", (int)strcspn(line + 4, "("), line + 4);
		if (strstr(text.data, comment) == NULL) print_error("not shown: %s", comment);
		assert_non_null(strstr(text.data, comment));
		functions++;
	}
	fclose(header);
	assert_in_range(functions, 30, 100);
}

static void nothing_is_left_of_a_refused_statement(void **state) {
	(void)state;
	const struct sql_replica bad[] = { replicas[0], { "ag-1", "TCP://\xFF", 0, 0 } };
	const struct sql_group group = { .name = "ag1", .replicas = bad, .replica_count = 2 };
	const struct sql_group empty = { .name = "ag1" };
	struct sql_bootstrap nobody = another();
	nobody.endpoint_login = "";
	cleanup_strbuf struct strbuf out = { 0 };
	cleanup_error struct error *err = NULL;
	assert_int_equal(sql_create_group(&out, &group, &err), -1);
	assert_int_equal(err->kind, ERROR_INVALID);
	assert_int_equal(sql_create_group(&out, &empty, NULL), -1);
	assert_int_equal(sql_bootstrap_server(&out, &nobody, NULL), -1);
	assert_int_equal(sql_promote(&out, "ag1", NULL, NULL), -1);
	assert_int_equal(sql_add_replica(&out, "ag1", SQL_CLUSTER_NONE, &bad[1], NULL), -1);
	assert_int_equal(sql_failover(&out, "a\nb", NULL), -1);
	assert_int_equal(sql_probe(&out, "\xFF", NULL), -1);
	assert_int_equal(out.length, 0);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(are_as_the_golden_file_has_them),
		cmocka_unit_test(all_are_shown),
		cmocka_unit_test(nothing_is_left_of_a_refused_statement),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
