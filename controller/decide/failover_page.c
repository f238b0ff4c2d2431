#include "controller/decide/failover_page.h"

#include "controller/decide/promotion.h"

static void append_evidence(struct strbuf *markdown) {
	strbuf_append(markdown, "## What speaks against a primary\n\n"
	                        "The first row that applies is the reason in Events, in `status.failovers` and in the "
	                        "condition.\n\n| reason | what is seen | when it is replaced |\n| --- | --- | --- |\n");
	for (size_t i = 0; i < evidence_row_count; i++) {
		const struct evidence_row *row = &evidence_rows[i];
		strbuf_printf(markdown, "| %s | %s | %s |\n", row->reason, row->message,
		              row->at_once ? "at once" : "after the threshold, unless it is well again before");
	}
}

/* "PodGone, PrimarySilent": those that act at once, or those that do not. */
static void append_reasons(struct strbuf *markdown, bool at_once) {
	const char *separator = "";
	for (size_t i = 0; i < evidence_row_count; i++) {
		if (evidence_rows[i].at_once != at_once) continue;
		strbuf_printf(markdown, "%s%s", separator, evidence_rows[i].reason);
		separator = ", ";
	}
}

static void append_judgement(struct strbuf *markdown) {
	const char *const *names = promotion_state_names;
	strbuf_printf(markdown, "    [*] --> %s\n    %s --> %s: ", names[PRIMARY_STEADY], names[PRIMARY_STEADY],
	              names[PRIMARY_SUSPECT]);
	append_reasons(markdown, false);
	strbuf_printf(markdown, "\n    %s --> %s: it is well again\n    %s --> %s: its time is over\n    %s --> %s: ",
	              names[PRIMARY_SUSPECT], names[PRIMARY_STEADY], names[PRIMARY_SUSPECT], names[PRIMARY_LOST],
	              names[PRIMARY_STEADY], names[PRIMARY_LOST]);
	append_reasons(markdown, true);
	strbuf_printf(markdown, "\n    %s --> %s: a hand-over is asked for, and a replica is ready\n",
	              names[PRIMARY_STEADY], names[PROMOTION_OPEN]);
}

static void append_diagram(struct strbuf *markdown) {
	strbuf_append(markdown, "\n## States\n\n```mermaid\nstateDiagram-v2\n");
	append_judgement(markdown);
	for (size_t i = 0; i < transition_count; i++) {
		strbuf_printf(markdown, "    %s --> %s: %s\n", promotion_state_names[transitions[i].from],
		              promotion_state_names[transitions[i].to], transitions[i].name);
	}
	strbuf_append(markdown, "```\n");
}

static void append_transitions(struct strbuf *markdown) {
	strbuf_append(markdown,
	              "\nIn each state the first transition whose evidence is given is taken; then the world is "
	              "looked at anew.\n\n| in state | transition | when | why this is right |\n"
	              "| --- | --- | --- | --- |\n");
	for (size_t i = 0; i < transition_count; i++) {
		const struct transition *row = &transitions[i];
		strbuf_printf(markdown, "| %s | %s | %s | %s |\n", promotion_state_names[row->from], row->name,
		              row->evidence, row->reason);
	}
}

void failover_print_page(struct strbuf *markdown) {
	strbuf_append(markdown, FAILOVER_PAGE_BEGIN);
	append_evidence(markdown);
	append_diagram(markdown);
	append_transitions(markdown);
	strbuf_append(markdown, FAILOVER_PAGE_END);
}
