/* MSSQLServer v1 ↔ v1alpha2: what the table under R42 says, by example; and by objects generated from the field tables
 * themselves, that the round trip is the identity and that conversion and defaulting go together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "api/kinds.h"
#include "api/mssqlserver.h"
#include "base/json.h"
#include "base/memory.h"

#define V1       "kubedb.com/v1"
#define V1ALPHA2 "kubedb.com/v1alpha2"

static struct json_object *parse(const char *text) {
	struct json_object *json = NULL;
	cleanup_error struct error *err = NULL;
	if (json_parse(text, strlen(text), &json, &err) < 0) fail_msg("%s: %s", err->message, text);
	return json;
}

/* An object of the version with the spec and metadata given as JSON; ' stands for ". */
static struct json_object *new_object(const char *api_version, const char *spec, const char *metadata) {
	cleanup_free char *text = xasprintf("{'apiVersion':'%s','kind':'MSSQLServer','metadata':%s,'spec':%s}",
	                                    api_version, metadata, spec);
	for (char *p = text; *p != '\0'; p++) {
		if (*p == '\'') *p = '"';
	}
	return parse(text);
}

static void convert(struct json_object *object, const char *api_version) {
	cleanup_error struct error *err = NULL;
	if (kind_convert(object, api_version, &err) < 0) fail_msg("%s", err->message);
}

static void assert_same(const struct json_object *actual, const struct json_object *expected, const char *what) {
	if (json_object_equal((struct json_object *)actual, (struct json_object *)expected)) return;
	cleanup_free char *a = json_to_text(actual);
	cleanup_free char *e = json_to_text(expected);
	fail_msg("%s\n  is       %s\n  expected %s", what, a, e);
}

static const char *other_version(const char *api_version) {
	return strcmp(api_version, V1) == 0 ? V1ALPHA2 : V1;
}

static const char *memory_of(const struct json_object *object) {
	return json_get_text(json_get_path(object, "metadata", "annotations", NULL), MSSQLSERVER_CONVERSION_ANNOTATION);
}

/* ---- the table under R42 ---- */

