#include "simulation/compare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sqlserver/group.h"

enum {
	LOOK_EVERY = 5 * MILLISECOND, /* what is measured is as exact as that */
	LOOK_LATER = 100 * MILLISECOND,
	LONGEST = 400 * SECOND,
	WRITE_OFTEN = 40 * MILLISECOND,
	WRITE_SELDOM = 400 * MILLISECOND,
	NODE_BACK = 120 * SECOND,
	SILENCE_S = 30, /* failoverThresholdSeconds of the published tests */
	WRITERS = 4,
	SESSION_TIMEOUT_S = 10,
	STANDBY_WATCHED = 30 * SECOND,
};

struct trial {
	struct model *model;
	struct configuration configuration;
	int slot;        /* of the primary that is lost, or of the standby */
	uint64_t victim; /* its process */
	int64_t began, back;
	struct result *result;
};

struct result {
	bool failed; /* a rule was violated, or it was not over in time */
	int losses;  /* rules broken, and rows lost */
	char why[160];
	int64_t times[MEASURES]; /* -1: not within the time */
};

/* ---- The cases ---- */

static void force_delete(struct trial *trial) {
	pod_delete(trial->model, trial->slot, true);
}
static void delete_gracefully(struct trial *trial) {
	pod_delete(trial->model, trial->slot, false);
}
static void drain(struct trial *trial) {
	struct model *model = trial->model;
	int node = model->cluster.pods[trial->slot].node;
	model->cluster.nodes[node].cordoned = true;
	cluster_changed(model, ITEM_NODE, node);
	model_run(model, 50 * MILLISECOND);
	pod_delete(model, trial->slot, false);
}
static void freeze(struct trial *trial) {
	process_freeze(trial->model, process_by_id(trial->model, trial->victim), true);
}
static void kill_container(struct trial *trial) {
	pod_kill_container(trial->model, trial->slot);
}
static void stop_node(struct trial *trial) {
	node_down(trial->model, trial->model->cluster.pods[trial->slot].node, true);
	trial->back = trial->model->now + NODE_BACK;
}

static const struct compared {
	const char *name, *text;
	void (*begin)(struct trial *trial);
	bool is_replaced; /* the pod is force-deleted when another one is primary, as in the published test */
	bool is_standby;  /* it happens to a standby: nothing is promoted, and commits wait */
} compared[] = {
	{ "force-deleted", "primary force-deleted", force_delete, false, false },
	{ "deleted", "primary deleted gracefully", delete_gracefully, false, false },
	{ "drained", "primary's node drained", drain, false, false },
	{ "frozen", "primary frozen (SIGSTOP), threshold 30 s; force-deleted when replaced", freeze, true, false },
	{ "killed", "primary's container killed", kill_container, false, false },
	{ "node-down", "primary's node down, threshold 30 s; back after 120 s", stop_node, false, false },
	{ "standby-deleted", "standby force-deleted", force_delete, false, true },
	{ "standby-node-down", "standby's node down; back after 120 s", stop_node, false, true },
};
enum { COMPARED = ARRAY_LENGTH(compared) };

/* What is promised (docs/performance.md). */
static const struct limit {
	const char *name;
	enum measure measure;
	const char *words;
	int percent;
	double seconds;
} limits[] = {
	{ "force-deleted", MEASURE_WRITTEN, "first accepted write", 99, 2 },
	{ "force-deleted", MEASURE_SYNCHRONIZED, "all synchronized", 99, 31.5 }, /* half of the 63 s published */
	{ "deleted", MEASURE_GAP, "without an accepted write", 99, 1 },
	{ "drained", MEASURE_GAP, "without an accepted write", 99, 1 },
	{ "frozen", MEASURE_WRITTEN, "first accepted write", 99, SILENCE_S + 15 },
	{ "killed", MEASURE_WRITTEN, "first accepted write", 99, 2 },
	{ "node-down", MEASURE_WRITTEN, "first accepted write", 99, SILENCE_S + 15 },
	/* Its death is reported: commits go on. Else SQL Server itself waits for its session timeout, 10 s. */
	{ "standby-deleted", MEASURE_GAP, "without an accepted write", 99, 1 },
	{ "standby-node-down", MEASURE_GAP, "without an accepted write", 99, SESSION_TIMEOUT_S + 3 },
};

