/* From an object's first day to its last (controller/decide/lifecycle.c). */
#include "scene.h"

static const char done[] = "Provisioned=True Provisioned\n";

static void at_rest_nothing_is_done(void **state) {
	(void)state;
	cleanup_scene struct scene scene;
	scene_setup(&scene, scene_group, NULL);
	scene_expect(&scene, lifecycle_decide, done);
}

static void nothing_is_made_before_the_finalizer(void **state) {
	(void)state;
	cleanup_scene struct scene scene;
	scene_setup(&scene, scene_group, NULL);
	scene.view.has_finalizer = false;
	scene.view.own_secret = SECRET_MISSING;
	scene.children[0].state = CHILD_MISSING;
	scene_expect(&scene, lifecycle_decide, "ADD_FINALIZER\n");
}

/* From nothing to everything, as the passes would go. */
static void a_new_object(void **state) {
	(void)state;
	cleanup_scene struct scene scene;
	scene_setup(&scene, scene_group, NULL);
	scene.view.has_set = false;
	scene.view.administrator_secret = scene.view.own_secret = SECRET_MISSING;
	for (size_t i = 0; i < SCENE_CHILDREN; i++) scene.children[i].state = CHILD_MISSING;
	scene_expect(&scene, lifecycle_decide,
	             "CREATE_ADMINISTRATOR_SECRET\n"
	             "CREATE_OWN_SECRET\n"
	             "APPLY_CHILD sales-config ConfigMap/sales-config\n"
	             "APPLY_CHILD sales Service/sales\n"
	             "Provisioned=False Applying\n");
	scene.view.administrator_secret = scene.view.own_secret = SECRET_PRESENT;
	scene.children[0].state = CHILD_IN_SYNC;
	scene_expect(&scene, lifecycle_decide, "APPLY_CHILD sales Service/sales\nProvisioned=False Applying\n");
	scene.children[1].state = CHILD_IN_SYNC;
	scene_expect(&scene, lifecycle_decide, "APPLY_CHILD sales StatefulSet/sales\nProvisioned=False Applying\n");
	assert_ptr_not_equal(scene.plan.actions[0].json, scene.child_json[2]);
	assert_true(json_object_equal(scene.plan.actions[0].json, scene.child_json[2]));
	scene.children[2].state = CHILD_IN_SYNC;
	scene_expect(&scene, lifecycle_decide, done);
}

static void what_drifts_is_put_back(void **state) {
	(void)state;
	cleanup_scene struct scene scene;
	scene_setup(&scene, scene_group, NULL);
	scene.children[1].state = CHILD_DRIFTED;
	scene.children[2].state = CHILD_DRIFTED;
	scene.view.administrator_secret = SECRET_INVALID;
	scene_expect(&scene, lifecycle_decide,
	             "APPLY_CHILD sales Service/sales\nAPPLY_CHILD sales StatefulSet/sales\nEVENT SecretInvalid\n"
	             "Provisioned=False SecretInvalid\n");
}

static void what_is_not_wanted_any_more_goes(void **state) {
	(void)state;
	cleanup_scene struct scene scene;
	scene_setup(&scene, scene_group, NULL);
	scene.children[1].state = CHILD_SURPLUS;
	cleanup_free char *outcome = xasprintf("DELETE_CHILD sales Service/sales\n%s", done);
	scene_expect(&scene, lifecycle_decide, outcome);
}

/* Pods of an older revision may mount it. */
static void settings_in_use_stay(void **state) {
	(void)state;
	cleanup_scene struct scene scene;
	scene_setup(&scene, scene_group, NULL);
	scene.children[0].state = CHILD_SURPLUS;
	scene.view.replicas[2].pod.is_current = false;
	scene_expect(&scene, lifecycle_decide, done);
	scene.view.replicas[2].pod.is_current = true;
	cleanup_free char *outcome = xasprintf("DELETE_CHILD sales-config ConfigMap/sales-config\n%s", done);
	scene_expect(&scene, lifecycle_decide, outcome);
}

static const char with_tls[] = "{spec: {tls: {issuerRef: {kind: Issuer, name: ca}}}}";

