/* Who may do what with a database: its state, its role, this session's intent and permissions. */
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "sqlserver/session_state.h"

bool sim_is_sysadmin(const struct sim_session *session) {
	const struct sim_login_row *login = sim_login_find(session->instance, session->login);
	return login != NULL && login->sysadmin;
}

/* What implies what: t-sql/statements/grant-server-permissions-transact-sql.md in MicrosoftDocs/sql-docs; CONTROL
 * SERVER implies all. */
static const struct {
	const char *permission, *implied_by;
} implications[] = {
	{ "CREATE ANY DATABASE", "ALTER ANY DATABASE" },
	{ "CREATE AVAILABILITY GROUP", "ALTER ANY AVAILABILITY GROUP" },
	{ "CREATE ENDPOINT", "ALTER ANY ENDPOINT" },
	{ "VIEW ANY DATABASE", "VIEW ANY DEFINITION" },
	{ "VIEW SERVER STATE", "ALTER SERVER STATE" },
};

bool sim_has_permission(const struct sim_session *session, const char *permission) {
	const struct sim_login_row *login = sim_login_find(session->instance, session->login);
	if (login == NULL) return false;
	if (login->sysadmin || sim_list_has(login->permissions, "CONTROL SERVER")) return true;
	for (size_t i = 0; i < ARRAY_LENGTH(implications); i++)
		if (strcasecmp(implications[i].permission, permission) == 0 &&
		    sim_list_has(login->permissions, implications[i].implied_by))
			return true;
	return sim_list_has(login->permissions, permission);
}

bool sim_owns(const struct sim_session *session, const struct sim_database *database) {
	return sim_is_sysadmin(session) ||
	       (database->owner != NULL && strcasecmp(database->owner, session->login) == 0);
}

static int secondary_error(const struct sim_session *session, const struct sim_group *group,
                           const struct sim_database *database) {
	const struct sim_replica *local = sim_group_local(group);
	if (local == NULL || local->secondary_access == SIM_ACCESS_NO) return 976;
	if (local->secondary_access == SIM_ACCESS_READ_ONLY && !session->read_only_intent) return 978;
	if (!database->joined || database->reverting) return 976;
	return 0;
}

int sim_access_error(const struct sim_session *session, const struct sim_database *database) {
	if (database->suspect) return 926;
	const struct sim_group *group = sim_group_of(session->instance, database);
	if (group != NULL && group->role == SIM_ROLE_RESOLVING) return 983;
	if (database->restoring) return 927;
	if (group == NULL) return 0;
	if (group->role == SIM_ROLE_SECONDARY) return secondary_error(session, group, database);
	return sim_group_lacks_quorum(session->instance, group, database) ? 988 : 0;
}

struct sim_database *sim_open_database(struct sim_session *session, int line, const char *name) {
	struct sim_database *database = sim_database_find(session->instance, name);
	if (database == NULL) {
		sim_raise(session, line, 911, name);
		return NULL;
	}
	int number = sim_access_error(session, database);
	if (number == 0) return database;
	sim_raise(session, line, number, database->name);
	return NULL;
}

bool sim_may_write(struct sim_session *session, int line, struct sim_database *database) {
	const struct sim_group *group = sim_group_of(session->instance, database);
	if (!database->read_only && (group == NULL || group->role == SIM_ROLE_PRIMARY)) return true;
	sim_raise(session, line, 3906, database->name);
	return false;
}
