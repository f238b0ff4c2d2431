/* The hook that the published operator gives its containers (field notes L29 and L30 of published_policy.h): before
 * SQL Server of the primary is told to end, FAILOVER is sent to a secondary that is connected and healthy. */
#include <stdio.h>

#include "simulation/model.h"
#include "sql/statements.h"
#include "sqlserver/group.h"
#include "sqlserver/server.h"

static bool is_healthy(const struct sim_group *group, const struct sim_replica *replica) {
	if (!replica->link.connected) return false;
	for (size_t i = 0; i < group->database_count; i++)
		if (sim_remote_synchronization(group, replica, group->databases[i].id) != SIM_SYNCHRONIZED)
			return false;
	return true;
}

static struct process *first_healthy(struct model *model, const struct process *primary,
                                     const struct sim_group *group) {
	for (size_t i = 0; i < group->replica_count; i++) {
		int slot = pod_slot(group->replicas[i].name);
		if (slot < 0 || slot == primary->slot || !is_healthy(group, &group->replicas[i])) continue;
		return process_of_pod(model, model->cluster.pods[slot].uid);
	}
	return NULL;
}

static void run_hook(struct model *model, struct event *event) {
	struct process *process = process_by_id(model, (uint64_t)event->a);
	if (process == NULL || process->frozen || process->instance->group_count == 0) return;
	const struct sim_group *group = process->instance->groups[0];
	if (group->role != SIM_ROLE_PRIMARY) return;
	struct process *target = first_healthy(model, process, group);
	cleanup_strbuf struct strbuf batch = { 0 };
	if (target == NULL || target->frozen || sql_failover(&batch, group->name, NULL) != 0) return;
	note(model, "sales-%d: preStop sends FAILOVER to sales-%d", process->slot, target->slot);
	if (model->failover_sent == 0) model->failover_sent = model->now;
	call_begin(model, target, "sa", "Passw0rd!", NULL, strbuf_text(&batch), false, NULL, NULL);
	process_touch(model, target);
}

int64_t pre_stop(struct model *model, const struct process *process) {
	/* The kubelet hears of the deletion; a client program starts, asks for the role and for a target, and connects
	 * to it. */
	int64_t asked = dice_between(&model->dice, 200 * MILLISECOND, 800 * MILLISECOND);
	event_add(model, asked, &(struct event){ .run = run_hook, .a = (int64_t)process->id });
	return asked + 100 * MILLISECOND;
}
