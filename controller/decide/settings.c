#include "controller/decide/deciding.h"

void settings_decide(struct deciding *deciding) {
	(void)deciding;
}
