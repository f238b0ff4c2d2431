/* Log lines: one event, one line, valid whatever the values hold. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"

/* What `writes` puts on standard error. */
static char *captured(void (*writes)(void)) {
	char path[] = "/tmp/agkeeper-test-log-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	int saved = dup(STDERR_FILENO);
	assert_true(saved >= 0);
	assert_true(dup2(fd, STDERR_FILENO) >= 0);
	writes();
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	close(saved);
	close(fd);
	struct strbuf text = { 0 };
	int result = file_read(path, 1 << 20, &text, NULL);
	unlink(path);
	assert_int_equal(result, 0);
	return strbuf_detach(&text);
}

static struct json_object *parse_line(const char *text) {
	size_t length = strlen(text);
	assert_true(length > 0);
	assert_int_equal(text[length - 1], '\n');
	assert_ptr_equal(strchr(text, '\n'), text + length - 1);
	struct json_object *json = NULL;
	cleanup_error struct error *err = NULL;
	if (json_parse(text, length, &json, &err) < 0) fail_msg("%s: %s", err->message, text);
	return json;
}

static void write_all_types(void) {
	cleanup_error struct error *err = NULL;
	error_set(&err, ERROR_IO, "it \"broke\"");
	log_info("an event", log_str("text", "va\nlue\x01\"é"), log_int("number", -9007199254740993),
	         log_bool("yes", true), log_bool("no", false), log_str("none", NULL), log_err(err));
}

static void writes_json(void **state) {
	(void)state;
	log_configure(LOG_FORMAT_JSON, LOG_INFO);
	cleanup_free char *text = captured(write_all_types);
	cleanup_json struct json_object *line = parse_line(text);
	assert_string_equal(json_get_text(line, "level"), "info");
	assert_string_equal(json_get_text(line, "msg"), "an event");
	assert_string_equal(json_get_text(line, "text"), "va\nlue\x01\"é");
	assert_int_equal(json_get_integer(line, "number", 0), -9007199254740993);
	assert_true(json_get_flag(line, "yes", false));
	assert_false(json_get_flag(line, "no", true));
	assert_true(json_object_object_get_ex(line, "none", NULL));
	assert_null(json_get(line, "none"));
	assert_string_equal(json_get_text(line, "error"), "it \"broke\"");
	assert_true(clock_parse_rfc3339(json_get_text(line, "ts")) > 0);
}

static void write_garbage(void) {
	log_error("bad \xFF\n\"message\"", log_str("k\"ey", "\xC3\xC0"));
}

static void writes_valid_json_always(void **state) {
	(void)state;
	log_configure(LOG_FORMAT_JSON, LOG_INFO);
	cleanup_free char *text = captured(write_garbage);
	cleanup_json struct json_object *line = parse_line(text);
	assert_string_equal(json_get_text(line, "level"), "error");
	assert_string_equal(json_get_text(line, "msg"), "bad \xEF\xBF\xBD\n\"message\"");
	assert_string_equal(json_get_text(line, "k\"ey"), "\xEF\xBF\xBD\xEF\xBF\xBD");
}

static void write_every_level(void) {
	log_debug("one");
	log_info("two");
	log_warning("three", log_int("n", 3));
	log_error("four");
}

static void leaves_out_lower_levels(void **state) {
	(void)state;
	log_configure(LOG_FORMAT_TEXT, LOG_WARNING);
	assert_false(log_enabled(LOG_INFO));
	assert_true(log_enabled(LOG_WARNING));
	cleanup_free char *text = captured(write_every_level);
	assert_null(strstr(text, "one"));
	assert_null(strstr(text, "two"));
	assert_non_null(strstr(text, " warning three n=3\n"));
	assert_non_null(strstr(text, " error   four\n"));
	log_configure(LOG_FORMAT_TEXT, LOG_DEBUG);
	cleanup_free char *all = captured(write_every_level);
	assert_non_null(strstr(all, " debug   one\n"));
}

/* A value cannot forge a second line, nor steer a terminal. */
static void write_attack(void) {
	log_warning("request refused", log_str("name", "x\n2026-01-01T00:00:00Z error forged\x1b[2J"));
}

static void keeps_text_on_one_line(void **state) {
	(void)state;
	log_configure(LOG_FORMAT_TEXT, LOG_INFO);
	cleanup_free char *text = captured(write_attack);
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	assert_null(strchr(text, '\x1b'));
	assert_non_null(strstr(text, "name=\"x\\n2026-01-01"));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_json),
		cmocka_unit_test(writes_valid_json_always),
		cmocka_unit_test(leaves_out_lower_levels),
		cmocka_unit_test(keeps_text_on_one_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
