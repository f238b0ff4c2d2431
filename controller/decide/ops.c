/* The status of an ops request: phase, progress, and a condition for each step. */
#include <stdarg.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "controller/decide/volumes.h"

static bool is(const char *text, const char *wanted) {
	return text != NULL && strcmp(text, wanted) == 0;
}

/* ---- Conditions ---- */

static struct json_object *conditions_of(struct json_object *status) {
	struct json_object *conditions = json_get(status, "conditions");
	if (json_object_is_type(conditions, json_type_array)) return conditions;
	conditions = json_object_new_array();
	json_set(status, "conditions", conditions);
	return conditions;
}

static struct json_object *find_step(const struct json_object *status, const char *step) {
	struct json_object *conditions = json_get(status, "conditions");
	if (!json_object_is_type(conditions, json_type_array)) return NULL;
	for (size_t i = 0; i < json_object_array_length(conditions); i++) {
		struct json_object *condition = json_object_array_get_idx(conditions, i);
		if (is(json_get_text(condition, "type"), step)) return condition;
	}
	return NULL;
}

static void set_step(struct json_object *status, const char *step, bool is_true, const char *reason,
                     const char *message, int64_t wall_us) {
	struct json_object *condition = find_step(status, step);
	if (condition == NULL) {
		condition = json_object_new_object();
		json_set_text(condition, "type", step);
		json_object_array_add(conditions_of(status), condition);
	}
	const char *text = is_true ? "True" : "False";
	if (!is(json_get_text(condition, "status"), text)) {
		char now[CLOCK_RFC3339_SIZE];
		json_set_text(condition, "status", text);
		json_set_text(condition, "lastTransitionTime", clock_format_rfc3339(wall_us / 1000000, now));
	}
	json_set_text(condition, "reason", reason);
	json_set_text(condition, "message", message);
}

static struct json_object *status_of(const struct json_object *request) {
	const struct json_object *status = json_get(request, "status");
	struct json_object *copy = status != NULL ? json_copy(status) : json_object_new_object();
	const struct json_object *generation = json_get_path(request, "metadata", "generation", NULL);
	if (generation != NULL) json_set(copy, "observedGeneration", json_copy(generation));
	return copy;
}

/* ---- Composing ---- */

void ops_begin(struct ops *ops, struct deciding *deciding, const struct request_view *request) {
	*ops = (struct ops){ deciding, request, status_of(request->object) };
}

void ops_end(struct ops *ops) {
	cleanup_json struct json_object *status = take(&ops->status);
	const struct json_object *old = json_get(ops->request->object, "status");
	if (json_object_equal(status, (struct json_object *)old)) return;
	struct json_object *body = json_copy(ops->request->object);
	json_set(body, "status", take(&status));
	change_api(ops->deciding, &(struct action){ .type = ACTION_WRITE_REQUEST_STATUS,
	                                            .text = ops->request->name,
	                                            .json = body,
	                                            .reason = "what has become of the request" });
}

void ops_set_phase(struct ops *ops, const char *phase) {
	json_set_text(ops->status, "phase", phase);
}

void ops_set_progress(struct ops *ops, size_t done, size_t count) {
	json_set_text(ops->status, "progress", plan_text(ops->deciding->plan, "%zu/%zu", done, count));
}

#define FORMATTED(text_, format_)                              \
	va_list args_;                                         \
	va_start(args_, format_);                              \
	cleanup_free char *text_ = xvasprintf(format_, args_); \
	va_end(args_)

void ops_set_step(struct ops *ops, const char *step, bool is_done, const char *reason, const char *format, ...) {
	FORMATTED(message, format);
	set_step(ops->status, step, is_done, reason, message, ops->deciding->view->wall_us);
}

bool ops_has_begun(const struct ops *ops, const char *step) {
	return find_step(ops->status, step) != NULL;
}

bool ops_is_late(const struct ops *ops, const char *step) {
	const struct json_object *condition = find_step(ops->status, step);
	const char *since = json_get_text(condition, "lastTransitionTime");
	if (ops->request->timeout_s <= 0 || since == NULL || !is(json_get_text(condition, "status"), "False"))
		return false;
	int64_t left = clock_parse_rfc3339(since) + ops->request->timeout_s - ops->deciding->view->wall_us / 1000000;
	if (left > 0) plan_look(ops->deciding->plan, left * 1000);
	return left <= 0;
}

/* ---- The end ---- */

void ops_say(struct ops *ops, bool warning, const char *reason, const char *format, ...) {
	FORMATTED(note, format);
	/* Until its status is written, and the write was seen, the request comes here in every pass. */
	const char *about = plan_text(ops->deciding->plan, "%s %lld %s", ops->request->name,
	                              (long long)ops->request->created, reason);
	if (!is_untold(ops->deciding, about, note)) return;
	plan_add(ops->deciding->plan, &(struct action){ .type = ACTION_EVENT,
	                                                .peer = ops->request->name,
	                                                .text = reason,
	                                                .note = note,
	                                                .number = warning ? 1 : 0 });
	say(ops->deciding, warning, reason, "%s: %s", ops->request->name, note);
}

static void end(struct ops *ops, bool succeeded, const char *reason, const char *message) {
	const char *phase = succeeded ? "Successful" : "Failed";
	ops_set_phase(ops, phase);
	if (ops_has_begun(ops, "DatabasePaused"))
		ops_set_step(ops, "DatabasePaused", false, "Resumed", "the database is reconciled as usual again");
	ops_set_step(ops, phase, true, reason, "%s", message);
	ops_say(ops, !succeeded, succeeded ? "VolumesExpanded" : reason, "%s", message);
}

void ops_succeed(struct ops *ops, const char *format, ...) {
	FORMATTED(message, format);
	end(ops, true, "VolumesExpanded", message);
}

void ops_fail(struct ops *ops, const char *reason, const char *format, ...) {
	FORMATTED(message, format);
	end(ops, false, reason, message);
}

bool ops_is_over(const struct ops *ops) {
	const char *phase = json_get_text(ops->status, "phase");
	return is(phase, "Successful") || is(phase, "Failed");
}

struct json_object *ops_orphan_status(const struct json_object *request, int64_t wall_us) {
	struct request_view view;
	const char *database = json_get_text(json_get_path(request, "spec", "databaseRef", NULL), "name");
	(void)request_view_read(request, &view);
	if (view.phase == REQUEST_OVER) return NULL;
	struct json_object *status = status_of(request);
	cleanup_free char *message = xasprintf(
	        "spec.databaseRef.name: MSSQLServer \"%s\" does not exist any more; its volumes, where they are kept, "
	        "are as they were left",
	        database != NULL ? database : "");
	json_set_text(status, "phase", "Failed");
	set_step(status, "Failed", true, "DatabaseMissing", message, wall_us);
	return status;
}

/* ---- Which one ---- */

const struct request_view *active_request(const struct request_view *requests, size_t count) {
	const struct request_view *pending = NULL;
	for (size_t i = 0; i < count; i++) {
		if (requests[i].phase == REQUEST_PROGRESSING) return &requests[i];
		if (requests[i].phase == REQUEST_PENDING && pending == NULL) pending = &requests[i];
	}
	return pending;
}
