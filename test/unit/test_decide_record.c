/* The record: what is written reads back as the same, and nothing else is taken for one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "api/kinds.h"
#include "base/json.h"
#include "controller/decide/record.h"

static struct json_object *parse(const char *text) {
	cleanup_free char *quoted = xstrdup(text);
	for (char *p = quoted; *p != '\0'; p++) {
		if (*p == '\'') *p = '"';
	}
	struct json_object *json = NULL;
	cleanup_error struct error *err = NULL;
	if (json_parse(quoted, strlen(quoted), &json, &err) < 0) fail_msg("%s: %s", err->message, text);
	return json;
}

/* ---- random records ---- */

static uint64_t next(uint64_t *state) { /* splitmix64 */
	uint64_t z = (*state += 0x9e3779b97f4a7c15U);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
	return z ^ (z >> 31);
}

static size_t below(uint64_t *state, size_t limit) {
	return (size_t)(next(state) % limit);
}

static int64_t random_number(uint64_t *state) {
	return (int64_t)(next(state) >> (1 + below(state, 63)));
}

/* Up to the year 9999, which is all that RFC 3339 can say. */
static int64_t random_time(uint64_t *state) {
	return (int64_t)(next(state) % 253402300800000000U);
}

static const char *random_text(uint64_t *state, bool may_be_empty) {
	static const char *const texts[] = {
		"", "sales-0", "a", "Ä ö – “quoted”\n", "\"\\/", "c2a1f6d0-…", "PodDeleted"
	};
	size_t first = may_be_empty ? 0 : 1;
	return texts[first + below(state, ARRAY_LENGTH(texts) - first)];
}

static void random_members(uint64_t *state, struct arena *arena, struct record *record) {
	record->member_count = below(state, REPLICAS_MAX + 1);
	for (size_t i = 0; i < record->member_count; i++) {
		record->members[i] = (struct member){ arena_printf(arena, "sales-%zu", i), random_text(state, false) };
	}
	if (record->member_count == 0) return;
	record->required = (int)below(state, record->member_count);
	if (below(state, 4) != 0) record->primary = record->members[below(state, record->member_count)];
}

static struct record random_record(uint64_t *state, struct arena *arena) {
	struct record record = {
		.is_initialized = below(state, 2) != 0,
		.group_id = random_text(state, true),
		.epoch = random_number(state),
		.generation = random_number(state),
		.holder = random_text(state, true),
		.primary = { "", "" },
		.database_count = below(state, 4),
		.failover_count = below(state, HISTORY_MAX + 1),
	};
	random_members(state, arena, &record);
	record.databases = arena_calloc(arena, record.database_count, sizeof(*record.databases));
	for (size_t i = 0; i < record.database_count; i++) {
		record.databases[i] =
		        (struct recorded_database){ random_text(state, false), arena_printf(arena, "id-%zu", i) };
	}
	if (below(state, 2) != 0) {
		record.intent = (struct intent){ .kind = below(state, 2) != 0 ? INTENT_FAILOVER : INTENT_HAND_OVER,
			                         .target = random_text(state, true),
			                         .wanted = random_text(state, true),
			                         .reason = random_text(state, true),
			                         .message = random_text(state, true),
			                         .started_us = random_time(state),
			                         .required = (int)below(state, 9),
			                         .forces = below(state, 2) != 0 };
	}
	for (size_t i = 0; i < record.failover_count; i++) {
		record.failovers[i] = (struct failover_row){ .from = random_text(state, true),
			                                     .to = random_text(state, true),
			                                     .reason = random_text(state, true),
			                                     .kind = below(state, 2) != 0 ? "Failover" : "HandOver",
			                                     .started_us = random_time(state),
			                                     .finished_us = random_time(state),
			                                     .lost_nothing = below(state, 2) != 0 };
	}
	return record;
}

static void read(const struct json_object *status, struct arena *arena, struct record *record) {
	cleanup_error struct error *err = NULL;
	if (record_read(status, arena, record, &err) == 0) return;
	cleanup_free char *text = json_to_text(status);
	fail_msg("%s: %s", err->message, text);
}