static const char *const policy_names[POLICIES] = { "agkeeper", "published" };

/* ---- One trial ---- */

static struct process *next_primary(const struct trial *trial) {
	struct model *model = trial->model;
	for (size_t i = 0; i < model->process_count; i++) {
		struct process *process = model->processes[i];
		if (process->id == trial->victim || process->instance->group_count == 0) continue;
		if (process->instance->groups[0]->role == SIM_ROLE_PRIMARY) return process;
	}
	return NULL;
}

static void measure(struct trial *trial, enum measure what, bool is_so) {
	int64_t *time = &trial->result->times[what];
	if (*time < 0 && is_so) *time = trial->model->now - trial->began;
}

static void look(struct trial *trial) {
	struct model *model = trial->model;
	struct clients *clients = &model->clients;
	int64_t *times = trial->result->times;
	const struct process *primary = next_primary(trial);
	measure(trial, MEASURE_PROMOTED, primary != NULL);
	measure(trial, MEASURE_LABELLED,
	        primary != NULL && strcmp(model->cluster.pods[primary->slot].role_label, "primary") == 0);
	if (model->failover_sent != 0) times[MEASURE_SENT] = model->failover_sent - trial->began;
	if (clients->first_elsewhere != 0) times[MEASURE_WRITTEN] = clients->first_elsewhere - trial->began;
	bool is_whole = primary != NULL && times[MEASURE_WRITTEN] >= 0 && process_by_id(model, trial->victim) == NULL;
	if (model->now >= trial->back && times[MEASURE_SYNCHRONIZED] < 0 && is_whole && all_are_synchronized(model))
		times[MEASURE_SYNCHRONIZED] = model->now - (trial->back != 0 ? trial->back : trial->began);
}

/* The node is back; a frozen pod that was replaced is deleted. */
static void go_on(struct trial *trial, const struct compared *row) {
	struct model *model = trial->model;
	if (trial->back != 0 && model->now >= trial->back)
		for (int node = 0; node < NODES; node++) node_down(model, node, false);
	if (row->is_replaced && trial->result->times[MEASURE_LABELLED] >= 0) {
		const struct process *process = process_by_id(model, trial->victim);
		const struct pod *pod = &model->cluster.pods[trial->slot];
		if (process != NULL && pod->exists && strcmp(pod->uid, process->pod) == 0)
			pod_delete(model, trial->slot, true);
	}
}

static void run_out(struct trial *trial, const struct compared *row) {
	struct model *model = trial->model;
	int64_t *times = trial->result->times;
	int64_t end = model->now + LONGEST;
	while (!model->verdict.violated && model->now < end && times[MEASURE_SYNCHRONIZED] < 0) {
		bool waits = times[MEASURE_WRITTEN] < 0 && model->now - trial->began < 5 * SECOND;
		bool is_near = times[MEASURE_LABELLED] < 0 || times[MEASURE_WRITTEN] < 0;
		int64_t since = row->is_standby ? trial->began + STANDBY_WATCHED : model->clients.first_elsewhere;
		if (!is_near && model->now - since > 3 * SECOND) trial->configuration.write_every = WRITE_SELDOM;
		model_run(model, waits || is_near ? LOOK_EVERY : LOOK_LATER);
		look(trial);
		go_on(trial, row);
	}
	times[MEASURE_GAP] = model->clients.longest_gap;
}

/* Commits wait for nobody: the published group is made without a required number. */
static void require_nothing(struct model *model, struct process *primary) {
	char batch[128];
	snprintf(batch, sizeof(batch),
	         "ALTER AVAILABILITY GROUP [%s] SET (REQUIRED_SYNCHRONIZED_SECONDARIES_TO_COMMIT = 0)",
	         primary->instance->groups[0]->name);
	call_begin(model, primary, "sa", "Passw0rd!", NULL, batch, false, NULL, NULL);
	process_touch(model, primary);
}

