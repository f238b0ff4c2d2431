/* One run: a configuration and faults out of a seed, a verdict, and what of it was needed for the verdict. */
#ifndef SIMULATION_RUNS_H
#define SIMULATION_RUNS_H

#include "simulation/model.h"

enum { FAULTS_MOST = 24, EXPANSIONS_MOST = 4 };

struct run {
	uint64_t seed;
	const char *scenario; /* NULL: random */
	enum mutation mutation;
	const struct sim_setting_row *worse; /* an assumption in its worse position; NULL: as the seed has it */
	bool published;                      /* timings */
	struct configuration configuration;
	struct boundary boundary;
	const struct script *script; /* boundaries.c; NULL: faults */
	bool from_the_start;         /* faults begin with the bootstrap */
	size_t fault_count;
	struct fault faults[FAULTS_MOST + EXPANSIONS_MOST];
	int64_t length; /* of the time in which faults begin */
};

struct script {
	const char *name, *text;
	bool before_all;                                        /* with the group's creation */
	void (*configure)(struct configuration *configuration); /* before anything; NULL: as it is */
	/* Begins it; `configuration` may be changed. NULL: there is nothing to begin. */
	void (*begin)(struct model *model, struct configuration *configuration);
	/* Whether it is over. */
	bool (*is_over)(struct model *model);
};
extern const struct script scripts[];
extern const size_t script_count;
/* Of volumes that grow (scripts_volumes.c). */
extern const struct script volume_scripts[];
extern const size_t volume_script_count;
bool object_is_gone(struct model *model);
void object_delete(struct model *model);
/* With nobody killed, line by line. */
int script_show(const struct script *script);
/* Every boundary of a script, or every so many-th; the number of violations. */
int boundaries_run(const struct script *script, int jobs, int every, enum mutation mutation);

struct outcome {
	struct verdict verdict;
	uint64_t steps;
	int64_t model_time;
	char *timeline; /* owned; NULL: not asked for */
	int acknowledged;
	uint64_t passes;
	int64_t actions; /* of the script */
};
void outcome_free(struct outcome *outcome);

/* Draws configuration and faults. */
void run_draw(struct run *run, uint64_t seed);
/* Whether volumes grow in it, how, and when: with dice of their own, so that the others are what they were. */
void expansions_draw(struct run *run);
bool is_stable(struct model *model);
void run_execute(const struct run *run, bool keeps_timeline, bool check_probes, struct outcome *outcome);
/* Leaves out faults, and shortens them, for as long as the same rule is violated. */
void run_shrink(struct run *run, struct outcome *outcome);
/* The run in words. */
void run_describe(const struct run *run, struct strbuf *text);

/* The group is made, and clients write; false: it is not, which is a violation. */
bool comes_up(struct model *model);
struct json_object *first_object(const struct configuration *configuration);
/* Sums over all runs of this process, by action. */
extern struct action_tally total_tally[ACTION_TYPES];

#endif
