#include "controller/decide/deciding.h"

void bootstrap_decide(struct deciding *deciding) {
	(void)deciding;
}
