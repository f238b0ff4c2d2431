/* A view to decide upon, built by hand: an object whose replicas all run and answer. Tests spoil what they are about.
 *
 *   struct decide_world world;
 *   decide_world_init(&world, 3);          servers are set up, and in no group
 *   decide_world_group(&world, 0);         … in the group, replica 0 the primary, all synchronized, recorded
 *   decide_world_database(&world, "db");   in the group on every replica
 *   decide_world_run(&world, databases_decide);
 *   … decide_world_action(&world, ACTION_ADD_DATABASE, "ag-0")
 *   decide_world_free(&world);
 *
 * Pods are ag-0, ag-1, …; the object's uid is "uid". */
#ifndef AGKEEPER_TEST_UNIT_DECIDE_VIEW_H
#define AGKEEPER_TEST_UNIT_DECIDE_VIEW_H

#include "controller/decide/deciding.h"

enum { WORLD_ROWS = 128 };

struct decide_server {
	struct sql_observation seen;
	struct sql_replica_row replicas[2 * REPLICAS_MAX];
	struct sql_database_row databases[WORLD_ROWS];
	struct sql_local_database_row local_databases[WORLD_ROWS];
	struct sql_seeding_row seedings[WORLD_ROWS];
};

struct decide_world {
	struct arena arena;
	struct spec spec;
	struct record record;
	struct view view;
	struct scratch scratch;
	struct plan plan;         /* of the last run */
	struct deciding deciding; /* likewise */
	enum group_state state;   /* what a part alone is told */
	struct attempt attempts[16];
	struct decide_server servers[2 * REPLICAS_MAX];
};

void decide_world_init(struct decide_world *world, size_t replicas);
void decide_world_free(struct decide_world *world);

/* Puts every replica into the group; record.generation is 1, claimed, and in force on all. */
void decide_world_group(struct decide_world *world, size_t primary);
/* A database of the group, synchronized on all, recorded. Its id is "id-" and its name. */
void decide_world_database(struct decide_world *world, const char *name);
/* One outside of the group, ONLINE, FULL, with a log chain; the row may be changed until the next one is added. */
struct sql_local_database_row *decide_world_local(struct decide_world *world, size_t replica, const char *name);
/* What a server says of itself. */
struct sql_observation *decide_world_seen(struct decide_world *world, size_t replica);
/* The server does not answer. */
void decide_world_silence(struct decide_world *world, size_t replica);
/* An attempt that failed with `number`, and is due again in a second. */
void decide_world_fail(struct decide_world *world, enum action_type type, const char *pod, const char *peer,
                       int number);

/* Runs one part; `deciding` and `plan` show what came of it. */
void decide_world_run(struct decide_world *world, void (*part)(struct deciding *deciding));
/* The action of this type on this pod (NULL: any) in the plan; NULL: there is none. */
const struct action *decide_world_action(const struct decide_world *world, enum action_type type, const char *pod);
/* The finding of a condition; NULL: there is none. */
const struct finding_row *decide_world_finding(const struct decide_world *world, const char *condition);
/* Actions in the plan that are no Events. */
size_t decide_world_count(const struct decide_world *world);
/* As if the plan's record were written. */
void decide_world_commit(struct decide_world *world);

#endif
