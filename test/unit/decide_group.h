/* A group for tests of decide's parts: servers so simple that a test reads what it does, shown to decide as a view, and
 * changed by the plans that come back. It models roles, endpoints, generations, the configuration that each server
 * keeps, log positions and who hears whom; nothing takes time, and no statement fails unless the test says so. (The
 * simulation has the real model.)
 *
 *   struct group *group = group_new(3);       sql-0 is PRIMARY, all synchronous, S = all, r = 2, one database
 *   group_kill(group, 0);
 *   group_pass(group);                        one decision; look at group->plan and group->deciding.next
 *   assert_non_null(group_planned(group, ACTION_STOP_ENDPOINT, 1));
 *   group_do(group);                          the record is written, or the actions are done
 */
#ifndef TEST_DECIDE_GROUP_H
#define TEST_DECIDE_GROUP_H

#include "controller/decide/deciding.h"

enum { GROUP_DATABASES = 3 };

struct fake_server {
	bool runs, answers;     /* its process; whether we reach it */
	bool cut[REPLICAS_MAX]; /* from that other one's endpoint */
	enum sql_role role;
	bool is_changing; /* operational_state PENDING_FAILOVER */
	bool has_group, endpoint_runs;
	int64_t generation;
	int starts;   /* of the process */
	int follows;  /* whom, as a secondary; -1: nobody */
	bool refuses; /* FAILOVER with Msg 41142 */
	/* Its copy of the configuration. */
	int64_t sequence;
	int required;
	bool synchronous[REPLICAS_MAX];
	/* Its databases. */
	bool has[GROUP_DATABASES], is_suspended[GROUP_DATABASES];
	int fork[GROUP_DATABASES];
	uint64_t fork_point[GROUP_DATABASES]; /* 0: it is on its first */
	uint64_t end[GROUP_DATABASES];
};

struct group {
	size_t count, database_count;
	struct fake_server servers[REPLICAS_MAX];
	struct spec spec;
	struct record record;
	struct recorded_database databases[GROUP_DATABASES];
	struct view view;
	struct scratch scratch;
	struct attempt attempts[16];
	/* Of the last pass. */
	struct deciding deciding;
	struct plan *plan;
	struct plan **plans; /* all of them: what was recorded borrows from them */
	size_t plan_count;
	struct arena arena;
};

struct group *group_new(size_t count);
void group_free(struct group *group);

const char *group_pod(size_t place); /* "sql-0" … */
/* The pod is gone; its volume stays. */
void group_kill(struct group *group, size_t place);
/* It is back: RESOLVING, with another start time. */
void group_start(struct group *group, size_t place);
/* Neither we nor anybody else hears it (frozen); `answers`: again. */
void group_silence(struct group *group, size_t place, bool silent);
/* Another volume: empty, out of the group. */
void group_replace_volume(struct group *group, size_t place);
/* Commits: on the primary `place`, and on every server that follows it connected. */
void group_write(struct group *group, size_t place, size_t database, uint64_t records);
/* Commits on this server alone: a tail that nobody has confirmed. */
void group_write_tail(struct group *group, size_t place, size_t database, uint64_t records);
void group_fail(struct group *group, enum action_type type, size_t place, const char *peer, int number);

/* Looks: fills the view from the servers. group_pass does it by itself; after it a test may change the view. */
void group_look(struct group *group);
/* The parts of decide that are the heart, on the view as it is. */
void group_decide(struct group *group);
/* Both. */
void group_pass(struct group *group);
/* The first such action of the last plan; `place` -1: whosever. */
const struct action *group_planned(const struct group *group, enum action_type type, int place);
bool group_wrote(const struct group *group); /* the record is to be written */
/* What the plan wants: where it writes the record that alone, else its actions. The clock goes on by 50 ms. */
void group_do(struct group *group);
/* Passes until nothing is planned any more; the number of passes, -1 when it does not end. */
int group_settle(struct group *group);
void group_wait(struct group *group, int64_t ms);

#endif
