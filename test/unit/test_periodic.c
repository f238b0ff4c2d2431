/* A thread that does something again and again (base/periodic.h). */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/periodic.h"

struct work {
	atomic_int rounds;
	int64_t pause_ms;
};

static int64_t step(void *context) {
	struct work *work = context;
	work->rounds++;
	return work->pause_ms;
}

static void wait_for_rounds(struct work *work, int rounds) {
	int64_t deadline = clock_monotonic_ms() + 60000;
	while (work->rounds < rounds && clock_monotonic_ms() < deadline) poll(NULL, 0, 1);
	assert_true(work->rounds >= rounds);
}

static void goes_on_until_it_is_stopped(void **state) {
	(void)state;
	struct work work = { .pause_ms = 1 };
	struct periodic *periodic = periodic_start(step, &work, NULL);
	assert_non_null(periodic);
	wait_for_rounds(&work, 5);
	periodic_stop(periodic);
	int rounds = work.rounds;
	poll(NULL, 0, 20);
	assert_int_equal(work.rounds, rounds);
}

static void stopping_cuts_a_pause_short(void **state) {
	(void)state;
	struct work work = { .pause_ms = 3600 * 1000 };
	struct periodic *periodic = periodic_start(step, &work, NULL);
	wait_for_rounds(&work, 1);
	periodic_stop(periodic); /* returns long before the hour is over, or this test never ends */
	assert_int_equal(work.rounds, 1);
	periodic_stop(NULL);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(goes_on_until_it_is_stopped),
		cmocka_unit_test(stopping_cuts_a_pause_short),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
