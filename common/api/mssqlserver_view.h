/* One look at an MSSQLServer of either version: what the rules ask for, each with the path at which a user of that
 * version wrote it. Rules are written once against this, and a v1 user's findings carry v1 paths. */
#ifndef AGKEEPER_API_MSSQLSERVER_VIEW_H
#define AGKEEPER_API_MSSQLSERVER_VIEW_H

#include "api/mssqlserver.h"

/* A number that must be larger than the one behind it. */
struct ordered_number {
	const char *path;
	const char *name;
	struct opt_int value;
};

struct mssqlserver_view {
	const struct object_meta *metadata;  /* never NULL */
	const struct mssqlserver_spec *spec; /* never NULL */

	const char *mode; /* MSSQLSERVER_STANDALONE also for v1alpha2; NULL when a topology is there without a mode */
	const char *mode_path;
	bool is_synchronous; /* commits wait for the secondaries */
	const char *availability_mode_path;
	const string_list *databases;
	const char *databases_path;
	const struct mssqlserver_availability_group *group; /* NULL when there is none */
	const char *group_path;

	/* Leader election: the numbers from the largest to the smallest, and after how long a silent primary is lost.
	 */
	struct ordered_number times[3];
	size_t time_count;
	bool has_election_time;
	__int128 election_ns;
};

/* `object` is a decoded and defaulted object of `kind`, one of the two versions. */
struct mssqlserver_view mssqlserver_view_of(const struct kind *kind, const void *object);

static inline bool mssqlserver_is_standalone(const struct mssqlserver_view *view) {
	return view->mode != NULL && __builtin_strcmp(view->mode, MSSQLSERVER_STANDALONE) == 0;
}

#endif
