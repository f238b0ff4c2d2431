/* Faults on demand: a Unix socket in the state folder that takes one command a connection, a line of words, and answers
 * with one line of JSON, {"ok": true, …} or {"ok": false, "error": "…"}.
 *
 * The commands and what they do are the table in control.c, which `simnode ctl help` prints. POD and CLAIM are NAME or
 * NAMESPACE/NAME. */
#ifndef SIMNODE_CONTROL_H
#define SIMNODE_CONTROL_H

#include <stdio.h>

#include "base/error.h"
#include "simnode/csi.h"
#include "simnode/kubelet.h"
#include "simnode/network.h"

/* What commands work on. Borrowed. */
struct control {
	struct kubelet *kubelet;
	struct network *network;
	struct csi *csi;
};

/* Opens the socket; one that an earlier process left is replaced. Returns its descriptor. */
int control_listen(const char *state, struct error **err);
/* Answers one connection that waits. */
void control_answer(int listener, const struct control *control);

/* The client: sends the words, prints the answer. Exit code 0 when it says "ok". */
int control_send(const char *state, char *const *words, int count);
/* Prints a line for each command. */
void control_help(FILE *file);

#endif
