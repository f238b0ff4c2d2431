/* Ops requests: their status, by compare-and-swap on what was looked at; and those that a policy asks for. */
#include "base/json.h"
#include "controller/engine/engine_private.h"

static void on_request(struct managed *managed, void *what, struct json_object *answer, const struct error *err) {
	struct deed *deed = what;
	bool is_late = err != NULL && (err->kind == ERROR_NOT_FOUND || err->kind == ERROR_CONFLICT);
	if (is_late) {
		deed_drop(deed, "it is not the one that was looked at any more");
		return;
	}
	if (err == NULL && !managed->is_gone) deed_settle(deed, CACHE_OPSREQUEST, deed->action.text, answer);
	deed_end(deed, err);
}

void act_on_request(struct deed *deed) {
	bool is_new = deed->action.type == ACTION_CREATE_REQUEST;
	const struct kube_request request = { .method = is_new ? KUBE_POST : KUBE_PUT,
		                              .resource = &kube_mssqlserveropsrequests,
		                              .namespace = deed->managed->namespace,
		                              .name = is_new ? NULL : deed->action.text,
		                              .subresource = is_new ? NULL : "status",
		                              .body = deed->action.json };
	deed_request(deed, &request, on_request);
}
