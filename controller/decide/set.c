#include "controller/decide/deciding.h"

void set_decide(struct deciding *deciding) {
	(void)deciding;
}
