/* Leader-election times in the two versions' words (REQUIREMENTS R42): v1alpha2 counts ticks of any length, v1 whole
 * seconds. */
#ifndef AGKEEPER_API_MSSQLSERVER_ELECTION_H
#define AGKEEPER_API_MSSQLSERVER_ELECTION_H

#include <json-c/json.h>

/* v1's leaderElection for what v1alpha2's says in period, heartbeatTick and electionTick (absent ones have their
 * defaults): retryPeriodSeconds is period × heartbeatTick and leaseDurationSeconds period × electionTick, rounded up as
 * far as v1 allows, and renewDeadlineSeconds two thirds of the latter. NULL when that cannot be said. The caller owns
 * it. */
struct json_object *election_to_seconds(const struct json_object *ticks);

/* The way back: ticks of one second. renewDeadlineSeconds has no counterpart. NULL when that cannot be said. */
struct json_object *election_to_ticks(const struct json_object *seconds);

/* What v1alpha2 defaults to. */
struct json_object *election_default_ticks(void);

#endif
