#include "controller/decide/deciding.h"

void rollout_decide(struct deciding *deciding) {
	(void)deciding;
}
