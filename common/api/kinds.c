/* The list of kinds: the one place that knows them all. */
#include "api/kinds.h"

const struct kind *const all_kinds[] = {
	NULL,
};
