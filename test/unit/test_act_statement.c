/* Every action's batch, in a file that a DBA can read: act_statements.golden.sql. UPDATE_GOLDEN=1 writes it anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "controller/act/statement.h"

#define GOLDEN SOURCE_DIR "/test/unit/act_statements.golden.sql"

static const struct spec spec = {
	.namespace = "ns",
	.name = "ag",
	.uid = "6f1e0a3c-1111-2222-3333-444455556666",
	.replica_count = 3,
	.replicas = {
		{ "ag-0", "TCP://ag-0.ag-pods.ns.svc:5022", SQL_SYNCHRONOUS_COMMIT, SQL_ACCESS_ALL, true, NULL },
		{ "ag-1", "TCP://ag-1.ag-pods.ns.svc:5022", SQL_SYNCHRONOUS_COMMIT, SQL_ACCESS_READ_ONLY, true, NULL },
		{ "ag-2", "TCP://ag-2.ag-pods.ns.svc:5022", SQL_ASYNCHRONOUS_COMMIT, SQL_ACCESS_NO, false, NULL },
	},
	.is_group = true,
	.group = "ag1",
	.cluster = SQL_CLUSTER_EXTERNAL,
	.endpoint = "agkeeper",
	.endpoint_port = 5022,
};
static const struct record record = { .generation = 7 };
static const struct statement_secrets secrets = {
	.controller_password = "Controllers-1",
	.master_key_password = "Master-Keys-1'",
	.administrator_password = "Administrators-1",
};
static const struct statement_context context = { &spec, &record, &secrets };

/* One of each, with what its row in plan.h says. */
static const struct action actions[] = {
	{ .type = ACTION_BOOTSTRAP_SERVER },
	{ .type = ACTION_EXPORT_CERTIFICATE },
	{ .type = ACTION_APPLY_PASSWORD },
	{ .type = ACTION_CREATE_GROUP },
	{ .type = ACTION_CREATE_SYSTEM_DATABASE },
	{ .type = ACTION_RAISE_GENERATION, .number = 7 },
	{ .type = ACTION_STOP_ENDPOINT },
	{ .type = ACTION_START_ENDPOINT },
	{ .type = ACTION_RESTART_ENDPOINT },
	{ .type = ACTION_PROMOTE, .text = "2026-11-22T10:00:00.123" },
	{ .type = ACTION_PROMOTE_STARTED, .text = "2026-11-22T10:00:00.123" },
	{ .type = ACTION_FORCE_PROMOTE, .text = "2026-11-22T10:00:00.123" },
	{ .type = ACTION_JOIN },
	{ .type = ACTION_BECOME_SECONDARY },
	{ .type = ACTION_OFFLINE },
	{ .type = ACTION_DROP_GROUP },
	{ .type = ACTION_SET_REQUIRED, .number = 2 },
	{ .type = ACTION_SET_AVAILABILITY, .peer = "ag-1", .number = SQL_ASYNCHRONOUS_COMMIT },
	{ .type = ACTION_SET_ACCESS, .peer = "ag-1", .number = SQL_ACCESS_READ_ONLY },
	{ .type = ACTION_SET_ENDPOINT_URL, .peer = "ag-1", .text = "TCP://ag-1.ag-pods.ns.svc:5022" },
	{ .type = ACTION_SET_DB_FAILOVER, .number = 1 },
	{ .type = ACTION_ADD_REPLICA, .peer = "ag-1" },
	{ .type = ACTION_REMOVE_REPLICA, .peer = "ag-3" },
	{ .type = ACTION_CREATE_DATABASE, .text = "agdb]1" },
	{ .type = ACTION_SET_RECOVERY_FULL, .text = "agdb1" },
	{ .type = ACTION_BACKUP_DATABASE, .text = "agdb1" },
	{ .type = ACTION_BACKUP_OTHERS_DATABASE, .text = "agdb1" },
	{ .type = ACTION_ADD_DATABASE, .text = "agdb1" },
	{ .type = ACTION_DROP_DATABASE, .text = "agdb1" },
	{ .type = ACTION_SUSPEND_MOVEMENT, .text = "agdb1" },
	{ .type = ACTION_RESUME_MOVEMENT, .text = "agdb1" },
	{ .type = ACTION_WRITE_CHECK },
	{ .type = ACTION_WRITE_CHECK, .number = 1 },
};

static const char *login_of(enum action_type type) {
	return action_rows[type].session == SESSION_ADMINISTRATOR ? ADMINISTRATOR_LOGIN : CONTROLLER_LOGIN;
}

static void show(struct strbuf *out, const struct action *of, const struct statement_context *with) {
	struct action action = *of;
	struct statement_terms terms = statement_terms(action.type);
	cleanup_error struct error *err = NULL;
	action.pod = "ag-0";
	strbuf_printf(out, "-- %s: as %s, %lld s%s%s\n", action_rows[action.type].name, login_of(action.type),
	              (long long)terms.timeout_ms / 1000, terms.is_secret ? ", secret" : "",
	              terms.is_changing ? ", changing" : "");
	if (statement_of(&action, with, out, &err) != 0) fail_msg("%s", err->message);
	strbuf_append_char(out, '\n');
}