/* Debian's 1.20.2 refuses custom resources with an empty text. */
static void assert_no_empty_text(const struct json_object *json) {
	if (json_object_is_type(json, json_type_string)) {
		assert_int_not_equal(json_object_get_string_len(json), 0);
	} else if (json_object_is_type(json, json_type_object)) {
		json_object_object_foreach((struct json_object *)json, key, value) {
			(void)key;
			assert_non_null(value);
			assert_no_empty_text(value);
		}
	} else if (json_object_is_type(json, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(json); i++) {
			assert_no_empty_text(json_object_array_get_idx(json, i));
		}
	}
}

/* As far as the tables say it, and so the CRD's schema. */
static void assert_allowed(const struct kind *kind, const struct json_object *status) {
	cleanup_json struct json_object *object = json_object_new_object();
	json_set(object, "status", json_copy(status));
	cleanup_findings struct findings findings = { 0 };
	cleanup_arena struct arena arena = { 0 };
	void *decoded = arena_alloc(&arena, kind->schema->size);
	schema_decode(kind->schema, object, "", decoded, &arena, UNKNOWN_REPORT, &findings);
	for (size_t i = 0; i < findings.count; i++) {
		if (strcmp(findings.items[i].path, "spec") == 0) continue; /* it has none */
		fail_msg("%s: %s: %s", kind->version, findings.items[i].path, findings.items[i].body);
	}
}

static uint64_t seed_of_run(void) {
	const char *text = getenv("AGKEEPER_SEED");
	uint64_t seed = text != NULL ? strtoull(text, NULL, 0) : (uint64_t)time(NULL);
	print_message("AGKEEPER_SEED=%llu\n", (unsigned long long)seed);
	return seed;
}

static void test_round_trip(void **unused) {
	(void)unused;
	uint64_t state = seed_of_run();
	for (size_t i = 0; i < 3000; i++) {
		cleanup_arena struct arena arena = { 0 };
		struct record record = random_record(&state, &arena);
		cleanup_json struct json_object *status = parse("{'phase':'Running','primaryReplica':'old'}");
		record_write(&record, status);
		assert_no_empty_text(status);
		assert_allowed(&sqlag_kind_v1alpha1, status);

		/* As etcd gives it back. */
		cleanup_free char *text = json_to_text(status);
		cleanup_json struct json_object *stored = NULL;
		cleanup_error struct error *err = NULL;
		assert_int_equal(json_parse(text, strlen(text), &stored, &err), 0);
		struct record copy;
		read(stored, &arena, &copy);
		if (!record_equal(&record, &copy) || !record_equal(&copy, &record)) fail_msg("%s", text);

		cleanup_json struct json_object *again = parse("{'phase':'Running'}");
		record_write(&copy, again);
		cleanup_free char *text_again = json_to_text(again);
		assert_string_equal(text_again, text);
		assert_string_equal(json_get_text(status, "phase"), "Running");
		const char *primary = json_get_text(status, "primaryReplica");
		assert_string_equal(primary != NULL ? primary : "", record.primary.pod);
	}
}

static void test_mssqlserver_takes_it_too(void **unused) {
	(void)unused;
	uint64_t state = 1;
	cleanup_arena struct arena arena = { 0 };
	struct record record = random_record(&state, &arena);
	cleanup_json struct json_object *status = json_object_new_object();
	record_write(&record, status);
	assert_allowed(&mssqlserver_kind_v1alpha2, status);
	assert_allowed(&mssqlserver_kind_v1, status);
}

/* ---- what differs is seen ---- */