static const struct row {
	const char *api_version;
	const char *spec;
	const char *converted;
	bool is_remembered;
} rows[] = {
	{ V1, "{'replicas':3,'mode':'StreamingReplication'}",
	  "{'replicas':3,'topology':{'mode':'StreamingReplication'}}", false },
	{ V1, "{'replicas':3}", "{'replicas':3,'topology':{'mode':'StreamingReplication'}}", true },
	{ V1, "{'replicas':2}", "{'replicas':2,'topology':{'mode':'StreamingReplication'}}", true },
	{ V1, "{'replicas':1}", "{'replicas':1}", true },
	{ V1, "{}", "{}", true },
	{ V1, "{'mode':'Standalone'}", "{}", false },
	{ V1, "{'mode':'AvailabilityGroup','standbyMode':'Warm','streamingMode':'Synchronous'}",
	  "{'topology':{'mode':'AvailabilityGroup','availabilityGroup':{'secondaryAccessMode':'Passive',"
	  "'availabilityMode':'SynchronousCommit'}}}",
	  false },
	{ V1, "{'mode':'StreamingReplication','standbyMode':'Hot','streamingMode':'Asynchronous'}",
	  "{'topology':{'mode':'StreamingReplication','availabilityGroup':{'secondaryAccessMode':'All',"
	  "'availabilityMode':'AsynchronousCommit'}}}",
	  false },
	{ V1, "{'mode':'AvailabilityGroup','databases':['a']}",
	  "{'topology':{'mode':'AvailabilityGroup','availabilityGroup':{'databases':['a']}}}", false },
	{ V1, "{'mode':'AvailabilityGroup','databases':[]}",
	  "{'topology':{'mode':'AvailabilityGroup','availabilityGroup':{'databases':[]}}}", false },
	{ V1,
	  "{'mode':'AvailabilityGroup','leaderElection':{'leaseDurationSeconds':15,'renewDeadlineSeconds':10,"
	  "'retryPeriodSeconds':2}}",
	  "{'topology':{'mode':'AvailabilityGroup','availabilityGroup':{'leaderElection':{'period':'1s',"
	  "'heartbeatTick':2,'electionTick':15}}}}",
	  false },
	{ V1,
	  "{'mode':'AvailabilityGroup','leaderElection':{'leaseDurationSeconds':15,'renewDeadlineSeconds':7,"
	  "'retryPeriodSeconds':2}}",
	  "{'topology':{'mode':'AvailabilityGroup','availabilityGroup':{'leaderElection':{'period':'1s',"
	  "'heartbeatTick':2,'electionTick':15}}}}",
	  true },
	{ V1, "{'mode':'AvailabilityGroup','leaderElection':{}}",
	  "{'topology':{'mode':'AvailabilityGroup','availabilityGroup':{'leaderElection':{'period':'1s',"
	  "'heartbeatTick':2,'electionTick':15}}}}",
	  true },
	{ V1, "{'mode':'AvailabilityGroup','topology':{'availabilityGroup':{'requiredSynchronized':1}}}",
	  "{'topology':{'mode':'AvailabilityGroup','availabilityGroup':{'requiredSynchronized':1}}}", false },
	/* A standalone database has no topology in v1alpha2, whatever stands beside it. */
	{ V1, "{'mode':'Standalone','standbyMode':'Hot','databases':['a'],'leaderElection':{}}", "{}", true },

	{ V1ALPHA2, "{'replicas':1}", "{'replicas':1,'mode':'Standalone'}", false },
	{ V1ALPHA2, "{'topology':{'mode':'AvailabilityGroup'}}", "{'mode':'AvailabilityGroup'}", false },
	{ V1ALPHA2, "{'topology':{'mode':'AvailabilityGroup','availabilityGroup':{}}}", "{'mode':'AvailabilityGroup'}",
	  true },
	{ V1ALPHA2, "{'topology':{'mode':'AvailabilityGroup','availabilityGroup':{'secondaryAccessMode':'ReadOnly'}}}",
	  "{'mode':'AvailabilityGroup','standbyMode':'Hot'}", true },
	{ V1ALPHA2, "{'topology':{'mode':'AvailabilityGroup','availabilityGroup':{'secondaryAccessMode':'All'}}}",
	  "{'mode':'AvailabilityGroup','standbyMode':'Hot'}", false },
	/* v1 counts whole seconds, and wants lease > renew > retry. */
	{ V1ALPHA2,
	  "{'topology':{'mode':'AvailabilityGroup','availabilityGroup':{'leaderElection':{'period':'100ms'}}}}",
	  "{'mode':'AvailabilityGroup','leaderElection':{'leaseDurationSeconds':3,'renewDeadlineSeconds':2,"
	  "'retryPeriodSeconds':1}}",
	  true },
	/* 300ms × 10 and 300ms × 1. */
	{ V1ALPHA2,
	  "{'topology':{'mode':'AvailabilityGroup','availabilityGroup':{'leaderElection':{'period':'300ms',"
	  "'heartbeatTick':1,'electionTick':10}}}}",
	  "{'mode':'AvailabilityGroup','leaderElection':{'leaseDurationSeconds':3,'renewDeadlineSeconds':2,"
	  "'retryPeriodSeconds':1}}",
	  true },
	{ V1ALPHA2,
	  "{'topology':{'mode':'AvailabilityGroup','availabilityGroup':{'leaderElection':{'period':'2s',"
	  "'heartbeatTick':2,'electionTick':10}}}}",
	  "{'mode':'AvailabilityGroup','leaderElection':{'leaseDurationSeconds':20,'renewDeadlineSeconds':13,"
	  "'retryPeriodSeconds':4}}",
	  true },
	{ V1ALPHA2,
	  "{'topology':{'mode':'AvailabilityGroup','availabilityGroup':{'leaderElection':{'period':'1s',"
	  "'heartbeatTick':49,'electionTick':50}}}}",
	  "{'mode':'AvailabilityGroup','leaderElection':{'leaseDurationSeconds':50,'renewDeadlineSeconds':49,"
	  "'retryPeriodSeconds':48}}",
	  true },
	{ V1ALPHA2,
	  "{'topology':{'mode':'AvailabilityGroup','availabilityGroup':{'requiredSynchronized':1,'leaderElection':{"
	  "'period':'1s','heartbeatTick':2,'electionTick':15,'transferLeadershipTimeout':'9s'}}}}",
	  "{'mode':'AvailabilityGroup','leaderElection':{'leaseDurationSeconds':15,'renewDeadlineSeconds':10,"
	  "'retryPeriodSeconds':2},'topology':{'availabilityGroup':{'requiredSynchronized':1,"
	  "'leaderElection':{'transferLeadershipTimeout':'9s'}}}}",
	  false },
	{ V1ALPHA2, "{'topology':{'mode':'DistributedAG','distributedAG':{'self':{'role':'Primary'}}}}",
	  "{'mode':'DistributedAG','topology':{'distributedAG':{'self':{'role':'Primary'}}}}", false },
	/* Shapes that admission refuses survive as well. */
	{ V1ALPHA2, "{'replicas':3,'topology':{}}", "{'replicas':3}", true },
	{ V1ALPHA2, "{'replicas':3,'topology':null}", "{'replicas':3,'mode':'Standalone'}", true },
	{ V1ALPHA2, "{'topology':'x'}", "{'mode':'Standalone'}", true },
	{ V1ALPHA2, "{'topology':{'mode':1,'availabilityGroup':[]}}", "{'topology':{'availabilityGroup':[]}}", true },
	{ V1, "{'mode':'AvailabilityGroup','standbyMode':3,'databases':null,'leaderElection':'x','topology':[1]}",
	  "{'topology':{'mode':'AvailabilityGroup','availabilityGroup':{'databases':null}}}", true },
};

