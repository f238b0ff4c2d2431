#include "controller/decide/deciding.h"

void report_decide(struct deciding *deciding) {
	(void)deciding;
}
