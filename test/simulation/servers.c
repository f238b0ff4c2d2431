/* SQL Server processes: the host of each simulated instance, and the sessions with it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "simulation/model.h"
#include "sqlserver/server.h"

#define WALL_BEGIN INT64_C(1795305600000000) /* 2026-11-22, as microseconds since 1970 */

/* ---- Volumes ---- */

struct volume *volume_of(struct model *model, const char *id) {
	for (size_t i = 0; i < model->volume_count; i++)
		if (strcmp(model->volumes[i]->id, id) == 0) return model->volumes[i];
	if (model->volume_count == ARRAY_LENGTH(model->volumes)) abort();
	struct volume *volume = xcalloc(1, sizeof(*volume));
	snprintf(volume->id, sizeof(volume->id), "%s", id);
	volume->disk = sim_disk_memory();
	model->volumes[model->volume_count++] = volume;
	return volume;
}

static void forget_logs(struct volume *volume) {
	for (int i = 0; i < DATABASES; i++) {
		free(volume->logs[i].forks);
		volume->logs[i] = (struct left_log){ 0 };
	}
}

void volume_keep_logs(struct process *process) {
	forget_logs(process->volume);
	for (int i = 0; i < DATABASES; i++) {
		char name[16];
		snprintf(name, sizeof(name), "db%d", i);
		const struct sim_database *database = sim_database_find(process->instance, name);
		if (database == NULL) continue;
		struct left_log *left = &process->volume->logs[i];
		left->count = database->log.count;
		left->fork_count = database->log.fork_count;
		left->forks = xcalloc(left->fork_count + 1, sizeof(*left->forks));
		for (size_t j = 0; j < left->fork_count; j++)
			snprintf(left->forks[j], NAME_SIZE, "%s", database->log.forks[j].id);
	}
}

void volume_free(struct volume *volume) {
	forget_logs(volume);
	sim_disk_free(volume->disk);
	free(volume);
}

void volume_drop(struct model *model, const char *id) {
	for (size_t i = 0; i < model->volume_count; i++) {
		struct volume *volume = model->volumes[i];
		if (strcmp(volume->id, id) != 0 || volume->user != 0) continue;
		volume_free(volume);
		model->volumes[i] = model->volumes[--model->volume_count];
		return;
	}
}

/* ---- The host ---- */

static int64_t host_now(void *context) {
	return ((const struct process *)context)->model->now;
}
static int64_t host_wall(void *context) {
	const struct process *process = context;
	return WALL_BEGIN + process->model->now + process->wall_offset;
}

struct letter {
	uint64_t process;
	int port;
	size_t length;
	char bytes[];
};

static void receive(struct model *model, struct event *event) {
	struct letter *letter = event->data;
	struct process *process = process_by_id(model, letter->process);
	if (process == NULL || process_holds(process, event)) return;
	sim_instance_receive(process->instance, letter->port, letter->bytes, letter->length);
	process_touch(model, process);
}

/* To whoever runs under that name: after a forced deletion there may be two. */
static void host_send(void *context, const char *host, int port, const void *bytes, size_t length) {
	struct process *process = context;
	struct model *model = process->model;
	char name[NAME_SIZE];
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(host, "."), host);
	int slot = pod_slot(name);
	for (size_t i = 0; slot >= 0 && i < model->process_count; i++) {
		struct process *to = model->processes[i];
		if (to->slot != slot || !network_reaches(model, process->node, to->node)) continue;
		struct letter *letter = xmalloc(sizeof(*letter) + length);
		*letter = (struct letter){ to->id, port, length };
		memcpy(letter->bytes, bytes, length);
		int64_t due = model->now + network_delay(model, process->node, to->node);
		int64_t *last = &model->letter_due[process->node][to->node];
		if (model->configuration->in_order && due <= *last) due = *last + 1;
		*last = due;
		event_add(model, due - model->now, &(struct event){ .run = receive, .drop = free, .data = letter });
	}
}

/* ---- Processes ---- */

struct process *process_by_id(struct model *model, uint64_t id) {
	for (size_t i = 0; i < model->process_count; i++)
		if (model->processes[i]->id == id) return model->processes[i];
	return NULL;
}

struct process *process_of_pod(struct model *model, const char *uid) {
	for (size_t i = 0; i < model->process_count; i++)
		if (strcmp(model->processes[i]->pod, uid) == 0) return model->processes[i];
	return NULL;
}

