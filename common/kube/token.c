#include "kube/token.h"

#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"

void token_source_init(struct token_source *source, const char *file, const char *token) {
	*source = (struct token_source){ .file = file };
	if (file == NULL && token != NULL) source->token = xstrdup(token);
	pthread_mutex_init(&source->lock, NULL);
}

void token_source_destroy(struct token_source *source) {
	token_free(source->token);
	pthread_mutex_destroy(&source->lock);
}

/* With the lock held. */
static int read_file(struct token_source *source, struct error **err) {
	char *token = NULL;
	if (file_read_word(source->file, &token, err) < 0) return error_prefix(err, "token");
	token_free(source->token);
	source->token = token;
	source->read_at = clock_monotonic_ms();
	return 0;
}

int token_get(struct token_source *source, char **token, struct error **err) {
	pthread_mutex_lock(&source->lock);
	int status = 0;
	bool stale = source->token == NULL || clock_monotonic_ms() - source->read_at >= TOKEN_FRESH_MS;
	if (source->file != NULL && stale && read_file(source, source->token == NULL ? err : NULL) < 0) {
		if (source->token == NULL) status = -1;
	}
	*token = source->token != NULL ? xstrdup(source->token) : NULL;
	pthread_mutex_unlock(&source->lock);
	return status;
}

bool token_renew(struct token_source *source, const char *refused) {
	if (source->file == NULL || refused == NULL) return false;
	pthread_mutex_lock(&source->lock);
	/* Another thread may have been here before us. */
	if (source->token != NULL && strcmp(source->token, refused) == 0) (void)read_file(source, NULL);
	bool other = source->token != NULL && strcmp(source->token, refused) != 0;
	pthread_mutex_unlock(&source->lock);
	return other;
}

char *token_subject(const char *token) {
	const char *start = strchr(token, '.');
	const char *end = start != NULL ? strchr(start + 1, '.') : NULL;
	if (end == NULL) return NULL;
	start++;
	cleanup_free unsigned char *claims = NULL;
	size_t length;
	if (!base64_decode(start, (size_t)(end - start), &claims, &length)) return NULL;
	cleanup_json struct json_object *json = NULL;
	if (json_parse((const char *)claims, length, &json, NULL) < 0) return NULL;
	const char *subject = json_get_text(json, "sub");
	return subject != NULL ? xstrdup(subject) : NULL;
}

void token_free(char *token) {
	if (token != NULL) explicit_bzero(token, strlen(token));
	free(token);
}

void token_cleanup(char **token) {
	token_free(*token);
}
