#include "controller/resources/conf.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "controller/resources/merge.h"

static char *lower(const char *text, size_t length) {
	char *copy = xstrndup(text, length);
	for (char *c = copy; *c != '\0'; c++) *c = (char)tolower((unsigned char)*c);
	return copy;
}

void conf_set(struct json_object *conf, const char *section, const char *key, const char *value) {
	cleanup_free char *section_name = lower(section, strlen(section));
	cleanup_free char *key_name = lower(key, strlen(key));
	json_set_text(merge_object(conf, section_name), key_name, value);
}

void conf_set_dotted(struct json_object *conf, const char *dotted, const char *value) {
	const char *dot = strchr(dotted, '.');
	if (dot == NULL) return;
	cleanup_free char *section = xstrndup(dotted, (size_t)(dot - dotted));
	conf_set(conf, section, dot + 1, value);
}

static char *trimmed(const char *from, const char *to) {
	while (from < to && isspace((unsigned char)*from)) from++;
	while (to > from && isspace((unsigned char)to[-1])) to--;
	return xstrndup(from, (size_t)(to - from));
}

void conf_read(struct json_object *conf, const char *text) {
	cleanup_free char *section = NULL;
	while (*text != '\0') {
		size_t length = strcspn(text, "\r\n");
		cleanup_free char *line = trimmed(text, text + length);
		text += length;
		text += strspn(text, "\r\n");
		size_t end = strlen(line);
		const char *equals = strchr(line, '=');
		if (line[0] == '#' || line[0] == ';') continue;
		if (line[0] == '[' && line[end - 1] == ']') {
			free(section);
			section = trimmed(line + 1, line + end - 1);
		} else if (section != NULL && equals != NULL) {
			cleanup_free char *key = trimmed(line, equals);
			cleanup_free char *value = trimmed(equals + 1, line + end);
			if (*key != '\0') conf_set(conf, section, key, value);
		}
	}
}

void conf_print(const struct json_object *conf, struct strbuf *text) {
	json_object_object_foreach((struct json_object *)conf, section, settings) {
		strbuf_printf(text, "%s[%s]\n", text->length > 0 ? "\n" : "", section);
		json_object_object_foreach(settings, key, value) {
			strbuf_printf(text, "%s = %s\n", key, json_object_get_string(value));
		}
	}
}
