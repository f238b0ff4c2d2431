/* JSON: whatever is accepted is written and read back as the same; nothing crashes or leaks. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	cleanup_json struct json_object *json = NULL;
	cleanup_error struct error *err = NULL;
	if (json_parse((const char *)data, size, &json, &err) < 0) {
		if (err == NULL || err->kind != ERROR_INVALID || json != NULL) abort();
		return 0;
	}
	cleanup_free char *text = json_to_text(json);
	cleanup_json struct json_object *again = NULL;
	if (json_parse(text, strlen(text), &again, &err) < 0) abort();
	if (!json_object_equal(json, again)) abort();
	cleanup_free char *text_again = json_to_text(again);
	if (strcmp(text, text_again) != 0) abort();
	cleanup_json struct json_object *copy = json_copy(json);
	if (!json_object_equal(json, copy)) abort();
	return 0;
}
