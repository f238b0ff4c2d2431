/* Actions that probes and hooks ask for: a request, a connection or a command, each on a thread of its own so that one
 * that hangs holds nobody up. */
#ifndef SIMNODE_ACTION_H
#define SIMNODE_ACTION_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "simnode/environment.h"
#include "simnode/mounts.h"

/* What an action needs to know of the container it is for. Borrowed, during the call only. */
struct action_target {
	const struct json_object *container; /* its spec: ports have names */
	const char *pod_ip;
	const char *program; /* of the image */
	const char *directory;
	const struct environment *environment;
	const struct mounts *mounts;
};

struct action;

/* Starts what `handler` (a probe or a lifecycle handler: httpGet, tcpSocket or exec) says, and writes to the eventfd
 * `wake_fd` when it is over, which must outlive the action. NULL and *err for one that cannot be tried. */
struct action *action_start(const struct json_object *handler, const struct action_target *target, int64_t timeout_ms,
                            int wake_fd, struct error **err);

bool action_is_over(const struct action *action);
/* When it is over: whether it succeeded, and otherwise why not. */
bool action_succeeded(const struct action *action);
const char *action_message(const struct action *action);

/* Gives it up if it is not over, and waits for that. */
void action_free(struct action *action);

#endif