static void test_table(void **state) {
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		const char *other = other_version(rows[i].api_version);
		cleanup_json struct json_object *object =
		        new_object(rows[i].api_version, rows[i].spec, "{'name':'db'}");
		cleanup_json struct json_object *original = json_copy(object);
		cleanup_json struct json_object *expected = new_object(other, rows[i].converted, "{}");
		convert(object, other);
		assert_same(json_get(object, "spec"), json_get(expected, "spec"), rows[i].spec);
		if ((memory_of(object) != NULL) != rows[i].is_remembered) {
			fail_msg("%s: remembers %s", rows[i].spec, memory_of(object));
		}
		convert(object, rows[i].api_version);
		assert_same(object, original, rows[i].spec);
	}
}

/* ---- editing in the other version ---- */

static const struct edit {
	const char *api_version;
	const char *spec;
	const char *edit; /* a merge of members of spec in the other version */
	const char *result;
} edits[] = {
	/* The edited field is taken from the edit, everything else from the memory. */
	{ V1ALPHA2,
	  "{'topology':{'mode':'AvailabilityGroup','availabilityGroup':{'secondaryAccessMode':'ReadOnly',"
	  "'leaderElection':{'period':'300ms','heartbeatTick':1,'electionTick':10}}}}",
	  "{'standbyMode':'Warm'}",
	  "{'topology':{'mode':'AvailabilityGroup','availabilityGroup':{'secondaryAccessMode':'Passive',"
	  "'leaderElection':{'period':'300ms','heartbeatTick':1,'electionTick':10}}}}" },
	{ V1ALPHA2,
	  "{'topology':{'mode':'AvailabilityGroup','availabilityGroup':{'secondaryAccessMode':'ReadOnly',"
	  "'leaderElection':{'period':'300ms','heartbeatTick':1,'electionTick':10}}}}",
	  "{'leaderElection':{'leaseDurationSeconds':9,'renewDeadlineSeconds':6,'retryPeriodSeconds':3}}",
	  "{'topology':{'mode':'AvailabilityGroup','availabilityGroup':{'secondaryAccessMode':'ReadOnly',"
	  "'leaderElection':{'period':'1s','heartbeatTick':3,'electionTick':9}}}}" },
	{ V1ALPHA2,
	  "{'topology':{'mode':'AvailabilityGroup','availabilityGroup':{'secondaryAccessMode':'ReadOnly',"
	  "'leaderElection':{'period':'300ms','heartbeatTick':1,'electionTick':10}}}}",
	  "{'databases':['a'],'replicas':5}",
	  "{'replicas':5,'topology':{'mode':'AvailabilityGroup','availabilityGroup':{'databases':['a'],"
	  "'secondaryAccessMode':'ReadOnly','leaderElection':{'period':'300ms','heartbeatTick':1,'electionTick':10}}}"
	  "}" },
	{ V1ALPHA2, "{'topology':{'mode':'AvailabilityGroup','availabilityGroup':{'secondaryAccessMode':'ReadOnly'}}}",
	  "{'mode':'Standalone','standbyMode':null}", "{}" },
	{ V1,
	  "{'mode':'AvailabilityGroup','databases':['a'],'leaderElection':{'leaseDurationSeconds':15,"
	  "'renewDeadlineSeconds':7,'retryPeriodSeconds':2}}",
	  "{'topology':{'mode':'AvailabilityGroup','availabilityGroup':{'databases':['b'],'leaderElection':{"
	  "'period':'1s','heartbeatTick':2,'electionTick':15}}}}",
	  "{'mode':'AvailabilityGroup','databases':['b'],'leaderElection':{'leaseDurationSeconds':15,"
	  "'renewDeadlineSeconds':7,'retryPeriodSeconds':2}}" },
	/* What a standalone database had beside it is forgotten once it is given a topology. */
	{ V1, "{'mode':'Standalone','databases':['a'],'standbyMode':'Hot'}",
	  "{'topology':{'mode':'AvailabilityGroup'}}", "{'mode':'AvailabilityGroup'}" },
	/* A mode that was left out does not change its meaning with the number of replicas. */
	{ V1, "{'replicas':3}", "{'replicas':1}", "{'replicas':1,'mode':'StreamingReplication'}" },
};

