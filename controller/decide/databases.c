#include "controller/decide/deciding.h"

void databases_decide(struct deciding *deciding) {
	(void)deciding;
}