/* No pod is started without its certificate, nor is a template applied that lacks its checksum. */
static void a_certificate_is_issued_first(void **state) {
	(void)state;
	cleanup_scene struct scene scene;
	scene_setup(&scene, scene_group, with_tls);
	assert_string_equal(scene.spec.certificate_secret, "sales-server-cert");
	scene.view.certificate_secret = SECRET_MISSING;
	scene.view.certificate_due = "it is missing";
	scene.children[2].state = CHILD_MISSING;
	scene_expect(&scene, lifecycle_decide, "ISSUE_CERTIFICATE sales-server-cert\nProvisioned=False Applying\n");
	scene.children[2].state = CHILD_DRIFTED;
	scene_expect(&scene, lifecycle_decide, "ISSUE_CERTIFICATE sales-server-cert\nProvisioned=False Applying\n");
	/* The CA is kept in it. */
	scene.view.own_secret = SECRET_MISSING;
	scene_expect(&scene, lifecycle_decide, "CREATE_OWN_SECRET\nProvisioned=False Applying\n");
	scene.view.own_secret = SECRET_PRESENT;
	scene.view.certificate_secret = SECRET_PRESENT;
	scene.view.certificate_due = NULL;
	scene_expect(&scene, lifecycle_decide, "APPLY_CHILD sales StatefulSet/sales\nProvisioned=True Provisioned\n");
	/* Renewed while everything runs. */
	scene.children[2].state = CHILD_IN_SYNC;
	scene.view.certificate_due = "its time";
	cleanup_free char *outcome = xasprintf("ISSUE_CERTIFICATE sales-server-cert\n%s", done);
	scene_expect(&scene, lifecycle_decide, outcome);
	/* A controller that has just started has not looked yet. */
	scene.view.certificate_due = NULL;
	scene.view.certificate_secret = SECRET_UNKNOWN;
	scene.children[2].state = CHILD_DRIFTED;
	scene_expect(&scene, lifecycle_decide, "Provisioned=False Applying\n");
}

static void a_certificate_of_others_is_awaited(void **state) {
	(void)state;
	cleanup_scene struct scene scene;
	scene_setup(&scene, scene_group,
	            "{spec: {tls: {issuerRef: {kind: Issuer, name: ca}, certificates: [{alias: server, secretName: "
	            "mine}]}}}");
	assert_string_equal(scene.spec.certificate_secret, "mine");
	scene.view.has_issuers = true;
	scene.view.certificate_secret = SECRET_MISSING;
	scene.children[2].state = CHILD_MISSING;
	scene_expect(&scene, lifecycle_decide, "EVENT CertificateAwaited\nProvisioned=False CertificateAwaited\n");
	assert_non_null(strstr(scene_message(&scene), "Secret mine is awaited from cert-manager"));
	scene.view.certificate_secret = SECRET_INVALID;
	scene_expect(&scene, lifecycle_decide, "EVENT SecretInvalid\nProvisioned=False SecretInvalid\n");
	assert_non_null(strstr(scene_message(&scene), "Secret mine has no tls.crt and tls.key"));
}

static void failures_wait_for_their_time(void **state) {
	(void)state;
	cleanup_scene struct scene scene;
	scene_setup(&scene, scene_group, NULL);
	scene.children[1].state = CHILD_DRIFTED;
	scene.attempts[0] = (struct attempt){
		.type = ACTION_APPLY_CHILD, .pod = "sales", .peer = "Service/sales", .next_at = scene.view.now + 700
	};
	scene.view.attempt_count = 1;
	scene_expect(&scene, lifecycle_decide, done);
	assert_int_equal(scene.plan.look_ms, 700);
}

