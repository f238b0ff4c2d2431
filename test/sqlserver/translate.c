/* T-SQL's expressions and queries in SQLite's words.
 *
 * Names stay, quoting changes; + becomes a function that adds or concatenates; comparisons ignore case, as the server's
 * default collation does; functions are those of sqlserver/functions.c. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "sqlserver/parser.h"

#define TYPE(type_, length_)         \
	true, {                      \
		type_, length_, 0, 0 \
	}

/* How T-SQL's functions are called here, and what they return when that is always the same. */
static const struct {
	const char *name, *sqlite;
	bool typed;
	struct sim_type_info type;
} functions[] = {
	{ "ABS", "abs", false, { 0 } },
	{ "APP_NAME", "sim_app_name", TYPE(SIM_NVARCHAR, 128) },
	{ "AVG", "avg", false, { 0 } },
	{ "CERTENCODED", "sim_certencoded", TYPE(SIM_VARBINARY, SIM_MAX) },
	{ "CERTPRIVATEKEY", "sim_certprivatekey", TYPE(SIM_VARBINARY, SIM_MAX) },
	{ "CERT_ID", "sim_cert_id", TYPE(SIM_INT, 0) },
	{ "CHARINDEX", "sim_charindex", TYPE(SIM_INT, 0) },
	{ "COALESCE", "coalesce", false, { 0 } },
	{ "CONCAT", "sim_concat", TYPE(SIM_NVARCHAR, 4000) },
	{ "COUNT", "count", TYPE(SIM_INT, 0) },
	{ "COUNT_BIG", "count", TYPE(SIM_BIGINT, 0) },
	{ "DATABASEPROPERTYEX", "sim_databasepropertyex", false, { 0 } },
	{ "DATALENGTH", "sim_datalength", TYPE(SIM_INT, 0) },
	{ "DB_ID", "sim_db_id", TYPE(SIM_INT, 0) },
	{ "DB_NAME", "sim_db_name", TYPE(SIM_NVARCHAR, 128) },
	{ "ERROR_LINE", "sim_error_line", TYPE(SIM_INT, 0) },
	{ "ERROR_MESSAGE", "sim_error_message", TYPE(SIM_NVARCHAR, 4000) },
	{ "ERROR_NUMBER", "sim_error_number", TYPE(SIM_INT, 0) },
	{ "ERROR_PROCEDURE", "sim_error_procedure", TYPE(SIM_NVARCHAR, 128) },
	{ "ERROR_SEVERITY", "sim_error_severity", TYPE(SIM_INT, 0) },
	{ "ERROR_STATE", "sim_error_state", TYPE(SIM_INT, 0) },
	{ "FN_HADR_IS_PRIMARY_REPLICA", "sim_is_primary_replica", TYPE(SIM_BIT, 0) },
	{ "GETDATE", "sim_getdate", true, { SIM_DATETIME, 0, 0, 3 } },
	{ "GETUTCDATE", "sim_getdate", true, { SIM_DATETIME, 0, 0, 3 } },
	{ "CURRENT_TIMESTAMP", "sim_getdate", true, { SIM_DATETIME, 0, 0, 3 } },
	{ "HAS_PERMS_BY_NAME", "sim_has_perms_by_name", TYPE(SIM_INT, 0) },
	{ "HOST_NAME", "sim_host_name", TYPE(SIM_NVARCHAR, 128) },
	{ "IIF", "iif", false, { 0 } },
	{ "ISNULL", "ifnull", false, { 0 } },
	{ "IS_SRVROLEMEMBER", "sim_is_srvrolemember", TYPE(SIM_INT, 0) },
	{ "LEFT", "sim_left", TYPE(SIM_NVARCHAR, 4000) },
	{ "LEN", "sim_len", TYPE(SIM_INT, 0) },
	{ "LOWER", "lower", TYPE(SIM_NVARCHAR, 4000) },
	{ "LTRIM", "ltrim", TYPE(SIM_NVARCHAR, 4000) },
	{ "MAX", "max", false, { 0 } },
	{ "MIN", "min", false, { 0 } },
	{ "NEWID", "sim_newid", TYPE(SIM_UNIQUEIDENTIFIER, 0) },
	{ "NULLIF", "nullif", false, { 0 } },
	{ "OBJECT_ID", "sim_object_id", TYPE(SIM_INT, 0) },
	{ "ORIGINAL_LOGIN", "sim_login", TYPE(SIM_NVARCHAR, 128) },
	{ "QUOTENAME", "sim_quotename", TYPE(SIM_NVARCHAR, 258) },
	{ "REPLACE", "sim_replace", TYPE(SIM_NVARCHAR, 4000) },
	{ "REPLICATE", "sim_replicate", TYPE(SIM_NVARCHAR, 4000) },
	{ "RIGHT", "sim_right", TYPE(SIM_NVARCHAR, 4000) },
	{ "ROUND", "round", false, { 0 } },
	{ "ROW_NUMBER", "row_number", TYPE(SIM_BIGINT, 0) },
	{ "RTRIM", "rtrim", TYPE(SIM_NVARCHAR, 4000) },
	{ "SCOPE_IDENTITY", "sim_identity", true, { SIM_DECIMAL, 0, 38, 0 } },
	{ "SERVERPROPERTY", "sim_serverproperty", false, { 0 } },
	{ "SESSION_CONTEXT", "sim_session_context", TYPE(SIM_NVARCHAR, 4000) },
	{ "SESSIONPROPERTY", "sim_sessionproperty", TYPE(SIM_INT, 0) },
	{ "STRING_AGG", "group_concat", TYPE(SIM_NVARCHAR, SIM_MAX) },
	{ "SUBSTRING", "sim_substring", TYPE(SIM_NVARCHAR, 4000) },
	{ "SUM", "sum", false, { 0 } },
	{ "SUSER_ID", "sim_suser_id", TYPE(SIM_INT, 0) },
	{ "SUSER_NAME", "sim_suser_name", TYPE(SIM_NVARCHAR, 128) },
	{ "SUSER_SNAME", "sim_suser_sname", TYPE(SIM_NVARCHAR, 128) },
	{ "SYSDATETIME", "sim_sysdatetime", true, { SIM_DATETIME2, 0, 0, 7 } },
	{ "SYSTEM_USER", "sim_login", TYPE(SIM_NVARCHAR, 128) },
	{ "SYSUTCDATETIME", "sim_sysdatetime", true, { SIM_DATETIME2, 0, 0, 7 } },
	{ "TRIM", "trim", TYPE(SIM_NVARCHAR, 4000) },
	{ "UPPER", "upper", TYPE(SIM_NVARCHAR, 4000) },
	{ "USER_NAME", "sim_user_name", TYPE(SIM_NVARCHAR, 128) },
	{ "XACT_STATE", "sim_xact_state", TYPE(SIM_SMALLINT, 0) },
};

