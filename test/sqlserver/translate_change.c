/* INSERT, UPDATE, DELETE and the definition of tables, in SQLite's words. */
#include <string.h>
#include <strings.h>

#include "sqlserver/parser.h"

static const char *finish(struct sim_parser *parser, const struct strbuf *text) {
	return arena_strdup(parser->arena, strbuf_text(text));
}

/* (a, b): the names, quoted, into `text`; also kept as members of the statement. */
static void column_list(struct sim_parser *parser, struct strbuf *text, struct sim_statement *statement) {
	sim_expect_punctuation(parser, "(");
	strbuf_append(text, "(");
	enum { MOST = 1024 }; /* as SQL Server */
	const char **members = arena_calloc(parser->arena, MOST, sizeof(*members));
	size_t count = 0;
	do {
		if (count == MOST) sim_fail_near(parser);
		members[count] = sim_expect_name(parser);
		strbuf_printf(text, "%s%s", count > 0 ? "," : "", sim_quoted(parser->arena, members[count]));
		count++;
		if (sim_accept(parser, "DESC")) strbuf_append(text, " DESC");
		sim_accept(parser, "ASC");
	} while (sim_accept_punctuation(parser, ","));
	sim_expect_punctuation(parser, ")");
	strbuf_append(text, ")");
	if (statement == NULL) return;
	statement->members = members;
	statement->member_count = count;
}

void sim_parse_insert(struct sim_parser *parser, struct sim_statement *statement) {
	struct strbuf *text = sim_builder(parser), *source = sim_builder(parser);
	statement->kind = SIM_INSERT;
	sim_accept(parser, "INTO");
	strbuf_printf(text, "INSERT INTO %s", sim_parse_table(parser, &statement->name));
	statement->other = finish(parser, text) + strlen("INSERT INTO ");
	if (sim_next_is_punctuation(parser, 0, "(")) column_list(parser, text, statement);
	if (sim_accept(parser, "DEFAULT VALUES")) {
		strbuf_append(text, " DEFAULT VALUES");
	} else if (sim_accept(parser, "VALUES")) {
		const char *row = "VALUES (";
		do {
			sim_expect_punctuation(parser, "(");
			strbuf_append(source, row);
			const char *separator = "";
			do {
				strbuf_printf(source, "%s%s", separator, sim_parse_expression(parser).sql);
				separator = ",";
			} while (sim_accept_punctuation(parser, ","));
			sim_expect_punctuation(parser, ")");
			strbuf_append(source, ")");
			row = ",(";
		} while (sim_accept_punctuation(parser, ","));
	} else {
		struct sim_query query = { 0 };
		sim_parse_select(parser, &query);
		strbuf_append(source, query.sql);
	}
	statement->query.reads_tables = true;
	if (source->length > 0) {
		statement->source = finish(parser, source);
		strbuf_printf(text, " %s", statement->source);
	}
	statement->query.sql = finish(parser, text);
}

void sim_parse_update(struct sim_parser *parser, struct sim_statement *statement) {
	struct strbuf *text = sim_builder(parser);
	statement->kind = SIM_CHANGE;
	strbuf_printf(text, "UPDATE %s SET ", sim_parse_table(parser, &statement->name));
	sim_expect(parser, "SET");
	const char *separator = "";
	do {
		const char *column = sim_quoted(parser->arena, sim_expect_name(parser));
		static const char *const operators[] = { "+=", "-=", "*=", "/=" };
		size_t operator= 0;
		while (operator < ARRAY_LENGTH(operators) && !sim_accept_punctuation(parser, operators[operator]))
			operator++;
		if (operator== ARRAY_LENGTH(operators)) sim_expect_punctuation(parser, "=");
		const char *value = sim_parse_expression(parser).sql;
		strbuf_printf(text, "%s%s = ", separator, column);
		if (operator== 0) strbuf_printf(text, "sim_add(%s,%s)", column, value);
		else if (operator<ARRAY_LENGTH(operators)) strbuf_printf(text, "%s %c %s", column, *operators[operator], value);
		else strbuf_append(text, value);
		separator = ", ";
	} while (sim_accept_punctuation(parser, ","));
	if (sim_accept(parser, "FROM")) strbuf_printf(text, " FROM %s", sim_parse_table(parser, &statement->other));
	if (sim_accept(parser, "WHERE")) strbuf_printf(text, " WHERE %s", sim_parse_condition(parser).sql);
	statement->query.sql = finish(parser, text);
}