static void somebody_elses_child_is_left_alone(void **state) {
	(void)state;
	cleanup_scene struct scene scene;
	scene_setup(&scene, scene_group, NULL);
	scene.children[1].state = CHILD_FOREIGN;
	scene.children[1].trouble = "Deployment web controls it";
	scene_expect(&scene, lifecycle_decide, "EVENT ForeignChild\nProvisioned=False ForeignChild\n");
	assert_string_equal(scene_message(&scene),
	                    "Service sales belongs to somebody else and is left alone; this object needs the name: "
	                    "Deployment web controls it");
	/* Once. What follows the colon may change. */
	scene_store_found(&scene);
	scene.children[1].trouble = "Deployment shop controls it";
	scene_expect(&scene, lifecycle_decide, "Provisioned=False ForeignChild\n");
	scene.children[0].state = CHILD_FOREIGN;
	scene_expect(&scene, lifecycle_decide, "EVENT ForeignChild\nProvisioned=False ForeignChild\n");
}

static void a_named_secret_is_waited_for(void **state) {
	(void)state;
	cleanup_scene struct scene scene;
	scene_setup(&scene, scene_group, "{spec: {authSecret: {name: given, externallyManaged: true}}}");
	scene.view.administrator_secret = SECRET_MISSING;
	scene.children[2].state = CHILD_MISSING;
	scene_expect(&scene, lifecycle_decide, "EVENT SecretMissing\nProvisioned=False SecretMissing\n");
	scene_store_found(&scene);
	scene_expect(&scene, lifecycle_decide, "Provisioned=False SecretMissing\n");
	scene.view.administrator_secret = SECRET_INVALID;
	scene_expect(&scene, lifecycle_decide, "EVENT SecretInvalid\nProvisioned=False SecretInvalid\n");
	assert_string_equal(scene_message(&scene),
	                    "Secret given has no key password with the administrator's password");
}

/* A controller that has just started knows no Secrets yet. */
static void not_looked_at_is_not_missing(void **state) {
	(void)state;
	cleanup_scene struct scene scene;
	scene_setup(&scene, scene_group, NULL);
	scene.view.administrator_secret = scene.view.own_secret = SECRET_UNKNOWN;
	scene_expect(&scene, lifecycle_decide, "Provisioned=False Applying\n");
	scene_store(&scene, "{type: Provisioned, status: 'True', reason: Provisioned}");
	scene_expect(&scene, lifecycle_decide, done);
}

static void an_unknown_image(void **state) {
	(void)state;
	cleanup_scene struct scene scene;
	scene_setup(&scene, scene_group, NULL);
	scene.view.has_image = false;
	scene.view.image_trouble = "spec.version: the image of version \"2022\" is not known";
	scene.view.child_count = 0;
	scene_expect(&scene, lifecycle_decide, "EVENT ImageUnknown\nProvisioned=False ImageUnknown\n");
	assert_string_equal(scene_message(&scene), scene.view.image_trouble);
	scene.view.image_trouble = "spec.configuration.secretName: Secret \"x\" is awaited";
	scene_expect(&scene, lifecycle_decide, "EVENT ReferenceMissing\nProvisioned=False ReferenceMissing\n");
}

static void claims_get_their_labels(void **state) {
	(void)state;
	cleanup_scene struct scene scene;
	scene_setup(&scene, scene_group, NULL);
	scene.view.replicas[1].claim.is_labelled = false;
	cleanup_free char *outcome = xasprintf("LABEL_CLAIM sales-1\n%s", done);
	scene_expect(&scene, lifecycle_decide, outcome);
	scene.view.replicas[1].claim.exists = false;
	scene_expect(&scene, lifecycle_decide, done);
}

/* ---- The end ---- */

static void end_setup(struct scene *scene, const char *base, const char *change) {
	scene_setup(scene, base, change);
	scene->view.is_deleting = true;
	scene->view.made_administrator_secret = scene->view.made_own_secret = true;
}

static void let_pods_go(struct scene *scene) {
	for (size_t i = 0; i < SCENE_CHILDREN; i++) {
		if (scene->children[i].state != CHILD_FOREIGN) scene->children[i].state = CHILD_MISSING;
	}
	for (size_t i = 0; i < 3; i++) scene->view.replicas[i].pod = (struct pod_view){ 0 };
	scene->view.has_set = false;
}

static void let_claims_go(struct scene *scene) {
	for (size_t i = 0; i < 3; i++) scene->view.replicas[i].claim = (struct claim_view){ 0 };
}

