/* SELECT in SQLite's words: names of tables, joins, TOP and OFFSET. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "sqlserver/parser.h"

static bool is_system_schema(const char *schema) {
	return strcasecmp(schema, "sys") == 0 || strcasecmp(schema, "INFORMATION_SCHEMA") == 0;
}

/* System views are "sys.name", tables of dbo have their bare name, those of other schemas "schema.name". */
static const char *table_name(struct sim_parser *parser, const char **plain, const char **last) {
	const char *parts[4] = { NULL };
	size_t count = 0;
	do {
		parts[count++] = sim_next_is_punctuation(parser, 0, ".") ? "" : sim_expect_name(parser);
	} while (count < ARRAY_LENGTH(parts) && sim_accept_punctuation(parser, "."));
	const char *name = parts[count - 1];
	const char *schema = count > 1 ? parts[count - 2] : "";
	const char *database = count > 2 ? parts[count - 3] : "";
	if (*schema == '\0') schema = "dbo";
	*last = name;
	if (is_system_schema(schema)) {
		if (*database != '\0') parser->query->database = database;
		*plain = sim_text_of(parser, "%s.%s", schema, name);
		cleanup_free char *lower = xasprintf("%s.%s", schema, name);
		for (char *c = lower; *c != '\0'; c++) *c = (char)tolower((unsigned char)*c);
		return sim_quoted(parser->arena, lower);
	}
	parser->query->reads_tables = true;
	if (*database != '\0') parser->query->database = database;
	*plain = sim_text_of(parser, "%s.%s", schema, name);
	if (strcasecmp(schema, "dbo") == 0) return sim_quoted(parser->arena, name);
	return sim_quoted(parser->arena, *plain);
}

const char *sim_parse_table(struct sim_parser *parser, const char **plain) {
	const char *last;
	return table_name(parser, plain, &last);
}

static const char *alias(struct sim_parser *parser) {
	if (sim_accept(parser, "AS")) return sim_expect_name(parser);
	const struct sim_token *token = sim_peek(parser, 0);
	if (token->type == SIM_TOKEN_NAME) return sim_expect_name(parser);
	static const char *const clauses[] = { "ON",        "WHERE", "GROUP",  "HAVING", "ORDER", "JOIN",  "INNER",
		                               "LEFT",      "RIGHT", "FULL",   "CROSS",  "OUTER", "UNION", "EXCEPT",
		                               "INTERSECT", "WITH",  "OPTION", "FOR",    "SET",   "FROM",  "OFFSET",
		                               "AS",        "WHEN",  "USING",  "ELSE",   "END",   "OUTPUT" };
	if (token->type != SIM_TOKEN_WORD || sim_at_statement(parser)) return NULL;
	for (size_t i = 0; i < ARRAY_LENGTH(clauses); i++)
		if (sim_token_is(token, clauses[i])) return NULL;
	return sim_expect_name(parser);
}

static void skip_parentheses(struct sim_parser *parser) {
	sim_expect_punctuation(parser, "(");
	for (int depth = 1; depth > 0; parser->at++) {
		if (sim_peek(parser, 0)->type == SIM_TOKEN_END) sim_fail_near(parser);
		depth += sim_next_is_punctuation(parser, 0, "(") - sim_next_is_punctuation(parser, 0, ")");
	}
}

/* CROSS APPLY sys.dm_os_volume_stats(f.database_id, f.file_id) AS v: a join on the columns that a table function's
 * arguments are. */
static const char *applied(struct sim_parser *parser) {
	static const struct {
		const char *function, *arguments[2];
	} functions[] = {
		{ "sys.dm_os_volume_stats", { "database_id", "file_id" } },
	};
	const char *plain, *last;
	const char *table = table_name(parser, &plain, &last);
	size_t found = 0;
	while (found < ARRAY_LENGTH(functions) && strcasecmp(functions[found].function, plain) != 0) found++;
	if (found == ARRAY_LENGTH(functions)) sim_fail_near(parser);
	const char *arguments[2];
	sim_expect_punctuation(parser, "(");
	for (size_t i = 0; i < 2; i++) {
		if (i > 0) sim_expect_punctuation(parser, ",");
		arguments[i] = sim_parse_expression(parser).sql;
	}
	sim_expect_punctuation(parser, ")");
	const char *name = alias(parser);
	const char *as = sim_quoted(parser->arena, name != NULL ? name : last);
	return sim_text_of(parser, "%s AS %s ON %s.%s = %s AND %s.%s = %s", table, as, as,
	                   functions[found].arguments[0], arguments[0], as, functions[found].arguments[1],
	                   arguments[1]);
}

