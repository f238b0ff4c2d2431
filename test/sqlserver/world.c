#include "sqlserver/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "sqlserver/value.h"

struct sim_flight {
	int64_t due;
	size_t to;
	int port;
	char *bytes;
	size_t length;
};

static int64_t node_now(void *context) {
	return ((const struct sim_node *)context)->world->now;
}
static int64_t node_wall(void *context) {
	const struct sim_node *node = context;
	return INT64_C(1795305600000000) + node->world->now + node->clock_offset; /* 2026-11-22 */
}

static void node_send(void *context, const char *host, int port, const void *bytes, size_t length) {
	const struct sim_node *node = context;
	struct sim_world *world = node->world;
	size_t from = (size_t)(node - world->nodes);
	for (size_t to = 0; to < world->count; to++) {
		size_t name = strlen(world->nodes[to].name);
		if (strncmp(host, world->nodes[to].name, name) != 0 || strcmp(host + name, ".pods") != 0 ||
		    world->cut[from][to])
			continue;
		world->flights = xreallocarray(world->flights, world->flight_count + 1, sizeof(*world->flights));
		struct sim_flight *flight = &world->flights[world->flight_count++];
		*flight = (struct sim_flight){ world->now + world->delay, to, port, xmalloc(length), length };
		memcpy(flight->bytes, bytes, length);
	}
}

void sim_world_start(struct sim_world *world, size_t index) {
	struct sim_node *node = &world->nodes[index];
	const struct sim_host host = { node, node_now, node_wall, node_send };
	const struct sim_options options = { .server_name = node->name,
		                             .sa_password = "Passw0rd!",
		                             .hadr_enabled = true,
		                             .seed = index + 1,
		                             .settings = &world->settings };
	node->instance = sim_instance_start(&options, &host, node->disk, NULL);
	node->frozen = false;
}

struct sim_world *sim_world_new(size_t count, const struct sim_settings *settings) {
	struct sim_world *world = xcalloc(1, sizeof(*world));
	world->settings = settings != NULL ? *settings : sim_settings_fast();
	world->count = count;
	world->delay = 200;
	world->now = 1000000;
	for (size_t i = 0; i < count; i++) {
		world->nodes[i] =
		        (struct sim_node){ .world = world, .name = xasprintf("sql-%zu", i), .disk = sim_disk_memory() };
		sim_world_start(world, i);
	}
	return world;
}

void sim_world_free(struct sim_world *world) {
	for (size_t i = 0; i < world->count; i++) {
		sim_instance_free(world->nodes[i].instance);
		sim_disk_free(world->nodes[i].disk);
		free(world->nodes[i].name);
	}
	for (size_t i = 0; i < world->flight_count; i++) free(world->flights[i].bytes);
	free(world->flights);
	free(world);
}

void sim_world_kill(struct sim_world *world, size_t node) {
	sim_instance_free(world->nodes[node].instance);
	world->nodes[node].instance = NULL;
}

void sim_world_isolate(struct sim_world *world, size_t node, bool cut) {
	for (size_t i = 0; i < world->count; i++) world->cut[node][i] = world->cut[i][node] = cut && i != node;
}

static bool runs(const struct sim_node *node) {
	return node->instance != NULL && !node->frozen;
}

/* Everything that is due now; returns when the next thing is. */
static int64_t happen(struct sim_world *world) {
	int64_t next = INT64_MAX;
	for (bool again = true; again;) {
		again = false;
		for (size_t i = 0; i < world->flight_count; i++) {
			struct sim_flight flight = world->flights[i];
			if (flight.due > world->now) continue;
			memmove(&world->flights[i], &world->flights[i + 1],
			        (world->flight_count - i - 1) * sizeof(flight));
			world->flight_count--;
			if (runs(&world->nodes[flight.to]))
				sim_instance_receive(world->nodes[flight.to].instance, flight.port, flight.bytes,
				                     flight.length);
			free(flight.bytes);
			again = true;
			break;
		}
	}
	for (size_t i = 0; i < world->count; i++) {
		if (!runs(&world->nodes[i])) continue;
		int64_t due = sim_instance_run(world->nodes[i].instance);
		if (due < next) next = due;
	}
	for (size_t i = 0; i < world->flight_count; i++)
		if (world->flights[i].due < next) next = world->flights[i].due;
	return next;
}

void sim_world_run(struct sim_world *world, int64_t microseconds) {
	int64_t end = world->now + microseconds;
	for (;;) {
		int64_t next = happen(world);
		if (next <= world->now) next = world->now + 1;
		if (next > end) break;
		world->now = next;
	}
	world->now = end;
}

