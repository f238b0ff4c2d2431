/* The simulated storage: what a claim needs next, what it can be told to do wrong, who has a disk, what is on it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/memory.h"
#include "simnode/attachments.h"
#include "simnode/claim.h"
#include "simnode/csi_faults.h"
#include "simnode/disk.h"
#include "simnode/folder.h"

static struct json_object *json(const char *text) {
	struct json_object *parsed;
	assert_int_equal(json_parse(text, strlen(text), &parsed, NULL), 0);
	return parsed;
}

#define OURS     "\"volume.beta.kubernetes.io/storage-provisioner\":\"" CSI_DRIVER "\""
#define SELECTED "\"volume.kubernetes.io/selected-node\":\"node-1\""
#define IMMEDIATE \
	"{\"metadata\":{\"name\":\"standard\"},\"volumeBindingMode\":\"Immediate\",\"reclaimPolicy\":\"Retain\"}"
#define WAITING "{\"metadata\":{\"name\":\"premium\"},\"volumeBindingMode\":\"WaitForFirstConsumer\"}"

static void provisioning(void **state) {
	(void)state;
	static const struct {
		const char *metadata;
		const char *class; /* NULL: it is gone */
		enum claim_step step;
	} cases[] = {
		{ "\"annotations\":{" OURS "}", IMMEDIATE, CLAIM_PROVISION },
		{ "\"annotations\":{\"volume.kubernetes.io/storage-provisioner\":\"" CSI_DRIVER "\"}", IMMEDIATE,
		  CLAIM_PROVISION },
		{ "\"annotations\":{\"volume.beta.kubernetes.io/storage-provisioner\":\"disk.csi.azure.com\"}",
		  IMMEDIATE, CLAIM_REST },
		{ "\"labels\":{}", IMMEDIATE, CLAIM_REST },
		{ "\"annotations\":{" OURS "}", WAITING, CLAIM_REST },
		{ "\"annotations\":{" OURS "," SELECTED "}", WAITING, CLAIM_PROVISION },
		{ "\"annotations\":{" OURS "}", NULL, CLAIM_REST },
		{ "\"annotations\":{" OURS "},\"deletionTimestamp\":\"2026-01-01T00:00:00Z\"", IMMEDIATE, CLAIM_REST },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		cleanup_free char *text = xasprintf("{\"metadata\":{\"uid\":\"u\",%s},\"spec\":{}}", cases[i].metadata);
		cleanup_json struct json_object *claim = json(text);
		cleanup_json struct json_object *class = cases[i].class != NULL ? json(cases[i].class) : NULL;
		if (claim_next(claim, NULL, class) != cases[i].step) fail_msg("case %zu", i);
	}
}

static struct json_object *claim_of(const char *requested, const char *capacity, const char *condition) {
	cleanup_free char *text =
	        xasprintf("{\"metadata\":{\"namespace\":\"n\",\"name\":\"c\",\"uid\":\"u\",\"resourceVersion\":\"7\"},"
	                  "\"spec\":{\"volumeName\":\"pvc-u\",\"accessModes\":[\"ReadWriteOnce\"],"
	                  "\"resources\":{\"requests\":{\"storage\":\"%s\"}}},"
	                  "\"status\":{\"phase\":\"Bound\",\"capacity\":{\"storage\":\"%s\"},\"conditions\":["
	                  "{\"type\":\"Other\",\"status\":\"True\"},{\"type\":\"%s\",\"status\":\"True\"}]}}",
	                  requested, capacity, condition);
	return json(text);
}

static struct json_object *volume_of(const char *capacity, const char *phase, const char *policy) {
	cleanup_free char *text = xasprintf(
	        "{\"metadata\":{\"name\":\"pvc-u\",\"annotations\":{\"pv.kubernetes.io/provisioned-by\":\"" CSI_DRIVER
	        "\"}},\"spec\":{\"capacity\":{\"storage\":\"%s\"},\"persistentVolumeReclaimPolicy\":\"%s\","
	        "\"csi\":{\"driver\":\"" CSI_DRIVER "\",\"volumeHandle\":\"pvc-u\"}},\"status\":{\"phase\":\"%s\"}}",
	        capacity, policy, phase);
	return json(text);
}

