/* Metrics: counters, gauges and histograms, printed as Prometheus text (exposition format 0.0.4).
 *
 *   struct metric *refusals = metrics_add(registry, METRIC_COUNTER, "agkeeper_admission_refusals_total",
 *                                         "Findings that refused an object.", METRIC_LABELS("kind", "rule"));
 *   metric_increment(metric_cell(refusals, METRIC_VALUES("MSSQLServer", "sa-password")));
 *
 * Counting takes no lock: a cell is found in an append-only list and changed with one atomic instruction. Keep a cell
 * where it is used often. Label values must come from a bounded set; METRIC_MAX_CELLS is the last line of defence. */
#ifndef AGKEEPER_BASE_METRICS_H
#define AGKEEPER_BASE_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

/* Beyond this many label sets, a metric counts everything new in one cell whose labels are all "other". */
enum { METRIC_MAX_CELLS = 1000 };

struct metrics; /* a registry */
struct metric;
struct metric_cell; /* one label set of a metric; lives as long as the registry */

struct metrics *metrics_new(void);
void metrics_free(struct metrics *metrics);

/* Adds a metric; the texts of name, help and labels (NULL-terminated, NULL for none) must be static. A name that is
 * there already gives the metric that has it, whose type and number of labels must be the same. Any thread, any time.
 */
struct metric *metrics_add(struct metrics *metrics, enum metric_type type, const char *name, const char *help,
                           const char *const *labels);
/* A histogram of seconds; `bounds` are the buckets' upper bounds in nanoseconds, ascending, ending with 0. */
struct metric *metrics_add_histogram(struct metrics *metrics, const char *name, const char *help,
                                     const char *const *labels, const int64_t *bounds);
#define METRIC_LABELS(...)        \
	(const char *const[]) {   \
		__VA_ARGS__, NULL \
	}
#define METRIC_VALUES(...) METRIC_LABELS(__VA_ARGS__)

/* The cell with these label values (as many as the metric has labels, NULL-terminated; NULL for none). It is made when
 * it is new, and prints from then on. */
struct metric_cell *metric_cell(struct metric *metric, const char *const *values);

void metric_increment(struct metric_cell *cell);
void metric_add(struct metric_cell *cell, uint64_t amount);
/* Gauges, and counters that somebody else keeps (the kernel counts CPU time). */
void metric_set(struct metric_cell *cell, double value);
/* Gauges: adds to the value. */
void metric_change(struct metric_cell *cell, double difference);
/* Histograms. */
void metric_observe(struct metric_cell *cell, int64_t nanoseconds);
/* What a gauge spoke of is gone: the cell prints no more until it is set again. */
void metric_hide(struct metric_cell *cell);

/* `collect` is called before every print, to set what is only worth computing then; `destroy` (or NULL) with the
 * registry's end. */
void metrics_on_collect(struct metrics *metrics, void (*collect)(void *context), void *context,
                        void (*destroy)(void *context));
/* The basics of this process under their usual names (process_resident_memory_bytes …) and agkeeper_build_info. */
void metrics_add_process(struct metrics *metrics, const char *version);

void metrics_print(struct metrics *metrics, struct strbuf *text);

#endif
