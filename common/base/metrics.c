#include "base/metrics.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

struct metric_cell {
	struct metric *metric;
	struct metric_cell *next;
	char *labels; /* `kind="MSSQLServer",rule="eula"` as it is printed; "" without labels */
	uint32_t hash;
	atomic_bool hidden;
	_Atomic uint64_t count;     /* counters; histograms: the sum in nanoseconds */
	_Atomic double value;       /* gauges; counters that are set instead of incremented */
	_Atomic uint64_t buckets[]; /* histograms: observations of each bucket, the last one beyond all bounds */
};

struct metric {
	struct metrics *metrics;
	struct metric *next;
	enum metric_type type;
	const char *name;
	const char *help;
	const char **labels; /* own array */
	size_t label_count;
	int64_t *bounds; /* own array */
	size_t bound_count;
	_Atomic(struct metric_cell *) cells; /* cells are only ever pushed in front */
	size_t cell_count;                   /* under metrics->lock */
};

struct collector {
	struct collector *next;
	void (*collect)(void *context);
	void *context;
	void (*destroy)(void *context);
};

struct metrics {
	pthread_mutex_t lock; /* taken to add and to print, never to count */
	struct metric *first;
	struct metric **last;
	struct collector *collectors;
};

struct metrics *metrics_new(void) {
	struct metrics *metrics = xcalloc(1, sizeof(*metrics));
	pthread_mutex_init(&metrics->lock, NULL);
	metrics->last = &metrics->first;
	return metrics;
}

void metrics_free(struct metrics *metrics) {
	if (metrics == NULL) return;
	for (struct metric *metric = metrics->first, *next; metric != NULL; metric = next) {
		next = metric->next;
		for (struct metric_cell *cell = metric->cells, *after; cell != NULL; cell = after) {
			after = cell->next;
			free(cell->labels);
			free(cell);
		}
		free(metric->labels);
		free(metric->bounds);
		free(metric);
	}
	for (struct collector *collector = metrics->collectors, *next; collector != NULL; collector = next) {
		next = collector->next;
		if (collector->destroy != NULL) collector->destroy(collector->context);
		free(collector);
	}
	pthread_mutex_destroy(&metrics->lock);
	free(metrics);
}

static struct metric *add(struct metrics *metrics, enum metric_type type, const char *name, const char *help,
                          const char *const *labels, const int64_t *bounds) {
	size_t label_count = 0;
	while (labels != NULL && labels[label_count] != NULL) label_count++;
	pthread_mutex_lock(&metrics->lock);
	struct metric *metric = metrics->first;
	while (metric != NULL && strcmp(metric->name, name) != 0) metric = metric->next;
	/* Two parts that mean different things by one name: better found at the start than in a scrape. */
	if (metric != NULL && (metric->type != type || metric->label_count != label_count)) abort();
	if (metric == NULL) {
		metric = xcalloc(1, sizeof(*metric));
		metric->metrics = metrics;
		metric->type = type;
		metric->name = name;
		metric->help = help;
		metric->label_count = label_count;
		metric->labels = xcalloc(metric->label_count, sizeof(*metric->labels));
		if (labels != NULL) memcpy(metric->labels, labels, metric->label_count * sizeof(*labels));
		while (bounds != NULL && bounds[metric->bound_count] != 0) metric->bound_count++;
		metric->bounds = xcalloc(metric->bound_count, sizeof(*metric->bounds));
		if (bounds != NULL) memcpy(metric->bounds, bounds, metric->bound_count * sizeof(*bounds));
		*metrics->last = metric;
		metrics->last = &metric->next;
	}
	pthread_mutex_unlock(&metrics->lock);
	return metric;
}

struct metric *metrics_add(struct metrics *metrics, enum metric_type type, const char *name, const char *help,
                           const char *const *labels) {
	return add(metrics, type, name, help, labels, NULL);
}

struct metric *metrics_add_histogram(struct metrics *metrics, const char *name, const char *help,
                                     const char *const *labels, const int64_t *bounds) {
	return add(metrics, METRIC_HISTOGRAM, name, help, labels, bounds);
}