static void test_edits_win(void **state) {
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(edits); i++) {
		const char *other = other_version(edits[i].api_version);
		cleanup_json struct json_object *object =
		        new_object(edits[i].api_version, edits[i].spec, "{'name':'db'}");
		convert(object, other);
		cleanup_json struct json_object *edit = new_object(other, edits[i].edit, "{}");
		struct json_object *spec = json_get(object, "spec");
		json_object_object_foreach(json_get(edit, "spec"), key, value) {
			if (value == NULL) json_object_object_del(spec, key);
			else json_set(spec, key, json_copy(value));
		}
		convert(object, edits[i].api_version);
		cleanup_json struct json_object *expected = new_object(edits[i].api_version, edits[i].result, "{}");
		assert_same(json_get(object, "spec"), json_get(expected, "spec"), edits[i].edit);
	}
}

/* ---- annotations ---- */

static void test_annotations(void **state) {
	(void)state;
	static const char *const metadata[] = {
		"{'name':'db'}",
		"{'name':'db','annotations':{}}",
		"{'name':'db','annotations':null}",
		"{'name':'db','annotations':{'a':'b','kubectl.kubernetes.io/last-applied-configuration':'{}'}}",
		"{'name':'db','annotations':{'agkeeper.dev/conversion':'not json'}}",
		"{'name':'db','annotations':{'agkeeper.dev/conversion':''}}",
		"{'name':'db','annotations':{'agkeeper.dev/conversion':'{}'}}",
		"{'name':'db','annotations':{'agkeeper.dev/conversion':'[1]'}}",
		"{'name':'db','annotations':{'agkeeper.dev/conversion':'null','x':'y'}}",
	};
	for (size_t i = 0; i < ARRAY_LENGTH(metadata); i++) {
		for (size_t j = 0; j < ARRAY_LENGTH(rows); j++) {
			cleanup_json struct json_object *object =
			        new_object(rows[j].api_version, rows[j].spec, metadata[i]);
			cleanup_json struct json_object *original = json_copy(object);
			convert(object, other_version(rows[j].api_version));
			convert(object, rows[j].api_version);
			assert_same(object, original, metadata[i]);
		}
	}
}

