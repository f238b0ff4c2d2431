/* An availability group in a world, bootstrapped the way the controller does it: by T-SQL alone. */
#ifndef SIMSQL_WORLD_GROUP_H
#define SIMSQL_WORLD_GROUP_H

#include "sqlserver/world.h"

/* Endpoint, certificate and login on every node, certificates exchanged as binary; AG1 of all of them (EXTERNAL,
 * synchronous, secondaries readable), created on node 0, joined by the rest; database agdb1 with table t(id int primary
 * key) in it. Aborts the test run when a step fails. */
void sim_world_group(struct sim_world *world);
/* Everything of that but CREATE AVAILABILITY GROUP and what follows. */
void sim_world_trust(struct sim_world *world);
/* Runs a batch that has to succeed. */
void sim_world_do(struct sim_world *world, size_t node, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* EXEC sp_set_session_context … ; ALTER AVAILABILITY GROUP [AG1] FAILOVER: the number of its error, 0 when there is
 * none. The role change itself follows as time passes. */
int sim_world_failover(struct sim_world *world, size_t node);
/* Whether the query's answer becomes this within so many seconds. */
bool sim_world_becomes(struct sim_world *world, size_t node, const char *query, const char *answer, int seconds);
/* How many secondaries of `primary` are synchronized becomes `count`. */
bool sim_world_synchronized(struct sim_world *world, size_t primary, int count, int seconds);

#endif
