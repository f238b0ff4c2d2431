/* MSSQLServer v1 ↔ v1alpha2 (REQUIREMENTS R42).
 *
 * Each way is first a plain projection, which says in the other version's words what they can say. Then the way back is
 * tried on the result, and whatever it does not bring back is remembered (mssqlserver_memory.h): single fields by
 * themselves, so that an edit of one does not cost the others, and the rest (an absent mode, an empty object, a group's
 * settings on a standalone database) as a whole. So the round trip is the identity by construction. */
#include <string.h>

#include "api/mssqlserver.h"
#include "api/mssqlserver_election.h"
#include "api/mssqlserver_memory.h"
#include "base/json.h"
#include "base/memory.h"

/* Words of the two versions for the same thing. The first row of a word is the one that is converted to. */
struct word_pair {
	const char *v1;
	const char *v1alpha2;
};
static const struct word_pair access_modes[] = {
	{ "Warm", "Passive" }, { "Hot", "All" }, { "Hot", "ReadOnly" }, { 0 }
};
static const struct word_pair availability_modes[] = { { "Asynchronous", "AsynchronousCommit" },
	                                               { "Synchronous", "SynchronousCommit" },
	                                               { 0 } };

static const char *word_v1alpha2(const struct word_pair *pairs, const char *word) {
	for (; word != NULL && pairs->v1 != NULL; pairs++) {
		if (strcmp(pairs->v1, word) == 0) return pairs->v1alpha2;
	}
	return NULL;
}

static const char *word_v1(const struct word_pair *pairs, const char *word) {
	for (; word != NULL && pairs->v1 != NULL; pairs++) {
		if (strcmp(pairs->v1alpha2, word) == 0) return pairs->v1;
	}
	return NULL;
}

/* ---- JSON ---- */

static void set_word(struct json_object *object, const char *key, const char *word) {
	if (word != NULL) json_set_text(object, key, word);
}

/* Removes object[key] and returns it, NULL when there was none or it was null. The caller owns it. */
static struct json_object *detach(struct json_object *object, const char *key) {
	struct json_object *value = json_object_get(json_get(object, key));
	json_object_object_del(object, key);
	return value;
}

static void move(struct json_object *from, const char *key, struct json_object *to) {
	struct json_object *value = NULL;
	if (!json_object_object_get_ex(from, key, &value)) return;
	json_set(to, key, json_object_get(value));
	json_object_object_del(from, key);
}

/* The object at parent[key], made where there is none. */
static struct json_object *make_object(struct json_object *parent, const char *key) {
	struct json_object *object = json_get(parent, key);
	if (json_object_is_type(object, json_type_object)) return object;
	object = json_object_new_object();
	json_set(parent, key, object);
	return object;
}

static void remove_if_empty(struct json_object *parent, const char *key) {
	struct json_object *object = json_get(parent, key);
	if (json_object_is_type(object, json_type_object) && json_object_object_length(object) == 0)
		json_object_object_del(parent, key);
}

/* ---- v1alpha2's ticks, which share their object with fields that stand at the same path in v1 ---- */

static const char *const tick_names[] = { "period", "heartbeatTick", "electionTick" };

static void remove_ticks(struct json_object *election) {
	for (size_t i = 0; i < ARRAY_LENGTH(tick_names); i++) json_object_object_del(election, tick_names[i]);
}

/* Their own part of leaderElection; NULL when there is no leaderElection. The caller owns it. */
static struct json_object *copy_ticks(const struct json_object *election) {
	if (!json_object_is_type(election, json_type_object)) return NULL;
	struct json_object *ticks = json_object_new_object();
	for (size_t i = 0; i < ARRAY_LENGTH(tick_names); i++) {
		struct json_object *value = NULL;
		if (!json_object_object_get_ex(election, tick_names[i], &value)) continue;
		json_set(ticks, tick_names[i], json_copy(value));
	}
	return ticks;
}

static void set_ticks(struct json_object *group, const struct json_object *ticks) {
	struct json_object *election = make_object(group, "leaderElection");
	remove_ticks(election);
	json_object_object_foreach((struct json_object *)ticks, key, value) json_set(election, key, json_copy(value));
}

/* ---- the plain projections, on spec ---- */

