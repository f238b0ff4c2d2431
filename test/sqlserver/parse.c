/* Batches: control flow and the statements that are no queries. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sqlserver/parser.h"

struct sim_builder {
	struct strbuf text;
	struct sim_builder *next;
};

struct strbuf *sim_builder(struct sim_parser *parser) {
	struct sim_builder *builder = arena_alloc(parser->arena, sizeof(*builder));
	builder->next = parser->builders;
	parser->builders = builder;
	return &builder->text;
}

static void free_builders(struct sim_parser *parser) {
	for (struct sim_builder *at = parser->builders; at != NULL; at = at->next) strbuf_free(&at->text);
	parser->builders = NULL;
}

/* --- Tokens --- */

void sim_fail(struct sim_parser *parser, int number, const char *format, ...) {
	va_list args;
	va_start(args, format);
	char *text = xvasprintf(format, args);
	va_end(args);
	parser->error.number = number;
	parser->error.state = number == 137 ? 2 : 1;
	parser->error.text = arena_strdup(parser->arena, text);
	if (parser->error.line == 0) parser->error.line = sim_peek(parser, 0)->line;
	free(text);
	longjmp(parser->failed, 1);
}

static const char *const reserved[] = {
	"SELECT",   "FROM",     "WHERE",     "INSERT",  "UPDATE",  "DELETE",     "CREATE",      "ALTER",    "DROP",
	"TABLE",    "INTO",     "VALUES",    "AND",     "OR",      "NOT",        "NULL",        "IN",       "IS",
	"LIKE",     "EXISTS",   "BETWEEN",   "ORDER",   "GROUP",   "BY",         "HAVING",      "UNION",    "JOIN",
	"INNER",    "LEFT",     "RIGHT",     "FULL",    "OUTER",   "CROSS",      "ON",          "AS",       "SET",
	"IF",       "ELSE",     "BEGIN",     "END",     "WHILE",   "RETURN",     "DECLARE",     "EXEC",     "EXECUTE",
	"USE",      "PRINT",    "GRANT",     "DENY",    "REVOKE",  "BACKUP",     "RESTORE",     "DATABASE", "PRIMARY",
	"KEY",      "UNIQUE",   "CHECK",     "DEFAULT", "FOREIGN", "REFERENCES", "CASE",        "WHEN",     "THEN",
	"TOP",      "DISTINCT", "ALL",       "WITH",    "TO",      "TRAN",       "TRANSACTION", "COMMIT",   "ROLLBACK",
	"INDEX",    "VIEW",     "PROCEDURE", "TRIGGER", "FOR",     "KILL",       "SHUTDOWN",    "WAITFOR",  "RAISERROR",
	"IDENTITY", "DESC",     "ASC",
};

static bool is_reserved(const char *word) {
	for (size_t i = 0; i < ARRAY_LENGTH(reserved); i++)
		if (strcasecmp(reserved[i], word) == 0) return true;
	return false;
}

void sim_fail_near(struct sim_parser *parser) {
	const struct sim_token *token = sim_peek(parser, 0);
	/* At the end SQL Server names the last word. */
	if (token->type == SIM_TOKEN_END && parser->at > 0) token = &parser->tokens.tokens[parser->tokens.count - 2];
	parser->error.line = token->line;
	if (token->type == SIM_TOKEN_WORD && is_reserved(token->text))
		sim_fail(parser, 156, "Incorrect syntax near the keyword '%s'.", token->text);
	sim_fail(parser, 102, "Incorrect syntax near '%s'.", token->text);
}

bool sim_token_is(const struct sim_token *token, const char *word) {
	return token->type == SIM_TOKEN_WORD && strcasecmp(token->text, word) == 0;
}

