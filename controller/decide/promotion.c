#include "controller/decide/deciding.h"

void promotion_decide(struct deciding *deciding) {
	(void)deciding;
}

void promotion_judge(struct deciding *deciding) {
	(void)deciding;
}