static const char *table_source(struct sim_parser *parser) {
	if (sim_accept_punctuation(parser, "(")) {
		const char *inner;
		if (sim_accept(parser, "VALUES")) {
			struct strbuf *rows = sim_builder(parser);
			do {
				strbuf_printf(rows, "%s(%s)", rows->length > 0 ? "," : "VALUES ",
				              sim_parse_list(parser));
			} while (sim_accept_punctuation(parser, ","));
			inner = arena_strdup(parser->arena, rows->data);
		} else {
			inner = sim_parse_subquery(parser);
		}
		sim_expect_punctuation(parser, ")");
		const char *name = alias(parser);
		return sim_text_of(parser, "(%s)%s%s", inner, name != NULL ? " AS " : "",
		                   name != NULL ? sim_quoted(parser->arena, name) : "");
	}
	const char *plain, *last;
	const char *table = table_name(parser, &plain, &last);
	const char *name = alias(parser);
	if (sim_next_is(parser, "WITH") && sim_next_is_punctuation(parser, 1, "(")) {
		parser->at++;
		skip_parentheses(parser); /* table hints */
	}
	return sim_text_of(parser, "%s AS %s", table, sim_quoted(parser->arena, name != NULL ? name : last));
}

static const char *join_kind(struct sim_parser *parser) {
	if (sim_accept(parser, "INNER JOIN") || sim_accept(parser, "JOIN")) return " JOIN ";
	if (sim_accept(parser, "LEFT OUTER JOIN") || sim_accept(parser, "LEFT JOIN")) return " LEFT JOIN ";
	if (sim_accept(parser, "RIGHT OUTER JOIN") || sim_accept(parser, "RIGHT JOIN")) return " RIGHT JOIN ";
	if (sim_accept(parser, "FULL OUTER JOIN") || sim_accept(parser, "FULL JOIN")) return " FULL JOIN ";
	if (sim_accept(parser, "CROSS JOIN")) return " CROSS JOIN ";
	if (sim_accept_punctuation(parser, ",")) return ",";
	return NULL;
}

static void from(struct sim_parser *parser, struct strbuf *text) {
	strbuf_printf(text, " FROM %s", table_source(parser));
	for (;;) {
		if (sim_accept(parser, "CROSS APPLY")) {
			strbuf_printf(text, " JOIN %s", applied(parser));
			continue;
		}
		if (sim_accept(parser, "OUTER APPLY")) {
			strbuf_printf(text, " LEFT JOIN %s", applied(parser));
			continue;
		}
		const char *kind = join_kind(parser);
		if (kind == NULL) break;
		strbuf_printf(text, "%s%s", kind, table_source(parser));
		if (sim_accept(parser, "ON")) strbuf_printf(text, " ON %s", sim_parse_or(parser).sql);
	}
}

struct items {
	struct sim_expression *list;
	const char **assigned;
	size_t count;
	bool assigns;
};

static void add_item(struct sim_parser *parser, struct items *items, struct sim_expression item, const char *variable) {
	if ((items->count & (items->count - 1)) == 0) {
		size_t capacity = items->count == 0 ? 1 : 2 * items->count;
		struct sim_expression *list = arena_calloc(parser->arena, capacity, sizeof(*list));
		const char **assigned = arena_calloc(parser->arena, capacity, sizeof(*assigned));
		for (size_t i = 0; i < items->count; i++) {
			list[i] = items->list[i];
			assigned[i] = items->assigned[i];
		}
		items->list = list;
		items->assigned = assigned;
	}
	items->list[items->count] = item;
	items->assigned[items->count++] = variable;
	if (variable != NULL) items->assigns = true;
}

static void select_item(struct sim_parser *parser, struct strbuf *text, struct items *items) {
	if (sim_accept_punctuation(parser, "*")) {
		strbuf_append(text, "*");
		add_item(parser, items, (struct sim_expression){ .sql = "*", .column = "*" }, NULL);
		return;
	}
	const char *name = NULL, *variable = NULL;
	const struct sim_token *first = sim_peek(parser, 0);
	if (sim_next_is_punctuation(parser, 1, "=")) {
		if (first->type == SIM_TOKEN_VARIABLE) variable = first->text;
		else if (first->type == SIM_TOKEN_WORD || first->type == SIM_TOKEN_NAME ||
		         first->type == SIM_TOKEN_STRING)
			name = first->text;
		if (variable != NULL || name != NULL) parser->at += 2;
	}
	struct sim_expression item = sim_parse_expression(parser);
	if (item.column != NULL && strcmp(item.column, "*") == 0) {
		strbuf_append(text, item.sql);
		add_item(parser, items, item, NULL);
		return;
	}
	if (name == NULL && variable == NULL) {
		bool as = sim_accept(parser, "AS");
		const struct sim_token *token = sim_peek(parser, 0);
		if (as || token->type == SIM_TOKEN_STRING) {
			name = token->type == SIM_TOKEN_STRING ? sim_expect_string(parser) : sim_expect_name(parser);
		} else if (!sim_next_is(parser, "INTO")) {
			name = alias(parser);
		}
	}
	if (name == NULL) name = item.column != NULL ? item.column : "";
	strbuf_printf(text, "%s AS %s", item.sql, sim_quoted(parser->arena, name));
	add_item(parser, items, item, variable);
}

