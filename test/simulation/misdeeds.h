/* How the rules of mutations.h are broken: each where the product's code meets the model, so that it runs unchanged.
 * All of these do nothing while nothing is mutated. */
#ifndef SIMULATION_MISDEEDS_H
#define SIMULATION_MISDEEDS_H

#include "simulation/model.h"

struct job;

/* What decide() is shown: a server's answer, the record, all the rest. */
void misdo_sight(const struct model *model, const struct server_state *server, struct sql_observation *seen);
void misdo_record(struct model *model, struct record *record);
void misdo_view(const struct model *model, struct record *record, struct view *view);
/* What is sent. */
void misdo_batch(const struct model *model, struct job *job);
/* True: the action is done otherwise, or not at all. */
bool misdo_action(struct model *model, struct controller *controller, struct job *job);
/* What the controller takes for done. */
void misdo_answer(struct server_state *server, const struct job *job);

#endif