static void test_every_difference_counts(void **unused) {
	(void)unused;
	uint64_t state = seed_of_run();
	for (size_t i = 0; i < 3000; i++) {
		cleanup_arena struct arena arena = { 0 };
		struct record a = random_record(&state, &arena);
		struct record b = random_record(&state, &arena);
		cleanup_json struct json_object *a_status = json_object_new_object();
		cleanup_json struct json_object *b_status = json_object_new_object();
		if (i % 2 == 0) {
			/* Alike but for one thing. */
			struct record c = a;
			switch (below(&state, 9)) {
			case 0: c.is_initialized = b.is_initialized; break;
			case 1: c.group_id = b.group_id; break;
			case 2: c.epoch = b.epoch; break;
			case 3: c.generation = b.generation; break;
			case 4: c.holder = b.holder; break;
			case 5: c.intent = b.intent; break;
			case 6:
				c.databases = b.databases;
				c.database_count = b.database_count;
				break;
			case 7:
				memcpy(c.failovers, b.failovers, sizeof(c.failovers));
				c.failover_count = b.failover_count;
				break;
			default:
				memcpy(c.members, b.members, sizeof(c.members));
				c.member_count = b.member_count;
				c.required = b.required;
				c.primary = b.primary;
			}
			b = c;
		}
		record_write(&a, a_status);
		record_write(&b, b_status);
		cleanup_free char *a_text = json_to_text(a_status);
		cleanup_free char *b_text = json_to_text(b_status);
		if (record_equal(&a, &b) != (strcmp(a_text, b_text) == 0)) fail_msg("%s\n%s", a_text, b_text);
	}
}

/* ---- none yet ---- */

static void test_empty(void **unused) {
	(void)unused;
	static const char *const statuses[] = { "{}", "{'phase':'Running','conditions':[]}", "{'primaryReplica':'x-0'}",
		                                "{'availabilityGroup':null}" };
	for (size_t i = 0; i <= ARRAY_LENGTH(statuses); i++) {
		cleanup_json struct json_object *status = i < ARRAY_LENGTH(statuses) ? parse(statuses[i]) : NULL;
		cleanup_arena struct arena arena = { 0 };
		struct record record;
		read(status, &arena, &record);
		assert_false(record.is_initialized);
		assert_string_equal(record.primary.pod, "");
		assert_string_equal(record.group_id, "");
		assert_string_equal(record.holder, "");
		assert_string_equal(record.intent.target, "");
		assert_int_equal(record.generation, 0);
		assert_true(record_equal(&record, &(struct record){ 0 }));
	}
	cleanup_json struct json_object *status = json_object_new_object();
	record_write(&(struct record){ 0 }, status);
	assert_int_equal(json_object_object_length(status), 0);
}

/* ---- what is refused ---- */

#define RECORD                                                                                                        \
	"'initialized':true,'groupID':'g','epoch':2,'generation':7,'holder':'h','primary':{'pod':'s-0','incarnation'" \
	":'u0'},'synchronousSet':[{'pod':'s-0','incarnation':'u0'},{'pod':'s-1','incarnation':'u1'}],"                \
	"'requiredSynchronized':1,'databases':[{'name':'d','id':'1'}]"
#define ROW "'kind':'Failover','startedAt':'2026-11-22T10:00:00Z','finishedAt':'2026-11-22T10:00:01Z'"

