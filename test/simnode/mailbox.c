#include "simnode/mailbox.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/memory.h"

void signal_wishes_free(struct signal_wish *wishes) {
	while (wishes != NULL) {
		struct signal_wish *next = wishes->next;
		free(wishes->container);
		free(wishes);
		wishes = next;
	}
}

int mailbox_init(struct mailbox *mailbox, struct error **err) {
	*mailbox = (struct mailbox){ .lock = PTHREAD_MUTEX_INITIALIZER };
	mailbox->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return mailbox->wake_fd < 0 ? error_errno(err, errno, "no eventfd") : 0;
}

void mailbox_free(struct mailbox *mailbox) {
	signal_wishes_free(mailbox->mail.signals);
	kube_object_unref(mailbox->mail.pod);
	if (mailbox->wake_fd >= 0) close(mailbox->wake_fd);
	pthread_mutex_destroy(&mailbox->lock);
}

static void begin(struct mailbox *mailbox) {
	pthread_mutex_lock(&mailbox->lock);
}

static void finish(struct mailbox *mailbox) {
	pthread_mutex_unlock(&mailbox->lock);
	eventfd_write(mailbox->wake_fd, 1);
}

void mailbox_put_pod(struct mailbox *mailbox, const struct kube_object *pod) {
	begin(mailbox);
	if (pod == NULL) {
		mailbox->mail.gone = true;
	} else {
		kube_object_unref(mailbox->mail.pod);
		mailbox->mail.pod = kube_object_ref(pod);
	}
	finish(mailbox);
}

void mailbox_put_refresh(struct mailbox *mailbox) {
	begin(mailbox);
	mailbox->mail.refresh = true;
	finish(mailbox);
}

void mailbox_put_fate(struct mailbox *mailbox, enum node_fate fate) {
	begin(mailbox);
	mailbox->mail.fate = fate;
	finish(mailbox);
}

void mailbox_put_signal(struct mailbox *mailbox, const char *container, int signal) {
	struct signal_wish *wish = xmalloc(sizeof(*wish));
	*wish = (struct signal_wish){ .container = container != NULL ? xstrdup(container) : NULL, .signal = signal };
	begin(mailbox);
	struct signal_wish **end = &mailbox->mail.signals;
	while (*end != NULL) end = &(*end)->next;
	*end = wish;
	finish(mailbox);
}

void mailbox_put_abandon(struct mailbox *mailbox) {
	begin(mailbox);
	mailbox->mail.abandon = true;
	finish(mailbox);
}

void mailbox_take(struct mailbox *mailbox, struct mail *mail) {
	eventfd_t ignored;
	eventfd_read(mailbox->wake_fd, &ignored);
	begin(mailbox);
	*mail = mailbox->mail;
	mailbox->mail.pod = NULL;
	mailbox->mail.refresh = false;
	mailbox->mail.signals = NULL;
	pthread_mutex_unlock(&mailbox->lock);
}
