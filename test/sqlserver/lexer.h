/* T-SQL cut into tokens. */
#ifndef SIMSQL_LEXER_H
#define SIMSQL_LEXER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/memory.h"

enum sim_token_type {
	SIM_TOKEN_END,
	SIM_TOKEN_WORD,     /* SELECT, name */
	SIM_TOKEN_NAME,     /* [name], "name": text without the delimiters */
	SIM_TOKEN_STRING,   /* 'text', N'text': text without quotes */
	SIM_TOKEN_NUMBER,   /* 12, 1.5e3 */
	SIM_TOKEN_BINARY,   /* 0x12: text "12" */
	SIM_TOKEN_VARIABLE, /* @x, @@x */
	SIM_TOKEN_PUNCTUATION
};

struct sim_token {
	enum sim_token_type type;
	const char *text;
	bool national;     /* N'text' */
	int line;          /* from 1 */
	size_t start, end; /* in the source */
};

struct sim_tokens {
	struct sim_token *tokens; /* the last one is SIM_TOKEN_END */
	size_t count;
};

/* Tokens live in the arena. False for text that does not end (a quote without its partner): then the last token is
 * what was open. */
bool sim_lex(struct arena *arena, const char *source, struct sim_tokens *tokens);

#endif
