/* The rules of SQLServerAvailabilityGroup that only warn; sqlag_rules.c lists them with the others. */
#ifndef AGKEEPER_API_SQLAG_WARNINGS_H
#define AGKEEPER_API_SQLAG_WARNINGS_H

#include "api/findings.h"
#include "api/kind.h"

void sqlag_warn_image(const struct rule_input *input, struct findings *findings);
void sqlag_warn_memory(const struct rule_input *input, struct findings *findings);
void sqlag_warn_edition(const struct rule_input *input, struct findings *findings);
void sqlag_warn_relaxed_mode(const struct rule_input *input, struct findings *findings);
void sqlag_warn_asynchronous_primary(const struct rule_input *input, struct findings *findings);
void sqlag_warn_missing_class(const struct rule_input *input, struct findings *findings);
void sqlag_warn_database_kept(const struct rule_input *input, struct findings *findings);

#endif
