/* Inside decide: the group's databases. */
#ifndef AGKEEPER_CONTROLLER_DECIDE_DATABASES_H
#define AGKEEPER_CONTROLLER_DECIDE_DATABASES_H

#include "controller/decide/deciding.h"

/* Brings next.databases in step with what `replica` shows of the group: what it has is added, and, where it speaks for
 * the group (the primary), what is not in the group any more is taken out. */
void databases_record(struct deciding *deciding, const struct replica_view *replica, bool speaks_for_group);

#endif
