/* docs/failover.md says what the tables of the promotion say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "controller/decide/failover_page.h"
#include "controller/decide/promotion.h"

static void the_page_is_up_to_date(void **state) {
	(void)state;
	cleanup_strbuf struct strbuf page = { 0 };
	cleanup_strbuf struct strbuf part = { 0 };
	assert_int_equal(file_read(SOURCE_DIR "/docs/failover.md", 1 << 20, &page, NULL), 0);
	failover_print_page(&part);
	/* ./dev generate writes it. */
	assert_non_null(strstr(strbuf_text(&page), strbuf_text(&part)));
}

static void every_row_is_in_it(void **state) {
	(void)state;
	cleanup_strbuf struct strbuf part = { 0 };
	failover_print_page(&part);
	for (size_t i = 0; i < transition_count; i++)
		assert_non_null(strstr(strbuf_text(&part), transitions[i].reason));
	for (size_t i = 0; i < evidence_row_count; i++)
		assert_non_null(strstr(strbuf_text(&part), evidence_rows[i].message));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_page_is_up_to_date),
		cmocka_unit_test(every_row_is_in_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
