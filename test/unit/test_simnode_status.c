/* The pod status that a simulated kubelet reports. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/memory.h"
#include "simnode/node_status.h"
#include "simnode/pod_status.h"

enum { NOW = 1700000000 };
static const char now_text[] = "2023-11-14T22:13:20Z";

static struct json_object *json(const char *text) {
	struct json_object *parsed;
	assert_int_equal(json_parse(text, strlen(text), &parsed, NULL), 0);
	return parsed;
}

/* States by one letter: w waiting, c waiting after a crash, r running, R running and ready, 0 ended well, 1 ended
 * badly. */
static void fill(struct container_report *reports, const char *letters) {
	static const char *const names[] = { "a", "b", "c" };
	for (size_t i = 0; letters[i] != '\0'; i++) {
		char letter = letters[i];
		struct json_object *end = container_terminated("Error", NULL, letter == '0' ? 0 : 1, 0, NOW, NOW, "id");
		reports[i] = (struct container_report){ .name = names[i], .image = "image", .id = "id" };
		if (letter == 'w' || letter == 'c') reports[i].state = container_waiting("ContainerCreating", NULL);
		if (letter == 'c') reports[i].last_state = json_object_get(end);
		if (letter == 'r' || letter == 'R') reports[i].state = container_running(NOW);
		if (letter == '0' || letter == '1') reports[i].state = json_object_get(end);
		reports[i].ready = letter == 'R';
		json_object_put(end);
	}
}

static void drop(struct container_report *reports, size_t count) {
	for (size_t i = 0; i < count; i++) {
		json_object_put((struct json_object *)reports[i].state);
		json_object_put((struct json_object *)reports[i].last_state);
	}
}

static struct json_object *compute(const char *pod_text, const char *init, const char *containers) {
	cleanup_json struct json_object *pod = json(pod_text);
	struct container_report reports[6] = { 0 };
	fill(reports, init);
	fill(reports + strlen(init), containers);
	const struct pod_report report = {
		.pod = pod,
		.init_containers = reports,
		.init_count = strlen(init),
		.containers = reports + strlen(init),
		.count = strlen(containers),
		.host_ip = "127.63.0.1",
		.pod_ip = "127.64.0.1",
		.now = NOW,
	};
	struct json_object *status = pod_status_compute(&report);
	drop(reports, strlen(init) + strlen(containers));
	return status;
}

static const struct json_object *condition(const struct json_object *status, const char *type) {
	const struct json_object *list = json_get(status, "conditions");
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		const struct json_object *item = json_object_array_get_idx(list, i);
		if (strcmp(json_get_text(item, "type"), type) == 0) return item;
	}
	fail_msg("no condition %s", type);
	return NULL;
}

static void phases(void **state) {
	(void)state;
	static const struct {
		const char *policy, *init, *containers, *phase;
	} cases[] = {
		{ "Always", "", "w", "Pending" },     { "Always", "", "rw", "Pending" },
		{ "Always", "", "r", "Running" },     { "Always", "", "c", "Running" },
		{ "Always", "", "1", "Running" },     { "Always", "", "0", "Running" },
		{ "Always", "r", "w", "Pending" },    { "Always", "1", "w", "Pending" },
		{ "Always", "0", "R", "Running" },    { "Never", "1", "w", "Failed" },
		{ "Never", "", "0", "Succeeded" },    { "Never", "", "01", "Failed" },
		{ "Never", "", "1r", "Running" },     { "OnFailure", "", "00", "Succeeded" },
		{ "OnFailure", "", "01", "Running" },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		cleanup_free char *pod = xasprintf("{\"spec\": {\"restartPolicy\": \"%s\"}}", cases[i].policy);
		cleanup_json struct json_object *status = compute(pod, cases[i].init, cases[i].containers);
		assert_string_equal(json_get_text(status, "phase"), cases[i].phase);
	}
}

static void readiness(void **state) {
	(void)state;
	cleanup_json struct json_object *half = compute("{}", "", "Rrw");
	const struct json_object *ready = condition(half, "Ready");
	assert_string_equal(json_get_text(ready, "status"), "False");
	assert_string_equal(json_get_text(ready, "reason"), "ContainersNotReady");
	assert_string_equal(json_get_text(ready, "message"), "containers with unready status: [b c]");

	cleanup_json struct json_object *all = compute("{}", "0", "RR");
	assert_string_equal(json_get_text(condition(all, "Ready"), "status"), "True");
	assert_string_equal(json_get_text(condition(all, "ContainersReady"), "status"), "True");
	assert_string_equal(json_get_text(condition(all, "Initialized"), "status"), "True");
	assert_null(json_get(condition(all, "Ready"), "reason"));

	cleanup_json struct json_object *initializing = compute("{}", "0r", "w");
	const struct json_object *initialized = condition(initializing, "Initialized");
	assert_string_equal(json_get_text(initialized, "status"), "False");
	assert_string_equal(json_get_text(initialized, "message"), "containers with incomplete status: [b]");

	cleanup_json struct json_object *done = compute("{\"spec\": {\"restartPolicy\": \"Never\"}}", "", "0");
	assert_string_equal(json_get_text(condition(done, "Ready"), "reason"), "PodCompleted");
}