static bool begin(struct trial *trial, const struct compared *row, enum policy policy) {
	struct model *model = trial->model;
	if (!comes_up(model)) return false;
	trial->slot = primary_slot(model);
	struct process *primary = trial->slot >= 0 ? process_of_pod(model, model->cluster.pods[trial->slot].uid) : NULL;
	if (primary == NULL) return false;
	if (row->is_standby) trial->slot = (trial->slot + 1) % trial->configuration.replicas;
	const struct process *victim = process_of_pod(model, model->cluster.pods[trial->slot].uid);
	if (victim == NULL) return false;
	trial->victim = victim->id;
	model->policy = policy;
	if (policy == POLICY_PUBLISHED) require_nothing(model, primary);
	/* Anywhere between two looks of the controller. */
	model_run(model, 8 * SECOND + dice_between(&model->dice, 0, 6 * SECOND));
	trial->began = model->now;
	model->clients.lost_primary = trial->victim;
	model->clients.longest_gap = 0;
	model->failover_sent = 0;
	for (int i = 0; row->is_standby && i <= MEASURE_WRITTEN; i++) trial->result->times[i] = 0;
	return !model->verdict.violated;
}

static void count_losses(struct trial *trial) {
	struct model *model = trial->model;
	model->clients.stop = true;
	model_run(model, SECOND);
	struct process *primary = next_primary(trial);
	int first = 0, missing = primary != NULL ? clients_missing(model, primary, &first) : 0;
	trial->result->losses = model->losses + (missing > 0 ? missing : 0);
}

static void end(struct trial *trial) {
	struct result *result = trial->result;
	const struct model *model = trial->model;
	result->failed = model->verdict.violated || result->times[MEASURE_SYNCHRONIZED] < 0;
	if (model->verdict.violated)
		snprintf(result->why, sizeof(result->why), "%s: %.140s", model->verdict.rule, model->verdict.text);
	else if (result->failed) snprintf(result->why, sizeof(result->why), "not synchronized in time");
}

static void try(const struct compared *row, enum policy policy, uint64_t seed, bool keeps_timeline,
                struct result *result) {
	struct trial trial = { .result = result };
	for (int i = 0; i < MEASURES; i++) result->times[i] = -1;
	trial.configuration = (struct configuration){ .replicas = 3,
		                                      .databases = 1,
		                                      .required = -1,
		                                      .silence_s = SILENCE_S,
		                                      .synchronous = { true, true, true },
		                                      .settings = sim_settings_published(),
		                                      .controllers = 1,
		                                      .clients = WRITERS,
		                                      .write_every = WRITE_OFTEN,
		                                      .watch_lag_ms = 5,
		                                      .has_webhook = policy == POLICY_AGKEEPER,
		                                      .only_service = true,
		                                      .has_haste = policy == POLICY_AGKEEPER,
		                                      .in_order = true };
	trial.model = model_new(&trial.configuration, seed, MUTATION_none);
	trial.model->keeps_timeline = keeps_timeline;
	trial.model->cluster.object = first_object(&trial.configuration);
	trial.model->cluster.revision = 1;
	controller_start(trial.model, 0);
	if (begin(&trial, row, policy)) {
		note(trial.model, "-- %s", row->text);
		row->begin(&trial);
		run_out(&trial, row);
		count_losses(&trial);
	}
	end(&trial);
	if (keeps_timeline) printf("%s", strbuf_text(&trial.model->timeline));
	model_free(trial.model);
}

/* ---- Many, in several processes ---- */

struct board {
	int next;
	struct result results[];
};

static struct result *result_of(const struct options_of_compare *options, struct board *board, size_t row,
                                size_t policy, int seed) {
	return &board->results[(row * POLICIES + policy) * (size_t)options->seeds + (size_t)seed];
}

static bool is_wanted(const struct options_of_compare *options, size_t row, size_t policy) {
	if (strcmp(options->name, "all") != 0 && strcmp(options->name, compared[row].name) != 0) return false;
	return options->policy == NULL || strcmp(options->policy, policy_names[policy]) == 0;
}

