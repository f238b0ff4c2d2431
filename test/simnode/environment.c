#include "simnode/environment.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/strbuf.h"

static struct variable *find(const struct environment *environment, const char *name, size_t length) {
	for (size_t i = 0; i < environment->count; i++) {
		struct variable *variable = &environment->items[i];
		if (strlen(variable->name) == length && strncmp(variable->name, name, length) == 0) return variable;
	}
	return NULL;
}

void environment_set(struct environment *environment, const char *name, const char *value) {
	struct variable *variable = find(environment, name, strlen(name));
	char *copy = xstrdup(value);
	if (variable != NULL) {
		free(variable->value);
		variable->value = copy;
		return;
	}
	environment->items = xreallocarray(environment->items, environment->count + 1, sizeof(*environment->items));
	environment->items[environment->count++] = (struct variable){ .name = xstrdup(name), .value = copy };
}

const char *environment_get(const struct environment *environment, const char *name) {
	struct variable *variable = find(environment, name, strlen(name));
	return variable != NULL ? variable->value : NULL;
}

char *environment_expand(const struct environment *environment, const char *text) {
	struct strbuf out = { 0 };
	while (*text != '\0') {
		const char *end = text[0] == '$' && text[1] == '(' ? strchr(text, ')') : NULL;
		if (text[0] == '$' && text[1] == '$') {
			strbuf_append_char(&out, '$');
			text += 2;
		} else if (end != NULL) {
			struct variable *variable = find(environment, text + 2, (size_t)(end - text - 2));
			if (variable != NULL) strbuf_append(&out, variable->value);
			else strbuf_append_n(&out, text, (size_t)(end - text + 1));
			text = end + 1;
		} else {
			strbuf_append_char(&out, *text++);
		}
	}
	return strbuf_detach(&out);
}

char **environment_block(const struct environment *environment) {
	char **block = xcalloc(environment->count + 1, sizeof(*block));
	for (size_t i = 0; i < environment->count; i++) {
		block[i] = xasprintf("%s=%s", environment->items[i].name, environment->items[i].value);
	}
	return block;
}

void string_list_free(char **list) {
	if (list == NULL) return;
	for (char **item = list; *item != NULL; item++) free(*item);
	free(list);
}

void string_list_cleanup(char ***list) {
	string_list_free(*list);
}

void environment_free(struct environment *environment) {
	for (size_t i = 0; i < environment->count; i++) {
		free(environment->items[i].name);
		free(environment->items[i].value);
	}
	free(environment->items);
	*environment = (struct environment){ 0 };
}
