#include "simulation/model.h"

void boundary_reached(struct model *model, struct controller *controller, int64_t number, enum boundary_phase phase) {
	struct boundary *boundary = &model->boundary;
	if (controller == NULL || boundary->hit || boundary->at != number || boundary->phase != phase) return;
	boundary->hit = true;
	controller_kill(model, controller->index);
}
