/* ConversionReviews from anybody: /convert never crashes, always answers valid JSON, and converts all or nothing. */
#include <stdint.h>
#include <stdlib.h>

#include "base/json.h"
#include "webhook/review.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	cleanup_review_answer struct review_answer answer = { 0 };
	const struct review_request request = {
		.path = REVIEW_CONVERT, .body = (const char *)data, .length = size, .lookup = &lookup_offline
	};
	review_handle(&request, &answer);
	cleanup_json struct json_object *json = NULL;
	if (json_parse(answer.body.data, answer.body.length, &json, NULL) != 0) abort();
	if (answer.status == 400) return 0;
	if (answer.status != 200) abort();
	struct json_object *objects = json_get_path(json, "response", "convertedObjects", NULL);
	if (answer.result == REVIEW_REFUSED && json_object_array_length(objects) != 0) abort();
	return 0;
}
