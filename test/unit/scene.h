/* A group at rest, for tests of single parts of decide: three replicas sales-0 … sales-2, the first primary, all
 * synchronized, every pod, claim, child and Secret as it shall be. A test changes a little and reads what is planned.
 */
#ifndef TEST_UNIT_SCENE_H
#define TEST_UNIT_SCENE_H

#include "judge.h"

#include "base/strbuf.h"
#include "controller/decide/deciding.h"

enum { SCENE_REPLICAS = 3, SCENE_CHILDREN = 3 };

struct scene {
	struct json_object *object;
	struct spec spec;
	struct record record;
	struct recorded_database database;
	struct view view;
	struct scratch scratch;
	struct plan plan;
	struct deciding deciding;
	struct json_object *child_json[SCENE_CHILDREN];
	struct child_view children[SCENE_CHILDREN];
	struct attempt attempts[4];
	struct arena arena;
	/* What each server says, and the primary of all of them. */
	struct sql_observation seen[SCENE_REPLICAS + 1];
	struct sql_replica_row replicas[SCENE_REPLICAS + 1], locals[SCENE_REPLICAS + 1];
	struct sql_database_row databases[SCENE_REPLICAS + 1];
};

static const char scene_group[] = "apiVersion: kubedb.com/v1alpha2\n"
                                  "kind: MSSQLServer\n"
                                  "metadata: {name: sales, namespace: demo, uid: u}\n"
                                  "spec:\n"
                                  "  version: '2022'\n"
                                  "  replicas: 3\n"
                                  "  topology: {mode: AvailabilityGroup}\n"
                                  "  storage: {resources: {requests: {storage: 1Gi}}}\n";

static const char scene_sqlag[] = "apiVersion: sql.mssql.microsoft.com/v1alpha1\n"
                                  "kind: SQLServerAvailabilityGroup\n"
                                  "metadata: {name: sales, namespace: demo, uid: u}\n"
                                  "spec:\n"
                                  "  agName: AG1\n"
                                  "  replicas: [{name: a}, {name: b, readableSecondary: true}, {name: c}]\n";

static const char scene_alone[] = "{spec: {replicas: 1, topology: null}}";
static const char scene_streaming[] = "{spec: {topology: {mode: StreamingReplication}}}";

static const char *const scene_child_texts[SCENE_CHILDREN] = {
	"{apiVersion: v1, kind: ConfigMap, metadata: {name: sales-config}}",
	"{apiVersion: v1, kind: Service, metadata: {name: sales}}",
	"{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: sales}, spec: {replicas: 3}}",
};

static void scene_make_child(struct scene *scene, size_t i) {
	scene->child_json[i] = judge_yaml(scene_child_texts[i]);
	scene->children[i] = (struct child_view){ .desired = scene->child_json[i], .state = CHILD_IN_SYNC };
}

/* Replica i; those beyond the spec are there, too, where a test wants them. */
static void scene_make_replica(struct scene *scene, size_t i) {
	bool is_primary = i == 0;
	struct replica_view *replica = &scene->view.replicas[i];
	const char *pod = arena_printf(&scene->arena, "sales-%zu", i);
	const struct replica_spec *spec = i < scene->spec.replica_count ? &scene->spec.replicas[i] : NULL;
	*replica = (struct replica_view){
		.spec = spec,
		.pod_name = pod,
		.incarnation = arena_printf(&scene->arena, "claim-%zu", i),
		.pod = { .exists = true,
		         .uid = arena_printf(&scene->arena, "pod-%zu", i),
		         .node = arena_printf(&scene->arena, "node-%zu", i),
		         .role_label = is_primary     ? "primary"
		                       : spec != NULL ? spec->role_label
		                                      : "standby",
		         .is_ready = true,
		         .is_running = true,
		         .is_current = true,
		         .is_ours = true },
		.node = { .exists = true, .is_ready = true },
		.claim = { .exists = true, .is_labelled = true },
	};
	replica->claim.uid = replica->incarnation;
	if (!scene->spec.is_group) return;
	scene->replicas[i] = scene->locals[i] = (struct sql_replica_row){
		.replica_id = pod,
		.server = pod,
		.role = is_primary ? SQL_ROLE_PRIMARY : SQL_ROLE_SECONDARY,
		.connected = SQL_CONNECTED,
	};
	scene->locals[i].is_local = true;
	scene->databases[i] = (struct sql_database_row){
		.name = "db",
		.group_database_id = "g",
		.replica_id = pod,
		.synchronization = scene->spec.replicas[0].availability == SQL_SYNCHRONOUS_COMMIT || is_primary
		                           ? SQL_SYNCHRONIZED
		                           : SQL_SYNCHRONIZING,
	};
	scene->seen[i] = (struct sql_observation){ .replicas = &scene->locals[i], .replica_count = 1 };
	replica->server.seen = &scene->seen[i];
	scene->record.members[i] = (struct member){ pod, replica->incarnation };
}

