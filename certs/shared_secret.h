/* The Secret in which the replicas keep their bundle (bundle.h). It is only ever read and written by its name. */
#ifndef AGKEEPER_CERTS_SHARED_SECRET_H
#define AGKEEPER_CERTS_SHARED_SECRET_H

#include <json-c/json.h>

#include "base/error.h"
#include "kube/client.h"
#include "tls/bundle.h"

struct shared_secret {
	struct kube_client *client;
	const char *namespace;
	const char *name;
	struct json_object *object; /* as it was read or written last; NULL: there is none */
};

/* Reads the object and its bundle; a Secret that does not exist gives an empty one. */
int shared_secret_read(struct shared_secret *secret, struct bundle *bundle, struct error **err);
/* Creates the object, or replaces the very one that was read; what is not ours in it stays as it was. ERROR_CONFLICT:
 * another replica was faster, read again. */
int shared_secret_write(struct shared_secret *secret, const struct bundle *bundle, struct error **err);
void shared_secret_forget(struct shared_secret *secret);
#define cleanup_shared_secret __attribute__((cleanup(shared_secret_forget)))

#endif