static size_t matches(const struct sim_parser *parser, const char *words) {
	size_t count = 0;
	while (*words != '\0') {
		size_t length = strcspn(words, " ");
		const struct sim_token *token = sim_peek(parser, count);
		if (token->type != SIM_TOKEN_WORD || strlen(token->text) != length ||
		    strncasecmp(token->text, words, length) != 0)
			return 0;
		count++;
		words += length;
		words += *words == ' ';
	}
	return count;
}

bool sim_next_is(const struct sim_parser *parser, const char *words) {
	return matches(parser, words) > 0;
}

bool sim_accept(struct sim_parser *parser, const char *words) {
	size_t count = matches(parser, words);
	parser->at += count;
	return count > 0;
}

void sim_expect(struct sim_parser *parser, const char *words) {
	if (!sim_accept(parser, words)) sim_fail_near(parser);
}

bool sim_next_is_punctuation(const struct sim_parser *parser, size_t ahead, const char *text) {
	const struct sim_token *token = sim_peek(parser, ahead);
	return token->type == SIM_TOKEN_PUNCTUATION && strcmp(token->text, text) == 0;
}

bool sim_accept_punctuation(struct sim_parser *parser, const char *text) {
	if (!sim_next_is_punctuation(parser, 0, text)) return false;
	parser->at++;
	return true;
}

void sim_expect_punctuation(struct sim_parser *parser, const char *text) {
	if (!sim_accept_punctuation(parser, text)) sim_fail_near(parser);
}

const char *sim_expect_name(struct sim_parser *parser) {
	const struct sim_token *token = sim_peek(parser, 0);
	if (token->type != SIM_TOKEN_WORD && token->type != SIM_TOKEN_NAME) sim_fail_near(parser);
	parser->at++;
	return token->text;
}

const char *sim_expect_string(struct sim_parser *parser) {
	const struct sim_token *token = sim_peek(parser, 0);
	if (token->type != SIM_TOKEN_STRING) sim_fail_near(parser);
	parser->at++;
	return token->text;
}

bool sim_at_statement(const struct sim_parser *parser) {
	static const char *const starts[] = {
		"SELECT",   "INSERT",   "UPDATE",     "DELETE",      "CREATE",   "ALTER",   "DROP",    "IF",
		"ELSE",     "BEGIN",    "END",        "WHILE",       "SET",      "DECLARE", "EXEC",    "EXECUTE",
		"USE",      "PRINT",    "GRANT",      "DENY",        "REVOKE",   "BACKUP",  "RESTORE", "COMMIT",
		"ROLLBACK", "SAVE",     "RETURN",     "BREAK",       "CONTINUE", "WAITFOR", "THROW",   "RAISERROR",
		"KILL",     "SHUTDOWN", "CHECKPOINT", "RECONFIGURE", "TRUNCATE", "MERGE",   "DBCC",    "GO",
	};
	const struct sim_token *token = sim_peek(parser, 0);
	if (token->type != SIM_TOKEN_WORD) return false;
	for (size_t i = 0; i < ARRAY_LENGTH(starts); i++)
		if (sim_token_is(token, starts[i])) return true;
	return false;
}

/* --- Statements --- */

static struct sim_statement *statement(struct sim_parser *parser);

static struct sim_statement *list_until_end(struct sim_parser *parser) {
	struct sim_statement *first = NULL, **last = &first;
	for (;;) {
		while (sim_accept_punctuation(parser, ";")) continue;
		if (sim_next_is(parser, "END")) return first;
		if (sim_peek(parser, 0)->type == SIM_TOKEN_END) sim_fail_near(parser);
		*last = statement(parser);
		last = &(*last)->next;
	}
}

static struct sim_statement *one(struct sim_parser *parser) {
	while (sim_accept_punctuation(parser, ";")) continue;
	struct sim_statement *result = statement(parser);
	sim_accept_punctuation(parser, ";");
	return result;
}

