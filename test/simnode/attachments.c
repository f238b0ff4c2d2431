#include "simnode/attachments.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "base/memory.h"

struct attachment {
	char *volume;
	char *node;
	char *pod_uid;
	char *pod_name;
	struct attachment *next;
};

struct attachments {
	pthread_mutex_t lock;
	int wake_fd;
	struct attachment *first;
};

struct attachments *attachments_new(int wake_fd) {
	struct attachments *attachments = xcalloc(1, sizeof(*attachments));
	*attachments = (struct attachments){ .lock = PTHREAD_MUTEX_INITIALIZER, .wake_fd = wake_fd };
	return attachments;
}

static void free_attachment(struct attachment *attachment) {
	free(attachment->volume);
	free(attachment->node);
	free(attachment->pod_uid);
	free(attachment->pod_name);
	free(attachment);
}

void attachments_free(struct attachments *attachments) {
	if (attachments == NULL) return;
	while (attachments->first != NULL) {
		struct attachment *attachment = attachments->first;
		attachments->first = attachment->next;
		free_attachment(attachment);
	}
	pthread_mutex_destroy(&attachments->lock);
	free(attachments);
}

/* -1: somebody is in the way; 1: it is attached for this pod already; 0: it can be. */
static int judge(const struct attachments *attachments, const char *volume, const struct attachment_wish *wish,
                 struct error **err) {
	for (const struct attachment *other = attachments->first; other != NULL; other = other->next) {
		if (strcmp(other->volume, volume) != 0) continue;
		if (strcmp(other->pod_uid, wish->pod_uid) == 0) return 1;
		if (strcmp(other->node, wish->node) != 0)
			return error_set(err, ERROR_CONFLICT,
			                 "Multi-Attach error for volume \"%s\": it is exclusively attached to node %s "
			                 "already and can't be attached to another (pod %s)",
			                 volume, other->node, other->pod_name);
		if (strcmp(other->pod_name, wish->pod_name) == 0)
			return error_set(err, ERROR_CONFLICT, "volume \"%s\": the pod's predecessor has not ended yet",
			                 volume);
	}
	return 0;
}

int attachments_add(struct attachments *attachments, const char *volume, const struct attachment_wish *wish,
                    struct error **err) {
	pthread_mutex_lock(&attachments->lock);
	int verdict = judge(attachments, volume, wish, err);
	if (verdict == 0) {
		struct attachment *attachment = xmalloc(sizeof(*attachment));
		*attachment = (struct attachment){ .volume = xstrdup(volume),
			                           .node = xstrdup(wish->node),
			                           .pod_uid = xstrdup(wish->pod_uid),
			                           .pod_name = xstrdup(wish->pod_name),
			                           .next = attachments->first };
		attachments->first = attachment;
	}
	pthread_mutex_unlock(&attachments->lock);
	if (verdict == 0) eventfd_write(attachments->wake_fd, 1);
	return verdict < 0 ? -1 : 0;
}

void attachments_remove(struct attachments *attachments, const char *pod_uid) {
	bool changed = false;
	pthread_mutex_lock(&attachments->lock);
	for (struct attachment **at = &attachments->first; *at != NULL;) {
		struct attachment *attachment = *at;
		if (strcmp(attachment->pod_uid, pod_uid) != 0) {
			at = &attachment->next;
			continue;
		}
		*at = attachment->next;
		free_attachment(attachment);
		changed = true;
	}
	pthread_mutex_unlock(&attachments->lock);
	if (changed) eventfd_write(attachments->wake_fd, 1);
}

char *attachments_node(struct attachments *attachments, const char *volume) {
	char *node = NULL;
	pthread_mutex_lock(&attachments->lock);
	for (const struct attachment *each = attachments->first; each != NULL && node == NULL; each = each->next) {
		if (strcmp(each->volume, volume) == 0) node = xstrdup(each->node);
	}
	pthread_mutex_unlock(&attachments->lock);
	return node;
}
