/* A container's environment variables, and $(NAME) references to them. */
#ifndef SIMNODE_ENVIRONMENT_H
#define SIMNODE_ENVIRONMENT_H

#include <stddef.h>

struct variable {
	char *name;
	char *value;
};
/* Zero-initialise it. */
struct environment {
	struct variable *items;
	size_t count;
};

/* Sets a variable, in place of one of that name. */
void environment_set(struct environment *environment, const char *name, const char *value);
/* NULL when it is not set. */
const char *environment_get(const struct environment *environment, const char *name);

/* `text` with $(NAME) replaced by the variable's value; a reference to one that is not set stays as it is, and $$ is a
 * plain $ (Kubernetes, third_party/forked/golang/expansion). The caller frees it. */
char *environment_expand(const struct environment *environment, const char *text);

/* NAME=VALUE strings for execve, NULL at the end. Free with string_list_free. */
char **environment_block(const struct environment *environment);
void string_list_free(char **list);
void string_list_cleanup(char ***list);
#define cleanup_string_list __attribute__((cleanup(string_list_cleanup)))

void environment_free(struct environment *environment);
#define cleanup_environment __attribute__((cleanup(environment_free)))

#endif
