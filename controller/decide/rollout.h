/* Inside decide: what whoever takes pods away asks first. */
#ifndef AGKEEPER_CONTROLLER_DECIDE_ROLLOUT_H
#define AGKEEPER_CONTROLLER_DECIDE_ROLLOUT_H

#include "controller/decide/deciding.h"

/* Whether a replica does what it is there for: runs, ready, and in a group synchronized and counted on. */
bool replica_is_back(const struct deciding *deciding, const struct replica_view *replica);
/* Whether the object lets anybody else be primary: else the primary is restarted where it is. There is a primary. */
bool primary_has_successor(const struct deciding *deciding);

#endif