static void declare(struct sim_parser *parser, struct sim_statement *first) {
	struct sim_statement *at = first;
	for (;;) {
		const struct sim_token *name = sim_peek(parser, 0);
		if (name->type != SIM_TOKEN_VARIABLE) sim_fail_near(parser);
		parser->at++;
		at->kind = SIM_DECLARE;
		at->name = name->text;
		sim_accept(parser, "AS");
		at->type = sim_parse_type(parser, NULL);
		if (sim_accept_punctuation(parser, "=")) at->value = sim_parse_expression(parser);
		at->if_exists = sim_accept(parser, "OUTPUT") || sim_accept(parser, "OUT");
		if (!sim_accept_punctuation(parser, ",")) return;
		struct sim_statement *next = arena_alloc(parser->arena, sizeof(*next));
		next->line = at->line;
		parser->query = &next->query;
		at->body = next; /* the rest of the list; made flat by the caller */
		at = next;
	}
}

static void set(struct sim_parser *parser, struct sim_statement *statement) {
	const struct sim_token *name = sim_peek(parser, 0);
	if (name->type == SIM_TOKEN_VARIABLE) {
		parser->at++;
		statement->kind = SIM_ASSIGN;
		statement->name = name->text;
		bool add = sim_accept_punctuation(parser, "+=");
		if (!add) sim_expect_punctuation(parser, "=");
		statement->value = sim_parse_expression(parser);
		if (!add) return;
		cleanup_free char *sql = xasprintf("sim_add(%s,%s)", name->text, statement->value.sql);
		statement->value = (struct sim_expression){ .sql = arena_strdup(parser->arena, sql) };
		return;
	}
	statement->kind = SIM_OPTION;
	struct strbuf *text = sim_builder(parser);
	while (!sim_next_is(parser, "ON") && !sim_next_is(parser, "OFF") &&
	       sim_peek(parser, 0)->type == SIM_TOKEN_WORD && (text->length == 0 || !sim_at_statement(parser))) {
		strbuf_printf(text, "%s%s", text->length > 0 ? " " : "", sim_peek(parser, 0)->text);
		parser->at++;
		if (!sim_accept_punctuation(parser, ",")) continue;
		strbuf_append(text, ",");
	}
	statement->name = arena_strdup(parser->arena, strbuf_text(text));
	if (sim_accept(parser, "ON")) statement->other = "ON";
	else if (sim_accept(parser, "OFF")) statement->other = "OFF";
	else if (sim_peek(parser, 0)->type == SIM_TOKEN_NUMBER || sim_next_is_punctuation(parser, 0, "-") ||
	         sim_peek(parser, 0)->type == SIM_TOKEN_STRING)
		statement->value = sim_parse_expression(parser);
}

static void add_argument(struct sim_parser *parser, struct sim_statement *statement, struct sim_argument argument) {
	struct sim_argument *list = arena_calloc(parser->arena, statement->argument_count + 1, sizeof(*list));
	for (size_t i = 0; i < statement->argument_count; i++) list[i] = statement->arguments[i];
	list[statement->argument_count++] = argument;
	statement->arguments = list;
}