/* Functions without parentheses. */
static const char *const niladic[] = { "CURRENT_TIMESTAMP", "SYSTEM_USER" };

const char *sim_text_of(struct sim_parser *parser, const char *format, ...) {
	va_list args;
	va_start(args, format);
	cleanup_free char *text = xvasprintf(format, args);
	va_end(args);
	return arena_strdup(parser->arena, text);
}

const char *sim_quoted(struct arena *arena, const char *name) {
	cleanup_strbuf struct strbuf text = { 0 };
	strbuf_append_char(&text, '"');
	for (; *name != '\0'; name++) {
		if (*name == '"') strbuf_append_char(&text, '"');
		strbuf_append_char(&text, *name);
	}
	strbuf_append_char(&text, '"');
	return arena_strdup(arena, text.data);
}

const char *sim_literal(struct arena *arena, const char *value) {
	cleanup_strbuf struct strbuf text = { 0 };
	strbuf_append_char(&text, '\'');
	for (; *value != '\0'; value++) {
		if (*value == '\'') strbuf_append_char(&text, '\'');
		strbuf_append_char(&text, *value);
	}
	strbuf_append_char(&text, '\'');
	return arena_strdup(arena, text.data);
}

static struct sim_expression untyped(const char *sql) {
	return (struct sim_expression){ .sql = sql };
}
static struct sim_expression typed(const char *sql, enum sim_type type, int length) {
	return (struct sim_expression){ .sql = sql, .typed = true, .type = { type, length, 0, 0 } };
}

/* --- Primaries --- */

