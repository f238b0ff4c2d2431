/* What others have left for a pod's worker: the worker takes it when it comes to it, and is woken for that. Any thread
 * may put something in. */
#ifndef SIMNODE_MAILBOX_H
#define SIMNODE_MAILBOX_H

#include <pthread.h>
#include <stdbool.h>

#include "base/error.h"
#include "kube/object.h"

/* What has happened to the node that the pod is on. */
enum node_fate {
	NODE_UP,
	NODE_CUT, /* it runs its pods, and cannot reach the API */
	NODE_DOWN /* without power: no processes either */
};

/* A signal that somebody wants sent. */
struct signal_wish {
	char *container; /* NULL: all */
	int signal;
	struct signal_wish *next;
};
void signal_wishes_free(struct signal_wish *wishes);

struct mail {
	const struct kube_object *pod; /* its newest state; NULL: no news */
	bool gone;                     /* the object is, and its processes have to be */
	bool refresh;                  /* ConfigMaps or Secrets have changed */
	bool abandon;                  /* this program ends */
	enum node_fate fate;
	struct signal_wish *signals;
};

struct mailbox {
	pthread_mutex_t lock;
	int wake_fd; /* an eventfd, readable when there is mail */
	struct mail mail;
};

int mailbox_init(struct mailbox *mailbox, struct error **err);
void mailbox_free(struct mailbox *mailbox);

void mailbox_put_pod(struct mailbox *mailbox, const struct kube_object *pod); /* NULL: it is gone */
void mailbox_put_refresh(struct mailbox *mailbox);
void mailbox_put_fate(struct mailbox *mailbox, enum node_fate fate);
void mailbox_put_signal(struct mailbox *mailbox, const char *container, int signal);
void mailbox_put_abandon(struct mailbox *mailbox);

/* Takes what there is; the pod and the signals are then the caller's. `gone`, `abandon` and `fate` stay as they are. */
void mailbox_take(struct mailbox *mailbox, struct mail *mail);

#endif