static void execute(struct sim_parser *parser, struct sim_statement *statement) {
	if (sim_accept_punctuation(parser, "(")) {
		statement->kind = SIM_EXECUTE_TEXT;
		statement->value = sim_parse_expression(parser);
		sim_expect_punctuation(parser, ")");
		return;
	}
	statement->kind = SIM_EXECUTE;
	if (sim_peek(parser, 0)->type == SIM_TOKEN_VARIABLE && sim_next_is_punctuation(parser, 1, "=")) {
		statement->other = sim_peek(parser, 0)->text; /* the return value */
		parser->at += 2;
	}
	statement->name = sim_expect_name(parser);
	while (sim_accept_punctuation(parser, ".")) {
		if (sim_next_is_punctuation(parser, 0, ".")) continue;
		statement->name = sim_expect_name(parser);
	}
	if (sim_at_statement(parser) || sim_peek(parser, 0)->type == SIM_TOKEN_END ||
	    sim_next_is_punctuation(parser, 0, ";"))
		return;
	do {
		struct sim_argument argument = { 0 };
		const struct sim_token *token = sim_peek(parser, 0);
		if (token->type == SIM_TOKEN_VARIABLE && sim_next_is_punctuation(parser, 1, "=")) {
			argument.name = token->text;
			parser->at += 2;
		}
		token = sim_peek(parser, 0);
		if (token->type == SIM_TOKEN_WORD && !sim_next_is(parser, "NULL")) {
			parser->at++; /* a bare word is text here: EXEC sp_configure show, or DEFAULT */
			argument.value = (struct sim_expression){ .sql = sim_literal(parser->arena, token->text) };
		} else {
			argument.value = sim_parse_expression(parser);
		}
		if (sim_accept(parser, "OUTPUT") || sim_accept(parser, "OUT")) argument.variable = token->text;
		add_argument(parser, statement, argument);
	} while (sim_accept_punctuation(parser, ","));
	if (sim_accept(parser, "WITH RECOMPILE")) return;
}

/* A name is allowed and says nothing: only the outermost transaction counts. */
static void transaction_name(struct sim_parser *parser) {
	enum sim_token_type type = sim_peek(parser, 0)->type;
	if (type == SIM_TOKEN_NAME || (type == SIM_TOKEN_WORD && !sim_at_statement(parser))) sim_expect_name(parser);
}

static void begin(struct sim_parser *parser, struct sim_statement *statement) {
	if (sim_accept(parser, "TRAN") || sim_accept(parser, "TRANSACTION")) {
		statement->kind = SIM_BEGIN_TRANSACTION;
		transaction_name(parser);
		return;
	}
	if (sim_accept(parser, "TRY")) {
		statement->kind = SIM_TRY;
		statement->body = list_until_end(parser);
		sim_expect(parser, "END TRY");
		sim_accept_punctuation(parser, ";");
		sim_expect(parser, "BEGIN CATCH");
		statement->otherwise = list_until_end(parser);
		sim_expect(parser, "END CATCH");
		return;
	}
	statement->kind = SIM_BLOCK;
	statement->body = list_until_end(parser);
	sim_expect(parser, "END");
}

static void end_transaction(struct sim_parser *parser, struct sim_statement *statement, enum sim_statement_kind kind) {
	statement->kind = kind;
	if (!sim_accept(parser, "TRANSACTION") && !sim_accept(parser, "TRAN")) sim_accept(parser, "WORK");
	transaction_name(parser);
}

static void parse_if(struct sim_parser *parser, struct sim_statement *statement) {
	statement->kind = SIM_IF;
	statement->value = sim_parse_condition(parser);
	statement->body = one(parser);
	if (sim_accept(parser, "ELSE")) statement->otherwise = one(parser);
}

static void comma_arguments(struct sim_parser *parser, struct sim_statement *statement) {
	do {
		add_argument(parser, statement, (struct sim_argument){ .value = sim_parse_expression(parser) });
	} while (sim_accept_punctuation(parser, ","));
}

static void raiserror(struct sim_parser *parser, struct sim_statement *statement) {
	statement->kind = SIM_RAISERROR;
	sim_expect_punctuation(parser, "(");
	comma_arguments(parser, statement);
	sim_expect_punctuation(parser, ")");
	while (sim_accept(parser, "WITH") || sim_accept_punctuation(parser, ",")) sim_expect_name(parser);
}

static void to_end_of_statement(struct sim_parser *parser, struct sim_statement *statement) {
	statement->kind = SIM_NOTHING;
	while (sim_peek(parser, 0)->type != SIM_TOKEN_END && !sim_next_is_punctuation(parser, 0, ";") &&
	       !sim_at_statement(parser))
		parser->at++;
}

