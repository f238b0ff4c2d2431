/* The bearer token of the client: fixed, or in a file that the kubelet renews in place. Any thread. */
#ifndef AGKEEPER_KUBE_TOKEN_H
#define AGKEEPER_KUBE_TOKEN_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* A file is read again when what we know of it is older than this. */
enum { TOKEN_FRESH_MS = 10000 };

struct token_source {
	pthread_mutex_t lock;
	const char *file; /* borrowed; NULL: the token never changes */
	char *token;      /* NULL: anonymous, or not read yet */
	int64_t read_at;  /* monotonic milliseconds */
};

/* `file` wins over `token`, as in client-go. Both are borrowed, and may be NULL. */
void token_source_init(struct token_source *source, const char *file, const char *token);
void token_source_destroy(struct token_source *source);

/* The token to send now; *token is NULL when there is none. The caller frees it with token_free. A file that cannot be
 * read just now is no error as long as an older token is known. */
int token_get(struct token_source *source, char **token, struct error **err);

/* The server has refused `token` (401): reads the file at once. True when there is another one to try. */
bool token_renew(struct token_source *source, const char *refused);

/* The claim "sub" of a JSON Web Token (RFC 7519), not verified: that is the server's business. NULL when there is none.
 * The caller frees it. */
char *token_subject(const char *token);

void token_free(char *token);
void token_cleanup(char **token);
#define cleanup_token __attribute__((cleanup(token_cleanup)))

#endif
