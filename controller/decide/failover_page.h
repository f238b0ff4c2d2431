/* The part of docs/failover.md that is made from the tables of the promotion. */
#ifndef AGKEEPER_CONTROLLER_DECIDE_FAILOVER_PAGE_H
#define AGKEEPER_CONTROLLER_DECIDE_FAILOVER_PAGE_H

#include "base/strbuf.h"

/* What the part begins and ends with in the page. */
#define FAILOVER_PAGE_BEGIN \
	"<!-- From here on printed by \"agkeeper reference failover\"; a test holds it to the tables. -->\n"
#define FAILOVER_PAGE_END "<!-- Up to here. -->\n"

/* Appends it as Markdown, with both lines: what counts as evidence, the diagram of states, and every transition. */
void failover_print_page(struct strbuf *markdown);

#endif
