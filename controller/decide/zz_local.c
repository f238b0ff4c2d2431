#include "controller/decide/deciding.h"
bool promotion_request_hand_over(struct deciding *deciding, const char *wanted, const char *reason, const char *message,
                                 const char **why) {
	(void)deciding;(void)wanted;(void)reason;(void)message;
	if (why) *why = "stub";
	return false;
}
