#include "controller/decide/deciding.h"

void labels_decide(struct deciding *deciding) {
	(void)deciding;
}