static void the_certificate_goes_if_it_is_ours(void **state) {
	(void)state;
	for (int i = 0; i < 4; i++) {
		bool wipes = i & 1, made = i & 2;
		cleanup_scene struct scene scene;
		end_setup(&scene, scene_group,
		          wipes ? "{spec: {deletionPolicy: WipeOut, tls: {issuerRef: {kind: Issuer, name: ca}}}}"
		                : "{spec: {deletionPolicy: Delete, tls: {issuerRef: {kind: Issuer, name: ca}}}}");
		let_pods_go(&scene);
		let_claims_go(&scene);
		scene.view.own_secret = SECRET_MISSING;
		scene.view.administrator_secret = SECRET_MISSING;
		scene.view.certificate_secret = SECRET_PRESENT;
		scene.view.made_certificate_secret = made;
		for (size_t j = 0; j < SCENE_CHILDREN; j++) scene.children[j].state = CHILD_MISSING;
		scene_expect(&scene, lifecycle_decide,
		             wipes && made ? "DELETE_SECRET sales-server-cert\nDeleting=True WaitingForSecrets\n"
		                           : "REMOVE_FINALIZER\n");
	}
}

static void everything_in_its_turn(void **state) {
	(void)state;
	cleanup_scene struct scene scene;
	end_setup(&scene, scene_group, "{spec: {deletionPolicy: WipeOut}}");
	scene_expect(&scene, lifecycle_decide, "DELETE_CHILD sales StatefulSet/sales\nDeleting=True WaitingForPods\n");
	assert_string_equal(scene_message(&scene), "waits until the pods are gone: sales-0, sales-1, sales-2");
	scene.view.set_is_deleting = true;
	scene_expect(&scene, lifecycle_decide, "Deleting=True WaitingForPods\n");
	let_pods_go(&scene);
	scene_expect(&scene, lifecycle_decide,
	             "DELETE_CLAIM sales-0 claim-0\nDELETE_CLAIM sales-1 claim-1\nDELETE_CLAIM sales-2 claim-2\n"
	             "Deleting=True WaitingForClaims\n");
	for (size_t i = 0; i < 3; i++) scene.view.replicas[i].claim.is_deleting = true;
	scene_expect(&scene, lifecycle_decide, "Deleting=True WaitingForClaims\n");
	let_claims_go(&scene);
	scene_expect(&scene, lifecycle_decide,
	             "DELETE_SECRET sales-agkeeper\nDELETE_SECRET sales-auth\nDeleting=True WaitingForSecrets\n"
	             "Deleting=True WaitingForSecrets\n");
	scene.view.own_secret = SECRET_UNKNOWN;
	scene.view.administrator_secret = SECRET_MISSING;
	scene_expect(&scene, lifecycle_decide, "Deleting=True WaitingForSecrets\n");
	scene.view.own_secret = SECRET_MISSING;
	scene.children[0].state = CHILD_IN_SYNC;
	scene.children[1].state = CHILD_DRIFTED;
	scene_expect(&scene, lifecycle_decide,
	             "DELETE_CHILD sales-config ConfigMap/sales-config\nDELETE_CHILD sales Service/sales\n"
	             "Deleting=True WaitingForChildren\n");
	scene.children[0].state = CHILD_FOREIGN;
	scene.children[1].state = CHILD_MISSING;
	scene_expect(&scene, lifecycle_decide, "REMOVE_FINALIZER\n");
	scene.view.has_finalizer = false;
	scene_expect(&scene, lifecycle_decide, "");
}

