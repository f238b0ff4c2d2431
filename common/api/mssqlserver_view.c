#include "api/mssqlserver_view.h"

#include <string.h>

#include "api/kinds.h"

static const struct object_meta no_metadata;
static const struct mssqlserver_spec no_spec;
static const string_list no_databases;

enum { NANOSECONDS = 1000000000 };

static bool is(const char *text, const char *wanted) {
	return text != NULL && strcmp(text, wanted) == 0;
}

static void view_ticks(struct mssqlserver_view *view, const struct mssqlserver_leader_election *election) {
	if (election == NULL) return;
#define ELECTION_PATH "spec.topology.availabilityGroup.leaderElection."
	view->times[0] =
	        (struct ordered_number){ ELECTION_PATH "electionTick", "electionTick", election->election_tick };
	view->times[1] =
	        (struct ordered_number){ ELECTION_PATH "heartbeatTick", "heartbeatTick", election->heartbeat_tick };
	view->time_count = 2;
	view->has_election_time = election->period.text != NULL && election->election_tick.set;
	view->election_ns = (__int128)election->period.nanoseconds * election->election_tick.value;
}

static void view_topology(struct mssqlserver_view *view) {
	const struct mssqlserver_topology *topology = view->spec->topology;
	view->mode_path = "spec.topology.mode";
	view->availability_mode_path = "spec.topology.availabilityGroup.availabilityMode";
	view->databases_path = "spec.topology.availabilityGroup.databases";
	view->mode = topology == NULL ? MSSQLSERVER_STANDALONE : topology->mode;
	if (view->group == NULL) return;
	view->databases = &view->group->databases;
	view->is_synchronous = is(view->group->availability_mode, "SynchronousCommit");
	view_ticks(view, view->group->leader_election);
}

static void view_lease(struct mssqlserver_view *view, const struct mssqlserver_lease *lease) {
	if (lease == NULL) return;
#define LEASE_PATH "spec.leaderElection."
	view->times[0] = (struct ordered_number){ LEASE_PATH "leaseDurationSeconds", "leaseDurationSeconds",
		                                  lease->lease_duration_seconds };
	view->times[1] = (struct ordered_number){ LEASE_PATH "renewDeadlineSeconds", "renewDeadlineSeconds",
		                                  lease->renew_deadline_seconds };
	view->times[2] = (struct ordered_number){ LEASE_PATH "retryPeriodSeconds", "retryPeriodSeconds",
		                                  lease->retry_period_seconds };
	view->time_count = 3;
	view->has_election_time = lease->lease_duration_seconds.set;
	view->election_ns = (__int128)lease->lease_duration_seconds.value * NANOSECONDS;
}

static void view_short_form(struct mssqlserver_view *view) {
	view->mode_path = "spec.mode";
	view->availability_mode_path = "spec.streamingMode";
	view->databases_path = "spec.databases";
	view->mode = view->spec->mode;
	view->databases = &view->spec->databases;
	view->is_synchronous = is(view->spec->streaming_mode, "Synchronous");
	view_lease(view, view->spec->leader_election);
}

struct mssqlserver_view mssqlserver_view_of(const struct kind *kind, const void *object) {
	const struct mssqlserver *server = object;
	struct mssqlserver_view view = {
		.metadata = server->metadata != NULL ? server->metadata : &no_metadata,
		.spec = server->spec != NULL ? server->spec : &no_spec,
		.databases = &no_databases,
		.group_path = "spec.topology.availabilityGroup",
	};
	if (view.spec->topology != NULL) view.group = view.spec->topology->availability_group;
	if (kind == &mssqlserver_kind_v1) view_short_form(&view);
	else view_topology(&view);
	return view;
}
