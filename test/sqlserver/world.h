/* Some instances, a network between them and a virtual clock: a whole availability group in one thread, the same every
 * time. For unit tests; the simulation has its own network and clock. */
#ifndef SIMSQL_WORLD_H
#define SIMSQL_WORLD_H

#include "sqlserver/instance.h"
#include "sqlserver/session.h"
#include "sqlserver/settings.h"

enum { SIM_WORLD_MOST = 9 };

struct sim_world;
struct sim_node {
	struct sim_world *world;
	char *name; /* "sql-0"; its endpoint is TCP://sql-0.pods:5022 */
	struct sim_disk *disk;
	struct sim_instance *instance; /* NULL: not running */
	bool frozen;
	int64_t clock_offset; /* of its wall clock, microseconds */
};

struct sim_flight; /* a message on its way */
struct sim_world {
	struct sim_settings settings;
	int64_t now; /* microseconds; the wall clock begins in 2026 */
	struct sim_node nodes[SIM_WORLD_MOST];
	size_t count;
	bool cut[SIM_WORLD_MOST][SIM_WORLD_MOST]; /* from, to: messages are lost */
	int64_t delay;                            /* of messages */
	struct sim_flight *flights;
	size_t flight_count;
};

struct sim_world *sim_world_new(size_t count, const struct sim_settings *settings);
void sim_world_free(struct sim_world *world);

/* The process is gone, with the sessions that sim_world_… functions hold (see sim_client). */
void sim_world_kill(struct sim_world *world, size_t node);
void sim_world_start(struct sim_world *world, size_t node);
/* Lets time pass. */
void sim_world_run(struct sim_world *world, int64_t microseconds);
/* Cuts or heals both ways between a node and all others. */
void sim_world_isolate(struct sim_world *world, size_t node, bool cut);

/* A client that writes down what it is answered: rows "1|Alice|NULL", "(2 rows affected)", "Msg 208, Level 16, State 1,
 * Line 1: Invalid object name 'x'.", other messages as their text; "closed" when the server ended the session. */
struct sim_client {
	struct sim_world *world;
	size_t node;
	struct sim_session *session; /* NULL: refused or gone */
	struct strbuf text;
	int last_error; /* the number of the last error message; 0: none since the statement was begun */
	bool waiting;
};
/* As sa, into `database` (NULL: master). */
struct sim_client *sim_client_open(struct sim_world *world, size_t node, const char *database, bool read_only_intent);
void sim_client_close(struct sim_client *client);
/* Begins a batch; true when it is finished already. */
bool sim_client_begin(struct sim_client *client, const char *batch);
/* Goes on with it while time passes, for at most so long; true when it is finished. */
bool sim_client_wait(struct sim_client *client, int64_t microseconds);
/* Both, for up to ten minutes of the world's time; the answer belongs to the client. */
const char *sim_client_run(struct sim_client *client, const char *batch);
/* A client for one batch; the caller frees the answer. */
char *sim_world_ask(struct sim_world *world, size_t node, const char *batch);

#endif
