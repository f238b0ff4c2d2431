#include "controller/decide/deciding.h"

void lifecycle_decide(struct deciding *deciding) {
	(void)deciding;
}
