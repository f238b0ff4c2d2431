/* A parsed batch: statements as SQL Server knows them, queries already translated for SQLite. */
#ifndef SIMSQL_SYNTAX_H
#define SIMSQL_SYNTAX_H

#include "base/memory.h"
#include "sqlserver/value.h"

struct sim_expression {
	const char *sql;
	const char *column; /* its name when it is nothing but a column */
	bool typed;         /* `type` is known before it is evaluated */
	struct sim_type_info type;
};

/* A query in SQLite's words. User tables come from one database. */
struct sim_query {
	const char *sql;
	const char *database;         /* named in front of a user table; NULL: the current one */
	bool reads_tables;            /* user tables; otherwise it runs on the catalogue */
	struct sim_expression *items; /* of the select list, where they are known one by one; column "*" for a star */
	size_t item_count;
	const char **assigned; /* SELECT @a = …, or NULL */
};

/* KEY = value, KEY value, KEY (children): the way T-SQL's options are written. */
struct sim_option {
	const char *key;   /* upper case, words joined by one space */
	const char *value; /* words joined by one space, strings without quotes; "" when there is none */
	struct sim_option *children;
	size_t child_count;
	int line;
};

enum sim_statement_kind {
	SIM_BLOCK, /* body */
	SIM_IF,    /* condition, body, otherwise */
	SIM_WHILE, /* condition, body */
	SIM_BREAK,
	SIM_CONTINUE,
	SIM_TRY, /* body, otherwise */
	SIM_RETURN,
	SIM_DECLARE, /* name, type, value */
	SIM_ASSIGN,  /* SET @name = value */
	SIM_OPTION,  /* SET name value */
	SIM_SELECT,
	SIM_INSERT, /* name: table; query; source, columns: to tell the duplicate key */
	SIM_CHANGE, /* UPDATE, DELETE, MERGE: query */
	SIM_DEFINE, /* CREATE, ALTER, DROP TABLE, INDEX: name, other: what is done; query */
	SIM_BEGIN_TRANSACTION,
	SIM_COMMIT,
	SIM_ROLLBACK,
	SIM_USE,
	SIM_PRINT,
	SIM_RAISERROR,    /* arguments */
	SIM_THROW,        /* arguments; none: again */
	SIM_EXECUTE,      /* name: procedure; arguments */
	SIM_EXECUTE_TEXT, /* value */
	SIM_WAITFOR,      /* value */
	SIM_KILL,
	SIM_NOTHING, /* accepted, and without effect here: CHECKPOINT, RECONFIGURE, … */
	SIM_CREATE_DATABASE,
	SIM_ALTER_DATABASE, /* name; options */
	SIM_DROP_DATABASE,  /* name; if_exists */
	SIM_BACKUP,         /* name; other: DATABASE, LOG */
	SIM_RESTORE,        /* name; RESTORE DATABASE … WITH RECOVERY */
	SIM_CREATE_LOGIN,
	SIM_ALTER_LOGIN,
	SIM_DROP_LOGIN,
	SIM_CREATE_USER, /* name; other: login */
	SIM_DROP_USER,
	SIM_ALTER_ROLE, /* name: role; other: member; options: ADD or DROP */
	SIM_GRANT,      /* name: permission; other: "ENDPOINT::x" or ""; members */
	SIM_REVOKE,
	SIM_CREATE_MASTER_KEY,
	SIM_DROP_MASTER_KEY,
	SIM_CREATE_CERTIFICATE, /* name; other: owner; options SUBJECT, BINARY */
	SIM_DROP_CERTIFICATE,
	SIM_CREATE_ENDPOINT, /* name; options STATE, TCP (…), DATABASE_MIRRORING (…) */
	SIM_ALTER_ENDPOINT,
	SIM_DROP_ENDPOINT,
	SIM_CREATE_GROUP, /* name; options WITH (…), DATABASE names in members, REPLICA name (…) */
	SIM_ALTER_GROUP,  /* name; other: what is done; options; members */
	SIM_DROP_GROUP
};

struct sim_argument {
	const char *name; /* "@key"; NULL: by position */
	struct sim_expression value;
	const char *variable; /* of an OUTPUT argument */
};

struct sim_statement {
	enum sim_statement_kind kind;
	int line;
	struct sim_statement *next, *body, *otherwise;
	const char *name, *other;
	bool if_exists;
	struct sim_expression value; /* or condition; sql NULL: none */
	struct sim_type_info type;
	struct sim_query query;
	const char *source;   /* of an INSERT: the query that gives its rows */
	const char **members; /* names: databases, grantees, columns of an INSERT */
	size_t member_count;
	struct sim_argument *arguments;
	size_t argument_count;
	struct sim_option *options;
	size_t option_count;
};

struct sim_syntax_error {
	int number, state, line;
	const char *text;
};

/* Parses a batch; everything lives in the arena. False with the error that the whole batch is refused with. */
bool sim_parse(struct arena *arena, const char *source, struct sim_statement **batch, struct sim_syntax_error *error);
/* Parses "@a int, @b nvarchar(10) OUTPUT", the declaration of sp_executesql: a list of SIM_DECLARE. */
bool sim_parse_declaration(struct arena *arena, const char *source, struct sim_statement **list,
                           struct sim_syntax_error *error);

const struct sim_option *sim_option_find(const struct sim_option *options, size_t count, const char *key);
/* Its value; NULL when the option is not there. */
const char *sim_option_value(const struct sim_option *options, size_t count, const char *key);

#endif