static void project_to_storage(struct json_object *spec) {
	cleanup_json struct json_object *topology = detach(spec, "topology");
	cleanup_json struct json_object *mode_json = detach(spec, "mode");
	cleanup_json struct json_object *standby_mode = detach(spec, "standbyMode");
	cleanup_json struct json_object *streaming_mode = detach(spec, "streamingMode");
	cleanup_json struct json_object *lease = detach(spec, "leaderElection");
	cleanup_json struct json_object *databases = json_object_new_object();
	move(spec, "databases", databases);

	const char *mode = json_object_is_type(mode_json, json_type_string)
	                           ? json_object_get_string(mode_json)
	                           : mssqlserver_default_mode(json_get_integer(spec, "replicas", 1));
	if (strcmp(mode, MSSQLSERVER_STANDALONE) == 0) return;
	if (!json_object_is_type(topology, json_type_object)) {
		json_object_put(topology);
		topology = json_object_new_object();
	}
	json_set_text(topology, "mode", mode);
	struct json_object *group = make_object(topology, "availabilityGroup");
	move(databases, "databases", group);
	set_word(group, "secondaryAccessMode", word_v1alpha2(access_modes, json_object_get_string(standby_mode)));
	set_word(group, "availabilityMode", word_v1alpha2(availability_modes, json_object_get_string(streaming_mode)));

	cleanup_json struct json_object *ticks = election_to_ticks(lease);
	/* Bounds of hand-overs alone: with them goes what v1alpha2 defaults the times beside them to. */
	bool has_bounds = json_object_is_type(json_get(group, "leaderElection"), json_type_object);
	if (ticks == NULL && has_bounds) ticks = election_default_ticks();
	if (ticks != NULL) set_ticks(group, ticks);
	remove_if_empty(topology, "availabilityGroup");
	json_set(spec, "topology", take(&topology));
}

static void project_group_from_storage(struct json_object *spec, struct json_object *group) {
	move(group, "databases", spec);
	set_word(spec, "standbyMode", word_v1(access_modes, json_get_text(group, "secondaryAccessMode")));
	set_word(spec, "streamingMode", word_v1(availability_modes, json_get_text(group, "availabilityMode")));
	json_object_object_del(group, "secondaryAccessMode");
	json_object_object_del(group, "availabilityMode");
	struct json_object *election = json_get(group, "leaderElection");
	if (!json_object_is_type(election, json_type_object)) return;
	struct json_object *lease = election_to_seconds(election);
	if (lease != NULL) json_set(spec, "leaderElection", lease);
	remove_ticks(election);
	remove_if_empty(group, "leaderElection");
}

static void project_from_storage(struct json_object *spec) {
	cleanup_json struct json_object *topology = detach(spec, "topology");
	if (!json_object_is_type(topology, json_type_object)) {
		json_set_text(spec, "mode", MSSQLSERVER_STANDALONE);
		return;
	}
	set_word(spec, "mode", json_get_text(topology, "mode"));
	json_object_object_del(topology, "mode");
	struct json_object *group = json_get(topology, "availabilityGroup");
	if (json_object_is_type(group, json_type_object)) project_group_from_storage(spec, group);
	remove_if_empty(topology, "availabilityGroup");
	if (json_object_object_length(topology) != 0) json_set(spec, "topology", take(&topology));
}

/* ---- single fields that one version says better than the other ---- */

static struct json_object *group_of(const struct json_object *spec) {
	struct json_object *group = json_get_path(spec, "topology", "availabilityGroup", NULL);
	return json_object_is_type(group, json_type_object) ? group : NULL;
}

static struct json_object *get_access_v1alpha2(const struct json_object *spec) {
	return json_object_get(json_get(group_of(spec), "secondaryAccessMode"));
}
static void set_access_v1alpha2(struct json_object *spec, const struct json_object *value) {
	struct json_object *group = group_of(spec);
	if (group != NULL && value != NULL) json_set(group, "secondaryAccessMode", json_copy(value));
}
static struct json_object *get_access_v1(const struct json_object *spec) {
	return json_object_get(json_get(spec, "standbyMode"));
}
static void set_access_v1(struct json_object *spec, const struct json_object *value) {
	if (value != NULL) json_set(spec, "standbyMode", json_copy(value));
}

static struct json_object *get_election_v1alpha2(const struct json_object *spec) {
	return copy_ticks(json_get(group_of(spec), "leaderElection"));
}
static void set_election_v1alpha2(struct json_object *spec, const struct json_object *value) {
	struct json_object *group = group_of(spec);
	if (group != NULL && value != NULL) set_ticks(group, value);
}
static struct json_object *get_election_v1(const struct json_object *spec) {
	return json_object_get(json_get(spec, "leaderElection"));
}
static void set_election_v1(struct json_object *spec, const struct json_object *value) {
	if (value != NULL) json_set(spec, "leaderElection", json_copy(value));
	else json_object_object_del(spec, "leaderElection");
}