struct process *process_start(struct model *model, int slot, int node, const char *pod, struct volume *volume) {
	if (model->process_count == ARRAY_LENGTH(model->processes)) abort();
	struct process *process = xcalloc(1, sizeof(*process));
	process->model = model;
	process->id = ++model->numbers;
	process->slot = slot;
	process->node = node;
	process->volume = volume;
	process->started = model->now;
	process->wake_at = INT64_MAX;
	process->wall_offset = (int64_t)(node % 3 - 1) * 7 * SECOND;
	snprintf(process->pod, sizeof(process->pod), "%s", pod);
	snprintf(process->container, sizeof(process->container), "c%llu", (unsigned long long)process->id);
	volume->user = process->id;
	char name[NAME_SIZE];
	pod_name(slot, name);
	const struct sim_host host = { process, host_now, host_wall, host_send };
	const struct sim_options options = { .server_name = name,
		                             .sa_password = "Passw0rd!",
		                             .hadr_enabled = true,
		                             .seed = dice_roll(&model->dice),
		                             .number = process->id, /* nodes' clocks differ */
		                             .settings = &model->configuration->settings };
	process->instance = sim_instance_start(&options, &host, volume->disk, NULL);
	if (process->instance == NULL) abort();
	sim_instance_set_disk_delay(process->instance, volume->delay);
	model->processes[model->process_count++] = process;
	note(model, "%s: SQL Server starts on node-%d, volume %s", name, node, volume->id);
	process_touch(model, process);
	return process;
}

static void free_call(struct call *call) {
	arena_free(&call->answer.results.arena);
	free(call);
}

/* Takes the call out of its process and tells whoever began it. */
static void finish_call(struct model *model, struct process *process, struct call *call) {
	for (struct call **at = &process->calls; *at != NULL; at = &(*at)->next) {
		if (*at != call) continue;
		*at = call->next;
		break;
	}
	sim_session_close(call->session);
	call->session = NULL;
	if (call->finished != NULL) call->finished(model, call);
	free_call(call);
}

static void drop_held(struct event **held, size_t *count) {
	for (size_t i = 0; i < *count; i++)
		if ((*held)[i].drop != NULL && (*held)[i].data != NULL) (*held)[i].drop((*held)[i].data);
	free(*held);
	*held = NULL;
	*count = 0;
}

static void free_process(struct process *process) {
	sim_instance_free(process->instance);
	drop_held(&process->held, &process->held_count);
	process->volume->user = 0;
	free(process);
}

void process_kill(struct model *model, struct process *process) {
	char name[NAME_SIZE];
	pod_name(process->slot, name);
	note(model, "%s: SQL Server is gone", name);
	volume_keep_logs(process);
	for (size_t i = 0; i < model->process_count; i++) {
		if (model->processes[i] != process) continue;
		model->processes[i] = model->processes[--model->process_count];
		break;
	}
	while (process->calls != NULL) {
		process->calls->answer.lost = true;
		finish_call(model, process, process->calls);
	}
	free_process(process);
}

void processes_free(struct model *model) {
	for (size_t i = 0; i < model->process_count; i++) {
		struct process *process = model->processes[i];
		while (process->calls != NULL) {
			process->calls->answer.lost = true;
			finish_call(model, process, process->calls);
		}
		free_process(process);
	}
	for (size_t i = 0; i < model->volume_count; i++) volume_free(model->volumes[i]);
}

bool process_holds(struct process *process, struct event *event) {
	if (!process->frozen) return false;
	process->held = xreallocarray(process->held, process->held_count + 1, sizeof(*process->held));
	process->held[process->held_count++] = *event;
	event->data = NULL;
	return true;
}

void process_freeze(struct model *model, struct process *process, bool frozen) {
	if (process->frozen == frozen) return;
	char name[NAME_SIZE];
	pod_name(process->slot, name);
	note(model, "%s: SQL Server %s", name, frozen ? "stands still (SIGSTOP)" : "runs again");
	process->frozen = frozen;
	if (frozen) return;
	for (size_t i = 0; i < process->held_count; i++) event_add(model, (int64_t)i + 1, &process->held[i]);
	free(process->held);
	process->held = NULL;
	process->held_count = 0;
	process_touch(model, process);
}

static void wake(struct model *model, struct event *event) {
	struct process *process = process_by_id(model, (uint64_t)event->a);
	if (process == NULL || process->wake_at != event->due || process->frozen) return;
	process->wake_at = INT64_MAX;
	process_touch(model, process);
}

static void plan_wake(struct model *model, struct process *process, int64_t at) {
	if (at == INT64_MAX) return;
	if (at <= model->now) at = model->now + 1;
	if (process->wake_at <= at && process->wake_at > model->now) return;
	process->wake_at = at;
	event_add(model, at - model->now, &(struct event){ .run = wake, .a = (int64_t)process->id });
}

/* One step of every session that waits; true when one has come to its end. */
static bool step_calls(struct model *model, struct process *process, int64_t *next) {
	for (struct call *call = process->calls; call != NULL; call = call->next) {
		enum sim_step step = sim_session_step(call->session);
		if (step == SIM_WAITING) {
			int64_t deadline = sim_session_deadline(call->session);
			if (deadline < *next) *next = deadline;
			continue;
		}
		if (step == SIM_CLOSED) call->answer.lost = true;
		finish_call(model, process, call);
		return true;
	}
	return false;
}

