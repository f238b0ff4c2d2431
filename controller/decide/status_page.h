/* docs/status.md, out of the tables of the report. */
#ifndef AGKEEPER_CONTROLLER_DECIDE_STATUS_PAGE_H
#define AGKEEPER_CONTROLLER_DECIDE_STATUS_PAGE_H

#include "base/strbuf.h"

/* Appends the page as Markdown: what kubectl shows, every phase and condition, and what to do about it. */
void status_print_page(struct strbuf *markdown);

#endif