static void create(struct sim_parser *parser, struct sim_statement *statement) {
	if (sim_accept(parser, "TABLE")) {
		sim_parse_create_table(parser, statement);
	} else if (sim_accept(parser, "UNIQUE")) {
		sim_parse_create_index(parser, statement, true);
	} else if (sim_next_is(parser, "INDEX") || sim_next_is(parser, "CLUSTERED") ||
	           sim_next_is(parser, "NONCLUSTERED")) {
		sim_parse_create_index(parser, statement, false);
	} else {
		parser->at--;
		if (sim_parse_server(parser, statement)) return;
		parser->at++;
		sim_fail_near(parser);
	}
}

static void simple(struct sim_parser *parser, struct sim_statement *statement) {
	if (sim_accept(parser, "IF")) return parse_if(parser, statement);
	if (sim_accept(parser, "WHILE")) {
		statement->kind = SIM_WHILE;
		statement->value = sim_parse_condition(parser);
		statement->body = one(parser);
		return;
	}
	if (sim_accept(parser, "BEGIN")) return begin(parser, statement);
	if (sim_accept(parser, "DECLARE")) return declare(parser, statement);
	if (sim_accept(parser, "SET")) return set(parser, statement);
	if (sim_accept(parser, "EXEC") || sim_accept(parser, "EXECUTE")) return execute(parser, statement);
	if (sim_next_is(parser, "SELECT") || sim_next_is(parser, "WITH")) {
		statement->kind = SIM_SELECT;
		sim_parse_select(parser, &statement->query);
		return;
	}
	if (sim_accept(parser, "INSERT")) return sim_parse_insert(parser, statement);
	if (sim_accept(parser, "UPDATE")) return sim_parse_update(parser, statement);
	if (sim_accept(parser, "DELETE")) return sim_parse_delete(parser, statement);
	if (sim_accept(parser, "TRUNCATE TABLE")) return sim_parse_delete(parser, statement);
	if (sim_accept(parser, "COMMIT")) return end_transaction(parser, statement, SIM_COMMIT);
	if (sim_accept(parser, "ROLLBACK")) return end_transaction(parser, statement, SIM_ROLLBACK);
	if (sim_accept(parser, "RAISERROR")) return raiserror(parser, statement);
	if (sim_accept(parser, "CREATE")) return create(parser, statement);
	if (sim_accept(parser, "ALTER TABLE")) return sim_parse_alter_table(parser, statement);
	if (sim_accept(parser, "DROP TABLE")) return sim_parse_drop_table(parser, statement);
	static const struct {
		const char *words;
		enum sim_statement_kind kind;
		enum { NOTHING, NAME, VALUE } takes;
	} table[] = {
		{ "BREAK", SIM_BREAK, NOTHING }, { "CONTINUE", SIM_CONTINUE, NOTHING },   { "USE", SIM_USE, NAME },
		{ "PRINT", SIM_PRINT, VALUE },   { "WAITFOR DELAY", SIM_WAITFOR, VALUE }, { "KILL", SIM_KILL, VALUE },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(table); i++) {
		if (!sim_accept(parser, table[i].words)) continue;
		statement->kind = table[i].kind;
		if (table[i].takes == NAME) statement->name = sim_expect_name(parser);
		if (table[i].takes == VALUE) statement->value = sim_parse_expression(parser);
		return;
	}
	if (sim_accept(parser, "RETURN")) {
		statement->kind = SIM_RETURN;
		if (!sim_at_statement(parser) && sim_peek(parser, 0)->type != SIM_TOKEN_END &&
		    !sim_next_is_punctuation(parser, 0, ";"))
			statement->value = sim_parse_expression(parser);
		return;
	}
	if (sim_accept(parser, "THROW")) {
		statement->kind = SIM_THROW;
		if (sim_peek(parser, 0)->type == SIM_TOKEN_NUMBER || sim_peek(parser, 0)->type == SIM_TOKEN_VARIABLE)
			comma_arguments(parser, statement);
		return;
	}
	if (sim_accept(parser, "CHECKPOINT") || sim_accept(parser, "RECONFIGURE") || sim_accept(parser, "DBCC"))
		return to_end_of_statement(parser, statement);
	if (sim_parse_server(parser, statement)) return;
	/* A batch may begin with the name of a procedure. */
	if (parser->at == 0 && !sim_at_statement(parser) && sim_peek(parser, 0)->type == SIM_TOKEN_WORD &&
	    (strncasecmp(sim_peek(parser, 0)->text, "sp_", 3) == 0 ||
	     strncasecmp(sim_peek(parser, 0)->text, "xp_", 3) == 0))
		return execute(parser, statement);
	sim_fail_near(parser);
}

