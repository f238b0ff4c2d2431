#include "controller/decide/trouble.h"

#include <string.h>

#include "base/json.h"

const char *attempt_trouble(struct deciding *deciding, enum action_type type, const char *pod, const char *peer) {
	const struct attempt *attempt = attempt_of(deciding->view, type, pod, peer);
	if (attempt == NULL) return NULL;
	const char *message = attempt->message != NULL ? attempt->message : "no answer";
	/* An error of SQL Server begins with its number already. */
	if (attempt->number == 0 || strstr(message, "Msg ") != NULL) return message;
	return plan_text(deciding->plan, "Msg %d: %s", attempt->number, message);
}

static const char *pod_trouble(const struct replica_view *replica) {
	const struct pod_view *pod = &replica->pod;
	if (!pod->exists) return "its pod is not there";
	if (pod->trouble != NULL) return pod->trouble;
	if (pod->is_terminated) return "SQL Server's container has ended";
	if (!pod->is_running) return "SQL Server's container has not started";
	return NULL;
}

static const char *secret_trouble(struct deciding *deciding) {
	const struct spec *spec = deciding->spec;
	switch (deciding->view->administrator_secret) {
	case SECRET_MISSING: return plan_text(deciding->plan, "Secret %s is not there", spec->administrator_secret);
	case SECRET_INVALID:
		return plan_text(deciding->plan, "Secret %s has no key %s", spec->administrator_secret,
		                 spec->administrator_key);
	default: break;
	}
	if (deciding->view->own_secret == SECRET_PRESENT) return NULL;
	return plan_text(deciding->plan, "Secret %s is not there", spec->own_secret);
}

/* It runs, and was never set up, or not with our Secret. */
static const char *set_up_trouble(struct deciding *deciding, const struct replica_view *replica) {
	const char *trouble = attempt_trouble(deciding, ACTION_BOOTSTRAP_SERVER, replica->pod_name, NULL);
	if (trouble != NULL) return plan_text(deciding->plan, "setting it up failed: %s", trouble);
	trouble = secret_trouble(deciding);
	return trouble != NULL ? trouble : "it is not set up yet";
}

const char *server_trouble(struct deciding *deciding, const struct replica_view *replica) {
	const struct server_view *server = &replica->server;
	const char *trouble = pod_trouble(replica);
	if (trouble != NULL) return trouble;
	if (server->refuses_login) return set_up_trouble(deciding, replica);
	if (server->seen == NULL) {
		bool has_words = server->has_failed && server->failure_text != NULL;
		return has_words ? server->failure_text : "it has not answered";
	}
	return server->is_bootstrapped ? NULL : set_up_trouble(deciding, replica);
}

static bool stands_as_false(const struct view *view, const char *condition) {
	const struct json_object *conditions = json_get_path(view->object, "status", "conditions", NULL);
	if (!json_object_is_type(conditions, json_type_array)) return false;
	for (size_t i = 0; i < json_object_array_length(conditions); i++) {
		const struct json_object *row = json_object_array_get_idx(conditions, i);
		const char *type = json_get_text(row, "type"), *status = json_get_text(row, "status");
		if (type != NULL && strcmp(type, condition) == 0) return status != NULL && strcmp(status, "False") == 0;
	}
	return false;
}

void find_trouble(struct deciding *deciding, const char *condition, const char *reason, const char *words) {
	if (words != NULL && *words != '\0') find(deciding, condition, false, reason, "%s", words);
	else if (stands_as_false(deciding->view, condition))
		find(deciding, condition, true, "Succeeded", "it works again");
}

void add_trouble(struct strbuf *list, const char *who, const char *words) {
	if (words == NULL) return;
	strbuf_printf(list, "%s%s: %s", list->length > 0 ? "; " : "", who, words);
}