static void order_by(struct sim_parser *parser, struct strbuf *text) {
	if (!sim_accept(parser, "ORDER BY")) return;
	const char *separator = " ORDER BY ";
	do {
		strbuf_printf(text, "%s%s", separator, sim_parse_expression(parser).sql);
		if (sim_accept(parser, "DESC")) strbuf_append(text, " DESC");
		sim_accept(parser, "ASC");
		separator = ",";
	} while (sim_accept_punctuation(parser, ","));
}

/* One SELECT without ORDER BY and set operators; TOP is left in *top. */
static void select_core(struct sim_parser *parser, struct strbuf *text, struct sim_query *query, const char **top) {
	sim_expect(parser, "SELECT");
	strbuf_append(text, "SELECT ");
	if (sim_accept(parser, "DISTINCT")) strbuf_append(text, "DISTINCT ");
	sim_accept(parser, "ALL");
	if (sim_accept(parser, "TOP")) {
		bool parenthesis = sim_accept_punctuation(parser, "(");
		*top = parenthesis ? sim_parse_expression(parser).sql : sim_parse_primary(parser).sql;
		if (parenthesis) sim_expect_punctuation(parser, ")");
	}
	struct items items = { 0 };
	const char *separator = "";
	do {
		strbuf_append(text, separator);
		select_item(parser, text, &items);
		separator = ",";
	} while (sim_accept_punctuation(parser, ","));
	query->items = items.list;
	query->item_count = items.count;
	query->assigned = items.assigns ? items.assigned : NULL;
	if (sim_accept(parser, "FROM")) from(parser, text);
	if (sim_accept(parser, "WHERE")) strbuf_printf(text, " WHERE %s", sim_parse_or(parser).sql);
	if (sim_accept(parser, "GROUP BY")) {
		separator = " GROUP BY ";
		do {
			strbuf_printf(text, "%s%s", separator, sim_parse_expression(parser).sql);
			separator = ",";
		} while (sim_accept_punctuation(parser, ","));
	}
	if (sim_accept(parser, "HAVING")) strbuf_printf(text, " HAVING %s", sim_parse_or(parser).sql);
}

void sim_parse_select(struct sim_parser *parser, struct sim_query *query) {
	struct strbuf *text = sim_builder(parser);
	const char *top = NULL, *offset = NULL;
	struct sim_query *outer = parser->query, ignored = { 0 };
	parser->query = query;
	if (sim_accept(parser, "WITH")) {
		const char *separator = "WITH ";
		do {
			const char *name = sim_quoted(parser->arena, sim_expect_name(parser));
			strbuf_printf(text, "%s%s", separator, name);
			if (sim_next_is_punctuation(parser, 0, "("))
				strbuf_printf(text, "(%s)", sim_parse_list(parser));
			sim_expect(parser, "AS");
			sim_expect_punctuation(parser, "(");
			strbuf_printf(text, " AS (%s)", sim_parse_subquery(parser));
			sim_expect_punctuation(parser, ")");
			separator = ",";
		} while (sim_accept_punctuation(parser, ","));
		strbuf_append(text, " ");
	}
	select_core(parser, text, query, &top);
	for (;;) {
		const char *set = sim_accept(parser, "UNION ALL")   ? " UNION ALL "
		                  : sim_accept(parser, "UNION")     ? " UNION "
		                  : sim_accept(parser, "EXCEPT")    ? " EXCEPT "
		                  : sim_accept(parser, "INTERSECT") ? " INTERSECT "
		                                                    : NULL;
		if (set == NULL) break;
		strbuf_append(text, set);
		ignored = (struct sim_query){ 0 };
		select_core(parser, text, &ignored, &top);
	}
	order_by(parser, text);
	if (sim_accept(parser, "OFFSET")) {
		offset = sim_parse_expression(parser).sql;
		if (!sim_accept(parser, "ROWS")) sim_expect(parser, "ROW");
		if (sim_accept(parser, "FETCH")) {
			if (!sim_accept(parser, "NEXT")) sim_expect(parser, "FIRST");
			top = sim_parse_expression(parser).sql;
			if (!sim_accept(parser, "ROWS")) sim_expect(parser, "ROW");
			sim_expect(parser, "ONLY");
		}
	}
	if (top != NULL || offset != NULL) strbuf_printf(text, " LIMIT %s", top != NULL ? top : "-1");
	if (offset != NULL) strbuf_printf(text, " OFFSET %s", offset);
	if (sim_accept(parser, "OPTION")) skip_parentheses(parser);
	query->sql = arena_strdup(parser->arena, text->data);
	parser->query = outer;
}