static void work(const struct options_of_compare *options, struct board *board) {
	int all = (int)COMPARED * POLICIES * options->seeds;
	for (int taken; (taken = __atomic_fetch_add(&board->next, 1, __ATOMIC_RELAXED)) < all;) {
		size_t which = (size_t)(taken / options->seeds), row = which / POLICIES, policy = which % POLICIES;
		if (!is_wanted(options, row, policy)) continue;
		int seed = taken % options->seeds;
		try(&compared[row], (enum policy)policy, options->first + (uint64_t)seed, false,
		    result_of(options, board, row, policy, seed));
	}
}

static struct board *measure_all(const struct options_of_compare *options) {
	size_t size = sizeof(struct board) + COMPARED * POLICIES * (size_t)options->seeds * sizeof(struct result);
	struct board *board = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (board == MAP_FAILED) abort();
	for (size_t i = 0; i < COMPARED * POLICIES * (size_t)options->seeds; i++)
		board->results[i] = (struct result){ .failed = true, .why = "the simulation itself died" };
	fflush(stdout);
	for (int i = 0; i < options->jobs; i++) {
		if (fork() != 0) continue;
		work(options, board);
		_exit(0);
	}
	while (wait(NULL) > 0) continue;
	return board;
}

/* ---- What came of it ---- */

static int compare_times(const void *a, const void *b) {
	int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
	return left < right ? -1 : left > right;
}

struct spread {
	int64_t *times; /* ascending; what never came counts as the longest */
	int count;
};

static struct spread spread_of(const struct options_of_compare *options, struct board *board, size_t row, size_t policy,
                               enum measure measure) {
	struct spread spread = { xcalloc((size_t)options->seeds, sizeof(*spread.times)), options->seeds };
	for (int seed = 0; seed < options->seeds; seed++) {
		const struct result *result = result_of(options, board, row, policy, seed);
		spread.times[seed] = result->times[measure] >= 0 && !result->failed ? result->times[measure] : LONGEST;
	}
	qsort(spread.times, (size_t)spread.count, sizeof(*spread.times), compare_times);
	return spread;
}

static double percentile(const struct spread *spread, int percent) {
	int place = (spread->count * percent + 99) / 100 - 1;
	return (double)spread->times[place > 0 ? place : 0] / SECOND;
}

static void print_cell(const struct options_of_compare *options, struct board *board, size_t row, size_t policy,
                       enum measure measure) {
	/* Nothing is promoted; and who has not missed a standby yet calls it synchronized. */
	if (compared[row].is_standby && measure != MEASURE_GAP) {
		printf(" | –");
		return;
	}
	struct spread spread = spread_of(options, board, row, policy, measure);
	double values[] = { percentile(&spread, 50), percentile(&spread, 99), percentile(&spread, 100) };
	printf(" |");
	for (size_t i = 0; i < ARRAY_LENGTH(values); i++)
		printf(values[i] < 9.995 ? "%s%.2f" : "%s%.1f", i > 0 ? " / " : " ", values[i]);
	free(spread.times);
}

static int losses_of(const struct options_of_compare *options, struct board *board, size_t row, size_t policy) {
	int losses = 0;
	for (int seed = 0; seed < options->seeds; seed++)
		losses += result_of(options, board, row, policy, seed)->losses > 0;
	return losses;
}

static void print_table(const struct options_of_compare *options, struct board *board) {
	printf("%d seeds each; seconds from the fault on: p50 / p99 / longest\n\n", options->seeds);
	printf("| what happens | policy | FAILOVER sent | PRIMARY | labelled | first accepted write | longest "
	       "without "
	       "one | all synchronized | seeds that lost rows |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- "
	       "|\n");
	for (size_t row = 0; row < COMPARED; row++) {
		for (size_t policy = 0; policy < POLICIES; policy++) {
			if (!is_wanted(options, row, policy)) continue;
			printf("| %s | %s", compared[row].text, policy_names[policy]);
			for (int i = 0; i < MEASURES; i++) print_cell(options, board, row, policy, (enum measure)i);
			printf(" | %d |\n", losses_of(options, board, row, policy));
		}
	}
}