/* FNV-1a over the values, each with its NUL, so that ("a", "b") and ("ab", "") differ. */
static uint32_t hash_values(const char *const *values) {
	uint32_t hash = 2166136261u;
	for (; values != NULL && *values != NULL; values++) {
		const char *p = *values;
		do hash = (hash ^ (unsigned char)*p) * 16777619u;
		while (*p++ != '\0');
	}
	return hash;
}

/* Label values escape backslash, quote and line feed, and nothing else. */
static void append_label(struct strbuf *labels, const char *name, const char *value) {
	if (labels->length != 0) strbuf_append_char(labels, ',');
	strbuf_printf(labels, "%s=\"", name);
	for (; *value != '\0'; value++) {
		if (*value == '\\') strbuf_append(labels, "\\\\");
		else if (*value == '"') strbuf_append(labels, "\\\"");
		else if (*value == '\n') strbuf_append(labels, "\\n");
		else strbuf_append_char(labels, *value);
	}
	strbuf_append_char(labels, '"');
}

/* Whether `labels` is how `values` print; compares without printing them. */
static bool labels_equal(const struct metric *metric, const char *labels, const char *const *values) {
	for (size_t i = 0; values != NULL && values[i] != NULL; i++) {
		if (i != 0 && *labels++ != ',') return false;
		size_t name = strlen(metric->labels[i]);
		if (strncmp(labels, metric->labels[i], name) != 0 || strncmp(labels + name, "=\"", 2) != 0)
			return false;
		labels += name + 2;
		for (const char *v = values[i]; *v != '\0'; v++) {
			char expected = *v == '\n' ? 'n' : *v;
			if ((*v == '\\' || *v == '"' || *v == '\n') && *labels++ != '\\') return false;
			if (*labels++ != expected) return false;
		}
		if (*labels++ != '"') return false;
	}
	return *labels == '\0';
}

static struct metric_cell *find(const struct metric *metric, uint32_t hash, const char *const *values) {
	struct metric_cell *cell = atomic_load_explicit(&metric->cells, memory_order_acquire);
	while (cell != NULL && (cell->hash != hash || !labels_equal(metric, cell->labels, values))) cell = cell->next;
	return cell;
}

static struct metric_cell *push(struct metric *metric, uint32_t hash, const char *const *values) {
	size_t buckets = metric->type == METRIC_HISTOGRAM ? metric->bound_count + 1 : 0;
	struct metric_cell *cell = xcalloc(1, sizeof(*cell) + buckets * sizeof(cell->buckets[0]));
	struct strbuf labels = { 0 };
	for (size_t i = 0; values != NULL && values[i] != NULL; i++)
		append_label(&labels, metric->labels[i], values[i]);
	cell->metric = metric;
	cell->labels = strbuf_detach(&labels);
	cell->hash = hash;
	cell->next = metric->cells;
	metric->cell_count++;
	atomic_store_explicit(&metric->cells, cell, memory_order_release);
	return cell;
}

struct metric_cell *metric_cell(struct metric *metric, const char *const *values) {
	uint32_t hash = hash_values(values);
	struct metric_cell *cell = find(metric, hash, values);
	if (cell != NULL) return cell;

	pthread_mutex_lock(&metric->metrics->lock);
	cleanup_free const char **others = NULL;
	if (metric->cell_count >= METRIC_MAX_CELLS && metric->label_count != 0) {
		others = xcalloc(metric->label_count + 1, sizeof(*others));
		for (size_t i = 0; i < metric->label_count; i++) others[i] = "other";
		values = others;
		hash = hash_values(values);
	}
	cell = find(metric, hash, values); /* another thread may have been first */
	if (cell == NULL) cell = push(metric, hash, values);
	pthread_mutex_unlock(&metric->metrics->lock);
	return cell;
}

void metric_add(struct metric_cell *cell, uint64_t amount) {
	atomic_fetch_add_explicit(&cell->count, amount, memory_order_relaxed);
}

void metric_increment(struct metric_cell *cell) {
	metric_add(cell, 1);
}

