/* From servers that run to a group that all replicas have joined. */
#include "controller/decide/deciding.h"

#include <string.h>

#include "controller/decide/databases.h"
#include "controller/decide/trouble.h"

enum {
	PATIENCE_MS = 60 * 1000, /* with a server that runs and says nothing */
	SETTLING_MS = 5 * 1000,  /* a group that was just created shows its primary within */
	SAME_DAYS_S = 10         /* claims are made at once; nobody makes a group, and loses a volume, within */
};

static bool same(const char *a, const char *b) {
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

static bool answers(const struct replica_view *replica) {
	return replica->server.seen != NULL && replica->server.is_bootstrapped;
}

/* ---- Servers ---- */

/* It runs, and says itself that it was never set up, or not with our Secret. */
static bool needs_bootstrap(const struct replica_view *replica) {
	const struct server_view *server = &replica->server;
	if (replica->spec == NULL || !replica->pod.is_running || server->is_bootstrapped) return false;
	return server->refuses_login || (server->seen != NULL && server->seen->instance.generation < 0);
}

/* The server whose certificate becomes that of all: one that has it, else the first makes it. Where there is a group
 * the Secret was lost, and any server will do. */
static const struct replica_view *certificate_source(const struct deciding *deciding) {
	const struct view *view = deciding->view;
	const struct replica_view *first = NULL;
	for (size_t i = 0; i < deciding->spec->replica_count; i++) {
		if (answers(&view->replicas[i])) return &view->replicas[i];
		if (first == NULL && needs_bootstrap(&view->replicas[i])) first = &view->replicas[i];
	}
	return deciding->record->is_initialized && first != NULL ? first : &view->replicas[0];
}

static void bootstrap_servers(struct deciding *deciding) {
	const struct view *view = deciding->view;
	if (view->administrator_secret != SECRET_PRESENT || view->own_secret != SECRET_PRESENT) return;
	/* Setting a server up may start its endpoint anew: not while a promotion counts on those that are fenced. */
	if (deciding->record->intent.kind != INTENT_NONE && *deciding->record->intent.target != '\0') return;
	bool lacks_certificate = deciding->spec->is_group && !view->has_certificate;
	const struct replica_view *source = lacks_certificate ? certificate_source(deciding) : NULL;
	for (size_t i = 0; i < deciding->spec->replica_count; i++) {
		const struct replica_view *replica = &view->replicas[i];
		if (!needs_bootstrap(replica) || (lacks_certificate && replica != source)) continue;
		change_server(deciding, replica,
		              &(struct action){ .type = ACTION_BOOTSTRAP_SERVER, .reason = "a new server" });
	}
	if (lacks_certificate && answers(source)) {
		change_server(deciding, source,
		              &(struct action){ .type = ACTION_EXPORT_CERTIFICATE, .reason = "for the other servers" });
	}
}

/* ---- The group: made, or found ---- */

static const struct sql_observation *group_of(const struct replica_view *replica) {
	return answers(replica) && replica->server.seen->has_group ? replica->server.seen : NULL;
}

/* Nothing was ever on its volume, or, where data goes with the pod, no server has run in that. */
static bool is_unmade(const struct deciding *deciding, const struct replica_view *replica) {
	const struct pod_view *pod = &replica->pod;
	if (deciding->spec->has_own_claims)
		return !replica->claim.exists || quantity_value(replica->claim.capacity) == 0;
	return !pod->exists || (pod->incarnation_container == NULL && pod->restarts == 0 && !pod->is_terminated);
}

/* It will not answer soon. */
static bool is_away(const struct deciding *deciding, const struct replica_view *replica) {
	const struct pod_view *pod = &replica->pod;
	if (!pod->exists || !pod->is_running || pod->is_stuck || pod->restarts > 0) return true;
	if (replica->server.refuses_login) return true;
	int64_t since = replica->server.silent_since;
	return since != 0 && deciding->view->now - since >= PATIENCE_MS;
}

/* A copy that was in a group stays RESTORING when the replica leaves it. */
static bool has_leftovers(const struct sql_observation *seen) {
	for (size_t i = 0; i < seen->local_database_count; i++) {
		if (same(seen->local_databases[i].state, "RESTORING")) return true;
	}
	return false;
}

/* The first replica makes the group. While its first volume has none, or one that is empty and whose primary it is, no
 * volume of the same days holds what it lacks. (The status that knew may have been lost since: a wiped status, and a
 * server that has none because its volume is new, are no reason to make a second group.) */
static bool first_tells(const struct deciding *deciding, const struct replica_view *replica) {
	const struct replica_view *first = &deciding->view->replicas[0];
	if (!answers(first) || !first->claim.exists || !replica->claim.exists) return false;
	if (first->claim.created > replica->claim.created + SAME_DAYS_S || has_leftovers(first->server.seen))
		return false;
	if (group_of(first) != NULL)
		return role_of(first) == SQL_ROLE_PRIMARY && first->server.seen->database_count == 0;
	for (size_t i = 0; i < deciding->view->replica_count; i++) {
		if (group_of(&deciding->view->replicas[i]) != NULL) return false;
	}
	return true;
}

/* It has no group of this object, and need not be asked: it joins later, and the others do not wait for it. */
static bool is_blank(const struct deciding *deciding, const struct replica_view *replica) {
	const struct claim_view *claim = &replica->claim;
	if (claim->exists && claim->created < deciding->spec->created) return false;
	return is_unmade(deciding, replica) || (is_away(deciding, replica) && first_tells(deciding, replica));
}

/* What is known of the group before it is recorded. */
struct survey {
	const struct replica_view *primary; /* says so */
	const struct replica_view *holders[2 * REPLICAS_MAX];
	size_t holder_count, primary_count;
	bool differ;           /* they are in different groups of the same name */
	struct strbuf waiting; /* whose answer is missing */
};

static void survey_replica(struct deciding *deciding, const struct replica_view *replica, struct survey *survey) {
	const struct sql_observation *seen = group_of(replica);
	if (!answers(replica) && !is_blank(deciding, replica)) {
		add_trouble(&survey->waiting, replica->pod_name, server_trouble(deciding, replica));
		return;
	}
	if (seen == NULL) return;
	const char *group_id = seen->group.group_id;
	if (survey->holder_count > 0 && !same(group_of(survey->holders[0])->group.group_id, group_id))
		survey->differ = true;
	survey->holders[survey->holder_count++] = replica;
	if (role_of(replica) != SQL_ROLE_PRIMARY) return;
	survey->primary = replica;
	survey->primary_count++;
}

static void not_initialized(struct deciding *deciding, const char *reason, const char *words) {
	find(deciding, "Initialized", false, reason, "%s", words);
}

static void create_group(struct deciding *deciding) {
	const struct replica_view *first = &deciding->view->replicas[0];
	const char *trouble = server_trouble(deciding, first);
	if (trouble == NULL && !deciding->view->has_certificate) {
		const char *failed = attempt_trouble(deciding, ACTION_EXPORT_CERTIFICATE, first->pod_name, NULL);
		trouble = failed != NULL ? plan_text(deciding->plan, "its certificate cannot be read: %s", failed)
		                         : "its certificate is not in the Secret yet";
	}
	if (trouble != NULL) {
		find(deciding, "Initialized", false, "WaitingForServers", "%s makes the availability group: %s",
		     first->pod_name, trouble);
		return;
	}
	trouble = attempt_trouble(deciding, ACTION_CREATE_GROUP, first->pod_name, NULL);
	if (trouble != NULL) not_initialized(deciding, "CreationFailed", trouble);
	else not_initialized(deciding, "CreatingGroup", "the availability group is being created");
	if (!claim_server(deciding, first)) return;
	change_server(deciding, first,
	              &(struct action){ .type = ACTION_CREATE_GROUP, .reason = "no server has the group" });
}

/* The record of a group that servers have: as little as is sure. With a primary only it is a member, and others are
 * added as they prove synchronized; with none, whoever has the group may hold what nobody else has: all must be asked
 * before one is promoted. */
static void adopt_group(struct deciding *deciding, const struct survey *survey) {
	struct record *next = &deciding->next;
	next->is_initialized = true;
	next->group_id = plan_text(deciding->plan, "%s", group_of(survey->holders[0])->group.group_id);
	if (next->epoch == 0) next->epoch = 1;
	next->primary = (struct member){ "", "" };
	next->member_count = 0;
	next->required = 0;
	for (size_t i = 0; i < survey->holder_count; i++) {
		const struct replica_view *holder = survey->holders[i];
		if (survey->primary != NULL && holder != survey->primary) continue;
		const struct member member = { holder->pod_name, holder->incarnation };
		record_add_member(next, &member);
		if (holder == survey->primary) next->primary = member;
		databases_record(deciding, holder, false, NULL);
	}
	bool is_new = survey->holder_count == 1 && survey->primary == &deciding->view->replicas[0];
	say(deciding, false, is_new ? "GroupCreated" : "GroupAdopted", "Availability group %s %s, primary: %s",
	    deciding->spec->group, is_new ? "is created" : "was found on the servers",
	    survey->primary != NULL ? survey->primary->pod_name : "none");
}

/* None says that it is the primary: either the group is just coming up, or it has been found so. */
static bool has_settled(struct deciding *deciding, const struct survey *survey) {
	struct scratch *scratch = deciding->scratch;
	if (survey->primary_count == 1) return true;
	if (scratch->leaderless_since == 0) scratch->leaderless_since = deciding->view->now;
	int64_t left = scratch->leaderless_since + SETTLING_MS - deciding->view->now;
	if (left <= 0) return true;
	plan_look(deciding->plan, left < 500 ? left : 500);
	return false;
}

static bool knows_incarnations(const struct survey *survey) {
	for (size_t i = 0; i < survey->holder_count; i++) {
		if (survey->holders[i]->incarnation == NULL) return false;
	}
	return true;
}

static void find_group(struct deciding *deciding, const struct survey *survey) {
	if (survey->differ) {
		not_initialized(deciding, "GroupsDiffer",
		                "the servers are in different availability groups of the same name: drop those that "
		                "are not wanted (DROP AVAILABILITY GROUP)");
		return;
	}
	if (survey->primary_count > 1) {
		not_initialized(deciding, "SeveralPrimaries",
		                "several servers say that they are the primary, and no record tells which is right: "
		                "set all but one OFFLINE (ALTER AVAILABILITY GROUP … OFFLINE)");
		return;
	}
	if (!has_settled(deciding, survey) || !knows_incarnations(survey)) {
		not_initialized(deciding, "CreatingGroup", "the availability group is there and has no primary yet");
		return;
	}
	adopt_group(deciding, survey);
}

static void establish_group(struct deciding *deciding) {
	struct survey survey = { 0 };
	for (size_t i = 0; i < deciding->view->replica_count; i++)
		survey_replica(deciding, &deciding->view->replicas[i], &survey);
	if (survey.waiting.length > 0) {
		/* One that has not answered may have the group, and what others lack. */
		find(deciding, "Initialized", false, "WaitingForServers",
		     "whether there is a group already is known when these servers have answered%s: %s",
		     survey.holder_count > 0 ? " (or the volume claim of one that is gone for good is deleted)" : "",
		     strbuf_text(&survey.waiting));
		plan_look(deciding->plan, 1000);
	} else if (survey.holder_count == 0) {
		create_group(deciding);
	} else {
		find_group(deciding, &survey);
	}
	strbuf_free(&survey.waiting);
}

/* ---- Joining ---- */

static const char *join(struct deciding *deciding, const struct replica_view *replica) {
	const char *pod = replica->pod_name;
	const char *failed = attempt_trouble(deciding, ACTION_JOIN, pod, NULL);
	if (change_server(deciding, replica, &(struct action){ .type = ACTION_JOIN, .reason = "not in the group" }) &&
	    failed == NULL)
		say(deciding, false, "ReplicaJoining", "%s joins availability group %s", pod, deciding->spec->group);
	return failed != NULL ? plan_text(deciding->plan, "joining the group failed: %s", failed)
	                      : "it is joining the group";
}

static const char *become_secondary(struct deciding *deciding, const struct replica_view *replica) {
	const char *failed = attempt_trouble(deciding, ACTION_BECOME_SECONDARY, replica->pod_name, NULL);
	change_server(deciding, replica,
	              &(struct action){ .type = ACTION_BECOME_SECONDARY, .reason = "joined, and not told its role" });
	return failed != NULL ? plan_text(deciding->plan, "becoming a secondary failed: %s", failed)
	                      : "it is becoming a secondary";
}

/* Adding it is a matter of settings. */
static const char *not_listed(struct deciding *deciding, const struct replica_view *replica) {
	const char *primary = deciding->primary->pod_name;
	const char *failed = attempt_trouble(deciding, ACTION_ADD_REPLICA, primary, replica->pod_name);
	if (failed == NULL) return "the primary is about to add it to the group";
	return plan_text(deciding->plan, "the primary cannot add it to the group: %s", failed);
}

static const char *in_another_group(struct deciding *deciding, const char *group_id) {
	return plan_text(deciding->plan,
	                 "it is in another availability group of the same name, %s instead of %s: drop that one there "
	                 "(DROP AVAILABILITY GROUP) when its databases are not wanted any more",
	                 group_id, deciding->record->group_id);
}

/* What is still to be done until the replica is in the group; NULL: nothing. A member of the synchronous set is not
 * touched: first the set lets go of it. */
static const char *bring_in(struct deciding *deciding, size_t place) {
	const struct replica_view *replica = &deciding->view->replicas[place];
	if (!answers(replica)) return server_trouble(deciding, replica);
	const struct sql_observation *seen = group_of(replica);
	if (seen != NULL && !same(seen->group.group_id, deciding->record->group_id))
		return in_another_group(deciding, seen->group.group_id);
	if (peer_row(deciding->primary, replica->pod_name) == NULL) return not_listed(deciding, replica);
	bool is_member = record_find(deciding->record, replica->pod_name, replica->incarnation) >= 0;
	if (seen == NULL && is_member) return "it has lost the group";
	if (seen == NULL && !may_join(deciding, replica))
		return "it joins the group when every other replica answers: a former primary may live where it is "
		       "not seen";
	if (seen == NULL) return join(deciding, replica);
	/* With a cluster manager the ladder tells it, which knows when: a former primary must not come too early. */
	if (role_of(replica) != SQL_ROLE_RESOLVING || deciding->spec->cluster == SQL_CLUSTER_EXTERNAL) return NULL;
	return become_secondary(deciding, replica);
}

static void join_replicas(struct deciding *deciding) {
	cleanup_strbuf struct strbuf missing = { 0 };
	size_t joined = 1; /* the primary */
	for (size_t i = 0; i < deciding->spec->replica_count; i++) {
		const struct replica_view *replica = &deciding->view->replicas[i];
		if (replica == deciding->primary) continue;
		const char *words = bring_in(deciding, i);
		add_trouble(&missing, replica->pod_name, words);
		if (words == NULL) joined++;
	}
	if (missing.length > 0) find(deciding, "ReplicasJoined", false, "ReplicasMissing", "%s", missing.data);
	else find(deciding, "ReplicasJoined", true, "AllJoined", "%zu replicas are in the group", joined);
}

void bootstrap_decide(struct deciding *deciding) {
	bootstrap_servers(deciding);
	if (!deciding->spec->is_group) return;
	if (!deciding->record->is_initialized) {
		establish_group(deciding);
		return;
	}
	deciding->scratch->leaderless_since = 0;
	if (deciding->state == GROUP_STEADY && deciding->primary != NULL) join_replicas(deciding);
}
