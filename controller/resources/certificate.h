/* The certificate that SQL Server shows its clients (spec.tls of an MSSQLServer): for which names, and in which Secret.
 * Where cert-manager is, it is asked for it by a Certificate, one of the children; elsewhere the controller issues it.
 */
#ifndef AGKEEPER_CONTROLLER_RESOURCES_CERTIFICATE_H
#define AGKEEPER_CONTROLLER_RESOURCES_CERTIFICATE_H

#include <json-c/json.h>

/* {dnsNames: […], ipAddresses: […]}: the Services, every pod, localhost, and what the spec adds. The pods by a wildcard
 * under their headless Service, so that a certificate fits however many there are: another one would restart all of
 * them. `object` has its defaults; the caller owns the answer. */
struct json_object *certificate_names_of(const struct json_object *object);

#endif
