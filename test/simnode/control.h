/* Faults on demand: a Unix socket in the state folder that takes one command a connection, a line of words, and answers
 * with one line of JSON, {"ok": true, …} or {"ok": false, "error": "…"}.
 *
 *   freeze POD [CONTAINER]   stop its processes in their tracks (SIGSTOP); probes and clients get no answer
 *   thaw POD [CONTAINER]     let them go on
 *   kill POD [CONTAINER]     SIGKILL: a crash
 *   node-down NODE           the node loses its power: its processes die, and nothing is reported any more
 *   node-cut NODE            the node cannot reach the API: its pods run on, unseen
 *   node-up NODE             the node is back
 *   list                     nodes, pods, addresses, process ids
 *
 * POD is NAME or NAMESPACE/NAME. */
#ifndef SIMNODE_CONTROL_H
#define SIMNODE_CONTROL_H

#include "base/error.h"
#include "simnode/kubelet.h"

/* Opens the socket; one that an earlier process left is replaced. Returns its descriptor. */
int control_listen(const char *state, struct error **err);
/* Answers one connection that waits. */
void control_answer(int listener, struct kubelet *kubelet);

/* The client: sends the words, prints the answer. Exit code 0 when it says "ok". */
int control_send(const char *state, char *const *words, int count);

#endif
