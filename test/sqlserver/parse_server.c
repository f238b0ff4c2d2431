/* Statements about server objects: their options are read the same way everywhere, and judged when they run. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "sqlserver/parser.h"

/* --- Options --- */

static const char *upper(struct sim_parser *parser, const char *text) {
	char *copy = arena_strdup(parser->arena, text);
	for (char *c = copy; *c != '\0'; c++) *c = (char)toupper((unsigned char)*c);
	return copy;
}

static void add_option(struct sim_parser *parser, struct sim_option **options, size_t *count,
                       struct sim_option option) {
	struct sim_option *list = arena_calloc(parser->arena, *count + 1, sizeof(*list));
	for (size_t i = 0; i < *count; i++) list[i] = (*options)[i];
	list[(*count)++] = option;
	*options = list;
}

static bool at_option_end(const struct sim_parser *parser) {
	return sim_next_is_punctuation(parser, 0, ",") || sim_next_is_punctuation(parser, 0, ")") ||
	       sim_next_is_punctuation(parser, 0, ";") || sim_peek(parser, 0)->type == SIM_TOKEN_END;
}

static void option_list(struct sim_parser *parser, struct sim_option **options, size_t *count);

/* Words up to the next separator. Inside parentheses nothing but , and ) separates; outside, a statement may begin. */
static const char *value(struct sim_parser *parser, bool inside) {
	struct strbuf *text = sim_builder(parser);
	while (!at_option_end(parser) && !sim_next_is_punctuation(parser, 0, "(") &&
	       (inside || !sim_at_statement(parser))) {
		const struct sim_token *token = sim_peek(parser, 0);
		strbuf_printf(text, "%s%s%s", text->length > 0 ? " " : "", token->type == SIM_TOKEN_BINARY ? "0x" : "",
		              token->text);
		parser->at++;
		if (!inside) break; /* outside one word is the value */
	}
	return arena_strdup(parser->arena, strbuf_text(text));
}

static struct sim_option option(struct sim_parser *parser, bool inside) {
	struct sim_option result = { .line = sim_peek(parser, 0)->line, .value = "" };
	struct strbuf *key = sim_builder(parser);
	do {
		strbuf_printf(key, "%s%s", key->length > 0 ? " " : "", upper(parser, sim_expect_name(parser)));
	} while (inside && sim_peek(parser, 0)->type == SIM_TOKEN_WORD);
	result.key = arena_strdup(parser->arena, key->data);
	if (sim_accept_punctuation(parser, "=")) result.value = value(parser, inside);
	if (sim_next_is_punctuation(parser, 0, "(")) option_list(parser, &result.children, &result.child_count);
	return result;
}

static void option_list(struct sim_parser *parser, struct sim_option **options, size_t *count) {
	sim_expect_punctuation(parser, "(");
	if (sim_accept_punctuation(parser, ")")) return;
	do {
		if (sim_peek(parser, 0)->type == SIM_TOKEN_WORD) {
			add_option(parser, options, count, option(parser, true));
		} else {
			/* LISTENER_IP = (0.0.0.0), a routing list, … */
			add_option(parser, options, count,
			           (struct sim_option){ .key = "", .value = value(parser, true) });
		}
	} while (sim_accept_punctuation(parser, ","));
	sim_expect_punctuation(parser, ")");
}

static void with_options(struct sim_parser *parser, struct sim_statement *statement) {
	option_list(parser, &statement->options, &statement->option_count);
}

static void put_option(struct sim_parser *parser, struct sim_statement *statement, const char *key, const char *text) {
	add_option(parser, &statement->options, &statement->option_count,
	           (struct sim_option){ .key = key, .value = text });
}

static void add_member(struct sim_parser *parser, struct sim_statement *statement, const char *name) {
	const char **list = arena_calloc(parser->arena, statement->member_count + 1, sizeof(*list));
	for (size_t i = 0; i < statement->member_count; i++) list[i] = statement->members[i];
	list[statement->member_count++] = name;
	statement->members = list;
}

static void names(struct sim_parser *parser, struct sim_statement *statement) {
	do add_member(parser, statement, sim_expect_name(parser));
	while (sim_accept_punctuation(parser, ","));
}

static const char *name_or_string(struct sim_parser *parser) {
	return sim_peek(parser, 0)->type == SIM_TOKEN_STRING ? sim_expect_string(parser) : sim_expect_name(parser);
}

/* --- Databases --- */

static bool at_end(const struct sim_parser *parser) {
	return sim_peek(parser, 0)->type == SIM_TOKEN_END || sim_next_is_punctuation(parser, 0, ";") ||
	       sim_at_statement(parser);
}

