/* Inside decide: what hangs, in words for people. Texts live as long as the plan, and stay the same while nothing
 * changes: they stand in conditions. */
#ifndef AGKEEPER_CONTROLLER_DECIDE_TROUBLE_H
#define AGKEEPER_CONTROLLER_DECIDE_TROUBLE_H

#include "base/strbuf.h"
#include "controller/decide/deciding.h"

/* What the last attempt at this met, with its Msg number: NULL: it did not fail. `peer` as in struct attempt. */
const char *attempt_trouble(struct deciding *deciding, enum action_type type, const char *pod, const char *peer);
/* What keeps a replica's server from taking part; NULL: nothing, it answers and is bootstrapped. */
const char *server_trouble(struct deciding *deciding, const struct replica_view *replica);
/* A condition that only stands while something is wrong, and once after: False with these words; NULL or "": nothing is
 * wrong, which is said where the object still says otherwise. */
void find_trouble(struct deciding *deciding, const char *condition, const char *reason, const char *words);
/* Appends "who: words" to a list; nothing when words are NULL. */
void add_trouble(struct strbuf *list, const char *who, const char *words);

#endif