/* What each policy leaves once the pods are gone. */
static const struct {
	const char *base, *change;
	const char *claims, *secrets; /* planned while there are claims, and when there are none any more */
} policies[] = {
	{ scene_group, "{spec: {deletionPolicy: Delete}}", "DELETE_CLAIM sales-0 claim-0\n",
	  "DELETE_SECRET sales-agkeeper\n" },
	{ scene_group, "{spec: {deletionPolicy: WipeOut}}", "DELETE_CLAIM sales-0 claim-0\n",
	  "DELETE_SECRET sales-agkeeper\nDELETE_SECRET sales-auth\n" },
	{ scene_group, "{spec: {deletionPolicy: Halt}}", "REMOVE_FINALIZER\n", "REMOVE_FINALIZER\n" },
	{ scene_group, "{spec: {deletionPolicy: DoNotTerminate}}", "REMOVE_FINALIZER\n", "REMOVE_FINALIZER\n" },
	{ scene_group, "{spec: {deletionPolicy: WipeOut, authSecret: {name: mine, externallyManaged: true}}}",
	  "DELETE_CLAIM sales-0 claim-0\n", "DELETE_SECRET sales-agkeeper\n" },
	{ scene_sqlag, NULL, "REMOVE_FINALIZER\n", "REMOVE_FINALIZER\n" },
	{ scene_sqlag, "{spec: {storage: {reclaimPolicy: Delete}}}", "DELETE_CLAIM sales-0 claim-0\n",
	  "DELETE_SECRET sales-agkeeper\nDELETE_SECRET sales-sa\n" },
	{ scene_sqlag, "{spec: {storage: {reclaimPolicy: Delete}, saPasswordSecretRef: {name: mine}}}",
	  "DELETE_CLAIM sales-0 claim-0\n", "DELETE_SECRET sales-agkeeper\n" },
};

static void begins_with(struct scene *scene, const char *outcome, const char *change) {
	lifecycle_decide(scene_begin(scene));
	cleanup_free char *is = scene_outcome(scene);
	if (strncmp(is, outcome, strlen(outcome)) != 0) fail_msg("%s: %s", change, is);
}

static void what_each_policy_leaves(void **state) {
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(policies); i++) {
		cleanup_scene struct scene scene;
		end_setup(&scene, policies[i].base, policies[i].change);
		let_pods_go(&scene);
		begins_with(&scene, policies[i].claims, policies[i].change);
		let_claims_go(&scene);
		begins_with(&scene, policies[i].secrets, policies[i].change);
	}
}

/* Somebody made it before us, under the name that we would have chosen. */
static void a_users_secret_is_never_deleted(void **state) {
	(void)state;
	cleanup_scene struct scene scene;
	end_setup(&scene, scene_group, "{spec: {deletionPolicy: WipeOut}}");
	scene.view.made_administrator_secret = false;
	let_pods_go(&scene);
	let_claims_go(&scene);
	scene.view.own_secret = SECRET_MISSING;
	scene_expect(&scene, lifecycle_decide, "REMOVE_FINALIZER\n");
}

/* Whoever took off what tells it from others has it: the object's end does not wait for that. */
static void an_own_secret_that_nothing_tells_is_left(void **state) {
	(void)state;
	cleanup_scene struct scene scene;
	end_setup(&scene, scene_group, NULL);
	let_pods_go(&scene);
	let_claims_go(&scene);
	scene.view.made_own_secret = false;
	scene_expect(&scene, lifecycle_decide, "EVENT SecretLeft\nREMOVE_FINALIZER\n");
	scene_expect(&scene, lifecycle_decide, "REMOVE_FINALIZER\n");
	scene.view.own_secret = SECRET_UNKNOWN;
	scene_expect(&scene, lifecycle_decide, "Deleting=True WaitingForSecrets\n");
}

static void somebody_elses_set_keeps_what_it_has(void **state) {
	(void)state;
	cleanup_scene struct scene scene;
	end_setup(&scene, scene_group, "{spec: {deletionPolicy: WipeOut}}");
	scene.view.has_set = false;
	scene.children[0].state = scene.children[1].state = CHILD_MISSING;
	scene.children[2].state = CHILD_FOREIGN;
	scene.view.own_secret = scene.view.administrator_secret = SECRET_MISSING;
	scene_expect(&scene, lifecycle_decide, "REMOVE_FINALIZER\n");
}

/* … also where no children can be made, because the catalogue has forgotten the version. */
static void somebody_elses_set_keeps_what_it_has_without_an_image(void **state) {
	(void)state;
	cleanup_scene struct scene scene;
	end_setup(&scene, scene_group, "{spec: {deletionPolicy: WipeOut}}");
	scene.view.has_set = scene.view.has_image = false;
	scene.view.set_is_foreign = true;
	scene.view.child_count = 0;
	scene.view.own_secret = scene.view.administrator_secret = SECRET_MISSING;
	scene_expect(&scene, lifecycle_decide, "REMOVE_FINALIZER\n");
}

