/* Inside: mssql.conf, SQL Server's settings on Linux: [section] and key = value. As a tree it is section → key → value.
 */
#ifndef AGKEEPER_CONTROLLER_RESOURCES_CONF_H
#define AGKEEPER_CONTROLLER_RESOURCES_CONF_H

#include <json-c/json.h>

#include "base/strbuf.h"

/* One setting, over what is there. Sections and keys are the same in any case. */
void conf_set(struct json_object *conf, const char *section, const char *key, const char *value);
/* "section.key", as mssql-conf and our own mssqlConf have it. */
void conf_set_dotted(struct json_object *conf, const char *dotted, const char *value);
/* Every setting of a file's text; comments and what is no setting are passed over, as SQL Server does it. */
void conf_read(struct json_object *conf, const char *text);
void conf_print(const struct json_object *conf, struct strbuf *text);

#endif
