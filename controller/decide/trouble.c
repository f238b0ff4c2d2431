#include "controller/decide/trouble.h"

#include <string.h>

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

const char *server_trouble(struct deciding *deciding, const struct replica_view *replica) {
	const struct server_view *server = &replica->server;
	const char *trouble = pod_trouble(replica);
	if (trouble != NULL) return trouble;
	trouble = attempt_trouble(deciding, ACTION_BOOTSTRAP_SERVER, replica->pod_name, NULL);
	if (trouble != NULL) return plan_text(deciding->plan, "setting it up failed: %s", trouble);
	if (server->refuses_login) return "it is not set up yet";
	if (server->seen == NULL && server->has_failed && server->failure_text != NULL) return server->failure_text;
	if (server->seen == NULL) return "it has not answered";
	if (!server->is_bootstrapped) return "it is not set up yet";
	return NULL;
}

void add_trouble(struct strbuf *list, const char *who, const char *words) {
	if (words == NULL) return;
	strbuf_printf(list, "%s%s: %s", list->length > 0 ? "; " : "", who, words);
}