/* The catalogue has forgotten the version: there are no children to go by. */
static void an_end_without_an_image(void **state) {
	(void)state;
	cleanup_scene struct scene scene;
	end_setup(&scene, scene_group, NULL);
	scene.view.has_image = false;
	scene.view.child_count = 0;
	scene_expect(&scene, lifecycle_decide, "DELETE_CHILD sales StatefulSet/sales\nDeleting=True WaitingForPods\n");
	assert_string_equal(json_get_text(scene.plan.actions[0].json, "kind"), "StatefulSet");
}

/* Of a StatefulSet that is gone, with its last pod still there, and one that is not ours beside it. */
static void the_last_pod(void **state) {
	(void)state;
	cleanup_scene struct scene scene;
	end_setup(&scene, scene_group, NULL);
	struct pod_view pod = scene.view.replicas[2].pod;
	let_pods_go(&scene);
	scene.view.replicas[2].pod = pod;
	scene_expect(&scene, lifecycle_decide, "Deleting=True WaitingForPods\n");
	scene.view.replicas[2].pod.is_ours = false;
	begins_with(&scene, "DELETE_CLAIM sales-0 claim-0\n", "");
}

/* ---- Scaling in ---- */

static void members_keep_their_pods(void **state) {
	(void)state;
	cleanup_scene struct scene scene;
	scene_setup(&scene, scene_group, NULL);
	assert_int_equal(pods_kept(&scene.spec, &scene.record), 3);
	scene.record.member_count = 1;
	assert_int_equal(pods_kept(&scene.spec, &scene.record), 1);
	scene.record.primary.pod = "sales-4";
	assert_int_equal(pods_kept(&scene.spec, &scene.record), 5);
	scene.record.intent = (struct intent){ .kind = INTENT_FAILOVER, .target = "sales-6" };
	assert_int_equal(pods_kept(&scene.spec, &scene.record), 7);
	scene.record = (struct record){ .primary = { "", "" } };
	assert_int_equal(pods_kept(&scene.spec, &scene.record), 0);
	scene.record.primary.pod = "salesman-3";
	assert_int_equal(pods_kept(&scene.spec, &scene.record), 0);
	scene.record.primary.pod = NULL;
	assert_int_equal(pods_kept(&scene.spec, &scene.record), 0);
	cleanup_scene struct scene alone;
	scene_setup(&alone, scene_group, scene_alone);
	assert_int_equal(pods_kept(&alone.spec, &alone.record), 0);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(at_rest_nothing_is_done),
		cmocka_unit_test(nothing_is_made_before_the_finalizer),
		cmocka_unit_test(a_new_object),
		cmocka_unit_test(what_drifts_is_put_back),
		cmocka_unit_test(what_is_not_wanted_any_more_goes),
		cmocka_unit_test(settings_in_use_stay),
		cmocka_unit_test(failures_wait_for_their_time),
		cmocka_unit_test(a_certificate_is_issued_first),
		cmocka_unit_test(a_certificate_of_others_is_awaited),
		cmocka_unit_test(the_certificate_goes_if_it_is_ours),
		cmocka_unit_test(somebody_elses_child_is_left_alone),
		cmocka_unit_test(a_named_secret_is_waited_for),
		cmocka_unit_test(not_looked_at_is_not_missing),
		cmocka_unit_test(an_unknown_image),
		cmocka_unit_test(claims_get_their_labels),
		cmocka_unit_test(everything_in_its_turn),
		cmocka_unit_test(what_each_policy_leaves),
		cmocka_unit_test(a_users_secret_is_never_deleted),
		cmocka_unit_test(an_own_secret_that_nothing_tells_is_left),
		cmocka_unit_test(somebody_elses_set_keeps_what_it_has),
		cmocka_unit_test(somebody_elses_set_keeps_what_it_has_without_an_image),
		cmocka_unit_test(an_end_without_an_image),
		cmocka_unit_test(the_last_pod),
		cmocka_unit_test(members_keep_their_pods),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