void sim_parse_delete(struct sim_parser *parser, struct sim_statement *statement) {
	struct strbuf *text = sim_builder(parser);
	statement->kind = SIM_CHANGE;
	sim_accept(parser, "FROM");
	strbuf_printf(text, "DELETE FROM %s", sim_parse_table(parser, &statement->name));
	if (sim_accept(parser, "WHERE")) strbuf_printf(text, " WHERE %s", sim_parse_condition(parser).sql);
	statement->query.sql = finish(parser, text);
}

/* --- Tables --- */

struct column {
	bool identity, not_null, primary, unique;
	const char *type, *rest;
};

static void skip_clustered(struct sim_parser *parser) {
	if (!sim_accept(parser, "CLUSTERED")) sim_accept(parser, "NONCLUSTERED");
}

static const char *references(struct sim_parser *parser) {
	struct strbuf *text = sim_builder(parser);
	const char *plain;
	strbuf_printf(text, " REFERENCES %s", sim_parse_table(parser, &plain));
	if (sim_next_is_punctuation(parser, 0, "(")) column_list(parser, text, NULL);
	while (sim_accept(parser, "ON")) {
		const char *event = sim_expect_name(parser);
		const char *action = sim_accept(parser, "NO ACTION")  ? "NO ACTION"
		                     : sim_accept(parser, "SET NULL") ? "SET NULL"
		                                                      : sim_expect_name(parser);
		strbuf_printf(text, " ON %s %s", event, action);
	}
	return finish(parser, text);
}

static struct column column_options(struct sim_parser *parser) {
	struct column column = { 0 };
	struct strbuf *rest = sim_builder(parser);
	struct sim_type_info type = sim_parse_type(parser, &column.type);
	if (strcasecmp(column.type, "integer") == 0) column.type = "int";
	if (type.length == SIM_MAX) column.type = arena_printf(parser->arena, "%s(-1)", sim_type_name(type.type));
	bool characters = type.type >= SIM_CHAR && type.type <= SIM_NVARCHAR;
	for (;;) {
		if (sim_accept(parser, "IDENTITY")) {
			column.identity = true;
			if (sim_accept_punctuation(parser, "("))
				while (!sim_accept_punctuation(parser, ")")) {
					if (sim_peek(parser, 0)->type == SIM_TOKEN_END) sim_fail_near(parser);
					parser->at++;
				}
		} else if (sim_accept(parser, "NOT NULL")) {
			column.not_null = true;
		} else if (sim_accept(parser, "NULL") || sim_accept(parser, "ROWGUIDCOL") ||
		           sim_accept(parser, "SPARSE")) {
			continue;
		} else if (sim_accept(parser, "CONSTRAINT") || sim_accept(parser, "COLLATE")) {
			sim_expect_name(parser);
		} else if (sim_accept(parser, "PRIMARY KEY")) {
			column.primary = true;
			skip_clustered(parser);
		} else if (sim_accept(parser, "UNIQUE")) {
			column.unique = true;
			skip_clustered(parser);
		} else if (sim_accept(parser, "DEFAULT")) {
			strbuf_printf(rest, " DEFAULT (%s)", sim_parse_expression(parser).sql);
		} else if (sim_accept(parser, "CHECK")) {
			sim_expect_punctuation(parser, "(");
			strbuf_printf(rest, " CHECK %s", sim_parse_condition(parser).sql);
			sim_expect_punctuation(parser, ")");
		} else if (sim_accept(parser, "REFERENCES") || sim_accept(parser, "FOREIGN KEY REFERENCES")) {
			strbuf_append(rest, references(parser));
		} else {
			break;
		}
	}
	if (characters) strbuf_append(rest, " COLLATE NOCASE");
	column.rest = finish(parser, rest);
	return column;
}

struct table {
	struct strbuf *text;
	bool identity, primary;
	const char *separator;
};

static void table_constraint(struct sim_parser *parser, struct table *table) {
	if (sim_accept(parser, "CONSTRAINT")) sim_expect_name(parser);
	strbuf_append(table->text, table->separator);
	if (sim_accept(parser, "PRIMARY KEY")) {
		/* A table with an identity has its rowid as primary key here. */
		strbuf_append(table->text, table->identity ? "UNIQUE" : "PRIMARY KEY");
		table->primary = true;
		skip_clustered(parser);
		column_list(parser, table->text, NULL);
	} else if (sim_accept(parser, "UNIQUE")) {
		strbuf_append(table->text, "UNIQUE");
		skip_clustered(parser);
		column_list(parser, table->text, NULL);
	} else if (sim_accept(parser, "CHECK")) {
		sim_expect_punctuation(parser, "(");
		strbuf_printf(table->text, "CHECK %s", sim_parse_condition(parser).sql);
		sim_expect_punctuation(parser, ")");
	} else {
		sim_expect(parser, "FOREIGN KEY");
		strbuf_append(table->text, "FOREIGN KEY");
		column_list(parser, table->text, NULL);
		sim_expect(parser, "REFERENCES");
		strbuf_append(table->text, references(parser));
	}
}

