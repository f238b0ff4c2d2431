/* How the client connects: TLS, proxies, HTTP versions and time limits, as options of a curl handle. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/memory.h"
#include "kube/client_private.h"

static void url_cleanup(CURLU **url) {
	curl_url_cleanup(*url);
}

static void curl_text_cleanup(char **text) {
	curl_free(*text);
}
#define cleanup_url       __attribute__((cleanup(url_cleanup)))
#define cleanup_curl_text __attribute__((cleanup(curl_text_cleanup)))

static bool is_loopback(const char *host) {
	return strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 || strcmp(host, "[::1]") == 0;
}

int transport_resolve(struct kube_client *client, struct error **err) {
	const struct kube_config *config = client->config;
	cleanup_url CURLU *url = curl_url();
	if (url == NULL) return error_set(err, ERROR_INTERNAL, "out of memory");
	cleanup_curl_text char *host = NULL;
	cleanup_curl_text char *port = NULL;
	if (curl_url_set(url, CURLUPART_URL, config->server, 0) != CURLUE_OK ||
	    curl_url_get(url, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
	    curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) != CURLUE_OK) {
		return error_set(err, ERROR_INVALID, "the API server's address \"%s\" is no URL", config->server);
	}
	client->no_proxy = is_loopback(host);
	if (config->tls_server_name == NULL) {
		client->url_base = xstrdup(config->server);
		return 0;
	}
	/* curl has no option for the name alone: the URL gets the name, and connections to it go to the server. */
	cleanup_curl_text char *renamed = NULL;
	if (curl_url_set(url, CURLUPART_HOST, config->tls_server_name, 0) != CURLUE_OK ||
	    curl_url_get(url, CURLUPART_URL, &renamed, 0) != CURLUE_OK) {
		return error_set(err, ERROR_INVALID, "tls-server-name \"%s\" is no host name", config->tls_server_name);
	}
	client->url_base = xstrdup(renamed);
	size_t length = strlen(client->url_base);
	if (length > 0 && client->url_base[length - 1] == '/') client->url_base[length - 1] = '\0';
	cleanup_free char *connect_to = xasprintf("%s:%s:%s:%s", config->tls_server_name, port, host, port);
	client->connect_to = curl_slist_append(NULL, connect_to);
	return 0;
}

/* A peer that vanished (a node that lost power) acknowledges nothing: without this the kernel would wait a quarter of
 * an hour for it (tcp(7), TCP_USER_TIMEOUT). */
static int on_socket(void *context, curl_socket_t socket, curlsocktype purpose) {
	(void)context;
	if (purpose == CURLSOCKTYPE_IPCXN) {
		const unsigned int milliseconds = 30000;
		(void)setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds, sizeof(milliseconds));
	}
	return CURL_SOCKOPT_OK;
}

static void set_pem(CURL *easy, const struct kube_pem *pem, CURLoption file, CURLoption blob) {
	if (pem->data != NULL) {
		struct curl_blob bytes = { .data = pem->data, .len = pem->length, .flags = CURL_BLOB_NOCOPY };
		curl_easy_setopt(easy, blob, &bytes);
	} else if (pem->file != NULL) {
		curl_easy_setopt(easy, file, pem->file);
	}
}

void transport_set_up(const struct kube_client *client, CURL *easy) {
	const struct kube_config *config = client->config;
	curl_easy_reset(easy);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "agkeeper/" AGKEEPER_VERSION);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	/* Only where HTTP/2 may come of it: else every new connection would wait for the one before to be answered. */
	curl_easy_setopt(easy, CURLOPT_PIPEWAIT, strncmp(client->url_base, "https:", strlen("https:")) == 0 ? 1L : 0L);
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	set_pem(easy, &config->ca, CURLOPT_CAINFO, CURLOPT_CAINFO_BLOB);
	set_pem(easy, &config->certificate, CURLOPT_SSLCERT, CURLOPT_SSLCERT_BLOB);
	set_pem(easy, &config->key, CURLOPT_SSLKEY, CURLOPT_SSLKEY_BLOB);
	/* A renewed CA file shall count within a minute; curl keeps the old one for a day unless told. */
	curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, 60L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, config->insecure ? 0L : 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, config->insecure ? 0L : 2L);
	if (client->connect_to != NULL) curl_easy_setopt(easy, CURLOPT_CONNECT_TO, client->connect_to);
	if (config->proxy_url != NULL) curl_easy_setopt(easy, CURLOPT_PROXY, config->proxy_url);
	else if (client->no_proxy) curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, 15L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, 5L);
	curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_socket);
}
