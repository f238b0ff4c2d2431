#include "controller/decide/deciding.h"

void ladder_decide(struct deciding *deciding) {
	(void)deciding;
}