const char *sim_parse_subquery(struct sim_parser *parser) {
	struct sim_query own = { 0 };
	sim_parse_select(parser, &own);
	parser->query->reads_tables |= own.reads_tables;
	if (own.database != NULL) parser->query->database = own.database;
	return own.sql;
}

static bool at_select(const struct sim_parser *parser) {
	return sim_next_is(parser, "SELECT");
}

struct sim_type_info sim_parse_type(struct sim_parser *parser, const char **text) {
	const struct sim_token *first = sim_peek(parser, 0);
	const char *name = sim_expect_name(parser);
	if (strcasecmp(name, "sys") == 0 && sim_accept_punctuation(parser, ".")) name = sim_expect_name(parser);
	const char *spelled = name;
	if (sim_accept_punctuation(parser, "(")) {
		struct strbuf *inside = sim_builder(parser);
		while (!sim_next_is_punctuation(parser, 0, ")")) {
			if (sim_peek(parser, 0)->type == SIM_TOKEN_END) sim_fail_near(parser);
			strbuf_append(inside, sim_peek(parser, 0)->text);
			parser->at++;
		}
		parser->at++;
		spelled = sim_text_of(parser, "%s(%s)", name, strbuf_text(inside));
	}
	struct sim_type_info type;
	if (!sim_type_parse(spelled, &type)) {
		parser->error.line = first->line;
		sim_fail(parser, 243, "Type %s is not a defined system type.", name);
	}
	if (text != NULL) *text = spelled;
	return type;
}

static struct sim_expression cast(struct sim_parser *parser, bool convert, bool try) {
	struct sim_type_info type;
	const char *text, *style = "0";
	struct sim_expression value;
	sim_expect_punctuation(parser, "(");
	if (convert) {
		type = sim_parse_type(parser, &text);
		sim_expect_punctuation(parser, ",");
		value = sim_parse_expression(parser);
		if (sim_accept_punctuation(parser, ",")) style = sim_parse_expression(parser).sql;
	} else {
		value = sim_parse_expression(parser);
		sim_expect(parser, "AS");
		type = sim_parse_type(parser, &text);
	}
	sim_expect_punctuation(parser, ")");
	/* CAST to n[var]char without a length means 30. */
	bool characters = type.type >= SIM_CHAR && type.type <= SIM_VARBINARY;
	if (characters && strchr(text, '(') == NULL && type.length == 1) {
		type.length = 30;
		text = sim_text_of(parser, "%s(30)", text);
	}
	const char *sql = sim_text_of(parser, "sim_convert(%s,%s,%s,%d)", sim_literal(parser->arena, text), value.sql,
	                              style, try);
	return (struct sim_expression){ .sql = sql, .typed = true, .type = type };
}

/* DATEADD and DATEDIFF take a keyword first. */
static struct sim_expression date_function(struct sim_parser *parser, const char *name) {
	sim_expect_punctuation(parser, "(");
	const char *part = sim_expect_name(parser);
	struct strbuf *arguments = sim_builder(parser);
	while (sim_accept_punctuation(parser, ",")) strbuf_printf(arguments, ",%s", sim_parse_expression(parser).sql);
	sim_expect_punctuation(parser, ")");
	const char *sql =
	        sim_text_of(parser, "%s(%s%s)", name, sim_literal(parser->arena, part), strbuf_text(arguments));
	if (strcmp(name, "sim_dateadd") == 0)
		return (struct sim_expression){ sql, NULL, true, { SIM_DATETIME, 0, 0, 3 } };
	return typed(sql, strcmp(name, "sim_datediff_big") == 0 ? SIM_BIGINT : SIM_INT, 0);
}

static const char *window(struct sim_parser *parser) {
	if (!sim_accept(parser, "OVER")) return "";
	struct strbuf *text = sim_builder(parser);
	sim_expect_punctuation(parser, "(");
	strbuf_append(text, " OVER (");
	if (sim_accept(parser, "PARTITION BY")) {
		const char *separator = " PARTITION BY ";
		do {
			strbuf_printf(text, "%s%s", separator, sim_parse_expression(parser).sql);
			separator = ",";
		} while (sim_accept_punctuation(parser, ","));
	}
	if (sim_accept(parser, "ORDER BY")) {
		const char *separator = " ORDER BY ";
		do {
			strbuf_printf(text, "%s%s", separator, sim_parse_expression(parser).sql);
			if (sim_accept(parser, "DESC")) strbuf_append(text, " DESC");
			sim_accept(parser, "ASC");
			separator = ",";
		} while (sim_accept_punctuation(parser, ","));
	}
	sim_expect_punctuation(parser, ")");
	strbuf_append(text, ")");
	return arena_strdup(parser->arena, text->data);
}