static void test_memory_is_consumed(void **state) {
	(void)state;
	cleanup_json struct json_object *object = new_object(
	        V1ALPHA2,
	        "{'topology':{'mode':'AvailabilityGroup','availabilityGroup':{'secondaryAccessMode':'ReadOnly'}}}",
	        "{'name':'db'}");
	convert(object, V1);
	assert_string_equal(memory_of(object), "{\"access\":{\"was\":\"ReadOnly\",\"is\":\"Hot\"}}");
	json_set_text(json_get(object, "spec"), "standbyMode", "Warm");
	convert(object, V1ALPHA2);
	assert_null(json_get_path(object, "metadata", "annotations", NULL));
}

static void test_no_place_for_memory(void **state) {
	(void)state;
	cleanup_json struct json_object *object =
	        parse("{\"apiVersion\":\"" V1 "\",\"kind\":\"MSSQLServer\",\"spec\":{}}");
	cleanup_error struct error *err = NULL;
	assert_int_equal(kind_convert(object, V1ALPHA2, &err), -1);
	assert_int_equal(err->kind, ERROR_INVALID);
	assert_non_null(strstr(err->message, "metadata"));
}

static void test_without_spec(void **state) {
	(void)state;
	cleanup_json struct json_object *object = parse("{\"apiVersion\":\"" V1 "\",\"kind\":\"MSSQLServer\"}");
	convert(object, V1ALPHA2);
	assert_int_equal(json_object_object_length(object), 2);
}

/* Above all the record by which a group fails over. */
static void test_status_is_carried(void **state) {
	(void)state;
	static const char status[] =
	        "{\"phase\":\"Ready\",\"primaryReplica\":\"db-1\",\"synchronized\":\"3/3\",\"availabilityGroup\":{"
	        "\"initialized\":true,\"groupID\":\"g\",\"epoch\":4,\"generation\":9,\"holder\":\"agkeeper-0_1\","
	        "\"primary\":{\"pod\":\"db-1\",\"incarnation\":\"u1\"},\"synchronousSet\":[{\"pod\":\"db-1\","
	        "\"incarnation\":\"u1\"},{\"pod\":\"db-2\",\"incarnation\":\"u2\"}],\"requiredSynchronized\":1,"
	        "\"databases\":[{\"name\":\"a\",\"id\":\"1\"}],\"intent\":{\"kind\":\"Failover\",\"startedAt\":"
	        "\"2026-11-22T10:00:00.000042Z\"}},\"failovers\":[{\"from\":\"db-0\",\"to\":\"db-1\",\"kind\":"
	        "\"Failover\",\"startedAt\":\"2026-11-22T09:00:00.5Z\",\"finishedAt\":\"2026-11-22T09:00:01.9Z\","
	        "\"seconds\":\"1.4\",\"rowsAtRisk\":\"none\"}]}";
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		const char *other = other_version(rows[i].api_version);
		cleanup_json struct json_object *object =
		        new_object(rows[i].api_version, rows[i].spec, "{'name':'db'}");
		cleanup_json struct json_object *expected = parse(status);
		json_set(object, "status", parse(status));
		convert(object, other);
		assert_same(json_get(object, "status"), expected, rows[i].spec);
		convert(object, rows[i].api_version);
		assert_same(json_get(object, "status"), expected, rows[i].spec);
	}
}

/* ---- objects generated from the field tables ---- */

