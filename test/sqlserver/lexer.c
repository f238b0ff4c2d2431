#include "sqlserver/lexer.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/strbuf.h"

struct lexer {
	struct arena *arena;
	const char *source, *at;
	int line;
	struct sim_token *tokens;
	size_t count;
};

static bool is_word_start(char c) {
	return isalpha((unsigned char)c) || c == '_' || c == '#' || (unsigned char)c >= 0x80;
}
static bool is_word(char c) {
	return is_word_start(c) || isdigit((unsigned char)c) || c == '$' || c == '@';
}

static char *keep(struct arena *arena, const char *bytes, size_t length) {
	char *text = arena_alloc(arena, length + 1);
	if (length > 0) memcpy(text, bytes, length);
	text[length] = '\0';
	return text;
}

static struct sim_token *add(struct lexer *lexer, enum sim_token_type type, const char *start, const char *text,
                             size_t length) {
	if ((lexer->count & (lexer->count - 1)) == 0)
		lexer->tokens =
		        xreallocarray(lexer->tokens, lexer->count == 0 ? 1 : 2 * lexer->count, sizeof(*lexer->tokens));
	struct sim_token *token = &lexer->tokens[lexer->count++];
	*token = (struct sim_token){ .type = type,
		                     .text = keep(lexer->arena, text, length),
		                     .line = lexer->line,
		                     .start = (size_t)(start - lexer->source) };
	return token;
}

/* Comments nest in T-SQL. False when one does not end. */
static bool skip_space(struct lexer *lexer) {
	for (;;) {
		const char *at = lexer->at;
		if (*at == '\n') lexer->line++;
		if (isspace((unsigned char)*at)) {
			lexer->at++;
		} else if (at[0] == '-' && at[1] == '-') {
			lexer->at += strcspn(at, "\n");
		} else if (at[0] == '/' && at[1] == '*') {
			int depth = 0;
			do {
				if (*lexer->at == '\0') return false;
				if (*lexer->at == '\n') lexer->line++;
				int change = strncmp(lexer->at, "/*", 2) == 0   ? 1
				             : strncmp(lexer->at, "*/", 2) == 0 ? -1
				                                                : 0;
				lexer->at += change == 0 ? 1 : 2;
				depth += change;
			} while (depth > 0);
		} else {
			return true;
		}
	}
}

/* Delimited text, in which the doubled closing delimiter stands for itself. */
static bool delimited(struct lexer *lexer, enum sim_token_type type, const char *start, char close) {
	cleanup_strbuf struct strbuf text = { 0 };
	int line = lexer->line;
	for (;;) {
		char c = *lexer->at;
		if (c == '\0') break;
		lexer->at++;
		if (c == '\n') lexer->line++;
		if (c == close && *lexer->at != close) break;
		if (c == close) lexer->at++;
		strbuf_append_char(&text, c);
	}
	struct sim_token *token = add(lexer, type, start, strbuf_text(&text), text.length);
	token->line = line;
	return lexer->at > start && lexer->at[-1] == close && !(lexer->at[0] == '\0' && lexer->at - 1 == start);
}

static void number(struct lexer *lexer) {
	const char *start = lexer->at;
	while (isdigit((unsigned char)*lexer->at)) lexer->at++;
	if (*lexer->at == '.') {
		lexer->at++;
		while (isdigit((unsigned char)*lexer->at)) lexer->at++;
	}
	if ((*lexer->at == 'e' || *lexer->at == 'E') &&
	    (isdigit((unsigned char)lexer->at[1]) ||
	     ((lexer->at[1] == '-' || lexer->at[1] == '+') && isdigit((unsigned char)lexer->at[2])))) {
		lexer->at += 2;
		while (isdigit((unsigned char)*lexer->at)) lexer->at++;
	}
	add(lexer, SIM_TOKEN_NUMBER, start, start, (size_t)(lexer->at - start));
}

static void punctuation(struct lexer *lexer) {
	static const char *const pairs[] = { "<>", "<=", ">=", "!=", "!<", "!>", "+=", "-=", "*=", "/=", "::" };
	size_t length = 1;
	for (size_t i = 0; i < ARRAY_LENGTH(pairs); i++)
		if (strncmp(lexer->at, pairs[i], 2) == 0) length = 2;
	add(lexer, SIM_TOKEN_PUNCTUATION, lexer->at, lexer->at, length);
	lexer->at += length;
}

static bool token(struct lexer *lexer) {
	const char *start = lexer->at;
	char c = *start;
	if (c == '\'') {
		lexer->at++;
		return delimited(lexer, SIM_TOKEN_STRING, start, '\'');
	}
	if ((c == 'N' || c == 'n') && start[1] == '\'') {
		lexer->at += 2;
		bool closed = delimited(lexer, SIM_TOKEN_STRING, start, '\'');
		lexer->tokens[lexer->count - 1].national = true;
		return closed;
	}
	if (c == '[' || c == '"') {
		lexer->at++;
		return delimited(lexer, SIM_TOKEN_NAME, start, c == '[' ? ']' : '"');
	}
	if (c == '0' && (start[1] == 'x' || start[1] == 'X')) {
		lexer->at += 2;
		while (isxdigit((unsigned char)*lexer->at)) lexer->at++;
		add(lexer, SIM_TOKEN_BINARY, start, start + 2, (size_t)(lexer->at - start - 2));
		return true;
	}
	if (isdigit((unsigned char)c) || (c == '.' && isdigit((unsigned char)start[1]))) {
		number(lexer);
		return true;
	}
	if (c == '@' || is_word_start(c)) {
		while (is_word(*lexer->at)) lexer->at++;
		add(lexer, c == '@' ? SIM_TOKEN_VARIABLE : SIM_TOKEN_WORD, start, start, (size_t)(lexer->at - start));
		return true;
	}
	punctuation(lexer);
	return true;
}

bool sim_lex(struct arena *arena, const char *source, struct sim_tokens *tokens) {
	struct lexer lexer = { .arena = arena, .source = source, .at = source, .line = 1 };
	bool closed = true;
	while (closed && (closed = skip_space(&lexer)) && *lexer.at != '\0') {
		closed = token(&lexer);
		lexer.tokens[lexer.count - 1].end = (size_t)(lexer.at - source);
	}
	if (closed) add(&lexer, SIM_TOKEN_END, lexer.at, "", 0)->end = (size_t)(lexer.at - source);
	tokens->count = lexer.count;
	tokens->tokens = arena_calloc(arena, lexer.count + 1, sizeof(*lexer.tokens));
	if (lexer.count > 0) memcpy(tokens->tokens, lexer.tokens, lexer.count * sizeof(*lexer.tokens));
	free(lexer.tokens);
	return closed;
}