static struct sim_expression call(struct sim_parser *parser, const char *name) {
	if (strcasecmp(name, "CAST") == 0 || strcasecmp(name, "TRY_CAST") == 0)
		return cast(parser, false, strcasecmp(name, "CAST") != 0);
	if (strcasecmp(name, "CONVERT") == 0 || strcasecmp(name, "TRY_CONVERT") == 0)
		return cast(parser, true, strcasecmp(name, "CONVERT") != 0);
	if (strcasecmp(name, "DATEADD") == 0) return date_function(parser, "sim_dateadd");
	if (strcasecmp(name, "DATEDIFF") == 0) return date_function(parser, "sim_datediff");
	if (strcasecmp(name, "DATEDIFF_BIG") == 0) return date_function(parser, "sim_datediff_big");
	size_t found = 0;
	while (found < ARRAY_LENGTH(functions) && strcasecmp(functions[found].name, name) != 0) found++;
	if (found == ARRAY_LENGTH(functions))
		sim_fail(parser, 195, "'%s' is not a recognized built-in function name.", name);
	struct strbuf *text = sim_builder(parser);
	strbuf_printf(text, "%s(", functions[found].sqlite);
	sim_expect_punctuation(parser, "(");
	if (sim_accept(parser, "DISTINCT")) strbuf_append(text, "DISTINCT ");
	struct sim_expression first = { 0 };
	if (sim_accept_punctuation(parser, "*")) {
		strbuf_append(text, "*");
	} else if (!sim_next_is_punctuation(parser, 0, ")")) {
		bool condition = strcasecmp(name, "IIF") == 0;
		first = condition ? sim_parse_condition(parser) : sim_parse_expression(parser);
		strbuf_append(text, first.sql);
		while (sim_accept_punctuation(parser, ",")) {
			struct sim_expression argument = sim_parse_expression(parser);
			strbuf_printf(text, ",%s", argument.sql);
			if (condition) first = argument;
			condition = false;
		}
	}
	sim_expect_punctuation(parser, ")");
	strbuf_append(text, ")");
	strbuf_append(text, window(parser));
	struct sim_expression result = { .sql = arena_strdup(parser->arena, text->data) };
	result.typed = functions[found].typed;
	result.type = functions[found].type;
	/* These have the type of what they are given. */
	static const char *const same[] = { "MAX", "MIN", "ISNULL", "COALESCE", "IIF", "NULLIF", "SUM" };
	for (size_t i = 0; i < ARRAY_LENGTH(same) && !result.typed; i++) {
		if (strcasecmp(same[i], name) != 0) continue;
		result.typed = first.typed;
		result.type = first.type;
	}
	return result;
}

/* a, t.a, s.t.a, d.s.t.a; t.*: what stands in front of the last part is the table, by its own name. */
static struct sim_expression column(struct sim_parser *parser) {
	const char *parts[4] = { sim_expect_name(parser) };
	size_t count = 1;
	while (count < ARRAY_LENGTH(parts) && sim_next_is_punctuation(parser, 0, ".")) {
		parser->at++;
		if (sim_accept_punctuation(parser, "*"))
			return (struct sim_expression){ .sql = sim_text_of(parser, "%s.*",
				                                           sim_quoted(parser->arena, parts[count - 1])),
				                        .column = "*" };
		if (sim_next_is_punctuation(parser, 0, ".")) {
			parts[count++] = "dbo"; /* db..t */
			continue;
		}
		parts[count++] = sim_expect_name(parser);
	}
	if (sim_next_is_punctuation(parser, 0, "(")) return call(parser, parts[count - 1]); /* sys.fn_…() */
	const char *name = parts[count - 1];
	for (size_t i = 0; i < ARRAY_LENGTH(niladic) && count == 1; i++)
		if (strcasecmp(niladic[i], name) == 0)
			return typed(strcasecmp(name, "SYSTEM_USER") == 0 ? "sim_login()" : "sim_getdate()",
			             strcasecmp(name, "SYSTEM_USER") == 0 ? SIM_NVARCHAR : SIM_DATETIME, 128);
	const char *sql = sim_quoted(parser->arena, name);
	if (count > 1) sql = sim_text_of(parser, "%s.%s", sim_quoted(parser->arena, parts[count - 2]), sql);
	return (struct sim_expression){ .sql = sql, .column = name };
}

