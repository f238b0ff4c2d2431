#include "sqlserver/tds/prepared.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static struct tds_prepared_statement *find(struct tds_prepared *prepared, int64_t handle) {
	for (size_t i = 0; i < prepared->count; i++) {
		if (prepared->items[i].handle == handle) return &prepared->items[i];
	}
	return NULL;
}

static int add(struct tds_prepared *prepared, const char *statement, const char *declaration) {
	prepared->items = xreallocarray(prepared->items, prepared->count + 1, sizeof(*prepared->items));
	prepared->items[prepared->count++] = (struct tds_prepared_statement){ .handle = ++prepared->last_handle,
		                                                              .statement = xstrdup(statement),
		                                                              .declaration = xstrdup(declaration) };
	return prepared->last_handle;
}

static void remove_statement(struct tds_prepared *prepared, struct tds_prepared_statement *statement) {
	free(statement->statement);
	free(statement->declaration);
	*statement = prepared->items[--prepared->count];
}

void tds_prepared_clear(struct tds_prepared *prepared) {
	while (prepared->count > 0) remove_statement(prepared, &prepared->items[0]);
	free(prepared->items);
	*prepared = (struct tds_prepared){ .last_handle = prepared->last_handle };
}

static struct tds_plan refuse(int number, int severity, int state, char *text) {
	return (struct tds_plan){
		.refusal = { .number = number, .severity = severity, .state = state, .line = 1, .text = text },
		.text = text
	};
}

static struct sim_parameter text_parameter(const char *text) {
	return (struct sim_parameter){ .name = "",
		                       .type = { .type = SIM_NVARCHAR, .length = SIM_MAX },
		                       .value = { .kind = SIM_VALUE_TEXT, .bytes = text, .length = strlen(text) } };
}

/* sp_executesql with the values from the call's parameter `first` on. Without values there is nothing to declare. */
static struct tds_plan execute(const char *statement, const char *declaration, const struct tds_call *call,
                               size_t first) {
	struct tds_plan plan = { .procedure = "sp_executesql", .first = first, .session_first = 2 };
	size_t values = call->count > first ? call->count - first : 0;
	plan.parameters = xcalloc(values + 2, sizeof(*plan.parameters));
	plan.parameters[plan.count++] = text_parameter(statement);
	if (values == 0) return plan;
	plan.parameters[plan.count++] = text_parameter(declaration);
	for (size_t i = 0; i < values; i++) plan.parameters[plan.count++] = call->parameters[first + i];
	return plan;
}

static const char *text_of(const struct tds_call *call, size_t index) {
	if (index >= call->count || call->parameters[index].value.kind != SIM_VALUE_TEXT) return "";
	return call->parameters[index].value.bytes;
}

/* sp_prepare @handle OUTPUT, @declaration, @statement, @options; sp_prepexec has the values instead of the options. */
static struct tds_plan prepare(struct tds_prepared *prepared, const struct tds_call *call) {
	enum { DECLARATION = 1, STATEMENT = 2, VALUES = 3 };
	if (call->count <= STATEMENT || *text_of(call, STATEMENT) == '\0')
		return refuse(201, 16, 10,
		              xasprintf("Procedure or function '%s' expects parameter '@stmt', which was not supplied.",
		                        call->name));
	if (prepared->count == TDS_MOST_PREPARED)
		return refuse(
		        701, 17, 123,
		        xstrdup("There is insufficient system memory in resource pool 'internal' to run this query."));
	struct tds_plan plan = { 0 };
	const char *statement = text_of(call, STATEMENT), *declaration = text_of(call, DECLARATION);
	if (call->procedure == TDS_PREPEXEC) plan = execute(statement, declaration, call, VALUES);
	plan.new_handle = add(prepared, statement, declaration);
	return plan;
}

static struct tds_plan with_handle(struct tds_prepared *prepared, const struct tds_call *call) {
	enum { HANDLE = 0, VALUES = 1 };
	int64_t handle = call->count > 0 && call->parameters[HANDLE].value.kind == SIM_VALUE_INTEGER
	                         ? call->parameters[HANDLE].value.integer
	                         : 0;
	struct tds_prepared_statement *statement = find(prepared, handle);
	if (statement == NULL)
		return refuse(8179, 16, 2, xasprintf("Could not find prepared statement with handle %d.", (int)handle));
	if (call->procedure == TDS_EXECUTE) return execute(statement->statement, statement->declaration, call, VALUES);
	remove_statement(prepared, statement);
	return (struct tds_plan){ 0 };
}

struct tds_plan tds_prepared_plan(struct tds_prepared *prepared, const struct tds_call *call) {
	switch (call->procedure) {
	case TDS_PREPARE:
	case TDS_PREPEXEC: return prepare(prepared, call);
	case TDS_EXECUTE:
	case TDS_UNPREPARE: return with_handle(prepared, call);
	default: break;
	}
	struct tds_plan plan = { .procedure = call->name, .count = call->count };
	plan.parameters = xcalloc(call->count + 1, sizeof(*plan.parameters));
	if (call->count > 0) memcpy(plan.parameters, call->parameters, call->count * sizeof(*plan.parameters));
	/* Statement and declaration are known by their places: tedious calls @statement what is documented as @stmt. */
	for (size_t i = 0; call->procedure == TDS_EXECUTESQL && i < 2 && i < plan.count; i++)
		plan.parameters[i].name = "";
	return plan;
}
