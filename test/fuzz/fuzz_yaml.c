/* YAML: whatever is accepted is written and read back as the same, and lines are those of the text. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_lines(const struct yaml_document *document, size_t lines) {
	static const char *const paths[] = { "", "a", "a.b[0]", "a[b.c]", "[0]", "..", "[", "]", "a[" };
	for (size_t i = 0; i < ARRAY_LENGTH(paths); i++) {
		size_t line = yaml_line_of(document, paths[i]);
		if (line < 1 || line > lines) abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	cleanup_yaml_stream struct yaml_stream stream = { 0 };
	cleanup_error struct error *err = NULL;
	if (yaml_parse((const char *)data, size, &stream, &err) < 0) {
		if (err == NULL || stream.count != 0) abort();
		return 0;
	}
	for (size_t i = 0; i < stream.count; i++) {
		const struct json_object *json = stream.documents[i].json;
		/* No text has more lines than bytes and one. */
		check_lines(&stream.documents[i], size + 1);
		cleanup_strbuf struct strbuf yaml = { 0 };
		if (yaml_append(&yaml, json, &err) < 0) abort();
		if (yaml.data[yaml.length - 1] != '\n') abort();
		cleanup_yaml_stream struct yaml_stream again = { 0 };
		if (yaml_parse(yaml.data, yaml.length, &again, &err) < 0) abort();
		if (again.count != 1) abort();
		cleanup_free char *before = json_to_text(json);
		cleanup_free char *after = json_to_text(again.documents[0].json);
		if (strcmp(before, after) != 0) abort();
	}
	return 0;
}