static void table_column(struct sim_parser *parser, struct table *table) {
	const char *name = sim_quoted(parser->arena, sim_expect_name(parser));
	struct column column = column_options(parser);
	if (column.identity) {
		strbuf_printf(table->text, "%s%s INTEGER PRIMARY KEY AUTOINCREMENT", table->separator, name);
		table->identity = true;
	} else {
		strbuf_printf(table->text, "%s%s %s%s", table->separator, name, column.type, column.rest);
		if (column.not_null || column.primary) strbuf_append(table->text, " NOT NULL");
		if (column.primary) strbuf_append(table->text, table->identity ? " UNIQUE" : " PRIMARY KEY");
		if (column.unique) strbuf_append(table->text, " UNIQUE");
	}
}

void sim_parse_create_table(struct sim_parser *parser, struct sim_statement *statement) {
	struct table table = { .text = sim_builder(parser), .separator = "" };
	statement->kind = SIM_DEFINE;
	statement->other = "CREATE TABLE";
	strbuf_printf(table.text, "CREATE TABLE %s (", sim_parse_table(parser, &statement->name));
	if (!sim_next_is_punctuation(parser, 0, "(")) {
		/* As SQL Server complains about CREATE TABLE without columns: near the name. */
		parser->at--;
		sim_fail_near(parser);
	}
	parser->at++;
	static const char *const constraints[] = { "CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN" };
	do {
		if (sim_next_is_punctuation(parser, 0, ")")) break; /* a comma behind the last column is taken */
		bool constraint = false;
		for (size_t i = 0; i < ARRAY_LENGTH(constraints); i++)
			constraint |= sim_next_is(parser, constraints[i]);
		if (constraint) table_constraint(parser, &table);
		else table_column(parser, &table);
		table.separator = ", ";
	} while (sim_accept_punctuation(parser, ","));
	sim_expect_punctuation(parser, ")");
	strbuf_append(table.text, ")");
	if (sim_accept(parser, "ON")) sim_expect_name(parser);
	statement->query.sql = finish(parser, table.text);
}

void sim_parse_alter_table(struct sim_parser *parser, struct sim_statement *statement) {
	struct strbuf *text = sim_builder(parser);
	statement->kind = SIM_DEFINE;
	statement->other = "ALTER TABLE";
	strbuf_printf(text, "ALTER TABLE %s ", sim_parse_table(parser, &statement->name));
	if (sim_accept(parser, "ADD")) {
		strbuf_printf(text, "ADD COLUMN %s", sim_quoted(parser->arena, sim_expect_name(parser)));
		struct column column = column_options(parser);
		strbuf_printf(text, " %s%s%s", column.type, column.rest, column.not_null ? " NOT NULL" : "");
	} else {
		sim_expect(parser, "DROP COLUMN");
		strbuf_printf(text, "DROP COLUMN %s", sim_quoted(parser->arena, sim_expect_name(parser)));
	}
	statement->query.sql = finish(parser, text);
}

void sim_parse_drop_table(struct sim_parser *parser, struct sim_statement *statement) {
	statement->kind = SIM_DEFINE;
	statement->other = "DROP TABLE";
	statement->if_exists = sim_accept(parser, "IF EXISTS");
	struct strbuf *text = sim_builder(parser);
	strbuf_printf(text, "DROP TABLE %s%s", statement->if_exists ? "IF EXISTS " : "",
	              sim_parse_table(parser, &statement->name));
	statement->query.sql = finish(parser, text);
}

void sim_parse_create_index(struct sim_parser *parser, struct sim_statement *statement, bool unique) {
	struct strbuf *text = sim_builder(parser);
	statement->kind = SIM_DEFINE;
	statement->other = "CREATE INDEX";
	skip_clustered(parser);
	sim_expect(parser, "INDEX");
	const char *index = sim_expect_name(parser);
	sim_expect(parser, "ON");
	const char *table = sim_parse_table(parser, &statement->name);
	/* An index belongs to its table in SQL Server, to the whole database in SQLite. */
	cleanup_free char *name = xasprintf("%s.%s", statement->name, index);
	strbuf_printf(text, "CREATE %sINDEX %s ON %s ", unique ? "UNIQUE " : "", sim_quoted(parser->arena, name),
	              table);
	column_list(parser, text, NULL);
	statement->query.sql = finish(parser, text);
}