struct random {
	uint64_t state;
	bool plain; /* nothing that admission would refuse by its shape: no nulls, no foreign values */
};

static uint64_t next(struct random *random) { /* splitmix64 */
	uint64_t z = (random->state += 0x9e3779b97f4a7c15U);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
	return z ^ (z >> 31);
}

static size_t below(struct random *random, size_t limit) {
	return (size_t)(next(random) % limit);
}

static bool chance(struct random *random, unsigned percent) {
	return below(random, 100) < percent;
}

static const char *pick(struct random *random, const char *const *words) {
	size_t count = 0;
	while (words[count] != NULL) count++;
	return words[below(random, count)];
}

static const char *const quantities[] = { "10Gi", "10240Mi", "1e3", "0.5Gi", "10737418240", "2000m", NULL };
static const char *const durations[] = { "300ms", "1s",    "1000ms", "1.5s", "0.3s", "1m",  "2m30s",
	                                 "250us", "16.6s", "7100ms", "5s",   "45s",  "60s", NULL };
static const char *const words[] = { "a", "db-1", "Ä", "true", "3", "a.b", "", NULL };

static struct json_object *random_any(struct random *random, unsigned depth) {
	switch (below(random, depth > 2 ? 4 : 6)) {
	case 0: return json_object_new_string(pick(random, words));
	case 1: return json_object_new_int64((int64_t)below(random, 1000) - 500);
	case 2: return json_object_new_boolean(chance(random, 50));
	case 3: return json_object_new_double((double)below(random, 1000) / 8);
	case 4: {
		struct json_object *array = json_object_new_array();
		for (size_t i = below(random, 3); i > 0; i--)
			json_object_array_add(array, random_any(random, depth + 1));
		return array;
	}
	default: {
		struct json_object *object = json_object_new_object();
		for (size_t i = below(random, 3); i > 0; i--) {
			json_set(object, pick(random, words), random_any(random, depth + 1));
		}
		return object;
	}
	}
}

static struct json_object *random_object(struct random *random, const struct schema *schema, bool preserve);

static struct json_object *random_value(struct random *random, const struct field *field) {
	switch (field->type) {
	case FIELD_STRING: return json_object_new_string(pick(random, field->values != NULL ? field->values : words));
	case FIELD_BOOL: return json_object_new_boolean(chance(random, 50));
	case FIELD_INT: {
		int64_t min = field->has_min ? field->min : 0;
		int64_t max = field->has_max && field->max < min + 60 ? field->max : min + 60;
		return json_object_new_int64(min + (int64_t)below(random, (size_t)(max - min + 1)));
	}
	case FIELD_QUANTITY:
		if (chance(random, 20)) return json_object_new_int64(1024);
		return json_object_new_string(pick(random, quantities));
	case FIELD_DURATION: return json_object_new_string(pick(random, durations));
	case FIELD_TIME: return json_object_new_string("2026-01-31T12:00:00Z");
	case FIELD_INT_OR_STRING: return json_object_new_int64(1);
	case FIELD_JSON: {
		struct json_object *object = json_object_new_object();
		for (size_t i = below(random, 3); i > 0; i--) {
			json_set(object, pick(random, words), random_any(random, 0));
		}
		return object;
	}
	case FIELD_OBJECT: return random_object(random, field->schema, (field->flags & FIELD_PRESERVE) != 0);
	case FIELD_LIST: {
		struct json_object *array = json_object_new_array();
		for (size_t i = below(random, 3); i > 0; i--)
			json_object_array_add(array, random_value(random, field->item));
		return array;
	}
	case FIELD_MAP: {
		struct json_object *object = json_object_new_object();
		for (size_t i = below(random, 3); i > 0; i--) {
			json_set(object, pick(random, words), random_value(random, field->item));
		}
		return object;
	}
	}
	return NULL;
}