static void expansion_goes_step_by_step(void **state) {
	(void)state;
	static const struct {
		const char *requested, *volume, *capacity, *condition;
		enum claim_step step;
	} cases[] = {
		{ "1Gi", "1Gi", "1Gi", "None", CLAIM_REST },
		{ "512Mi", "1Gi", "1Gi", "None", CLAIM_REST }, /* smaller than what it has */
		{ "2Gi", "1Gi", "1Gi", "None", CLAIM_MARK_RESIZING },
		{ "2Gi", "1Gi", "1Gi", "Resizing", CLAIM_EXPAND },
		{ "2Gi", "2Gi", "1Gi", "Resizing", CLAIM_MARK_PENDING },
		{ "2Gi", "2Gi", "1Gi", "FileSystemResizePending", CLAIM_EXPAND_NODE },
		{ "2Gi", "2048Mi", "2Gi", "None", CLAIM_REST },
		{ "3Gi", "2Gi", "1Gi", "FileSystemResizePending", CLAIM_MARK_RESIZING },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		cleanup_json struct json_object *claim =
		        claim_of(cases[i].requested, cases[i].capacity, cases[i].condition);
		cleanup_json struct json_object *volume = volume_of(cases[i].volume, "Bound", "Delete");
		if (claim_next(claim, volume, NULL) != cases[i].step) fail_msg("case %zu", i);
	}
}

static void assert_says(struct json_object *object, const char *wanted) {
	cleanup_json struct json_object *owned = object;
	assert_string_equal(json_object_to_json_string_ext(owned, JSON_C_TO_STRING_PLAIN), wanted);
}

static void patches_keep_what_is_not_theirs(void **state) {
	(void)state;
	cleanup_json struct json_object *claim = claim_of("2Gi", "1Gi", "Resizing");
	cleanup_json struct json_object *volume = volume_of("2Gi", "Bound", "Delete");
	assert_says(claim_patch_resizing(claim, 0),
	            "{\"metadata\":{\"resourceVersion\":\"7\"},\"status\":{\"conditions\":[{\"type\":\"Other\","
	            "\"status\":\"True\"},{\"type\":\"Resizing\",\"status\":\"True\",\"lastTransitionTime\":"
	            "\"1970-01-01T00:00:00Z\"}]}}");
	assert_says(claim_patch_done(claim, volume),
	            "{\"metadata\":{\"resourceVersion\":\"7\"},\"status\":{\"capacity\":{\"storage\":\"2Gi\"},"
	            "\"conditions\":[{\"type\":\"Other\",\"status\":\"True\"}]}}");
	cleanup_json struct json_object *pending = claim_patch_pending(claim, 0);
	const struct json_object *conditions = json_get_path(pending, "status", "conditions", NULL);
	assert_int_equal(json_object_array_length(conditions), 2);
	assert_string_equal(json_get_text(json_object_array_get_idx(conditions, 1), "type"), "FileSystemResizePending");
}

static void volumes_are_as_the_claim_and_its_class_say(void **state) {
	(void)state;
	cleanup_json struct json_object *claim = claim_of("2Gi", "1Gi", "None");
	cleanup_json struct json_object *class = json(IMMEDIATE);
	cleanup_json struct json_object *volume = claim_volume(claim, class);
	assert_string_equal(volume_handle(volume), "pvc-u");
	assert_int_equal(volume_capacity(volume), 2LL << 30);
	const struct json_object *spec = json_get(volume, "spec");
	assert_string_equal(json_get_text(spec, "persistentVolumeReclaimPolicy"), "Retain");
	assert_string_equal(json_get_text(spec, "storageClassName"), "standard");
	assert_string_equal(json_get_text(json_get(spec, "claimRef"), "uid"), "u");
}

static void volumes_go_when_they_are_released(void **state) {
	(void)state;
	static const struct {
		const char *phase, *policy;
		bool goes;
	} cases[] = { { "Released", "Delete", true }, { "Released", "Retain", false }, { "Bound", "Delete", false } };
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		cleanup_json struct json_object *volume = volume_of("1Gi", cases[i].phase, cases[i].policy);
		assert_int_equal(volume_is_to_be_deleted(volume), cases[i].goes);
	}
}

