#include "simulation/mutations.h"

#include <stddef.h>

const struct mutation_row mutation_rows[MUTATION_COUNT] = {
#define X(name_, scenario_, seed_, seeds_, text_) [MUTATION_##name_] = { #name_, scenario_, seed_, seeds_, text_ },
	MUTATIONS(X)
#undef X
};