static struct json_object *random_object(struct random *random, const struct schema *schema, bool preserve) {
	struct json_object *object = json_object_new_object();
	unsigned density = (unsigned)below(random, 4) * 33;
	for (const struct field *field = schema->fields; field->name != NULL; field++) {
		if (field->schema == &object_meta_schema || strcmp(field->name, "apiVersion") == 0) continue;
		if (!chance(random, density)) continue;
		if (!random->plain && chance(random, 2)) json_set(object, field->name, NULL);
		else if (!random->plain && chance(random, 2)) json_set(object, field->name, random_any(random, 0));
		else json_set(object, field->name, random_value(random, field));
	}
	if (preserve && chance(random, 30)) json_set(object, "unknownMember", random_any(random, 0));
	return object;
}

static struct json_object *random_metadata(struct random *random) {
	struct json_object *metadata = json_object_new_object();
	json_set_text(metadata, "name", "db");
	json_set_text(metadata, "uid", "5e5b…");
	if (chance(random, 50)) return metadata;
	struct json_object *annotations = chance(random, 10) ? NULL : json_object_new_object();
	if (annotations != NULL && chance(random, 50)) json_set_text(annotations, "a", pick(random, words));
	json_set(metadata, "annotations", annotations);
	return metadata;
}

static struct json_object *random_mssqlserver(struct random *random, const struct kind *kind) {
	struct json_object *object = random_object(random, kind->schema, false);
	cleanup_free char *api_version = xasprintf("%s/%s", kind->group, kind->version);
	json_set_text(object, "apiVersion", api_version);
	json_set_text(object, "kind", kind->name);
	json_set(object, "metadata", random_metadata(random));
	if (!random->plain && chance(random, 5)) return object;
	if (!json_object_is_type(json_get(object, "spec"), json_type_object)) {
		json_set(object, "spec", json_object_new_object());
	}
	return object;
}

/* The run can be repeated with AGKEEPER_SEED and made longer with AGKEEPER_ROUNDS. */
static uint64_t seed_of_run(void) {
	const char *text = getenv("AGKEEPER_SEED");
	uint64_t seed = text != NULL ? strtoull(text, NULL, 0) : (uint64_t)time(NULL);
	print_message("AGKEEPER_SEED=%llu\n", (unsigned long long)seed);
	return seed;
}

static size_t rounds_of_run(void) {
	const char *text = getenv("AGKEEPER_ROUNDS");
	return text != NULL ? strtoull(text, NULL, 0) : 10000;
}

static const struct kind *const versions[] = { &mssqlserver_kind_v1alpha2, &mssqlserver_kind_v1 };

/* Runs `check` on generated objects of both versions; each has a seed of its own, which failures name. */
static void for_random_objects(bool plain,
                               void (*check)(struct json_object *object, const char *api_version, const char *what)) {
	uint64_t seed = seed_of_run();
	for (size_t i = 0; i < rounds_of_run(); i++) {
		struct random random = { .state = seed + i, .plain = plain };
		const struct kind *kind = versions[i % 2];
		cleanup_json struct json_object *object = random_mssqlserver(&random, kind);
		cleanup_free char *api_version = xasprintf("%s/%s", kind->group, kind->version);
		cleanup_free char *what = xasprintf("AGKEEPER_SEED=%llu", (unsigned long long)(seed + i - i % 2));
		check(object, api_version, what);
	}
}

static void check_identity(struct json_object *object, const char *api_version, const char *what) {
	cleanup_json struct json_object *original = json_copy(object);
	convert(object, other_version(api_version));
	/* Only apiVersion, spec and annotations may differ on the way. */
	assert_same(json_get(object, "status"), json_get(original, "status"), what);
	assert_string_equal(json_get_text(json_get(object, "metadata"), "uid"), "5e5b…");
	cleanup_json struct json_object *converted = json_copy(object);
	convert(object, api_version);
	assert_same(object, original, what);
	/* And the other version's object, with its memory, is one whose round trip is the identity, too. */
	convert(object, other_version(api_version));
	assert_same(object, converted, what);
}

static void test_round_trip_is_identity(void **state) {
	(void)state;
	for_random_objects(false, check_identity);
}