static void expansion_can_go_wrong(void **state) {
	(void)state;
	struct csi_faults faults = { 0 };
	const char *why = NULL;
	assert_int_equal(csi_faults_set(&faults, "n/c", "fail", "2", NULL), 0);
	struct csi_record *record = csi_faults_of(&faults, "n/c");
	assert_int_equal(csi_attempt(record, true, 1000, &why), -1);
	assert_non_null(strstr(why, "failed"));
	assert_int_equal(csi_attempt(record, true, 1500, &why), 0); /* too soon */
	assert_int_equal(csi_attempt(record, true, 2000, &why), -1);
	assert_int_equal(csi_attempt(record, true, 3900, &why), 0); /* the pause has doubled */
	assert_int_equal(csi_attempt(record, true, 4000, &why), 1);

	assert_int_equal(csi_faults_set(&faults, "n/c", "offline", NULL, NULL), 0);
	assert_int_equal(csi_attempt(record, true, 5000, &why), -1);
	assert_int_equal(csi_attempt(record, false, 5001, &why), 1); /* at once */

	assert_int_equal(csi_faults_set(&faults, "n/c", "slow", "5", NULL), 0);
	assert_int_equal(csi_attempt(record, true, 6000, &why), 0);
	assert_int_equal(csi_attempt(record, true, 10999, &why), 0);
	assert_int_equal(csi_attempt(record, true, 11000, &why), 1);

	assert_int_equal(csi_faults_set(&faults, "n/c", "refuse", NULL, NULL), 0);
	for (int64_t now = 20000; now < 20000000; now += 100000)
		assert_int_equal(csi_attempt(record, false, now, &why), -1);

	static const char *const wrong[][2] = {
		{ "fail", NULL }, { "fail", "x" }, { "fail", "0" }, { "refuse", "1" }, { "never", NULL }
	};
	for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++)
		assert_int_equal(csi_faults_set(&faults, "n/c", wrong[i][0], wrong[i][1], NULL), -1);
	assert_int_equal(csi_attempt(csi_faults_of(&faults, "n/other"), true, 0, &why), 1);
	csi_faults_free(&faults);
}

static void a_disk_is_on_one_node(void **state) {
	(void)state;
	int wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	struct attachments *attachments = attachments_new(wake_fd);
	const struct attachment_wish first = { "node-1", "u1", "n/a-0" };
	const struct attachment_wish beside = { "node-1", "u2", "n/job" };
	const struct attachment_wish successor = { "node-1", "u3", "n/a-0" };
	const struct attachment_wish elsewhere = { "node-2", "u4", "n/a-0" };
	cleanup_error struct error *err = NULL;
	cleanup_error struct error *other = NULL;
	assert_int_equal(attachments_add(attachments, "v", &first, NULL), 0);
	assert_int_equal(attachments_add(attachments, "v", &first, NULL), 0); /* again: it is */
	assert_int_equal(attachments_add(attachments, "v", &beside, NULL), 0);
	assert_int_equal(attachments_add(attachments, "v", &successor, &err), -1);
	assert_int_equal(attachments_add(attachments, "v", &elsewhere, &other), -1);
	assert_non_null(strstr(other->message, "Multi-Attach"));
	cleanup_free char *node = attachments_node(attachments, "v");
	assert_string_equal(node, "node-1");
	attachments_remove(attachments, "u1");
	assert_int_equal(attachments_add(attachments, "v", &successor, NULL), 0);
	attachments_remove(attachments, "u2");
	attachments_remove(attachments, "u3");
	assert_null(attachments_node(attachments, "v"));
	assert_int_equal(attachments_add(attachments, "v", &elsewhere, NULL), 0);
	attachments_free(attachments);
	close(wake_fd);
}

static void disks_remember(void **state) {
	(void)state;
	char folder[] = "/tmp/test_simnode_storage.XXXXXX";
	assert_non_null(mkdtemp(folder));
	struct disk disk;
	assert_int_equal(disk_read(folder, "v", &disk, NULL), -1);
	assert_int_equal(disk_create(folder, "v", 1000, NULL), 0);
	assert_int_equal(disk_write(folder, "v", &(struct disk){ 2000, 5, 7 }, NULL), 0);
	assert_int_equal(disk_create(folder, "v", 1000, NULL), 0); /* it is there */
	assert_int_equal(disk_read(folder, "v", &disk, NULL), 0);
	assert_true(disk.capacity == 2000 && disk.taken == 5 && disk.delay_us == 7);
	disk_remove(folder, "v");
	assert_int_equal(disk_read(folder, "v", &disk, NULL), -1);
	folder_remove(folder);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(provisioning),
		cmocka_unit_test(expansion_goes_step_by_step),
		cmocka_unit_test(patches_keep_what_is_not_theirs),
		cmocka_unit_test(volumes_are_as_the_claim_and_its_class_say),
		cmocka_unit_test(volumes_go_when_they_are_released),
		cmocka_unit_test(expansion_can_go_wrong),
		cmocka_unit_test(a_disk_is_on_one_node),
		cmocka_unit_test(disks_remember),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