static void skip_rest(struct sim_parser *parser) {
	for (int depth = 0; depth > 0 || !at_end(parser); parser->at++) {
		if (sim_peek(parser, 0)->type == SIM_TOKEN_END) sim_fail_near(parser);
		depth += sim_next_is_punctuation(parser, 0, "(") - sim_next_is_punctuation(parser, 0, ")");
	}
}

static void create_database(struct sim_parser *parser, struct sim_statement *statement) {
	statement->name = sim_expect_name(parser);
	if (!at_end(parser) && !sim_next_is(parser, "ON") && !sim_next_is(parser, "COLLATE") &&
	    !sim_next_is(parser, "WITH") && !sim_next_is(parser, "LOG") && !sim_next_is(parser, "CONTAINMENT"))
		sim_fail_near(parser);
	skip_rest(parser);
}

static void alter_database(struct sim_parser *parser, struct sim_statement *statement) {
	statement->name = sim_expect_name(parser);
	if (sim_accept(parser, "MODIFY NAME")) {
		sim_expect_punctuation(parser, "=");
		put_option(parser, statement, "NAME", sim_expect_name(parser));
		return;
	}
	sim_expect(parser, "SET");
	if (sim_accept(parser, "HADR")) {
		const char *what =
		        sim_accept(parser, "AVAILABILITY GROUP") ? "JOIN" : upper(parser, sim_expect_name(parser));
		if (sim_accept_punctuation(parser, "=")) sim_expect_name(parser);
		put_option(parser, statement, "HADR", what);
		return;
	}
	do {
		struct sim_option set = { .key = upper(parser, sim_expect_name(parser)) };
		sim_accept_punctuation(parser, "=");
		set.value = at_end(parser) || sim_next_is(parser, "WITH") ? "" : upper(parser, value(parser, false));
		add_option(parser, &statement->options, &statement->option_count, set);
	} while (sim_accept_punctuation(parser, ","));
	if (sim_accept(parser, "WITH")) skip_rest(parser);
}

static void drop(struct sim_parser *parser, struct sim_statement *statement) {
	statement->if_exists = sim_accept(parser, "IF EXISTS");
	names(parser, statement);
	statement->name = statement->members[0];
}

static void backup(struct sim_parser *parser, struct sim_statement *statement) {
	statement->other = sim_accept(parser, "LOG") ? "LOG" : "DATABASE";
	if (strcmp(statement->other, "DATABASE") == 0) sim_expect(parser, "DATABASE");
	statement->name = sim_expect_name(parser);
	sim_expect(parser, "TO");
	do {
		if (!sim_accept(parser, "DISK")) sim_expect(parser, "URL");
		sim_expect_punctuation(parser, "=");
		sim_parse_expression(parser);
	} while (sim_accept_punctuation(parser, ","));
	if (sim_accept(parser, "WITH")) {
		do add_option(parser, &statement->options, &statement->option_count, option(parser, false));
		while (sim_accept_punctuation(parser, ","));
	}
}

static void restore(struct sim_parser *parser, struct sim_statement *statement) {
	sim_expect(parser, "DATABASE");
	statement->name = sim_expect_name(parser);
	sim_expect(parser, "WITH RECOVERY");
}

/* --- Security --- */

static void login(struct sim_parser *parser, struct sim_statement *statement) {
	statement->name = sim_expect_name(parser);
	if (sim_accept(parser, "ENABLE")) return put_option(parser, statement, "ENABLE", "");
	if (sim_accept(parser, "DISABLE")) return put_option(parser, statement, "DISABLE", "");
	if (sim_accept(parser, "FROM CERTIFICATE"))
		return put_option(parser, statement, "CERTIFICATE", sim_expect_name(parser));
	sim_expect(parser, "WITH");
	do {
		struct sim_option item = option(parser, false);
		/* PASSWORD = 'x' MUST_CHANGE, PASSWORD = 'x' OLD_PASSWORD = 'y', PASSWORD = 0x… HASHED */
		if (sim_accept(parser, "HASHED")) sim_fail_near(parser);
		sim_accept(parser, "MUST_CHANGE");
		sim_accept(parser, "UNLOCK");
		add_option(parser, &statement->options, &statement->option_count, item);
		if (sim_next_is(parser, "OLD_PASSWORD"))
			add_option(parser, &statement->options, &statement->option_count, option(parser, false));
	} while (sim_accept_punctuation(parser, ","));
}

static void create_user(struct sim_parser *parser, struct sim_statement *statement) {
	statement->name = statement->other = sim_expect_name(parser);
	if (sim_accept(parser, "FOR LOGIN") || sim_accept(parser, "FROM LOGIN"))
		statement->other = sim_expect_name(parser);
	else if (sim_accept(parser, "WITHOUT LOGIN")) statement->other = "";
	if (sim_accept(parser, "WITH")) skip_rest(parser);
}

