#include "kube/resource.h"

#include <string.h>

#define DEFINE_ROW(name_, group_, version_, plural_, kind_, namespaced_) \
	const struct kube_resource name_ = {                             \
		.group = (group_),                                       \
		.version = (version_),                                   \
		.plural = (plural_),                                     \
		.kind = (kind_),                                         \
		.namespaced = (namespaced_),                             \
	};
KUBE_RESOURCES(DEFINE_ROW)

void kube_percent_encode(struct strbuf *url, const char *text) {
	static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
	for (; *text != '\0'; text++) {
		if (strchr(unreserved, *text) != NULL) strbuf_append_char(url, *text);
		else strbuf_printf(url, "%%%02X", (unsigned char)*text);
	}
}

static void append_segment(struct strbuf *path, const char *segment) {
	strbuf_append_char(path, '/');
	kube_percent_encode(path, segment);
}

void kube_resource_path(struct strbuf *path, const struct kube_resource *resource, const char *namespace,
                        const char *name, const char *subresource) {
	if (resource->group[0] == '\0') {
		strbuf_append(path, "/api");
	} else {
		strbuf_append(path, "/apis");
		append_segment(path, resource->group);
	}
	append_segment(path, resource->version);
	if (resource->namespaced && namespace != NULL) {
		strbuf_append(path, "/namespaces");
		append_segment(path, namespace);
	}
	append_segment(path, resource->plural);
	if (name != NULL) append_segment(path, name);
	if (subresource != NULL) append_segment(path, subresource);
}

void kube_resource_api_version(struct strbuf *text, const struct kube_resource *resource) {
	if (resource->group[0] != '\0') strbuf_printf(text, "%s/", resource->group);
	strbuf_append(text, resource->version);
}
