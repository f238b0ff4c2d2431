/* The policy `autoExpand`, the same in every kind that has volumes: they grow by themselves before they are full. */
#ifndef AGKEEPER_API_AUTOEXPAND_H
#define AGKEEPER_API_AUTOEXPAND_H

#include "api/field.h"
#include "api/findings.h"
#include "base/quantity.h"

struct auto_expand {
	struct opt_int at_percent; /* default 85 */
	struct opt_quantity by;
	struct opt_quantity max;
};
extern const struct schema auto_expand_schema;

/* Sizes are positive; a warning when `size` (the volumes' own, NULL when unknown) has reached max already. */
void check_auto_expand(const struct auto_expand *policy, const char *path, const struct quantity *size,
                       struct findings *findings);

#endif
