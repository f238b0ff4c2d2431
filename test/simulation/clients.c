/* Writers: each row has a number of its own and a fate. One writes through the primary's Service; the others sit beside
 * the servers, out of any network's reach, and write to whoever says PRIMARY: also to one that should not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "simulation/model.h"
#include "sqlserver/group.h"
#include "sqlserver/server.h"

struct writing {
	int client, row;
	bool makes_table;
	uint64_t call, process;
};

static bool says_primary(const struct process *process) {
	for (size_t i = 0; i < process->instance->group_count; i++)
		if (process->instance->groups[i]->role == SIM_ROLE_PRIMARY) return true;
	return false;
}

static struct process *behind_service(struct model *model) {
	for (int slot = 0; slot < SLOTS; slot++) {
		const struct pod *pod = &model->cluster.pods[slot];
		if (pod->exists && pod->ready && strcmp(pod->role_label, "primary") == 0)
			return process_of_pod(model, pod->uid);
	}
	return NULL;
}

static struct process *any_primary(struct model *model) {
	struct process *found = NULL;
	int64_t count = 0;
	for (size_t i = 0; i < model->process_count; i++)
		if (says_primary(model->processes[i]) && dice_below(&model->dice, ++count) == 0)
			found = model->processes[i];
	return found;
}

static void written(struct model *model, struct call *call) {
	struct writing *writing = call->context;
	struct clients *clients = &model->clients;
	bool done = !call->answer.lost && !call->answer.refused && call->answer.number == 0;
	if (writing->makes_table) {
		if (done) clients->table_ready[writing->row] = true;
	} else {
		struct row *row = &clients->rows[writing->row];
		row->state = (unsigned char)(done ? ROW_ACKNOWLEDGED : ROW_UNKNOWN);
		row->slot = call->process->slot;
		row->at = model->now;
		if (done) {
			if (clients->last_ack != 0 && model->now - clients->last_ack > clients->longest_gap)
				clients->longest_gap = model->now - clients->last_ack;
			clients->last_ack = model->now;
			clients->acknowledged++;
			bool elsewhere = clients->lost_primary != 0 && call->process->id != clients->lost_primary;
			if (elsewhere && clients->first_elsewhere == 0) clients->first_elsewhere = model->now;
			check_acknowledged(model, call->process, writing->row);
		}
	}
	free(writing);
}

static void lose_patience(struct model *model, struct event *event) {
	struct process *process = process_by_id(model, (uint64_t)event->a);
	if (process == NULL || process_holds(process, event)) return;
	call_cancel(model, process, (uint64_t)event->b);
}

static void write_row(struct model *model, int client) {
	struct clients *clients = &model->clients;
	if (clients->count == ROWS) return;
	bool through_service = client == 0 || model->configuration->only_service;
	struct process *process = through_service ? behind_service(model) : any_primary(model);
	if (process == NULL || process->frozen) return;
	int choice = model->configuration->databases - clients->quiet;
	int database = clients->quiet + (int)dice_below(&model->dice, choice);
	struct writing *writing = xcalloc(1, sizeof(*writing));
	*writing = (struct writing){ .client = client, .makes_table = !clients->table_ready[database] };
	char batch[96], name[16];
	snprintf(name, sizeof(name), "db%d", database);
	if (writing->makes_table) {
		writing->row = database;
		snprintf(batch, sizeof(batch), "IF OBJECT_ID(N't') IS NULL CREATE TABLE t (id int PRIMARY KEY)");
	} else {
		writing->row = clients->count++;
		clients->rows[writing->row] = (struct row){ .state = ROW_PENDING, .database = (unsigned char)database };
		snprintf(batch, sizeof(batch), "INSERT INTO t VALUES (%d)", writing->row);
	}
	struct call *call = call_begin(model, process, "sa", "Passw0rd!", name, batch, false, written, writing);
	if (call == NULL) return;
	uint64_t number = call->number;
	event_add(model, dice_between(&model->dice, 1, 20) * SECOND,
	          &(struct event){ .run = lose_patience, .a = (int64_t)process->id, .b = (int64_t)number });
	process_touch(model, process);
}

static void write_next(struct model *model, struct event *event) {
	if (model->clients.stop) return;
	int64_t every = model->configuration->write_every;
	write_row(model, (int)event->a);
	event_add(model, dice_between(&model->dice, every / 2, every * 3 / 2), event);
}

void clients_begin(struct model *model) {
	for (int i = 0; i < model->configuration->clients; i++)
		event_add(model, i * 10 * MILLISECOND, &(struct event){ .run = write_next, .a = i });
}

bool clients_tables_ready(const struct model *model) {
	for (int i = 0; i < model->configuration->databases; i++)
		if (!model->clients.table_ready[i]) return false;
	return true;
}

/* ---- Reading back ---- */

struct reading {
	bool there[ROWS], done;
};

static void have_read(struct model *model, struct call *call) {
	(void)model;
	struct reading *reading = call->context;
	const struct sql_results *results = &call->answer.results;
	reading->done = call->answer.number == 0 && !call->answer.refused && !call->answer.lost;
	for (size_t i = 0; results->set_count > 0 && i < results->sets[0].row_count; i++) {
		int row = atoi(results->sets[0].rows[i][0]);
		if (row >= 0 && row < ROWS) reading->there[row] = true;
	}
}

int clients_missing(struct model *model, struct process *process, int *first) {
	int missing = 0;
	for (int database = 0; database < model->configuration->databases; database++) {
		if (!model->clients.table_ready[database]) continue;
		struct reading *reading = xcalloc(1, sizeof(*reading));
		char name[16];
		snprintf(name, sizeof(name), "db%d", database);
		struct call *call = call_begin(model, process, "sa", "Passw0rd!", name, "SELECT id FROM t", true,
		                               have_read, reading);
		uint64_t number = call != NULL ? call->number : 0;
		if (call != NULL) process_touch(model, process);
		bool done = reading->done;
		if (!done && number != 0) call_cancel(model, process, number);
		for (int row = 0; done && row < model->clients.count; row++) {
			const struct row *written_row = &model->clients.rows[row];
			if (written_row->state != ROW_ACKNOWLEDGED || written_row->database != database ||
			    reading->there[row])
				continue;
			if (missing++ == 0) *first = row;
		}
		free(reading);
		if (!done) return -1;
	}
	return missing;
}