static struct sim_statement *statement(struct sim_parser *parser) {
	struct sim_statement *result = arena_alloc(parser->arena, sizeof(*result));
	result->line = sim_peek(parser, 0)->line;
	struct sim_query *outer = parser->query;
	parser->query = &result->query;
	simple(parser, result);
	parser->query = outer;
	if (result->kind == SIM_DECLARE && result->body != NULL) {
		/* DECLARE @a …, @b …: one statement each, in a block. */
		struct sim_statement *block = arena_alloc(parser->arena, sizeof(*block));
		*block = (struct sim_statement){ .kind = SIM_BLOCK, .line = result->line, .body = result };
		for (struct sim_statement *at = result; at != NULL; at = at->next) {
			at->next = at->body;
			at->body = NULL;
		}
		return block;
	}
	return result;
}

static bool parse(struct arena *arena, const char *source, bool declaration, struct sim_statement **batch,
                  struct sim_syntax_error *error) {
	struct sim_parser *parser = arena_alloc(arena, sizeof(*parser));
	parser->arena = arena;
	parser->source = source;
	*batch = NULL;
	bool closed = sim_lex(arena, source, &parser->tokens);
	if (setjmp(parser->failed) != 0) {
		free_builders(parser);
		*error = parser->error;
		return false;
	}
	if (!closed) {
		const struct sim_token *open =
		        &parser->tokens.tokens[parser->tokens.count > 0 ? parser->tokens.count - 1 : 0];
		parser->error.line = open->line > 0 ? open->line : 1;
		if (parser->tokens.count > 0 && open->type == SIM_TOKEN_STRING)
			sim_fail(parser, 105, "Unclosed quotation mark after the character string '%s'.", open->text);
		sim_fail(parser, 113, "Missing end comment mark '*/'.");
	}
	struct sim_statement **last = batch;
	if (declaration) {
		struct sim_statement *first = arena_alloc(arena, sizeof(*first));
		parser->query = &first->query;
		if (sim_peek(parser, 0)->type != SIM_TOKEN_END) {
			declare(parser, first);
			for (struct sim_statement *at = first; at != NULL; at = at->next) at->next = at->body;
			*batch = first;
		}
	}
	while (sim_peek(parser, 0)->type != SIM_TOKEN_END) {
		if (sim_accept_punctuation(parser, ";")) continue;
		if (declaration) sim_fail_near(parser);
		*last = statement(parser);
		last = &(*last)->next;
	}
	free_builders(parser);
	return true;
}

bool sim_parse(struct arena *arena, const char *source, struct sim_statement **batch, struct sim_syntax_error *error) {
	return parse(arena, source, false, batch, error);
}

bool sim_parse_declaration(struct arena *arena, const char *source, struct sim_statement **list,
                           struct sim_syntax_error *error) {
	return parse(arena, source, true, list, error);
}

const struct sim_option *sim_option_find(const struct sim_option *options, size_t count, const char *key) {
	for (size_t i = 0; i < count; i++)
		if (strcmp(options[i].key, key) == 0) return &options[i];
	return NULL;
}

const char *sim_option_value(const struct sim_option *options, size_t count, const char *key) {
	const struct sim_option *option = sim_option_find(options, count, key);
	return option != NULL ? option->value : NULL;
}
