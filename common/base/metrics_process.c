/* What Prometheus' own client libraries say about the process they live in, under the same names. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/metrics.h"

struct process_metrics {
	struct metric_cell *resident;
	struct metric_cell *virtual;
	struct metric_cell *cpu;
	struct metric_cell *fds;
	struct metric_cell *threads;
};

static double count_open_fds(void) {
	DIR *directory = opendir("/proc/self/fd");
	if (directory == NULL) return 0;
	double count = -1; /* the directory's own descriptor */
	for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
		if (entry->d_name[0] != '.') count++;
	}
	closedir(directory);
	return count;
}

/* The fields of /proc/self/stat behind the command's closing parenthesis: proc(5) counts them from 3. */
static char *read_stat(char *buffer, size_t size) {
	FILE *file = fopen("/proc/self/stat", "re");
	if (file == NULL) return NULL;
	size_t length = fread(buffer, 1, size - 1, file);
	fclose(file);
	buffer[length] = '\0';
	char *end = strrchr(buffer, ')');
	return end != NULL ? end + 1 : NULL;
}

static void collect(void *context) {
	const struct process_metrics *process = context;
	metric_set(process->fds, count_open_fds());
	struct timespec cpu;
	if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu) == 0) {
		metric_set(process->cpu, (double)cpu.tv_sec + (double)cpu.tv_nsec / 1e9);
	}
	char buffer[1024];
	long threads, pages;
	unsigned long bytes;
	const char *stat = read_stat(buffer, sizeof(buffer));
	if (stat == NULL) return;
	if (sscanf(stat, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %ld %*d %*u %lu %ld",
	           &threads, &bytes, &pages) != 3)
		return;
	metric_set(process->threads, (double)threads);
	metric_set(process->virtual, (double)bytes);
	metric_set(process->resident, (double)pages * (double)sysconf(_SC_PAGESIZE));
}

static struct metric_cell *gauge(struct metrics *metrics, const char *name, const char *help) {
	return metric_cell(metrics_add(metrics, METRIC_GAUGE, name, help, NULL), NULL);
}

void metrics_add_process(struct metrics *metrics, const char *version) {
	struct metric *build = metrics_add(metrics, METRIC_GAUGE, "agkeeper_build_info",
	                                   "Always 1; which agkeeper this is.", METRIC_LABELS("version"));
	metric_set(metric_cell(build, METRIC_VALUES(version)), 1);
	metric_set(gauge(metrics, "process_start_time_seconds", "When the process started, in seconds since 1970."),
	           (double)time(NULL));
	struct process_metrics *process = xmalloc(sizeof(*process));
	process->resident = gauge(metrics, "process_resident_memory_bytes", "Memory that is in RAM.");
	process->virtual = gauge(metrics, "process_virtual_memory_bytes", "Address space.");
	process->fds = gauge(metrics, "process_open_fds", "Open file descriptors.");
	process->threads = gauge(metrics, "process_threads", "Threads.");
	process->cpu = metric_cell(metrics_add(metrics, METRIC_COUNTER, "process_cpu_seconds_total",
	                                       "User and system time spent, in seconds.", NULL),
	                           NULL);
	metrics_on_collect(metrics, collect, process, free);
}
