/* AdmissionReviews from anybody: /mutate and /validate never crash, and always answer valid JSON. */
#include <stdint.h>
#include <stdlib.h>

#include "base/json.h"
#include "webhook/review.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void review(enum review_path path, const uint8_t *data, size_t size) {
	cleanup_review_answer struct review_answer answer = { 0 };
	const struct review_request request = {
		.path = path, .body = (const char *)data, .length = size, .lookup = &lookup_offline
	};
	review_handle(&request, &answer);
	if (answer.status != 200 && answer.status != 400) abort();
	cleanup_json struct json_object *json = NULL;
	if (json_parse(answer.body.data, answer.body.length, &json, NULL) != 0) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	review(REVIEW_VALIDATE, data, size);
	review(REVIEW_MUTATE, data, size);
	return 0;
}
