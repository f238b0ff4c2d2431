/* The one world of a test program, made anew for each test. */
#ifndef UNIT_ENGINE_FIXTURE_H
#define UNIT_ENGINE_FIXTURE_H

#include "unit/engine_world.h"

static struct world world;

static int set_up(void **state) {
	(void)state;
	world_begin(&world);
	return 0;
}

static int tear_down(void **state) {
	(void)state;
	world_end(&world);
	return 0;
}

#endif