static void alter_role(struct sim_parser *parser, struct sim_statement *statement) {
	statement->name = sim_expect_name(parser);
	put_option(parser, statement, sim_accept(parser, "DROP") ? "DROP" : "ADD", "");
	if (statement->options[0].key[0] == 'A') sim_expect(parser, "ADD");
	sim_expect(parser, "MEMBER");
	statement->other = sim_expect_name(parser);
}

static void grant(struct sim_parser *parser, struct sim_statement *statement) {
	struct strbuf *permission = sim_builder(parser), *object = sim_builder(parser);
	struct strbuf *into = permission;
	sim_accept(parser, "GRANT OPTION FOR");
	while (!sim_next_is(parser, "TO") && !(statement->kind == SIM_REVOKE && sim_next_is(parser, "FROM"))) {
		const struct sim_token *token = sim_peek(parser, 0);
		if (token->type == SIM_TOKEN_END || sim_next_is_punctuation(parser, 0, ";")) sim_fail_near(parser);
		if (into == permission && sim_accept(parser, "ON")) {
			into = object;
			continue;
		}
		bool glue = token->type == SIM_TOKEN_PUNCTUATION ||
		            (parser->at > 0 && parser->tokens.tokens[parser->at - 1].type == SIM_TOKEN_PUNCTUATION);
		strbuf_printf(into, "%s%s", into->length > 0 && !glue ? " " : "",
		              into == permission ? upper(parser, token->text) : token->text);
		parser->at++;
	}
	parser->at++;
	statement->name = arena_strdup(parser->arena, strbuf_text(permission));
	statement->other = arena_strdup(parser->arena, strbuf_text(object));
	names(parser, statement);
	sim_accept(parser, "WITH GRANT OPTION");
	sim_accept(parser, "CASCADE");
}

static void master_key(struct sim_parser *parser, struct sim_statement *statement) {
	if (!sim_accept(parser, "ENCRYPTION BY PASSWORD")) return;
	sim_expect_punctuation(parser, "=");
	sim_expect_string(parser);
	(void)statement;
}

static void create_certificate(struct sim_parser *parser, struct sim_statement *statement) {
	statement->name = sim_expect_name(parser);
	if (sim_accept(parser, "AUTHORIZATION")) statement->other = sim_expect_name(parser);
	if (sim_accept(parser, "FROM BINARY")) {
		sim_expect_punctuation(parser, "=");
		if (sim_peek(parser, 0)->type != SIM_TOKEN_BINARY) sim_fail_near(parser);
		put_option(parser, statement, "BINARY", sim_peek(parser, 0)->text);
		parser->at++;
		if (!sim_accept(parser, "WITH PRIVATE KEY")) return;
		struct sim_option key = { .key = "PRIVATE KEY", .value = "" };
		option_list(parser, &key.children, &key.child_count);
		add_option(parser, &statement->options, &statement->option_count, key);
		return;
	}
	if (sim_accept(parser, "ENCRYPTION BY PASSWORD")) {
		sim_expect_punctuation(parser, "=");
		sim_expect_string(parser);
	}
	sim_expect(parser, "WITH");
	do add_option(parser, &statement->options, &statement->option_count, option(parser, false));
	while (sim_accept_punctuation(parser, ","));
}

static void endpoint(struct sim_parser *parser, struct sim_statement *statement) {
	statement->name = sim_expect_name(parser);
	if (sim_accept(parser, "AUTHORIZATION")) statement->other = sim_expect_name(parser);
	while (!at_end(parser)) {
		if (sim_accept_punctuation(parser, ",") || sim_accept(parser, "AS") || sim_accept(parser, "FOR"))
			continue;
		const char *key = upper(parser, sim_expect_name(parser));
		if (strcmp(key, "DATA_MIRRORING") == 0) key = "DATABASE_MIRRORING";
		struct sim_option item = { .key = key, .value = "" };
		if (sim_accept_punctuation(parser, "=")) item.value = upper(parser, sim_expect_name(parser));
		if (sim_next_is_punctuation(parser, 0, "(")) option_list(parser, &item.children, &item.child_count);
		add_option(parser, &statement->options, &statement->option_count, item);
	}
}

/* --- Availability groups --- */

/* REPLICA ON N'host' WITH (…), N'host' WITH (…) */
static void replicas(struct sim_parser *parser, struct sim_statement *statement) {
	sim_expect(parser, "ON");
	do {
		struct sim_option replica = { .key = "REPLICA",
			                      .line = sim_peek(parser, 0)->line,
			                      .value = name_or_string(parser) };
		if (sim_accept(parser, "WITH")) option_list(parser, &replica.children, &replica.child_count);
		add_option(parser, &statement->options, &statement->option_count, replica);
	} while (sim_accept_punctuation(parser, ","));
}

