/* Processes that stand for containers. Each leads a process group of its own, gets SIGKILL when the thread that started
 * it ends (so nothing outlives this program, however that dies), and is waited for through a pidfd. */
#ifndef SIMNODE_PROCESS_H
#define SIMNODE_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

struct process {
	pid_t pid;
	int fd; /* a pidfd, readable when the process has ended; -1: no process */
};
#define PROCESS_NONE ((struct process){ .pid = -1, .fd = -1 })

/* Runs `program` (an absolute path) in `directory`, standard output and error going to `output_fd`. The calling thread
 * must live as long as the process shall. */
int process_start(struct process *process, const char *program, char *const *arguments, char *const *environment,
                  const char *directory, int output_fd, struct error **err);

/* Sends a signal to the process and whatever it has started. */
void process_signal(const struct process *process, int signal);

/* How a process ended. */
struct process_end {
	int exit_code; /* 128 + signal when that ended it, as container runtimes say */
	int signal;
};
/* True when it has ended: *end is filled in, what is left of its group is killed, and *process is PROCESS_NONE. */
bool process_reap(struct process *process, struct process_end *end);

/* SIGKILL, and wait for the end. */
void process_destroy(struct process *process);

#endif