static struct sim_expression case_expression(struct sim_parser *parser) {
	struct strbuf *text = sim_builder(parser);
	struct sim_expression result = { 0 };
	strbuf_append(text, "CASE");
	bool simple = !sim_next_is(parser, "WHEN");
	if (simple) strbuf_printf(text, " %s COLLATE NOCASE", sim_parse_expression(parser).sql);
	while (sim_accept(parser, "WHEN")) {
		strbuf_printf(text, " WHEN %s", simple ? sim_parse_expression(parser).sql : sim_parse_or(parser).sql);
		sim_expect(parser, "THEN");
		struct sim_expression value = sim_parse_expression(parser);
		strbuf_printf(text, " THEN %s", value.sql);
		if (!result.typed || (value.typed && value.type.length > result.type.length)) result = value;
	}
	if (sim_accept(parser, "ELSE")) {
		struct sim_expression value = sim_parse_expression(parser);
		strbuf_printf(text, " ELSE %s", value.sql);
		if (value.typed && value.type.length > result.type.length) result = value;
	}
	sim_expect(parser, "END");
	strbuf_append(text, " END");
	result.sql = arena_strdup(parser->arena, text->data);
	result.column = NULL;
	return result;
}

/* As nvarchar counts them: those beyond the basic plane are two. */
static size_t characters(const char *text) {
	size_t count = 0;
	for (; *text != '\0'; text++) {
		unsigned char byte = (unsigned char)*text;
		if ((byte & 0xc0) != 0x80) count += byte >= 0xf0 ? 2 : 1;
	}
	return count;
}

static struct sim_expression constant(struct sim_parser *parser, const struct sim_token *token) {
	parser->at++;
	int length;
	switch (token->type) {
	case SIM_TOKEN_STRING:
		length = (int)characters(token->text);
		return typed(sim_literal(parser->arena, token->text), token->national ? SIM_NVARCHAR : SIM_VARCHAR,
		             length > 0 ? length : 1);
	case SIM_TOKEN_BINARY:
		length = (int)(strlen(token->text) + 1) / 2;
		return typed(sim_text_of(parser, "x'%s%s'", strlen(token->text) % 2 == 1 ? "0" : "", token->text),
		             SIM_VARBINARY, length > 0 ? length : 1);
	default: return untyped(token->text);
	}
}

static struct sim_expression global(struct sim_parser *parser, const char *name) {
	static const struct {
		const char *name;
		enum sim_type type;
		int length;
	} globals[] = {
		{ "@@SERVERNAME", SIM_NVARCHAR, 128 }, { "@@VERSION", SIM_NVARCHAR, 300 },
		{ "@@SPID", SIM_SMALLINT, 0 },         { "@@ROWCOUNT", SIM_INT, 0 },
		{ "@@TRANCOUNT", SIM_INT, 0 },         { "@@ERROR", SIM_INT, 0 },
		{ "@@IDENTITY", SIM_DECIMAL, 0 },      { "@@LANGUAGE", SIM_NVARCHAR, 128 },
		{ "@@MAX_PRECISION", SIM_TINYINT, 0 }, { "@@SERVICENAME", SIM_NVARCHAR, 128 },
		{ "@@OPTIONS", SIM_INT, 0 },           { "@@LOCK_TIMEOUT", SIM_INT, 0 },
		{ "@@MICROSOFTVERSION", SIM_INT, 0 },  { "@@DATEFIRST", SIM_TINYINT, 0 },
		{ "@@TEXTSIZE", SIM_INT, 0 },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(globals); i++) {
		if (strcasecmp(globals[i].name, name) != 0) continue;
		struct sim_expression result = typed(sim_text_of(parser, "sim_global('%s')", globals[i].name),
		                                     globals[i].type, globals[i].length);
		if (globals[i].type == SIM_DECIMAL) result.type.precision = 38;
		return result;
	}
	sim_fail(parser, 137, "Must declare the scalar variable \"%s\".", name);
}