static const struct refused {
	const char *status;
	const char *path; /* that the message names */
} refused[] = {
	{ "'x'", "status" },
	{ "{'availabilityGroup':'x'}", "status.availabilityGroup" },
	{ "{'availabilityGroup':{}}", "status.availabilityGroup.initialized" },
	{ "{'availabilityGroup':{'initialized':true,'generation':1,'requiredSynchronized':0}}",
	  "status.availabilityGroup.epoch" },
	{ "{'availabilityGroup':{'initialized':true,'epoch':1,'requiredSynchronized':0}}",
	  "status.availabilityGroup.generation" },
	{ "{'availabilityGroup':{'initialized':true,'epoch':1,'generation':1}}",
	  "status.availabilityGroup.requiredSynchronized" },
	{ "{'availabilityGroup':{'initialized':'yes','epoch':1,'generation':1,'requiredSynchronized':0}}",
	  "status.availabilityGroup.initialized" },
	{ "{'availabilityGroup':{'initialized':true,'epoch':-1,'generation':1,'requiredSynchronized':0}}",
	  "status.availabilityGroup.epoch" },
	{ "{'availabilityGroup':{'initialized':true,'epoch':1.5,'generation':1,'requiredSynchronized':0}}",
	  "status.availabilityGroup.epoch" },
	{ "{'availabilityGroup':{'initialized':true,'epoch':1,'generation':1,'requiredSynchronized':1}}",
	  "status.availabilityGroup.requiredSynchronized" },
	{ "{'availabilityGroup':{" RECORD ",'fence':'new'}}", "status.availabilityGroup.fence" },
	{ "{'availabilityGroup':{" RECORD ",'intent':{'kind':'Failover'}}}",
	  "status.availabilityGroup.intent.startedAt" },
	{ "{'availabilityGroup':{" RECORD ",'intent':{'kind':'Other','startedAt':'2026-11-22T10:00:00Z'}}}",
	  "status.availabilityGroup.intent.kind" },
	{ "{'availabilityGroup':{" RECORD ",'intent':{'kind':'Failover','startedAt':'today'}}}",
	  "status.availabilityGroup.intent.startedAt" },
	/* The primary is no member, or another incarnation of one. */
	{ "{'availabilityGroup':{'initialized':true,'epoch':1,'generation':1,'requiredSynchronized':0,'primary':{'pod':"
	  "'s-2','incarnation':'u2'},'synchronousSet':[{'pod':'s-0','incarnation':'u0'}]}}",
	  "status.availabilityGroup.synchronousSet" },
	{ "{'availabilityGroup':{'initialized':true,'epoch':1,'generation':1,'requiredSynchronized':0,'primary':{'pod':"
	  "'s-0','incarnation':'u2'},'synchronousSet':[{'pod':'s-0','incarnation':'u0'}]}}",
	  "status.availabilityGroup.synchronousSet" },
	{ "{'availabilityGroup':{'initialized':true,'epoch':1,'generation':1,'requiredSynchronized':0,"
	  "'synchronousSet':[{'pod':'s-0'}]}}",
	  "status.availabilityGroup.synchronousSet[0].incarnation" },
	{ "{'availabilityGroup':{'initialized':true,'epoch':1,'generation':1,'requiredSynchronized':0,"
	  "'synchronousSet':[{'pod':'s-0','incarnation':'u0'},{'pod':'s-0','incarnation':'u1'}]}}",
	  "status.availabilityGroup.synchronousSet[1].pod" },
	{ "{'availabilityGroup':{'initialized':true,'epoch':1,'generation':1,'requiredSynchronized':0,'databases':[{"
	  "'name':'a','id':'1'},{'name':'b','id':'1'}]}}",
	  "status.availabilityGroup.databases[1].id" },
	{ "{'failovers':{}}", "status.failovers" },
	{ "{'failovers':[{" ROW ",'rowsAtRisk':'some'}]}", "status.failovers[0].rowsAtRisk" },
	{ "{'failovers':[{" ROW "}]}", "status.failovers[0].rowsAtRisk" },
	{ "{'failovers':[{},{},{},{},{},{},{},{},{},{},{}]}", "status.failovers" },
};

static void test_refused(void **unused) {
	(void)unused;
	for (size_t i = 0; i < ARRAY_LENGTH(refused); i++) {
		cleanup_json struct json_object *status = parse(refused[i].status);
		cleanup_arena struct arena arena = { 0 };
		struct record record;
		cleanup_error struct error *err = NULL;
		if (record_read(status, &arena, &record, &err) == 0) fail_msg("taken: %s", refused[i].status);
		assert_int_equal(err->kind, ERROR_INVALID);
		size_t length = strlen(refused[i].path);
		if (strncmp(err->message, refused[i].path, length) != 0 || err->message[length] != ':') {
			fail_msg("%s\nfor %s", err->message, refused[i].status);
		}
	}
	cleanup_json struct json_object *fine = parse("{'availabilityGroup':{" RECORD "}}");
	cleanup_arena struct arena arena = { 0 };
	struct record record;
	read(fine, &arena, &record);
	assert_int_equal(record.generation, 7);
}

