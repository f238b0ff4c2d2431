/* What the parts of the parser share. */
#ifndef SIMSQL_PARSER_H
#define SIMSQL_PARSER_H

#include <setjmp.h>

#include "base/strbuf.h"
#include "sqlserver/lexer.h"
#include "sqlserver/syntax.h"

struct sim_parser {
	struct arena *arena;
	const char *source;
	struct sim_tokens tokens;
	size_t at;
	struct sim_query *query; /* being translated: collects the database and whether tables are read */
	struct sim_syntax_error error;
	struct sim_builder *builders;
	jmp_buf failed; /* so nothing may be held that is allocated outside the arena and the builders */
};

/* A text to put together; freed with the parser, however it ends. */
struct strbuf *sim_builder(struct sim_parser *parser);

static inline const struct sim_token *sim_peek(const struct sim_parser *parser, size_t ahead) {
	size_t at = parser->at + ahead;
	if (at >= parser->tokens.count) at = parser->tokens.count - 1;
	return &parser->tokens.tokens[at];
}

/* Refuses the batch. */
void sim_fail_near(struct sim_parser *parser) __attribute__((noreturn));
void sim_fail(struct sim_parser *parser, int number, const char *format, ...)
        __attribute__((noreturn, format(printf, 3, 4)));

bool sim_token_is(const struct sim_token *token, const char *word);
/* Whether the words come next; keywords only, never [names]. */
bool sim_next_is(const struct sim_parser *parser, const char *words);
/* Takes them when they do. */
bool sim_accept(struct sim_parser *parser, const char *words);
void sim_expect(struct sim_parser *parser, const char *words);
bool sim_accept_punctuation(struct sim_parser *parser, const char *text);
void sim_expect_punctuation(struct sim_parser *parser, const char *text);
bool sim_next_is_punctuation(const struct sim_parser *parser, size_t ahead, const char *text);
/* A name: word, [name]; a string too where T-SQL takes one. */
const char *sim_expect_name(struct sim_parser *parser);
const char *sim_expect_string(struct sim_parser *parser);
/* Whether a statement could begin (or a block end) here. */
bool sim_at_statement(const struct sim_parser *parser);

/* --- sqlserver/translate.c --- */
struct sim_expression sim_parse_expression(struct sim_parser *parser);
/* A condition, as an expression that is 1 or 0. */
struct sim_expression sim_parse_condition(struct sim_parser *parser);
void sim_parse_select(struct sim_parser *parser, struct sim_query *query);
/* A table's name in SQLite, quoted; notes the database in parser->query. *plain gets it as T-SQL would show it. */
const char *sim_parse_table(struct sim_parser *parser, const char **plain);
/* A type as in DECLARE and CREATE TABLE; *text gets its spelling. */
struct sim_type_info sim_parse_type(struct sim_parser *parser, const char **text);
const char *sim_quoted(struct arena *arena, const char *name);
const char *sim_literal(struct arena *arena, const char *text);
/* INSERT, UPDATE, DELETE, CREATE TABLE … (sqlserver/translate_change.c) */
void sim_parse_insert(struct sim_parser *parser, struct sim_statement *statement);
void sim_parse_update(struct sim_parser *parser, struct sim_statement *statement);
void sim_parse_delete(struct sim_parser *parser, struct sim_statement *statement);
void sim_parse_create_table(struct sim_parser *parser, struct sim_statement *statement);
void sim_parse_alter_table(struct sim_parser *parser, struct sim_statement *statement);
void sim_parse_drop_table(struct sim_parser *parser, struct sim_statement *statement);
void sim_parse_create_index(struct sim_parser *parser, struct sim_statement *statement, bool unique);

/* --- sqlserver/parse_server.c: CREATE, ALTER, DROP, GRANT … of server objects; false when it is none of them. --- */
bool sim_parse_server(struct sim_parser *parser, struct sim_statement *statement);

#endif