void metric_set(struct metric_cell *cell, double value) {
	atomic_store_explicit(&cell->value, value, memory_order_relaxed);
	atomic_store_explicit(&cell->hidden, false, memory_order_relaxed);
}

void metric_change(struct metric_cell *cell, double difference) {
	double value = atomic_load_explicit(&cell->value, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(&cell->value, &value, value + difference, memory_order_relaxed,
	                                              memory_order_relaxed)) {
	}
}

void metric_hide(struct metric_cell *cell) {
	atomic_store_explicit(&cell->hidden, true, memory_order_relaxed);
}

void metric_observe(struct metric_cell *cell, int64_t nanoseconds) {
	const struct metric *metric = cell->metric;
	size_t bucket = 0;
	while (bucket < metric->bound_count && nanoseconds > metric->bounds[bucket]) bucket++;
	atomic_fetch_add_explicit(&cell->buckets[bucket], 1, memory_order_relaxed);
	metric_add(cell, nanoseconds > 0 ? (uint64_t)nanoseconds : 0);
}

void metrics_on_collect(struct metrics *metrics, void (*collect)(void *context), void *context,
                        void (*destroy)(void *context)) {
	struct collector *collector = xmalloc(sizeof(*collector));
	pthread_mutex_lock(&metrics->lock);
	*collector = (struct collector){ metrics->collectors, collect, context, destroy };
	metrics->collectors = collector;
	pthread_mutex_unlock(&metrics->lock);
}

static void print_histogram(const struct metric_cell *cell, struct strbuf *text) {
	const struct metric *metric = cell->metric;
	const char *separator = cell->labels[0] != '\0' ? "," : "";
	uint64_t total = 0;
	for (size_t i = 0; i <= metric->bound_count; i++) {
		total += atomic_load_explicit(&cell->buckets[i], memory_order_relaxed);
		strbuf_printf(text, "%s_bucket{%s%sle=\"", metric->name, cell->labels, separator);
		if (i == metric->bound_count) strbuf_append(text, "+Inf");
		else strbuf_printf(text, "%.9g", (double)metric->bounds[i] / 1e9);
		strbuf_printf(text, "\"} %" PRIu64 "\n", total);
	}
	const char *open = cell->labels[0] != '\0' ? "{" : "", *close = cell->labels[0] != '\0' ? "}" : "";
	strbuf_printf(text, "%s_sum%s%s%s %.9g\n", metric->name, open, cell->labels, close, (double)cell->count / 1e9);
	strbuf_printf(text, "%s_count%s%s%s %" PRIu64 "\n", metric->name, open, cell->labels, close, total);
}

static void print_cell(const struct metric_cell *cell, struct strbuf *text) {
	if (cell->metric->type == METRIC_HISTOGRAM) {
		print_histogram(cell, text);
		return;
	}
	strbuf_append(text, cell->metric->name);
	if (cell->labels[0] != '\0') strbuf_printf(text, "{%s}", cell->labels);
	if (cell->metric->type == METRIC_COUNTER && cell->value == 0.0)
		strbuf_printf(text, " %" PRIu64 "\n", cell->count);
	else strbuf_printf(text, " %.15g\n", cell->value);
}

void metrics_print(struct metrics *metrics, struct strbuf *text) {
	static const char *const types[] = { "counter", "gauge", "histogram" };
	/* Collectors are only ever pushed in front, and may add cells: they run without the lock. */
	pthread_mutex_lock(&metrics->lock);
	struct collector *collector = metrics->collectors;
	pthread_mutex_unlock(&metrics->lock);
	for (; collector != NULL; collector = collector->next) collector->collect(collector->context);

	pthread_mutex_lock(&metrics->lock);
	for (const struct metric *metric = metrics->first; metric != NULL; metric = metric->next) {
		strbuf_printf(text, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help, metric->name,
		              types[metric->type]);
		for (const struct metric_cell *cell = metric->cells; cell != NULL; cell = cell->next) {
			if (!cell->hidden) print_cell(cell, text);
		}
	}
	pthread_mutex_unlock(&metrics->lock);
}