/* Whatever somebody writes there: it is refused, or what we make of it is a record of ours. */
static void test_mutations(void **unused) {
	(void)unused;
	uint64_t state = seed_of_run();
	static const char *const values[] = {
		"null", "0", "-1", "9", "''", "'s-1'", "[]", "{}", "true", "[{}]", "1e3"
	};
	size_t refusals = 0;
	for (size_t i = 0; i < 3000; i++) {
		cleanup_arena struct arena arena = { 0 };
		struct record record = random_record(&state, &arena);
		cleanup_json struct json_object *status = json_object_new_object();
		record_write(&record, status);
		struct json_object *at = json_get(status, "availabilityGroup");
		if (at == NULL) continue;
		while (true) {
			size_t place = below(&state, (size_t)json_object_object_length(at));
			const char *name = NULL;
			struct json_object *child = NULL;
			json_object_object_foreach(at, key, value) {
				if (place-- != 0) continue;
				name = key;
				child = value;
			}
			if (json_object_is_type(child, json_type_object) && json_object_object_length(child) > 0) {
				at = child;
				continue;
			}
			json_set(at, name, parse(values[below(&state, ARRAY_LENGTH(values))]));
			break;
		}
		struct record copy;
		cleanup_error struct error *err = NULL;
		if (record_read(status, &arena, &copy, &err) < 0) {
			refusals++;
			continue;
		}
		cleanup_json struct json_object *again = json_object_new_object();
		record_write(&copy, again);
		struct record third;
		read(again, &arena, &third);
		assert_true(record_equal(&copy, &third));
	}
	assert_true(refusals > 1000);
}

/* ---- members and history ---- */

static void test_members(void **unused) {
	(void)unused;
	struct record record = { 0 };
	record_add_member(&record, &(struct member){ "a", "1" });
	record_add_member(&record, &(struct member){ "b", "2" });
	record_add_member(&record, &(struct member){ "c", "3" });
	record_add_member(&record, &(struct member){ "b", "4" }); /* another volume */
	assert_int_equal(record.member_count, 3);
	assert_int_equal(record_find(&record, "b", NULL), 1);
	assert_int_equal(record_find(&record, "b", "4"), 1);
	assert_int_equal(record_find(&record, "b", "2"), -1);
	assert_int_equal(record_find(&record, "d", NULL), -1);
	record_remove_member(&record, "d");
	record_remove_member(&record, "a");
	assert_int_equal(record.member_count, 2);
	assert_string_equal(record.members[0].pod, "b");
	assert_string_equal(record.members[1].pod, "c");
	record_remove_member(&record, "c");
	record_remove_member(&record, "b");
	assert_int_equal(record.member_count, 0);
	static const char *const pods[] = { "0", "1", "2", "3", "4", "5", "6", "7", "8", "9" };
	for (size_t i = 0; i < ARRAY_LENGTH(pods); i++) record_add_member(&record, &(struct member){ pods[i], "x" });
	assert_int_equal(record.member_count, REPLICAS_MAX);
}

static void test_history(void **unused) {
	(void)unused;
	struct record record = { 0 };
	for (int64_t i = 1; i <= 12; i++) {
		record_add_failover(&record, &(struct failover_row){ .kind = "Failover", .started_us = i });
	}
	assert_int_equal(record.failover_count, HISTORY_MAX);
	assert_int_equal(record.failovers[0].started_us, 12);
	assert_int_equal(record.failovers[HISTORY_MAX - 1].started_us, 3);
}

static void test_seconds(void **unused) {
	(void)unused;
	static const struct {
		int64_t took_us;
		const char *seconds;
	} cases[] = { { 0, "0.0" }, { 1449999, "1.4" }, { 1450000, "1.5" }, { 63000000, "63.0" }, { -5000000, "0.0" } };
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct record record = { 0 };
		const int64_t started = 1700000000123456;
		record_add_failover(&record, &(struct failover_row){ .kind = "Failover",
		                                                     .started_us = started,
		                                                     .finished_us = started + cases[i].took_us });
		cleanup_json struct json_object *status = json_object_new_object();
		record_write(&record, status);
		struct json_object *row = json_object_array_get_idx(json_get(status, "failovers"), 0);
		assert_string_equal(json_get_text(row, "seconds"), cases[i].seconds);
		assert_string_equal(json_get_text(row, "startedAt"), "2023-11-14T22:13:20.123456Z");
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_mssqlserver_takes_it_too),
		cmocka_unit_test(test_every_difference_counts),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_mutations),
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_history),
		cmocka_unit_test(test_seconds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
