/* Values that are kept: what sqlserver/session.h describes, owned. */
#ifndef SIMSQL_VALUE_H
#define SIMSQL_VALUE_H

#include "sqlserver/session.h"
#include "sqlserver/wire.h"

struct sim_value sim_null(void);
struct sim_value sim_integer(int64_t integer);
struct sim_value sim_text(const char *text);                    /* borrowed; NULL is NULL */
struct sim_value sim_value_copy(const struct sim_value *value); /* owned */
void sim_value_free(struct sim_value *value);                   /* of an owned one */

void sim_value_put(struct strbuf *buf, const struct sim_value *value);
struct sim_value sim_value_get(struct wire *wire); /* owned */

/* "NVARCHAR(100)", "decimal(18, 2)", "sysname" …: false when it is no type of ours. */
bool sim_type_parse(const char *text, struct sim_type_info *type);
/* As sys.types has it: "nvarchar". */
const char *sim_type_name(enum sim_type type);

/* Times: microseconds since 1970 (UTC) to "2026-11-22 10:00:00.123456" with so many fractional digits (0 … 7). */
enum { SIM_TIME_SIZE = 40 };
char *sim_time_text(int64_t microseconds, int digits, char buffer[SIM_TIME_SIZE]);
/* As sim_time_text, rounded as datetime is: to .000, .003 or .007. */
char *sim_datetime_text(int64_t microseconds, char buffer[SIM_TIME_SIZE]);
/* Reads "2026-11-22[ T]10:00[:00[.1234567]]", a date alone too; false when it is none. */
bool sim_time_parse(const char *text, int64_t *microseconds);

#endif
