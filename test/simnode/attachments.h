/* Which volumes are attached to which node, for which pods. A volume is on one node at a time (ReadWriteOnce). Any
 * thread. */
#ifndef SIMNODE_ATTACHMENTS_H
#define SIMNODE_ATTACHMENTS_H

#include <stdbool.h>

#include "base/error.h"

struct attachments;

/* The eventfd `wake_fd` is written at each change. */
struct attachments *attachments_new(int wake_fd);
void attachments_free(struct attachments *attachments);

/* Who wants a volume. Borrowed. */
struct attachment_wish {
	const char *node;
	const char *pod_uid;
	const char *pod_name; /* NAMESPACE/NAME */
};
/* Attaches the volume, if it is not yet; ERROR_CONFLICT while another node has it, or a pod of the same name that this
 * one replaces and whose processes have not ended yet. */
int attachments_add(struct attachments *attachments, const char *volume, const struct attachment_wish *wish,
                    struct error **err);
/* The pod uses nothing any more. */
void attachments_remove(struct attachments *attachments, const char *pod_uid);

/* The node that has the volume; NULL: none. The caller frees it. */
char *attachments_node(struct attachments *attachments, const char *volume);

#endif
