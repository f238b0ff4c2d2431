/* What the parts of a container share: container.c (its life), container_start.c, container_probes.c. */
#ifndef SIMNODE_CONTAINER_PRIVATE_H
#define SIMNODE_CONTAINER_PRIVATE_H

#include "simnode/container.h"

/* Takes the state over, in place of the one before. */
void container_set_state(struct container *container, struct json_object *state);
/* Forgets what belongs to one run. */
void container_end_run(struct container *container);
void container_log(const char *what, const struct container *container, const struct pod_setting *setting);
struct action_target container_target(const struct container *container, const struct pod_setting *setting);

/* ---- Probes ---- */

/* It was started: its probes begin anew. */
void container_read_probes(struct container *container, int64_t now);
bool container_is_started(const struct container *container);
/* Whether a probe of this kind is to be run, now or when it is due. */
bool container_wants_probe(const struct container *container, enum probe_kind kind);
void container_step_probes(struct container *container, const struct pod_setting *setting, int64_t grace_ms,
                           int64_t now);

#endif
