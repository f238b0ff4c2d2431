/* Inside decide: the group's databases. */
#ifndef AGKEEPER_CONTROLLER_DECIDE_DATABASES_H
#define AGKEEPER_CONTROLLER_DECIDE_DATABASES_H

#include "controller/decide/deciding.h"

/* Brings next.databases in step with what `replica` shows of the group: what it has is added, and, where it speaks for
 * the group (the primary), what it shows nowhere any more is taken out. True when the list has changed; *is_new
 * (may be NULL) is set when something was added, which nobody else may have yet. */
bool databases_record(struct deciding *deciding, const struct replica_view *replica, bool speaks_for_group,
                      bool *is_new);
/* Whether a database that the object wants is on its way into the group: where nothing is promised nothing will be
 * meanwhile, since nobody but the primary has it. One that cannot get in without a person does not count: the others
 * are protected again. */
bool databases_arrive(const struct deciding *deciding);

#endif
