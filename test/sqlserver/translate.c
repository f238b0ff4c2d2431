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
	{ "SUSER_NAME", "sim_login", TYPE(SIM_NVARCHAR, 128) },
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

static const char *join(struct sim_parser *parser, const char *format, ...) __attribute__((format(printf, 2, 3)));
static const char *join(struct sim_parser *parser, const char *format, ...) {
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

static struct sim_expression parse_or(struct sim_parser *parser);

static const char *subquery(struct sim_parser *parser) {
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
		spelled = join(parser, "%s(%s)", name, strbuf_text(inside));
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
		text = join(parser, "%s(30)", text);
	}
	const char *sql =
	        join(parser, "sim_convert(%s,%s,%s,%d)", sim_literal(parser->arena, text), value.sql, style, try);
	return (struct sim_expression){ .sql = sql, .typed = true, .type = type };
}

/* DATEADD and DATEDIFF take a keyword first. */
static struct sim_expression date_function(struct sim_parser *parser, const char *name) {
	sim_expect_punctuation(parser, "(");
	const char *part = sim_expect_name(parser);
	struct strbuf *arguments = sim_builder(parser);
	while (sim_accept_punctuation(parser, ",")) strbuf_printf(arguments, ",%s", sim_parse_expression(parser).sql);
	sim_expect_punctuation(parser, ")");
	const char *sql = join(parser, "%s(%s%s)", name, sim_literal(parser->arena, part), strbuf_text(arguments));
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
			return (struct sim_expression){
				.sql = join(parser, "%s.*", sim_quoted(parser->arena, parts[count - 1])), .column = "*"
			};
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
	if (count > 1) sql = join(parser, "%s.%s", sim_quoted(parser->arena, parts[count - 2]), sql);
	return (struct sim_expression){ .sql = sql, .column = name };
}

static struct sim_expression case_expression(struct sim_parser *parser) {
	struct strbuf *text = sim_builder(parser);
	struct sim_expression result = { 0 };
	strbuf_append(text, "CASE");
	bool simple = !sim_next_is(parser, "WHEN");
	if (simple) strbuf_printf(text, " %s COLLATE NOCASE", sim_parse_expression(parser).sql);
	while (sim_accept(parser, "WHEN")) {
		strbuf_printf(text, " WHEN %s", simple ? sim_parse_expression(parser).sql : parse_or(parser).sql);
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
		return typed(join(parser, "x'%s%s'", strlen(token->text) % 2 == 1 ? "0" : "", token->text),
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
		struct sim_expression result =
		        typed(join(parser, "sim_global('%s')", globals[i].name), globals[i].type, globals[i].length);
		if (globals[i].type == SIM_DECIMAL) result.type.precision = 38;
		return result;
	}
	sim_fail(parser, 137, "Must declare the scalar variable \"%s\".", name);
}

static struct sim_expression primary(struct sim_parser *parser) {
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
			const char *sql = subquery(parser);
			sim_expect_punctuation(parser, ")");
			return untyped(join(parser, "(%s)", sql));
		} else {
			struct sim_expression inner = parse_or(parser);
			sim_expect_punctuation(parser, ")");
			inner.sql = join(parser, "(%s)", inner.sql);
			inner.column = NULL;
			return inner;
		}
	case SIM_TOKEN_WORD:
		if (sim_accept(parser, "NULL")) return untyped("NULL");
		if (sim_accept(parser, "CASE")) return case_expression(parser);
		if (sim_accept(parser, "EXISTS")) {
			sim_expect_punctuation(parser, "(");
			const char *sql = subquery(parser);
			sim_expect_punctuation(parser, ")");
			return untyped(join(parser, "EXISTS (%s)", sql));
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
		return untyped(join(parser, "(- %s)", inner.sql));
	}
	if (sim_accept_punctuation(parser, "~")) return untyped(join(parser, "(~ %s)", unary(parser).sql));
	sim_accept_punctuation(parser, "+");
	struct sim_expression value = primary(parser);
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
		left = untyped(join(parser, "(%s %s %s)", left.sql, operator, unary(parser).sql));
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
			left = untyped(join(parser, "sim_add(%s,%s)", left.sql, right.sql));
			if (text) left = typed(left.sql, SIM_NVARCHAR, length > 4000 ? SIM_MAX : length);
		} else if (*operator== '^') {
			left = untyped(
			        join(parser, "((%s | %s) - (%s & %s))", left.sql, right.sql, left.sql, right.sql));
		} else {
			left = untyped(join(parser, "(%s %s %s)", left.sql, operator, right.sql));
		}
	}
}

struct sim_expression sim_parse_expression(struct sim_parser *parser) {
	return sum(parser);
}

/* --- Conditions --- */