void process_touch(struct model *model, struct process *process) {
	if (process->frozen) return;
	uint64_t id = process->id;
	int64_t next = sim_instance_run(process->instance);
	while (step_calls(model, process, &next)) {
		/* Whoever was told may have killed it. */
		if (process_by_id(model, id) != process) return;
		int64_t again = sim_instance_run(process->instance);
		if (again < next) next = again;
	}
	int64_t again = sim_instance_run(process->instance);
	plan_wake(model, process, again < next ? again : next);
}

/* ---- Calls: one batch in a session of its own ---- */

static struct sql_set *new_set(struct sql_results *results) {
	struct sql_set *sets = arena_calloc(&results->arena, results->set_count + 1, sizeof(*sets));
	if (results->set_count > 0) memcpy(sets, results->sets, results->set_count * sizeof(*sets));
	results->sets = sets;
	return &sets[results->set_count++];
}

static void on_columns(void *context, const struct sim_column *columns, size_t count) {
	struct call *call = context;
	if (!call->keeps_results) return;
	struct arena *arena = &call->answer.results.arena;
	struct sql_set *set = new_set(&call->answer.results);
	set->column_count = count;
	set->columns = arena_calloc(arena, count, sizeof(*set->columns));
	for (size_t i = 0; i < count; i++) set->columns[i] = arena_strdup(arena, columns[i].name);
}

static const char *value_text(struct arena *arena, const struct sim_value *value) {
	switch (value->kind) {
	case SIM_VALUE_NULL: return NULL;
	case SIM_VALUE_INTEGER: return arena_printf(arena, "%lld", (long long)value->integer);
	case SIM_VALUE_REAL: return arena_printf(arena, "%g", value->real);
	case SIM_VALUE_TEXT: return arena_printf(arena, "%.*s", (int)value->length, value->bytes);
	case SIM_VALUE_BYTES: break;
	}
	char *text = arena_calloc(arena, 2 * value->length + 1, 1);
	for (size_t i = 0; i < value->length; i++) snprintf(text + 2 * i, 3, "%02X", (unsigned char)value->bytes[i]);
	return text;
}

static void on_row(void *context, const struct sim_value *values, size_t count) {
	struct call *call = context;
	if (!call->keeps_results || call->answer.results.set_count == 0) return;
	struct arena *arena = &call->answer.results.arena;
	struct sql_set *set = &call->answer.results.sets[call->answer.results.set_count - 1];
	/* Room for a power of two. */
	if ((set->row_count & (set->row_count - 1)) == 0) {
		size_t room = set->row_count == 0 ? 1 : 2 * set->row_count;
		const char ***rows = arena_calloc(arena, room, sizeof(*rows));
		if (set->row_count > 0) memcpy(rows, set->rows, set->row_count * sizeof(*rows));
		set->rows = rows;
	}
	const char **row = arena_calloc(arena, count, sizeof(*row));
	for (size_t i = 0; i < count; i++) row[i] = value_text(arena, &values[i]);
	set->rows[set->row_count++] = row;
}

static void on_done(void *context, int64_t rows, bool failed) {
	(void)context, (void)rows, (void)failed;
}

static void on_message(void *context, const struct sim_message *message) {
	struct call *call = context;
	if (!sim_message_is_error(message) || call->answer.number != 0) return;
	call->answer.number = message->number;
	snprintf(call->answer.text, sizeof(call->answer.text), "Msg %d: %s", message->number, message->text);
}

static void on_environment(void *context, enum sim_environment what, const char *value, const char *previous) {
	(void)context, (void)what, (void)value, (void)previous;
}

struct call *call_begin(struct model *model, struct process *process, const char *user, const char *password,
                        const char *database, const char *batch, bool keeps_results,
                        void (*finished)(struct model *, struct call *), void *context) {
	struct call *call = xcalloc(1, sizeof(*call));
	call->process = process;
	call->keeps_results = keeps_results;
	call->finished = finished;
	call->context = context;
	call->number = ++model->numbers;
	const struct sim_sink sink = { call, on_columns, on_row, on_done, on_message, on_environment };
	const struct sim_login login = { .user = user, .password = password, .database = database };
	if (sim_instance_accepts(process->instance)) call->session = sim_session_open(process->instance, &login, &sink);
	if (call->session == NULL) {
		call->answer.refused = true;
		if (finished != NULL) finished(model, call);
		free_call(call);
		return NULL;
	}
	sim_session_execute(call->session, batch, NULL, 0);
	call->next = process->calls;
	process->calls = call;
	return call;
}

void call_cancel(struct model *model, struct process *process, uint64_t number) {
	for (struct call *call = process->calls; call != NULL; call = call->next) {
		if (call->number != number) continue;
		sim_session_cancel(call->session);
		call->answer.lost = true;
		finish_call(model, process, call);
		return;
	}
}