/* Seeds in which something went wrong. */
static int print_failures(const struct options_of_compare *options, struct board *board) {
	int failures = 0;
	for (size_t row = 0; row < COMPARED; row++) {
		for (size_t policy = 0; policy < POLICIES; policy++) {
			for (int seed = 0; is_wanted(options, row, policy) && seed < options->seeds; seed++) {
				const struct result *result = result_of(options, board, row, policy, seed);
				if (!result->failed) continue;
				/* What another policy does not bring about is its own affair, and shows in the table.
				 */
				failures += policy == POLICY_AGKEEPER;
				printf("%s, %s, seed %llu: %s\n", compared[row].name, policy_names[policy],
				       (unsigned long long)options->first + (unsigned long long)seed, result->why);
			}
		}
	}
	return failures;
}

static size_t find_case(const char *name) {
	size_t row = 0;
	while (row < COMPARED && strcmp(compared[row].name, name) != 0) row++;
	return row;
}

/* agkeeper's, each with the published policy's beside it. */
static int print_limits(const struct options_of_compare *options, struct board *board) {
	int failed = 0;
	for (size_t i = 0; i < ARRAY_LENGTH(limits); i++) {
		const struct limit *limit = &limits[i];
		size_t row = find_case(limit->name);
		if (!is_wanted(options, row, POLICY_AGKEEPER)) continue;
		struct spread own = spread_of(options, board, row, POLICY_AGKEEPER, limit->measure);
		double seconds = percentile(&own, limit->percent);
		bool kept = seconds < limit->seconds;
		failed += !kept;
		printf("%s  %s%s: %s p%d %.2f s (< %g s", kept ? "ok  " : "FAIL",
		       compared[row].is_standby ? "" : "primary ", limit->name, limit->words, limit->percent, seconds,
		       limit->seconds);
		if (is_wanted(options, row, POLICY_PUBLISHED)) {
			struct spread other = spread_of(options, board, row, POLICY_PUBLISHED, limit->measure);
			printf("; published policy %.2f s", percentile(&other, limit->percent));
			free(other.times);
		}
		printf(")\n");
		free(own.times);
	}
	return failed;
}

static int run_one(const struct options_of_compare *options) {
	for (size_t policy = 0; policy < POLICIES; policy++) {
		size_t row = find_case(options->name);
		if (row == COMPARED || !is_wanted(options, row, policy)) continue;
		struct result result = { 0 };
		try(&compared[row], (enum policy)policy, options->first, true, &result);
		printf("%s: FAILOVER sent %.3f, PRIMARY %.3f, labelled %.3f, written %.3f, gap %.3f, synchronized %.3f "
		       "s; "
		       "lost %d%s%s\n",
		       policy_names[policy], (double)result.times[0] / SECOND, (double)result.times[1] / SECOND,
		       (double)result.times[2] / SECOND, (double)result.times[3] / SECOND,
		       (double)result.times[4] / SECOND, (double)result.times[5] / SECOND, result.losses,
		       result.failed ? "; " : "", result.why);
	}
	return 0;
}

static bool is_known(const struct options_of_compare *options) {
	bool has_policy = options->policy == NULL;
	for (size_t i = 0; i < POLICIES && !has_policy; i++) has_policy = strcmp(options->policy, policy_names[i]) == 0;
	return has_policy && (strcmp(options->name, "all") == 0 || find_case(options->name) < COMPARED);
}

int compare_run(const struct options_of_compare *options) {
	if (!is_known(options)) {
		fprintf(stderr, "there is no case %s, or no such policy; cases:", options->name);
		for (size_t i = 0; i < COMPARED; i++) fprintf(stderr, " %s", compared[i].name);
		fprintf(stderr, "; policies: %s %s\n", policy_names[0], policy_names[1]);
		return 2;
	}
	if (options->one) return run_one(options);
	struct board *board = measure_all(options);
	int failed = options->limits ? print_limits(options, board) : 0;
	if (!options->limits) print_table(options, board);
	failed += print_failures(options, board);
	return failed != 0;
}
