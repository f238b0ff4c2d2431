/* Inside of the loop: what caches are made of. For the sources of this folder only. */
#ifndef AGKEEPER_KUBE_LOOP_PRIVATE_H
#define AGKEEPER_KUBE_LOOP_PRIVATE_H

#include "kube/call.h"
#include "kube/loop.h"

/* One exchange on the loop. It starts with the next step, and ends with one call of `done`, or is cancelled. */
struct transfer;
struct transfer *transfer_start(struct kube_loop *loop, const struct kube_request *request, kube_done *done,
                                void *context);
/* It takes one of the places of kube_loop_submit. Before the next step. */
void transfer_queue(struct transfer *transfer, int urgency);
/* Ends it without a word. */
void transfer_cancel(struct transfer *transfer);

/* The call inside: a watch sets its sink there, before the next step; and asks what the server said. */
struct call *transfer_call(struct transfer *transfer);
/* Only one attempt, whatever the answer, unless a renewed token may mend it (watches have their own way to go on). */
void transfer_try_once(struct transfer *transfer);
/* The HTTP status received so far, 0 for none. */
long transfer_status(const struct transfer *transfer);

/* A request was not answered in time: for a while, new exchanges take new connections. HTTP/2 would put them on the
 * dead one otherwise, until the kernel gives it up (TCP_USER_TIMEOUT, transport.c). */
void loop_distrust_connections(struct kube_loop *loop);

/* When the server was last seen well (monotonic milliseconds; 0: never): those who wait because it did not answer need
 * not wait any longer. Requests note it by themselves, watches when they are taken up. */
int64_t loop_last_success(const struct kube_loop *loop);
void loop_note_success(struct kube_loop *loop);

/* Something on the loop that has things to do at certain times. */
struct loop_member {
	struct loop_member *next;
	/* Does what is due; returns when it wants to be called again at the latest (monotonic milliseconds). */
	int64_t (*tick)(struct loop_member *member, int64_t now);
	void (*free)(struct loop_member *member);
};
void loop_add_member(struct kube_loop *loop, struct loop_member *member);

#endif
