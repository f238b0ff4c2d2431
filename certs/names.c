#include "certs/names.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static bool has_part(CURLU *url, CURLUPart part) {
	char *text = NULL;
	CURLUcode code = curl_url_get(url, part, &text, 0);
	curl_free(text);
	return code == CURLUE_OK;
}

/* NULL when the URL is none for a webhook. */
static char *host_of(const char *webhook_url) {
	static const CURLUPart forbidden[] = { CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_QUERY,
		                               CURLUPART_FRAGMENT };
	CURLU *url = curl_url();
	char *host = NULL;
	bool good = url != NULL && strncmp(webhook_url, "https://", strlen("https://")) == 0 &&
	            curl_url_set(url, CURLUPART_URL, webhook_url, 0) == CURLUE_OK &&
	            curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK;
	for (size_t i = 0; good && i < ARRAY_LENGTH(forbidden); i++) good = !has_part(url, forbidden[i]);
	/* An IPv6 address comes in brackets. */
	size_t length = good ? strlen(host) : 0;
	bool bracketed = length > 2 && host[0] == '[' && host[length - 1] == ']';
	char *name = NULL;
	if (good) name = bracketed ? xstrndup(host + 1, length - 2) : xstrdup(host);
	curl_free(host);
	curl_url_cleanup(url);
	return name;
}

int serving_names(const char *service, const char *namespace, const char *webhook_url, char ***names,
                  struct error **err) {
	cleanup_free char *host = webhook_url != NULL ? host_of(webhook_url) : NULL;
	if (webhook_url != NULL && host == NULL)
		return error_set(err, ERROR_INVALID,
		                 "the webhook URL \"%s\" must be https://HOST[:PORT][/PATH], without user, query and "
		                 "fragment",
		                 webhook_url);
	char **list = xcalloc(5, sizeof(*list));
	list[0] = xasprintf("%s.%s.svc", service, namespace);
	list[1] = xasprintf("%s.%s.svc.cluster.local", service, namespace);
	list[2] = xasprintf("%s.%s", service, namespace);
	list[3] = take(&host);
	*names = list;
	return 0;
}

void serving_names_free(char **names) {
	for (size_t i = 0; names != NULL && names[i] != NULL; i++) free(names[i]);
	free(names);
}

void serving_names_cleanup(char ***names) {
	serving_names_free(*names);
}