/* How to read (the caller owns what it gets, NULL is "absent") and to write a field in one version. */
struct accessor {
	struct json_object *(*get)(const struct json_object *spec);
	void (*set)(struct json_object *spec, const struct json_object *value);
};

/* ---- the two versions ---- */

enum { FIELD_COUNT = 2 };
static const char *const field_names[FIELD_COUNT] = { "access", "election" };

struct form {
	const char *const *members; /* of spec: those that are not the same in the other version; NULL-terminated */
	void (*project)(struct json_object *spec); /* to the other version */
	struct accessor fields[FIELD_COUNT];
};
static const struct form v1alpha2 = {
	.members = (const char *const[]){ "topology", NULL },
	.project = project_from_storage,
	.fields = { { get_access_v1alpha2, set_access_v1alpha2 }, { get_election_v1alpha2, set_election_v1alpha2 } },
};
static const struct form v1 = {
	.members = (const char *const[]){ "mode", "standbyMode", "streamingMode", "databases", "leaderElection",
	                                  "topology", NULL },
	.project = project_to_storage,
	.fields = { { get_access_v1, set_access_v1 }, { get_election_v1, set_election_v1 } },
};

static const char whole[] = "spec";

/* A copy of the members of spec that the conversion is about. The caller owns it. */
static struct json_object *copy_members(const struct form *form, const struct json_object *spec) {
	struct json_object *copy = json_object_new_object();
	for (const char *const *member = form->members; *member != NULL; member++) {
		struct json_object *value = NULL;
		if (!json_object_object_get_ex(spec, *member, &value)) continue;
		json_set(copy, *member, json_copy(value));
	}
	return copy;
}

/* As copy_members, with replicas: what mode is the default depends on it. */
static struct json_object *copy_context(const struct form *form, const struct json_object *spec) {
	struct json_object *copy = copy_members(form, spec);
	struct json_object *replicas = NULL;
	if (json_object_object_get_ex(spec, "replicas", &replicas)) json_set(copy, "replicas", json_copy(replicas));
	return copy;
}

static void replace_members(const struct form *form, struct json_object *spec, const struct json_object *members) {
	for (const char *const *member = form->members; *member != NULL; member++) {
		struct json_object *value = NULL;
		json_object_object_del(spec, *member);
		if (!json_object_object_get_ex(members, *member, &value)) continue;
		json_set(spec, *member, json_copy(value));
	}
}

/* Restores in `spec`, now in the form `to`, what is remembered of it; `source` is what it was projected from. */
static void recall(const struct json_object *entries, const struct form *from, const struct form *to,
                   const struct json_object *source, struct json_object *spec) {
	struct json_object *was = NULL;
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		cleanup_json struct json_object *is = from->fields[i].get(source);
		if (is != NULL && memory_recall(entries, field_names[i], is, &was)) to->fields[i].set(spec, was);
	}
	if (memory_recall(entries, whole, source, &was)) replace_members(to, spec, was);
}

/* What the way back from `result` to `source` would not bring back by itself. The caller owns it; NULL: nothing. */
static struct json_object *remember(const struct form *from, const struct form *to, const struct json_object *source,
                                    const struct json_object *result) {
	struct json_object *entries = NULL;
	cleanup_json struct json_object *context = copy_context(to, result);
	cleanup_json struct json_object *back = json_copy(context);
	to->project(back);
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		cleanup_json struct json_object *was = from->fields[i].get(source);
		cleanup_json struct json_object *comes_back = from->fields[i].get(back);
		cleanup_json struct json_object *is = to->fields[i].get(context);
		if (is == NULL || json_object_equal(was, comes_back)) continue;
		memory_add(&entries, field_names[i], was, is);
		from->fields[i].set(back, was);
	}
	cleanup_json struct json_object *members = copy_members(from, source);
	cleanup_json struct json_object *members_back = copy_members(from, back);
	if (!json_object_equal(members, members_back)) memory_add(&entries, whole, members, context);
	return entries;
}

static int convert(struct json_object *object, const struct form *from, const struct form *to, struct error **err) {
	struct json_object *spec = json_get(object, "spec");
	if (!json_object_is_type(spec, json_type_object)) return 0;
	cleanup_memory struct memory memory = memory_take(object);
	cleanup_json struct json_object *source = copy_context(from, spec);
	from->project(spec);
	recall(memory.entries, from, to, source, spec);
	return memory_put(object, remember(from, to, source, spec), &memory, err);
}

int mssqlserver_to_storage(struct json_object *object, struct error **err) {
	return convert(object, &v1, &v1alpha2, err);
}

int mssqlserver_from_storage(struct json_object *object, struct error **err) {
	return convert(object, &v1alpha2, &v1, err);
}