static const char *list_or_subquery(struct sim_parser *parser) {
	struct strbuf *text = sim_builder(parser);
	sim_expect_punctuation(parser, "(");
	if (at_select(parser)) {
		strbuf_append(text, subquery(parser));
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
	if (sim_accept(parser, "IS NOT NULL")) return untyped(join(parser, "%s IS NOT NULL", left.sql));
	if (sim_accept(parser, "IS NULL")) return untyped(join(parser, "%s IS NULL", left.sql));
	const char *not = sim_accept(parser, "NOT") ? "NOT " : "";
	if (sim_accept(parser, "IN"))
		return untyped(join(parser, "%s COLLATE NOCASE %sIN (%s)", left.sql, not, list_or_subquery(parser)));
	if (sim_accept(parser, "LIKE")) {
		left.sql = join(parser, "%s %sLIKE %s", left.sql, not, sum(parser).sql);
		if (sim_accept(parser, "ESCAPE")) left.sql = join(parser, "%s ESCAPE %s", left.sql, sum(parser).sql);
		return untyped(left.sql);
	}
	if (sim_accept(parser, "BETWEEN")) {
		const char *low = sum(parser).sql;
		sim_expect(parser, "AND");
		return untyped(
		        join(parser, "%s COLLATE NOCASE %sBETWEEN %s AND %s", left.sql, not, low, sum(parser).sql));
	}
	if (*not != '\0') sim_fail_near(parser);
	static const char *const operators[][2] = { { "=", "=" },   { "<>", "<>" }, { "!=", "<>" },
		                                    { "<=", "<=" }, { ">=", ">=" }, { "<", "<" },
		                                    { ">", ">" },   { "!<", ">=" }, { "!>", "<=" } };
	for (size_t i = 0; i < ARRAY_LENGTH(operators); i++) {
		if (!sim_accept_punctuation(parser, operators[i][0])) continue;
		return untyped(join(parser, "%s %s %s COLLATE NOCASE", left.sql, operators[i][1], sum(parser).sql));
	}
	return left;
}

static struct sim_expression parse_not(struct sim_parser *parser) {
	if (sim_accept(parser, "NOT")) return untyped(join(parser, "NOT %s", parse_not(parser).sql));
	return predicate(parser);
}

static struct sim_expression parse_and(struct sim_parser *parser) {
	struct sim_expression left = parse_not(parser);
	while (sim_accept(parser, "AND")) left = untyped(join(parser, "%s AND %s", left.sql, parse_not(parser).sql));
	return left;
}

static struct sim_expression parse_or(struct sim_parser *parser) {
	struct sim_expression left = parse_and(parser);
	while (sim_accept(parser, "OR")) left = untyped(join(parser, "%s OR %s", left.sql, parse_and(parser).sql));
	return left;
}

struct sim_expression sim_parse_condition(struct sim_parser *parser) {
	struct sim_expression condition = parse_or(parser);
	condition.sql = join(parser, "(%s)", condition.sql);
	return condition;
}

/* --- Queries --- */

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
		*plain = join(parser, "%s.%s", schema, name);
		cleanup_free char *lower = xasprintf("%s.%s", schema, name);
		for (char *c = lower; *c != '\0'; c++) *c = (char)tolower((unsigned char)*c);
		return sim_quoted(parser->arena, lower);
	}
	parser->query->reads_tables = true;
	if (*database != '\0') parser->query->database = database;
	*plain = join(parser, "%s.%s", schema, name);
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

static const char *table_source(struct sim_parser *parser) {
	if (sim_accept_punctuation(parser, "(")) {
		const char *inner;
		if (sim_accept(parser, "VALUES")) {
			struct strbuf *rows = sim_builder(parser);
			do {
				strbuf_printf(rows, "%s(%s)", rows->length > 0 ? "," : "VALUES ",
				              list_or_subquery(parser));
			} while (sim_accept_punctuation(parser, ","));
			inner = arena_strdup(parser->arena, rows->data);
		} else {
			inner = subquery(parser);
		}
		sim_expect_punctuation(parser, ")");
		const char *name = alias(parser);
		return join(parser, "(%s)%s%s", inner, name != NULL ? " AS " : "",
		            name != NULL ? sim_quoted(parser->arena, name) : "");
	}
	const char *plain, *last;
	const char *table = table_name(parser, &plain, &last);
	const char *name = alias(parser);
	if (sim_next_is(parser, "WITH") && sim_next_is_punctuation(parser, 1, "(")) {
		parser->at++;
		skip_parentheses(parser); /* table hints */
	}
	return join(parser, "%s AS %s", table, sim_quoted(parser->arena, name != NULL ? name : last));
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
	for (const char *kind; (kind = join_kind(parser)) != NULL;) {
		strbuf_printf(text, "%s%s", kind, table_source(parser));
		if (sim_accept(parser, "ON")) strbuf_printf(text, " ON %s", parse_or(parser).sql);
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
		*top = parenthesis ? sim_parse_expression(parser).sql : primary(parser).sql;
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
	if (sim_accept(parser, "WHERE")) strbuf_printf(text, " WHERE %s", parse_or(parser).sql);
	if (sim_accept(parser, "GROUP BY")) {
		separator = " GROUP BY ";
		do {
			strbuf_printf(text, "%s%s", separator, sim_parse_expression(parser).sql);
			separator = ",";
		} while (sim_accept_punctuation(parser, ","));
	}
	if (sim_accept(parser, "HAVING")) strbuf_printf(text, " HAVING %s", parse_or(parser).sql);
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
				strbuf_printf(text, "(%s)", list_or_subquery(parser));
			sim_expect(parser, "AS");
			sim_expect_punctuation(parser, "(");
			strbuf_printf(text, " AS (%s)", subquery(parser));
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