static void gates(void **state) {
	(void)state;
	static const char closed[] = "{\"spec\": {\"readinessGates\": [{\"conditionType\": \"x/y\"}]},"
	                             "\"status\": {\"conditions\": [{\"type\": \"x/y\", \"status\": \"False\"}]}}";
	static const char open[] = "{\"spec\": {\"readinessGates\": [{\"conditionType\": \"x/y\"}]},"
	                           "\"status\": {\"conditions\": [{\"type\": \"x/y\", \"status\": \"True\"}]}}";
	cleanup_json struct json_object *blocked = compute(closed, "", "R");
	assert_string_equal(json_get_text(condition(blocked, "Ready"), "reason"), "ReadinessGatesNotReady");
	assert_string_equal(json_get_text(condition(blocked, "ContainersReady"), "status"), "True");
	/* What others wrote stays. */
	assert_string_equal(json_get_text(condition(blocked, "x/y"), "status"), "False");
	cleanup_json struct json_object *passed = compute(open, "", "R");
	assert_string_equal(json_get_text(condition(passed, "Ready"), "status"), "True");
}

static void transitions(void **state) {
	(void)state;
	static const char before[] =
	        "{\"status\": {\"startTime\": \"2020-01-01T00:00:00Z\", \"conditions\": ["
	        "{\"type\": \"Ready\", \"status\": \"True\", \"lastTransitionTime\": \"2020-01-01T00:00:01Z\"},"
	        "{\"type\": \"Initialized\", \"status\": \"False\", \"lastTransitionTime\": "
	        "\"2020-01-01T00:00:01Z\"}]}}";
	cleanup_json struct json_object *status = compute(before, "", "R");
	assert_string_equal(json_get_text(condition(status, "Ready"), "lastTransitionTime"), "2020-01-01T00:00:01Z");
	assert_string_equal(json_get_text(condition(status, "Initialized"), "lastTransitionTime"), now_text);
	assert_string_equal(json_get_text(status, "startTime"), "2020-01-01T00:00:00Z");
	cleanup_json struct json_object *first = compute("{}", "", "w");
	assert_string_equal(json_get_text(first, "startTime"), now_text);
}

/* What is written once is not written again, and any difference is. */
static void sameness(void **state) {
	(void)state;
	cleanup_json struct json_object *status = compute("{}", "0", "Rc");
	cleanup_free char *text = json_to_text(status);
	cleanup_free char *pod = xasprintf("{\"status\": %s}", text);
	cleanup_json struct json_object *again = compute(pod, "0", "Rc");
	assert_true(pod_status_is(status, again));
	json_set_text(status, "qosClass", "Burstable"); /* not ours */
	assert_true(pod_status_is(status, again));
	static const char *const others[] = { "Rr", "rc", "R1", "R" };
	for (size_t i = 0; i < ARRAY_LENGTH(others); i++) {
		cleanup_json struct json_object *other = compute(pod, "0", others[i]);
		assert_false(pod_status_is(status, other));
	}
	assert_false(pod_status_is(NULL, again));
}

static void node_conditions(void **state) {
	(void)state;
	cleanup_json struct json_object *before =
	        json("{\"conditions\": [{\"type\": \"Ready\", \"status\": \"Unknown\", \"lastTransitionTime\": "
	             "\"2020-01-01T00:00:00Z\"}, {\"type\": \"DiskPressure\", \"status\": \"False\", "
	             "\"lastTransitionTime\": \"2020-01-01T00:00:00Z\"}, {\"type\": \"Mine\", \"status\": \"True\"}]}");
	assert_false(node_status_is_ready(before));
	cleanup_json struct json_object *after = node_status(before, "node-1", "127.63.0.1", "v1.20.2", NOW);
	assert_true(node_status_is_ready(after));
	assert_string_equal(json_get_text(condition(after, "Ready"), "lastTransitionTime"), now_text);
	assert_string_equal(json_get_text(condition(after, "DiskPressure"), "lastTransitionTime"),
	                    "2020-01-01T00:00:00Z");
	assert_string_equal(json_get_text(condition(after, "Mine"), "status"), "True");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(phases),      cmocka_unit_test(readiness), cmocka_unit_test(gates),
		cmocka_unit_test(transitions), cmocka_unit_test(sameness),  cmocka_unit_test(node_conditions),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