/* `base` with a merge patch, NULL: none. */
static void scene_setup(struct scene *scene, const char *base, const char *change) {
	*scene = (struct scene){ .object = judge_yaml(base) };
	if (change != NULL) {
		cleanup_json struct json_object *patch = judge_yaml(change);
		scene->object = judge_merge(scene->object, patch);
	}
	cleanup_error struct error *err = NULL;
	if (spec_read(scene->object, &scene->spec, &err) < 0) fail_msg("%s", err->message);
	scene->view = (struct view){
		.now = 1000000,
		.identity = "me",
		.spec = &scene->spec,
		.record = &scene->record,
		.object = scene->object,
		.has_finalizer = true,
		.has_image = true,
		.replica_count = scene->spec.replica_count,
		.child_count = SCENE_CHILDREN,
		.children = scene->children,
		.administrator_secret = SECRET_PRESENT,
		.own_secret = SECRET_PRESENT,
		.has_set = true,
		.attempts = scene->attempts,
	};
	for (size_t i = 0; i < SCENE_CHILDREN; i++) scene_make_child(scene, i);
	for (size_t i = 0; i < scene->spec.replica_count; i++) scene_make_replica(scene, i);
	if (!scene->spec.is_group) return;
	bool is_synchronous = scene->spec.replicas[0].availability == SQL_SYNCHRONOUS_COMMIT;
	scene->database = (struct recorded_database){ "db", "g" };
	scene->record.is_initialized = true;
	scene->record.primary = scene->record.members[0];
	scene->record.member_count = is_synchronous ? scene->spec.replica_count : 1;
	scene->record.databases = &scene->database;
	scene->record.database_count = 1;
	scene->seen[0] = (struct sql_observation){ .replicas = scene->replicas,
		                                   .replica_count = scene->spec.replica_count,
		                                   .databases = scene->databases,
		                                   .database_count = scene->spec.replica_count };
	scene->replicas[0].is_local = true;
}

static void scene_forget_plan(struct scene *scene) {
	plan_free(&scene->plan);
	scene->deciding = (struct deciding){ 0 };
}

static void scene_free(struct scene *scene) {
	scene_forget_plan(scene);
	for (size_t i = 0; i < SCENE_CHILDREN; i++) json_object_put(scene->child_json[i]);
	spec_free(&scene->spec);
	arena_free(&scene->arena);
	json_object_put(scene->object);
}
#define cleanup_scene __attribute__((cleanup(scene_free)))

/* As decide() begins; the judge of the promotion would say the same of a group at rest. */
static struct deciding *scene_begin(struct scene *scene) {
	scene_forget_plan(scene);
	const struct replica_view *first = &scene->view.replicas[0];
	bool is_steady = scene->spec.is_group && scene->record.is_initialized && role_of(first) == SQL_ROLE_PRIMARY &&
	                 scene->record.intent.kind == INTENT_NONE;
	scene->deciding = (struct deciding){
		.view = &scene->view,
		.spec = &scene->spec,
		.record = &scene->record,
		.scratch = &scene->scratch,
		.plan = &scene->plan,
		.next = scene->record,
		.state = is_steady ? GROUP_STEADY : GROUP_NONE,
		.primary = is_steady ? first : NULL,
	};
	return &scene->deciding;
}

static const char *scene_word(const char *word) {
	return word != NULL ? word : "-";
}

/* "ACTION pod text" a line, then "Condition=Status Reason" of what was found. Secrets have neither pod nor text. */
static char *scene_outcome(const struct scene *scene) {
	cleanup_strbuf struct strbuf text = { 0 };
	strbuf_append(&text, "");
	for (size_t i = 0; i < scene->plan.count; i++) {
		const struct action *action = &scene->plan.actions[i];
		strbuf_append(&text, action_rows[action->type].name);
		if (action->pod != NULL) strbuf_printf(&text, " %s", action->pod);
		bool says_nothing = action->text == NULL && action->type == ACTION_LABEL_POD;
		if (action->text != NULL || says_nothing) strbuf_printf(&text, " %s", scene_word(action->text));
		strbuf_append(&text, "\n");
	}
	for (size_t i = 0; i < scene->deciding.finding_count; i++) {
		const struct finding_row *row = &scene->deciding.findings[i];
		strbuf_printf(&text, "%s=%s %s\n", row->condition, row->is_true ? "True" : "False", row->reason);
	}
	return strbuf_detach(&text);
}

/* What `part` plans and finds, and nothing else. */
static void scene_expect(struct scene *scene, void (*part)(struct deciding *deciding), const char *outcome) {
	part(scene_begin(scene));
	cleanup_free char *is = scene_outcome(scene);
	assert_string_equal(is, outcome);
}

static const char *scene_message(const struct scene *scene) {
	assert_true(scene->deciding.finding_count > 0);
	return scene->deciding.findings[0].message;
}

/* Puts a condition into the object as it is stored. */
static void scene_store(struct scene *scene, const char *condition) {
	cleanup_free char *text = xasprintf("{status: {conditions: [%s]}}", condition);
	cleanup_json struct json_object *patch = judge_yaml(text);
	scene->object = judge_merge(scene->object, patch);
	scene->view.object = scene->object;
}

/* … the one that was just found, as the report would write it. */
static void scene_store_found(struct scene *scene) {
	const struct finding_row *row = &scene->deciding.findings[0];
	cleanup_strbuf struct strbuf message = { 0 };
	strbuf_append_json(&message, row->message);
	cleanup_free char *text = xasprintf("{type: %s, status: '%s', reason: %s, message: %s}", row->condition,
	                                    row->is_true ? "True" : "False", row->reason, strbuf_text(&message));
	scene_store(scene, text);
}

static void scene_set_role(struct scene *scene, size_t i, enum sql_role role) {
	scene->locals[i].role = (int)role;
	scene->replicas[i].role = (int)role;
}

#endif
