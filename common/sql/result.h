/* A result set out of db-lib. */
#ifndef AGKEEPER_SQL_RESULT_H
#define AGKEEPER_SQL_RESULT_H

#include <stdbool.h>
#include <sybdb.h>
#include <sybfront.h>

#include "sql/rows.h"

/* Reads the rows of the result set that dbresults has come to, if it has columns. False when the connection was lost,
 * or there is more than anybody could mean. */
bool sql_result_read(DBPROCESS *process, struct sql_results *results);
/* A value of the present row, columns from 1, as sql/rows.h has values. NULL is SQL's NULL, and what cannot be shown as
 * text. */
const char *sql_result_value(DBPROCESS *process, int column, struct arena *arena);

#endif