struct sim_expression sim_parse_primary(struct sim_parser *parser) {
	const struct sim_token *token = sim_peek(parser, 0);
	switch (token->type) {
	case SIM_TOKEN_STRING:
	case SIM_TOKEN_NUMBER:
	case SIM_TOKEN_BINARY: return constant(parser, token);
	case SIM_TOKEN_VARIABLE:
		parser->at++;
		return strncmp(token->text, "@@", 2) == 0 ? global(parser, token->text) : untyped(token->text);
	case SIM_TOKEN_NAME: return column(parser);
	case SIM_TOKEN_PUNCTUATION:
		if (!sim_accept_punctuation(parser, "(")) break;
		if (at_select(parser)) {
			const char *sql = sim_parse_subquery(parser);
			sim_expect_punctuation(parser, ")");
			return untyped(sim_text_of(parser, "(%s)", sql));
		} else {
			struct sim_expression inner = sim_parse_or(parser);
			sim_expect_punctuation(parser, ")");
			inner.sql = sim_text_of(parser, "(%s)", inner.sql);
			inner.column = NULL;
			return inner;
		}
	case SIM_TOKEN_WORD:
		if (sim_accept(parser, "NULL")) return untyped("NULL");
		if (sim_accept(parser, "CASE")) return case_expression(parser);
		if (sim_accept(parser, "EXISTS")) {
			sim_expect_punctuation(parser, "(");
			const char *sql = sim_parse_subquery(parser);
			sim_expect_punctuation(parser, ")");
			return untyped(sim_text_of(parser, "EXISTS (%s)", sql));
		}
		if (sim_next_is_punctuation(parser, 1, "(")) {
			parser->at++;
			return call(parser, token->text);
		}
		if (sim_at_statement(parser)) break;
		return column(parser);
	case SIM_TOKEN_END: break;
	}
	sim_fail_near(parser);
}

static struct sim_expression unary(struct sim_parser *parser) {
	if (sim_accept_punctuation(parser, "-")) {
		struct sim_expression inner = unary(parser);
		return untyped(sim_text_of(parser, "(- %s)", inner.sql));
	}
	if (sim_accept_punctuation(parser, "~")) return untyped(sim_text_of(parser, "(~ %s)", unary(parser).sql));
	sim_accept_punctuation(parser, "+");
	struct sim_expression value = sim_parse_primary(parser);
	if (sim_accept(parser, "COLLATE")) sim_expect_name(parser);
	return value;
}

static struct sim_expression product(struct sim_parser *parser) {
	struct sim_expression left = unary(parser);
	for (;;) {
		const char *operator= sim_peek(parser, 0)->text;
		if (sim_peek(parser, 0)->type != SIM_TOKEN_PUNCTUATION || strlen(operator) != 1 ||
		    strchr("*/%", *operator) == NULL)
			return left;
		parser->at++;
		left = untyped(sim_text_of(parser, "(%s %s %s)", left.sql, operator, unary(parser).sql));
	}
}

static bool is_text(const struct sim_expression *value) {
	return value->typed && value->type.type >= SIM_CHAR && value->type.type <= SIM_NVARCHAR;
}

static struct sim_expression sum(struct sim_parser *parser) {
	struct sim_expression left = product(parser);
	for (;;) {
		const char *operator= sim_peek(parser, 0)->text;
		if (sim_peek(parser, 0)->type != SIM_TOKEN_PUNCTUATION || strlen(operator) != 1 ||
		    strchr("+-&|^", *operator) == NULL)
			return left;
		parser->at++;
		struct sim_expression right = product(parser);
		if (*operator== '+') {
			bool text = is_text(&left) && is_text(&right);
			int length = left.type.length + right.type.length;
			if (left.type.length == SIM_MAX || right.type.length == SIM_MAX) length = SIM_MAX;
			left = untyped(sim_text_of(parser, "sim_add(%s,%s)", left.sql, right.sql));
			if (text) left = typed(left.sql, SIM_NVARCHAR, length > 4000 ? SIM_MAX : length);
		} else if (*operator== '^') {
			left = untyped(sim_text_of(parser, "((%s | %s) - (%s & %s))", left.sql, right.sql, left.sql,
			                           right.sql));
		} else {
			left = untyped(sim_text_of(parser, "(%s %s %s)", left.sql, operator, right.sql));
		}
	}
}