static void create_group(struct sim_parser *parser, struct sim_statement *statement) {
	statement->name = sim_expect_name(parser);
	if (sim_accept(parser, "WITH")) with_options(parser, statement);
	sim_expect(parser, "FOR");
	if (sim_accept(parser, "DATABASE")) names(parser, statement);
	sim_expect(parser, "REPLICA");
	replicas(parser, statement);
	if (sim_accept(parser, "LISTENER")) skip_rest(parser);
}

static void alter_group(struct sim_parser *parser, struct sim_statement *statement) {
	statement->name = sim_expect_name(parser);
	static const struct {
		const char *words;
		enum { PLAIN, WITH, PARENTHESES, NAMES, REPLICAS, HOSTS } takes;
	} actions[] = {
		{ "SET", PARENTHESES },
		{ "ADD DATABASE", NAMES },
		{ "REMOVE DATABASE", NAMES },
		{ "ADD REPLICA", REPLICAS },
		{ "MODIFY REPLICA", REPLICAS },
		{ "REMOVE REPLICA", HOSTS },
		{ "JOIN", WITH },
		{ "FAILOVER", WITH },
		{ "FORCE_FAILOVER_ALLOW_DATA_LOSS", PLAIN },
		{ "OFFLINE", WITH },
		{ "GRANT CREATE ANY DATABASE", PLAIN },
		{ "DENY CREATE ANY DATABASE", PLAIN },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(actions); i++) {
		if (!sim_accept(parser, actions[i].words)) continue;
		statement->other = actions[i].words;
		if (actions[i].takes == WITH && sim_accept(parser, "WITH")) with_options(parser, statement);
		if (actions[i].takes == PARENTHESES) with_options(parser, statement);
		if (actions[i].takes == NAMES) names(parser, statement);
		if (actions[i].takes == REPLICAS) replicas(parser, statement);
		if (actions[i].takes != HOSTS) return;
		sim_expect(parser, "ON");
		do add_member(parser, statement, name_or_string(parser));
		while (sim_accept_punctuation(parser, ","));
		return;
	}
	sim_fail_near(parser);
}

static void nothing(struct sim_parser *parser, struct sim_statement *statement) {
	(void)statement;
	skip_rest(parser);
}

static const struct {
	const char *words;
	enum sim_statement_kind kind;
	void (*parse)(struct sim_parser *parser, struct sim_statement *statement);
} statements[] = {
	{ "CREATE DATABASE", SIM_CREATE_DATABASE, create_database },
	{ "ALTER DATABASE", SIM_ALTER_DATABASE, alter_database },
	{ "DROP DATABASE", SIM_DROP_DATABASE, drop },
	{ "BACKUP", SIM_BACKUP, backup },
	{ "RESTORE", SIM_RESTORE, restore },
	{ "CREATE LOGIN", SIM_CREATE_LOGIN, login },
	{ "ALTER LOGIN", SIM_ALTER_LOGIN, login },
	{ "DROP LOGIN", SIM_DROP_LOGIN, drop },
	{ "CREATE USER", SIM_CREATE_USER, create_user },
	{ "DROP USER", SIM_DROP_USER, drop },
	{ "ALTER SERVER ROLE", SIM_ALTER_ROLE, alter_role },
	{ "ALTER ROLE", SIM_NOTHING, alter_role },
	{ "ALTER AUTHORIZATION", SIM_NOTHING, nothing },
	{ "GRANT", SIM_GRANT, grant },
	{ "REVOKE", SIM_REVOKE, grant },
	{ "DENY", SIM_REVOKE, grant },
	{ "CREATE MASTER KEY", SIM_CREATE_MASTER_KEY, master_key },
	{ "DROP MASTER KEY", SIM_DROP_MASTER_KEY, master_key },
	{ "CREATE CERTIFICATE", SIM_CREATE_CERTIFICATE, create_certificate },
	{ "DROP CERTIFICATE", SIM_DROP_CERTIFICATE, drop },
	{ "CREATE ENDPOINT", SIM_CREATE_ENDPOINT, endpoint },
	{ "ALTER ENDPOINT", SIM_ALTER_ENDPOINT, endpoint },
	{ "DROP ENDPOINT", SIM_DROP_ENDPOINT, drop },
	{ "CREATE AVAILABILITY GROUP", SIM_CREATE_GROUP, create_group },
	{ "ALTER AVAILABILITY GROUP", SIM_ALTER_GROUP, alter_group },
	{ "DROP AVAILABILITY GROUP", SIM_DROP_GROUP, drop },
};

bool sim_parse_server(struct sim_parser *parser, struct sim_statement *statement) {
	for (size_t i = 0; i < ARRAY_LENGTH(statements); i++) {
		if (!sim_accept(parser, statements[i].words)) continue;
		statement->kind = statements[i].kind;
		statements[i].parse(parser, statement);
		return true;
	}
	return false;
}
