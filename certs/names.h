/* The names that the API server calls us by: what the serving certificate must be for. */
#ifndef AGKEEPER_CERTS_NAMES_H
#define AGKEEPER_CERTS_NAMES_H

#include "base/error.h"

/* The DNS names of the Service in the namespace, and the host of `webhook_url` (which may be NULL): NULL-terminated.
 * ERROR_INVALID when the URL is none that a webhook configuration takes: https, with neither user, query nor fragment
 * (k8s.io/apiserver, util/webhook, ValidateWebhookURL). */
int serving_names(const char *service, const char *namespace, const char *webhook_url, char ***names,
                  struct error **err);
void serving_names_free(char **names);
void serving_names_cleanup(char ***names);
#define cleanup_serving_names __attribute__((cleanup(serving_names_cleanup)))

#endif
