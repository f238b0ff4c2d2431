/* The reference in docs/reference, out of the field tables. */
#ifndef AGKEEPER_API_REFERENCE_H
#define AGKEEPER_API_REFERENCE_H

#include "api/kind.h"

/* Appends one kind's page as Markdown: its names, every field with type, default and bounds, and its rules. */
void kind_print_reference(const struct kind *kind, struct strbuf *markdown);

#endif
