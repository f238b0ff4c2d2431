/* What a plain YAML scalar means, as kubectl reads it (sigs.k8s.io/yaml on go-yaml v2, which follows YAML 1.1). */
#ifndef AGKEEPER_BASE_YAML_SCALAR_H
#define AGKEEPER_BASE_YAML_SCALAR_H

#include <json-c/json.h>
#include <stdbool.h>

/* What the plain scalar `text` is; *is_string says that it is only text (and the result is NULL). */
struct json_object *yaml_resolve_plain(const char *text, bool *is_string);

/* .inf and .nan: numbers of YAML that JSON does not have. */
bool yaml_is_not_finite(const char *text);

/* Whether `text` is one of `words`, which end with NULL. */
bool yaml_is_one_of(const char *text, const char *const *words);

#endif