struct sim_expression sim_parse_expression(struct sim_parser *parser) {
	return sum(parser);
}

/* --- Conditions --- */

const char *sim_parse_list(struct sim_parser *parser) {
	struct strbuf *text = sim_builder(parser);
	sim_expect_punctuation(parser, "(");
	if (at_select(parser)) {
		strbuf_append(text, sim_parse_subquery(parser));
	} else {
		const char *separator = "";
		do {
			strbuf_printf(text, "%s%s", separator, sim_parse_expression(parser).sql);
			separator = ",";
		} while (sim_accept_punctuation(parser, ","));
	}
	sim_expect_punctuation(parser, ")");
	return arena_strdup(parser->arena, strbuf_text(text));
}

static struct sim_expression predicate(struct sim_parser *parser) {
	struct sim_expression left = sum(parser);
	if (sim_accept(parser, "IS NOT NULL")) return untyped(sim_text_of(parser, "%s IS NOT NULL", left.sql));
	if (sim_accept(parser, "IS NULL")) return untyped(sim_text_of(parser, "%s IS NULL", left.sql));
	const char *not = sim_accept(parser, "NOT") ? "NOT " : "";
	if (sim_accept(parser, "IN"))
		return untyped(
		        sim_text_of(parser, "%s COLLATE NOCASE %sIN (%s)", left.sql, not, sim_parse_list(parser)));
	if (sim_accept(parser, "LIKE")) {
		left.sql = sim_text_of(parser, "%s %sLIKE %s", left.sql, not, sum(parser).sql);
		if (sim_accept(parser, "ESCAPE"))
			left.sql = sim_text_of(parser, "%s ESCAPE %s", left.sql, sum(parser).sql);
		return untyped(left.sql);
	}
	if (sim_accept(parser, "BETWEEN")) {
		const char *low = sum(parser).sql;
		sim_expect(parser, "AND");
		return untyped(sim_text_of(parser, "%s COLLATE NOCASE %sBETWEEN %s AND %s", left.sql, not, low,
		                           sum(parser).sql));
	}
	if (*not != '\0') sim_fail_near(parser);
	static const char *const operators[][2] = { { "=", "=" },   { "<>", "<>" }, { "!=", "<>" },
		                                    { "<=", "<=" }, { ">=", ">=" }, { "<", "<" },
		                                    { ">", ">" },   { "!<", ">=" }, { "!>", "<=" } };
	for (size_t i = 0; i < ARRAY_LENGTH(operators); i++) {
		if (!sim_accept_punctuation(parser, operators[i][0])) continue;
		return untyped(
		        sim_text_of(parser, "%s %s %s COLLATE NOCASE", left.sql, operators[i][1], sum(parser).sql));
	}
	return left;
}

static struct sim_expression parse_not(struct sim_parser *parser) {
	if (sim_accept(parser, "NOT")) return untyped(sim_text_of(parser, "NOT %s", parse_not(parser).sql));
	return predicate(parser);
}

static struct sim_expression parse_and(struct sim_parser *parser) {
	struct sim_expression left = parse_not(parser);
	while (sim_accept(parser, "AND"))
		left = untyped(sim_text_of(parser, "%s AND %s", left.sql, parse_not(parser).sql));
	return left;
}

struct sim_expression sim_parse_or(struct sim_parser *parser) {
	struct sim_expression left = parse_and(parser);
	while (sim_accept(parser, "OR"))
		left = untyped(sim_text_of(parser, "%s OR %s", left.sql, parse_and(parser).sql));
	return left;
}

struct sim_expression sim_parse_condition(struct sim_parser *parser) {
	struct sim_expression condition = sim_parse_or(parser);
	condition.sql = sim_text_of(parser, "(%s)", condition.sql);
	return condition;
}