static void set_defaults(struct json_object *object) {
	kind_set_defaults(kind_of_object(object), object, NULL);
}

/* A v1alpha2 topology without a mode is refused; v1 has no word for it. */
static bool has_mode(const struct json_object *object) {
	struct json_object *topology = json_get_path(object, "spec", "topology", NULL);
	return kind_of_object(object) == &mssqlserver_kind_v1 || topology == NULL || json_get(topology, "mode") != NULL;
}

static void check_defaults(struct json_object *object, const char *api_version, const char *what) {
	if (!has_mode(object)) return;
	cleanup_json struct json_object *defaulted = json_copy(object);
	set_defaults(defaulted);

	cleanup_json struct json_object *twice = json_copy(defaulted);
	set_defaults(twice);
	assert_same(twice, defaulted, what);

	/* The other version has nothing to add to what was defaulted. */
	convert(defaulted, other_version(api_version));
	cleanup_json struct json_object *defaulted_there = json_copy(defaulted);
	set_defaults(defaulted_there);
	assert_same(defaulted_there, defaulted, what);

	/* Defaults say what leaving out meant: it is the same thing in both versions. */
	convert(object, other_version(api_version));
	set_defaults(object);
	assert_same(json_get(object, "spec"), json_get(defaulted, "spec"), what);
}

static void test_defaults_and_conversion_commute(void **state) {
	(void)state;
	for_random_objects(true, check_defaults);
}

static bool is_admitted(const struct json_object *object, const char *what) {
	cleanup_findings struct findings findings = { 0 };
	kind_judge(&(struct judgement){ .kind = kind_of_object(object),
	                                .operation = OPERATION_CREATE,
	                                .object = object,
	                                .lookup = &lookup_offline },
	           &findings);
	if (findings.count != 0 && what != NULL) {
		fail_msg("%s: %s: %s", what, findings.items[0].path, findings.items[0].body);
	}
	return findings.count == 0;
}

/* What the conversion is about, on an object that is fine otherwise. */
static struct json_object *with_sound_rest(const struct json_object *object, const char *api_version) {
	static const char *const members[] = { "replicas", "mode",      "standbyMode",    "streamingMode",
		                               "topology", "databases", "leaderElection", NULL };
	struct json_object *sound = new_object(
	        api_version, "{'version':'2022-cu16','storage':{'resources':{'requests':{'storage':'1Gi'}}}}",
	        "{'name':'db','namespace':'demo'}");
	for (const char *const *member = members; *member != NULL; member++) {
		struct json_object *value = json_get_path(object, "spec", *member, NULL);
		if (value != NULL) json_set(json_get(sound, "spec"), *member, json_copy(value));
	}
	return sound;
}

static size_t admitted_count;

static void check_verdict(struct json_object *object, const char *api_version, const char *what) {
	cleanup_json struct json_object *sound = with_sound_rest(object, api_version);
	set_defaults(sound);
	if (!is_admitted(sound, NULL)) return;
	admitted_count++;
	convert(sound, other_version(api_version));
	is_admitted(sound, what);
}

/* An object that is admitted in one version is admitted in the other: whoever reads it there can write it back. */
static void test_admitted_in_both_versions(void **state) {
	(void)state;
	admitted_count = 0;
	for_random_objects(true, check_verdict);
	print_message("%zu of %zu objects were admitted\n", admitted_count, rounds_of_run());
	assert_true(admitted_count > rounds_of_run() / 10);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_edits_win),
		cmocka_unit_test(test_annotations),
		cmocka_unit_test(test_memory_is_consumed),
		cmocka_unit_test(test_no_place_for_memory),
		cmocka_unit_test(test_without_spec),
		cmocka_unit_test(test_status_is_carried),
		cmocka_unit_test(test_round_trip_is_identity),
		cmocka_unit_test(test_defaults_and_conversion_commute),
		cmocka_unit_test(test_admitted_in_both_versions),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
