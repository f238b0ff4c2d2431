/* simulation: runs seeds, in as many processes as there are cores, and says what was violated.
 *
 *   simulation [--seed N] [--seeds N] [--first N] [--stride N] [--minutes X] [--steps N] [--scenario NAME|all]
 * [--mutate NAME|all]
 *              [--worse NAME|all] [--published] [--boundaries NAME|all [--every N]] [--timeline] [--check-probes]
 * [--jobs N] simulation --compare CASE|all [--policy agkeeper|published] [--seeds N] [--limits] simulation --compare
 * CASE --policy NAME --seed N */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "simulation/compare.h"
#include "simulation/scenarios.h"

struct options {
	uint64_t first, seeds, steps, stride;
	double minutes;
	int jobs, every; /* every: of the boundaries of expansions, which are many */
	bool one, timeline, check_probes, published, quiet, limits;
	enum mutation mutation;
	const struct sim_setting_row *worse;
	const char *scenario, *boundaries, *compare, *policy;
};

/* What the workers share. */
struct board {
	uint64_t next, done, steps, violations, passes, acknowledged, first_failure;
	int64_t model_time;
	uint64_t running[64];
	bool stop;
	struct action_tally tally[ACTION_TYPES];
};

static double seconds(void) {
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void prepare(const struct options *options, uint64_t seed, struct run *run) {
	if (options->scenario != NULL) scenario_draw(scenario_find(options->scenario), seed, run);
	else run_draw(run, seed);
	run->mutation = options->mutation;
	run->worse = options->worse;
	run->published = options->published;
}

/* ---- What is said of a violation: verdict and replay first, for a log shows little ---- */

enum { LAST_LINES = 40, LINE_LENGTH = 200 };

static void say_verdict(const struct run *run, const struct outcome *outcome) {
	printf("seed %llu violates %s at %.3f s: %s\n", (unsigned long long)run->seed, outcome->verdict.rule,
	       (double)outcome->verdict.at / SECOND, outcome->verdict.text);
}

static void say_replay(const struct options *options, uint64_t seed) {
	printf("replay: build/simulation --seed %llu", (unsigned long long)seed);
	if (options->scenario != NULL) printf(" --scenario %s", options->scenario);
	if (options->worse != NULL) printf(" --worse %s", options->worse->name);
	if (options->published) printf(" --published");
	if (options->mutation != MUTATION_none) printf(" --mutate %s", mutation_rows[options->mutation].name);
	printf(" --timeline\n");
}

static void print_end(const char *timeline) {
	const char *from = timeline + strlen(timeline);
	for (int lines = 0; from > timeline; from--)
		if (from[-1] == '\n' && ++lines > LAST_LINES) break;
	if (from > timeline) printf("    … the last %d lines\n", LAST_LINES);
	while (*from != '\0') {
		size_t length = strcspn(from, "\n");
		int shown = length <= LINE_LENGTH ? (int)length : LINE_LENGTH;
		while ((size_t)shown < length && (from[shown] & 0xC0) == 0x80) shown--; /* whole characters */
		printf("%.*s%s\n", shown, from, (size_t)shown < length ? "…" : "");
		from += length + (from[length] == '\n');
	}
}

static void report(const struct options *options, struct run *run, struct outcome *outcome) {
	say_verdict(run, outcome);
	say_replay(options, run->seed);
	fflush(stdout);
	run_shrink(run, outcome);
	cleanup_strbuf struct strbuf text = { 0 };
	run_describe(run, &text);
	printf("shrunk, it violates %s: %s\n%s", outcome->verdict.rule, outcome->verdict.text, strbuf_text(&text));
	print_end(outcome->timeline);
}

static bool take_seed(const struct options *options, struct board *board, double until, uint64_t *seed) {
	if (__atomic_load_n(&board->stop, __ATOMIC_RELAXED) || seconds() > until) return false;
	if (options->steps != 0 && __atomic_load_n(&board->steps, __ATOMIC_RELAXED) >= options->steps) return false;
	uint64_t taken = __atomic_fetch_add(&board->next, 1, __ATOMIC_RELAXED);
	*seed = options->first + taken * options->stride;
	return options->seeds == 0 || taken < options->seeds;
}

/* A broken rule is found where the same seed passes with nothing broken. */
static bool is_due_to_mutation(const struct options *options, uint64_t seed) {
	if (options->mutation == MUTATION_none) return true;
	struct options whole = *options;
	struct run run;
	struct outcome outcome;
	whole.mutation = MUTATION_none;
	prepare(&whole, seed, &run);
	run_execute(&run, false, false, &outcome);
	return !outcome.verdict.violated;
}

static bool is_found(const struct options *options, uint64_t seed) {
	struct run run;
	struct outcome outcome;
	prepare(options, seed, &run);
	run_execute(&run, false, false, &outcome);
	return outcome.verdict.violated && is_due_to_mutation(options, seed);
}

/* The lowest: the same one whoever comes first. */
static void note_failure(struct board *board, uint64_t seed) {
	uint64_t known = __atomic_load_n(&board->first_failure, __ATOMIC_RELAXED);
	while ((known == 0 || seed < known) && !__atomic_compare_exchange_n(&board->first_failure, &known, seed, false,
	                                                                    __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
	}
}

static void work(const struct options *options, struct board *board, int worker, double until) {
	uint64_t seed;
	while (take_seed(options, board, until, &seed)) {
		struct run run;
		struct outcome outcome;
		board->running[worker] = seed;
		prepare(options, seed, &run);
		run_execute(&run, false, options->check_probes, &outcome);
		board->running[worker] = 0;
		__atomic_fetch_add(&board->done, 1, __ATOMIC_RELAXED);
		__atomic_fetch_add(&board->steps, outcome.steps, __ATOMIC_RELAXED);
		__atomic_fetch_add(&board->passes, outcome.passes, __ATOMIC_RELAXED);
		__atomic_fetch_add(&board->model_time, outcome.model_time, __ATOMIC_RELAXED);
		__atomic_fetch_add(&board->acknowledged, (uint64_t)outcome.acknowledged, __ATOMIC_RELAXED);
		if (outcome.verdict.violated && is_due_to_mutation(options, seed)) {
			__atomic_fetch_add(&board->violations, 1, __ATOMIC_RELAXED);
			note_failure(board, seed);
			if (options->mutation != MUTATION_none) board->stop = true;
			if (!options->quiet) {
				say_verdict(&run, &outcome);
				fflush(stdout);
			}
		}
		outcome_free(&outcome);
	}
	for (size_t i = 0; i < ACTION_TYPES; i++) {
		__atomic_fetch_add(&board->tally[i].count, total_tally[i].count, __ATOMIC_RELAXED);
		__atomic_fetch_add(&board->tally[i].failed, total_tally[i].failed, __ATOMIC_RELAXED);
	}
	fflush(stdout);
}

/* Workers are processes: one that dies names its seed, and takes nobody with it. */
static void run_workers(const struct options *options, struct board *board) {
	double until = options->minutes > 0 ? seconds() + 60 * options->minutes : 1e18;
	pid_t workers[64];
	fflush(stdout);
	for (int i = 0; i < options->jobs; i++) {
		workers[i] = fork();
		if (workers[i] != 0) continue;
		work(options, board, i, until);
		_exit(0);
	}
	for (int i = 0; i < options->jobs; i++) {
		int status;
		waitpid(workers[i], &status, 0);
		if (WIFEXITED(status) && WEXITSTATUS(status) == 0) continue;
		board->violations++;
		printf("seed %llu: the simulation itself died (status %d)\n", (unsigned long long)board->running[i],
		       status);
		note_failure(board, board->running[i]);
	}
}

static struct board *new_board(void) {
	struct board *board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (board == MAP_FAILED) abort();
	return board;
}

static int run_one(const struct options *options) {
	struct run run;
	struct outcome outcome;
	prepare(options, options->first, &run);
	run_execute(&run, options->timeline, options->check_probes, &outcome);
	bool violated = outcome.verdict.violated;
	if (options->timeline) {
		cleanup_strbuf struct strbuf text = { 0 };
		run_describe(&run, &text);
		printf("%s%s", strbuf_text(&text), outcome.timeline);
		if (violated) say_verdict(&run, &outcome);
	} else if (violated) {
		report(options, &run, &outcome);
	}
	printf("seed %llu: %llu steps, %llu decisions, %d rows acknowledged, %.0f s of model time\n",
	       (unsigned long long)run.seed, (unsigned long long)outcome.steps, (unsigned long long)outcome.passes,
	       outcome.acknowledged, (double)outcome.model_time / SECOND);
	outcome_free(&outcome);
	return violated;
}

static void print_tally(const struct board *board) {
	for (size_t i = 0; i < ACTION_TYPES; i++)
		if (board->tally[i].count > 0)
			printf("  %-28s %10llu  failed %llu\n", action_rows[i].name,
			       (unsigned long long)board->tally[i].count, (unsigned long long)board->tally[i].failed);
}

static int run_many(const struct options *options) {
	struct board *board = new_board();
	double begin = seconds();
	run_workers(options, board);
	double took = seconds() - begin;
	if (!options->quiet) print_tally(board);
	if (board->first_failure != 0 && options->mutation == MUTATION_none) {
		struct options one = *options;
		one.first = board->first_failure;
		run_one(&one);
	}
	printf("%llu seeds, %llu steps (%.0f a second), %llu decisions, %.1f h of model time, %llu rows acknowledged: "
	       "%llu violations\n",
	       (unsigned long long)board->done, (unsigned long long)board->steps, (double)board->steps / took,
	       (unsigned long long)board->passes, (double)board->model_time / 3600e6,
	       (unsigned long long)board->acknowledged, (unsigned long long)board->violations);
	return board->violations != 0;
}

/* Every rule broken on purpose has to be found. */
static int run_mutation(const struct options *options, enum mutation mutation) {
	struct options broken = *options;
	broken.mutation = mutation;
	broken.quiet = true;
	if (broken.scenario == NULL) broken.scenario = mutation_rows[mutation].scenario;
	if (broken.seeds == 0) broken.seeds = (uint64_t)mutation_rows[mutation].seeds;
	struct board *board = new_board();
	/* The seed that is known to show it, first. */
	bool knows = options->scenario == NULL && options->seeds == 0 && options->first == 1;
	bool found = knows && is_found(&broken, mutation_rows[mutation].seed);
	if (found) board->first_failure = mutation_rows[mutation].seed;
	else run_workers(&broken, board);
	found = found || board->violations > 0;
	printf("%s  %s: %s", found ? "ok  " : "FAIL", mutation_rows[mutation].name, mutation_rows[mutation].text);
	if (found) {
		struct run run;
		struct outcome outcome;
		prepare(&broken, board->first_failure, &run);
		run_execute(&run, false, false, &outcome);
		printf(" (%s%sseed %llu: %s, %s)\n", broken.scenario != NULL ? broken.scenario : "",
		       broken.scenario != NULL ? ", " : "", (unsigned long long)run.seed, outcome.verdict.rule,
		       outcome.verdict.text);
	} else {
		printf(" (%llu seeds found nothing)\n", (unsigned long long)board->done);
	}
	fflush(stdout);
	munmap(board, sizeof(*board));
	return !found;
}

static int run_mutations(const struct options *options) {
	int failed = 0;
	for (int i = 1; i < MUTATION_COUNT; i++)
		if (mutation_rows[i].seeds > 0) failed += run_mutation(options, (enum mutation)i);
	return failed != 0;
}

static int run_quietly(const struct options *options, const char *name, const char *text) {
	struct options quiet = *options;
	quiet.quiet = true;
	struct board *board = new_board();
	run_workers(&quiet, board);
	bool passed = board->violations == 0;
	printf("%s  %s: %s (%llu seeds)\n", passed ? "ok  " : "FAIL", name, text, (unsigned long long)board->done);
	fflush(stdout);
	if (!passed && board->first_failure != 0) {
		quiet.first = board->first_failure;
		run_one(&quiet);
	}
	munmap(board, sizeof(*board));
	return !passed;
}

static int run_scenarios(const struct options *options) {
	int failed = 0;
	struct options one = *options;
	if (one.seeds == 0) one.seeds = 100;
	for (size_t i = 0; i < scenario_count; i++) {
		one.scenario = scenarios[i].name;
		failed += run_quietly(&one, scenarios[i].name, scenarios[i].attack);
	}
	return failed != 0;
}

/* Every assumption in its worse position. */
static int run_worse(const struct options *options) {
	int failed = 0;
	struct options one = *options;
	if (one.seeds == 0) one.seeds = 300;
	for (size_t i = 0; i < SIM_ASSUMPTION_COUNT; i++) {
		if ((sim_assumption_rows[i].other != 0) == (sim_assumption_rows[i].usual != 0)) continue;
		one.worse = &sim_assumption_rows[i];
		cleanup_free char *name =
		        xasprintf("%s = %d", sim_assumption_rows[i].name, (int)sim_assumption_rows[i].other);
		failed += run_quietly(&one, name, sim_assumption_rows[i].meaning);
	}
	return failed != 0;
}

static int run_boundaries(const struct options *options) {
	int failed = 0;
	bool all = strcmp(options->boundaries, "all") == 0, found = all;
	for (size_t i = 0; i < script_count + volume_script_count; i++) {
		const struct script *script = i < script_count ? &scripts[i] : &volume_scripts[i - script_count];
		if (!all && strcmp(script->name, options->boundaries) != 0) continue;
		found = true;
		failed += options->timeline ? script_show(script)
		                            : boundaries_run(script, options->jobs,
		                                             i < script_count ? 1 : options->every, options->mutation);
	}
	if (!found) fprintf(stderr, "there is no script %s\n", options->boundaries);
	return failed != 0 || !found;
}

static int run_compare(const struct options *options) {
	const struct options_of_compare compare = { .name = options->compare,
		                                    .policy = options->policy,
		                                    .first = options->first,
		                                    .seeds = options->seeds != 0 ? (int)options->seeds : 200,
		                                    .jobs = options->jobs,
		                                    .one = options->one,
		                                    .limits = options->limits };
	return compare_run(&compare);
}

static enum mutation find_mutation(const char *name) {
	for (int i = 0; i < MUTATION_COUNT; i++)
		if (strcmp(mutation_rows[i].name, name) == 0) return (enum mutation)i;
	fprintf(stderr, "there is no mutation %s\n", name);
	exit(2);
}

static const struct sim_setting_row *find_worse(const char *name) {
	for (size_t i = 0; i < SIM_ASSUMPTION_COUNT; i++)
		if (strcmp(sim_assumption_rows[i].name, name) == 0) return &sim_assumption_rows[i];
	fprintf(stderr, "there is no assumption %s\n", name);
	exit(2);
}

int main(int argc, char **argv) {
	static const struct option rows[] = { { "seed", required_argument, NULL, 's' },
		                              { "seeds", required_argument, NULL, 'n' },
		                              { "first", required_argument, NULL, 'f' },
		                              { "minutes", required_argument, NULL, 'm' },
		                              { "steps", required_argument, NULL, 't' },
		                              { "scenario", required_argument, NULL, 'c' },
		                              { "mutate", required_argument, NULL, 'u' },
		                              { "worse", required_argument, NULL, 'w' },
		                              { "boundaries", required_argument, NULL, 'b' },
		                              { "published", no_argument, NULL, 'p' },
		                              { "timeline", no_argument, NULL, 'l' },
		                              { "check-probes", no_argument, NULL, 'k' },
		                              { "quiet", no_argument, NULL, 'q' },
		                              { "jobs", required_argument, NULL, 'j' },
		                              { "every", required_argument, NULL, 'e' },
		                              { "stride", required_argument, NULL, 'r' },
		                              { "compare", required_argument, NULL, 'o' },
		                              { "policy", required_argument, NULL, 'y' },
		                              { "limits", no_argument, NULL, 'i' },
		                              { 0 } };
	struct options options = { .first = 1, .stride = 1, .jobs = (int)sysconf(_SC_NPROCESSORS_ONLN) };
	bool all_mutations = false, all_worse = false;
	for (int c; (c = getopt_long(argc, argv, "", rows, NULL)) != -1;) {
		switch (c) {
		case 's': options.one = true; /* fall through */
		case 'f': options.first = strtoull(optarg, NULL, 10); break;
		case 'n': options.seeds = strtoull(optarg, NULL, 10); break;
		case 'm': options.minutes = strtod(optarg, NULL); break;
		case 't': options.steps = strtoull(optarg, NULL, 10); break;
		case 'c': options.scenario = optarg; break;
		case 'u':
			all_mutations = strcmp(optarg, "all") == 0;
			if (!all_mutations) options.mutation = find_mutation(optarg);
			break;
		case 'w':
			all_worse = strcmp(optarg, "all") == 0;
			if (!all_worse) options.worse = find_worse(optarg);
			break;
		case 'b': options.boundaries = optarg; break;
		case 'p': options.published = true; break;
		case 'l': options.timeline = true; break;
		case 'k': options.check_probes = true; break;
		case 'q': options.quiet = true; break;
		case 'j': options.jobs = atoi(optarg); break;
		case 'r': options.stride = strtoull(optarg, NULL, 10); break;
		case 'e': options.every = atoi(optarg); break;
		case 'o': options.compare = optarg; break;
		case 'y': options.policy = optarg; break;
		case 'i': options.limits = true; break;
		default: return 2;
		}
	}
	if (options.jobs < 1 || options.jobs > 64) options.jobs = 2;
	if (options.every < 1) options.every = 1;
	if (options.compare != NULL) return run_compare(&options);
	if (all_mutations) return run_mutations(&options);
	if (options.boundaries != NULL) return run_boundaries(&options);
	if (options.scenario != NULL && strcmp(options.scenario, "all") == 0) return run_scenarios(&options);
	if (options.scenario != NULL && scenario_find(options.scenario) == NULL) {
		fprintf(stderr, "there is no scenario %s\n", options.scenario);
		return 2;
	}
	if (all_worse) return run_worse(&options);
	if (options.one) return run_one(&options);
	if (options.mutation != MUTATION_none) return run_mutation(&options, options.mutation);
	if (options.seeds == 0 && options.minutes <= 0 && options.steps == 0) options.seeds = 1000;
	return run_many(&options);
}
