/* What the tests of the promotion share: a small group, and passes until something is recorded. */
#ifndef TEST_UNIT_PROMOTION_GROUP_H
#define TEST_UNIT_PROMOTION_GROUP_H
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "controller/decide/promotion.h"
#include "unit/decide_group.h"

/* Each test uses what it needs. */
#pragma GCC diagnostic ignored "-Wunused-function"

static void cleanup_group_pointer(struct group **group) {
	group_free(*group);
}
#define cleanup_group __attribute__((cleanup(cleanup_group_pointer)))

static const char *target(const struct group *group) {
	return group->record.intent.target;
}

/* Passes until the record says so, or something is blocked. */
static void until_target(struct group *group) {
	for (int i = 0; i < 50 && (group->record.intent.kind == INTENT_NONE || target(group)[0] == '\0'); i++) {
		group_pass(group);
		group_do(group);
	}
}

static void assert_primary(const struct group *group, size_t place) {
	assert_string_equal(group->record.primary.pod, group_pod(place));
	for (size_t i = 0; i < group->count; i++)
		if (group->servers[i].runs && group->servers[i].answers)
			assert_int_equal(group->servers[i].role == SQL_ROLE_PRIMARY, i == place);
}

/* A person has allowed it for sql-2, and it is the target: three of which one commit is on one, two of them lost. */
static struct group *forced_group(void) {
	struct group *group = group_new(3);
	group->spec.required = group->record.required = 1;
	for (size_t i = 0; i < 3; i++) group->servers[i].required = 1;
	group_kill(group, 0);
	group_kill(group, 1);
	group->view.allow_data_loss = "sql-2/object-uid";
	until_target(group);
	assert_string_equal(target(group), "sql-2");
	assert_true(group->record.intent.forces);
	group_pass(group); /* the generation of the choice is the one of the fence */
	return group;
}

/* Automatic failover is off. */
static struct group *manual_group(size_t count) {
	struct group *group = group_new(count);
	group->spec.fails_over = false;
	for (size_t i = 0; i < count; i++) group->spec.replicas[i].is_candidate = false;
	return group;
}

static void pass_times(struct group *group, int times) {
	for (int i = 0; i < times; i++) {
		group_pass(group);
		group_do(group);
	}
}

/* Its primary is dead, and SQL Server promotes neither of the two others. */
static struct group *refusing_group(void) {
	struct group *group = group_new(3);
	group->servers[1].refuses = group->servers[2].refuses = true;
	group_kill(group, 0);
	for (int i = 0; i < 30; i++) {
		group_pass(group);
		group_do(group);
		group->view.attempt_count = group->view.attempt_count > 4 ? 4 : group->view.attempt_count;
	}
	assert_int_equal(group->deciding.state, GROUP_BLOCKED);
	return group;
}

#endif
