#include "sqlserver/settings.h"

#include <string.h>

const struct sim_setting_row sim_timing_rows[SIM_TIMING_COUNT] = {
#define X(name, fast, published, meaning) { #name, (fast)*INT64_C(1000), (published)*INT64_C(1000), meaning },
	SIM_TIMINGS(X)
#undef X
};

const struct sim_setting_row sim_assumption_rows[SIM_ASSUMPTION_COUNT] = {
#define X(name, otherwise, worse, meaning) { #name, otherwise, worse, meaning },
	SIM_ASSUMPTIONS(X)
#undef X
};

struct sim_settings sim_settings_fast(void) {
	struct sim_settings settings;
	for (size_t i = 0; i < SIM_TIMING_COUNT; i++) settings.timings[i] = sim_timing_rows[i].usual;
	for (size_t i = 0; i < SIM_ASSUMPTION_COUNT; i++) settings.assumptions[i] = sim_assumption_rows[i].usual != 0;
	return settings;
}

struct sim_settings sim_settings_published(void) {
	struct sim_settings settings = sim_settings_fast();
	for (size_t i = 0; i < SIM_TIMING_COUNT; i++) settings.timings[i] = sim_timing_rows[i].other;
	return settings;
}

void sim_settings_worst(struct sim_settings *settings) {
	for (size_t i = 0; i < SIM_ASSUMPTION_COUNT; i++) settings->assumptions[i] = sim_assumption_rows[i].other != 0;
}

bool sim_settings_set(struct sim_settings *settings, const char *name, int64_t value) {
	for (size_t i = 0; i < SIM_TIMING_COUNT; i++) {
		if (strcmp(sim_timing_rows[i].name, name) != 0) continue;
		settings->timings[i] = value * 1000;
		return true;
	}
	for (size_t i = 0; i < SIM_ASSUMPTION_COUNT; i++) {
		if (strcmp(sim_assumption_rows[i].name, name) != 0) continue;
		settings->assumptions[i] = value != 0;
		return true;
	}
	return false;
}