/* --- Clients --- */

static void on_columns(void *context, const struct sim_column *columns, size_t count) {
	(void)context, (void)columns, (void)count;
}
static void on_row(void *context, const struct sim_value *values, size_t count) {
	struct sim_client *client = context;
	for (size_t i = 0; i < count; i++) {
		if (i > 0) strbuf_append_char(&client->text, '|');
		switch (values[i].kind) {
		case SIM_VALUE_NULL: strbuf_append(&client->text, "NULL"); break;
		case SIM_VALUE_INTEGER: strbuf_printf(&client->text, "%lld", (long long)values[i].integer); break;
		case SIM_VALUE_REAL: strbuf_printf(&client->text, "%g", values[i].real); break;
		case SIM_VALUE_TEXT: strbuf_append_n(&client->text, values[i].bytes, values[i].length); break;
		case SIM_VALUE_BYTES:
			strbuf_append(&client->text, "0x");
			for (size_t j = 0; j < values[i].length; j++)
				strbuf_printf(&client->text, "%02X", (unsigned char)values[i].bytes[j]);
			break;
		}
	}
	strbuf_append_char(&client->text, '\n');
}
static void on_done(void *context, int64_t rows, bool failed) {
	struct sim_client *client = context;
	(void)failed;
	if (rows >= 0) strbuf_printf(&client->text, "(%lld rows affected)\n", (long long)rows);
}
static void on_message(void *context, const struct sim_message *message) {
	struct sim_client *client = context;
	if (sim_message_is_error(message)) {
		client->last_error = message->number;
		strbuf_printf(&client->text, "Msg %d, Level %d, State %d, Line %d: %s\n", message->number,
		              message->severity, message->state, message->line, message->text);
	} else {
		strbuf_printf(&client->text, "%s\n", message->text);
	}
}
static void on_environment(void *context, enum sim_environment what, const char *value, const char *previous) {
	(void)context, (void)what, (void)value, (void)previous;
}

struct sim_client *sim_client_open(struct sim_world *world, size_t node, const char *database, bool read_only_intent) {
	struct sim_client *client = xcalloc(1, sizeof(*client));
	const struct sim_sink sink = { client, on_columns, on_row, on_done, on_message, on_environment };
	const struct sim_login login = {
		.user = "sa", .password = "Passw0rd!", .database = database, .read_only_intent = read_only_intent
	};
	client->world = world;
	client->node = node;
	if (world->nodes[node].instance != NULL)
		client->session = sim_session_open(world->nodes[node].instance, &login, &sink);
	if (client->session != NULL) strbuf_reset(&client->text);
	return client;
}

void sim_client_close(struct sim_client *client) {
	if (client == NULL) return;
	if (client->world->nodes[client->node].instance != NULL) sim_session_close(client->session);
	strbuf_free(&client->text);
	free(client);
}

static bool step(struct sim_client *client) {
	if (client->session == NULL || client->world->nodes[client->node].frozen) return client->session == NULL;
	enum sim_step result = sim_session_step(client->session);
	client->waiting = result == SIM_WAITING;
	if (result != SIM_CLOSED) return result == SIM_FINISHED;
	strbuf_append(&client->text, "closed\n");
	sim_session_close(client->session);
	client->session = NULL;
	return true;
}

bool sim_client_begin(struct sim_client *client, const char *batch) {
	strbuf_reset(&client->text);
	client->last_error = 0;
	if (client->session != NULL) sim_session_execute(client->session, batch, NULL, 0);
	return step(client);
}

bool sim_client_wait(struct sim_client *client, int64_t microseconds) {
	struct sim_world *world = client->world;
	int64_t end = world->now + microseconds;
	for (;;) {
		int64_t next = happen(world);
		if (step(client)) return true;
		int64_t deadline = client->session != NULL ? sim_session_deadline(client->session) : INT64_MAX;
		int64_t after = happen(world); /* what the step has sent */
		if (after < next) next = after;
		if (deadline < next) next = deadline;
		if (next <= world->now) next = world->now + 1;
		if (next > end) {
			world->now = end;
			return step(client);
		}
		world->now = next;
	}
}

const char *sim_client_run(struct sim_client *client, const char *batch) {
	if (!sim_client_begin(client, batch)) sim_client_wait(client, INT64_C(600000000));
	return strbuf_text(&client->text);
}

char *sim_world_ask(struct sim_world *world, size_t node, const char *batch) {
	struct sim_client *client = sim_client_open(world, node, NULL, false);
	char *text = xstrdup(client->session != NULL ? sim_client_run(client, batch) : strbuf_text(&client->text));
	sim_client_close(client);
	return text;
}
