/* The event loop of all asynchronous API traffic: watches and requests share one libcurl multi handle on one thread.
 *
 * A thread owns the loop: either one of its own (kube_loop_start), or the caller's, who calls kube_loop_step. Functions
 * are for the owning thread (or for before it starts) unless they say "any thread". */
#ifndef AGKEEPER_KUBE_LOOP_H
#define AGKEEPER_KUBE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "kube/client.h"

struct kube_loop;

/* The client must outlive the loop. */
struct kube_loop *kube_loop_new(struct kube_client *client);
/* Stops, gives up what is in flight and frees all caches of the loop. */
void kube_loop_free(struct kube_loop *loop);

/* Does what there is to do, waiting at most max_wait_ms for something to come up. */
void kube_loop_step(struct kube_loop *loop, int64_t max_wait_ms);
/* Any thread: a step that waits returns at once. */
void kube_loop_wake(struct kube_loop *loop);

/* Runs the loop on a thread of its own until kube_loop_stop, which waits for the thread to end. */
int kube_loop_start(struct kube_loop *loop, struct error **err);
void kube_loop_stop(struct kube_loop *loop);

/* A request without waiting: `done` is called on the loop's thread, exactly once, with the answer (borrowed; may be
 * NULL) or with the error (borrowed), at the latest when the loop is freed. What the request points to is copied.
 *
 * No more than KUBE_AT_ONCE of them are sent at a time, the others wait here, where urgent ones pass them: in the
 * server's own queue they could not. Urgent ones have as many places again. Waiting counts: what was not sent by its
 * deadline never is. */
enum { KUBE_AT_ONCE = 16 };
typedef void kube_done(void *context, struct json_object *answer, const struct error *err);
void kube_loop_submit(struct kube_loop *loop, const struct kube_request *request, kube_done *done, void *context);

#endif
