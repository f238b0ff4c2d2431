/* The Secrets that are generated where the user gives none. Passwords are made once and never changed: their content is
 * not a function of the object. They have no owner reference either, because deletionPolicy decides whether they stay.
 */
#ifndef AGKEEPER_CONTROLLER_RESOURCES_SECRETS_H
#define AGKEEPER_CONTROLLER_RESOURCES_SECRETS_H

#include <json-c/json.h>

#include "base/error.h"

/* A password that meets SQL Server's policy whatever it is set to, with more than 140 bits of OpenSSL's randomness:
 * letters and digits only, so that it is itself in connection strings, shells and URLs. Free it with password_free,
 * which wipes it. */
int password_generate(char **password, struct error **err);
void password_free(char *password);
void password_cleanup(char **password);
#define cleanup_password __attribute__((cleanup(password_cleanup)))

/* The Secret with the administrator's password: <name>-sa with SA_PASSWORD of a SQLServerAvailabilityGroup, <name>-auth
 * with username and password of an MSSQLServer. NULL when the object names one that others make. The caller owns it. */
struct json_object *administrator_secret_of(const struct json_object *object, const char *password);

/* The Secret with SQL Server's certificate (an MSSQLServer with spec.tls): of type kubernetes.io/tls, with this data
 * (base64). Takes over `data`; the caller owns the answer. */
struct json_object *certificate_secret_of(const struct json_object *object, const char *name, struct json_object *data);

#endif