static void show_all(struct strbuf *out) {
	struct statement_secrets with_certificate = secrets;
	with_certificate.endpoint.certificate = (struct sql_bytes){ (const unsigned char *)"\x30\x82\x01", 3 };
	with_certificate.endpoint.private_key = (struct sql_bytes){ (const unsigned char *)"\x1E\xF1\xB5", 3 };
	const struct statement_context second = { &spec, &record, &with_certificate };
	struct spec without_manager = spec;
	without_manager.cluster = SQL_CLUSTER_NONE;
	const struct statement_context none = { &without_manager, &record, &secrets };
	for (size_t i = 0; i < ARRAY_LENGTH(actions); i++) {
		show(out, &actions[i], &context);
		if (actions[i].type == ACTION_BOOTSTRAP_SERVER) show(out, &actions[i], &second);
		if (actions[i].type == ACTION_CREATE_GROUP || actions[i].type == ACTION_JOIN)
			show(out, &actions[i], &none);
	}
}

static void are_as_the_golden_file_has_them(void **state) {
	(void)state;
	cleanup_strbuf struct strbuf text = { 0 }, golden = { 0 };
	show_all(&text);
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

static bool is_shown(enum action_type type) {
	for (size_t i = 0; i < ARRAY_LENGTH(actions); i++) {
		if (actions[i].type == type) return true;
	}
	return false;
}

/* What the table of actions says of a session is what the batch does, for every action on a server; the others have no
 * statement. */
static void table_and_batches_agree(void **state) {
	(void)state;
	for (enum action_type type = 0; type < ACTION_TYPES; type++) {
		if (action_rows[type].target == TARGET_SERVER) {
			if (!is_shown(type)) fail_msg("%s is not shown", action_rows[type].name);
			continue;
		}
		cleanup_strbuf struct strbuf text = { 0 };
		cleanup_error struct error *err = NULL;
		assert_int_equal(statement_of(&(struct action){ .type = type }, &context, &text, &err), -1);
		assert_int_equal(err->kind, ERROR_INTERNAL);
	}
	for (size_t i = 0; i < ARRAY_LENGTH(actions); i++) {
		cleanup_strbuf struct strbuf text = { 0 };
		struct action action = actions[i];
		struct statement_terms terms = statement_terms(action.type);
		action.pod = "ag-0";
		assert_int_equal(statement_of(&action, &context, &text, NULL), 0);
		assert_true(terms.timeout_ms >= 15000);
		if (action_rows[action.type].session == SESSION_FENCED) assert_true(terms.is_changing);
		bool checks = strstr(text.data, "WHERE generation = 7)") != NULL;
		assert_int_equal(terms.is_changing, checks);
		bool has_password = strstr(text.data, "Controllers-1") != NULL ||
		                    strstr(text.data, "Master-Keys-1") != NULL ||
		                    strstr(text.data, "Administrators-1") != NULL;
		assert_int_equal(terms.is_secret, has_password);
	}
}

static void what_cannot_be_written_is_refused_whole(void **state) {
	(void)state;
	static const struct action wrong[] = {
		{ .type = ACTION_ADD_REPLICA, .pod = "ag-0", .peer = "ag-7" },
		{ .type = ACTION_ADD_DATABASE, .pod = "ag-0", .text = "" },
		{ .type = ACTION_DROP_DATABASE, .pod = "ag-0" },
		{ .type = ACTION_PROMOTE, .pod = "ag-0" },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
		cleanup_strbuf struct strbuf text = { 0 };
		cleanup_error struct error *err = NULL;
		strbuf_append(&text, "before");
		assert_int_equal(statement_of(&wrong[i], &context, &text, &err), -1);
		assert_int_equal(err->kind, ERROR_INVALID);
		assert_string_equal(text.data, "before");
	}
	/* A Secret without what is needed. */
	cleanup_strbuf struct strbuf text = { 0 };
	cleanup_error struct error *err = NULL;
	const struct statement_context empty = { &spec, &record, &(struct statement_secrets){ 0 } };
	assert_int_equal(statement_of(&actions[0], &empty, &text, &err), -1);
	assert_non_null(strstr(err->message, "BOOTSTRAP_SERVER"));
	assert_string_equal(strbuf_text(&text), "");
}

static int read_certificate(const char *certificate, const char *private_key, struct endpoint_certificate *endpoint,
                            struct arena *arena, struct error **err) {
	const char *columns[] = { "certificate", "private_key" };
	const char *values[] = { certificate, private_key };
	const char **rows[] = { values };
	struct sql_set set = { .column_count = 2, .columns = columns, .row_count = 1, .rows = rows };
	const struct sql_results results = { .set_count = 1, .sets = &set };
	return statement_certificate(&results, arena, endpoint, err);
}

static void certificate_is_read(void **state) {
	(void)state;
	cleanup_arena struct arena arena = { 0 };
	cleanup_error struct error *err = NULL;
	struct endpoint_certificate endpoint = { 0 };
	assert_int_equal(read_certificate("308201FF", "1EF1B5B0", &endpoint, &arena, &err), 0);
	assert_int_equal(endpoint.certificate.length, 4);
	assert_memory_equal(endpoint.certificate.bytes, "\x30\x82\x01\xFF", 4);
	assert_int_equal(endpoint.private_key.length, 4);
	assert_memory_equal(endpoint.private_key.bytes, "\x1E\xF1\xB5\xB0", 4);

	assert_int_equal(read_certificate(NULL, NULL, &endpoint, &arena, &err), -1);
	assert_non_null(strstr(err->message, "has no certificate"));
	assert_int_equal(read_certificate("308201FF", NULL, &endpoint, &arena, &err), -1);
	assert_non_null(strstr(err->message, "private key"));
	assert_int_equal(statement_certificate(&(struct sql_results){ 0 }, &arena, &endpoint, &err), -1);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(are_as_the_golden_file_has_them),
		cmocka_unit_test(table_and_batches_agree),
		cmocka_unit_test(what_cannot_be_written_is_refused_whole),
		cmocka_unit_test(certificate_is_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
