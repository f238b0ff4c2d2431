#include "simnode/process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"

/* What the child does until it is the program; only async-signal-safe calls. Answers errno through `report`. */
__attribute__((noreturn)) static void become(const char *program, char *const *arguments, char *const *environment,
                                             const char *directory, int output_fd, int report, pid_t parent) {
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent) _exit(1); /* it died before we asked to be told */
	int null = open("/dev/null", O_RDONLY);
	int failed = null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(output_fd, STDOUT_FILENO) < 0 ||
	             dup2(output_fd, STDERR_FILENO) < 0 || chdir(directory) < 0;
	/* Libraries open descriptors without O_CLOEXEC. */
	failed = failed || close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) < 0;
	if (!failed) execve(program, arguments, environment);
	int reason = errno;
	ssize_t ignored = write(report, &reason, sizeof(reason));
	(void)ignored;
	_exit(127);
}

int process_start(struct process *process, const char *program, char *const *arguments, char *const *environment,
                  const char *directory, int output_fd, struct error **err) {
	int report[2];
	*process = PROCESS_NONE;
	if (pipe2(report, O_CLOEXEC) < 0) return error_errno(err, errno, "cannot start %s", program);
	pid_t parent = getpid();
	pid_t pid = fork();
	if (pid == 0) become(program, arguments, environment, directory, output_fd, report[1], parent);
	int fork_errno = errno;
	close(report[1]);
	int reason = pid < 0 ? fork_errno : 0;
	if (pid > 0) {
		setpgid(pid, pid); /* here too: whoever comes first */
		ssize_t got;
		do {
			got = read(report[0], &reason, sizeof(reason));
		} while (got < 0 && errno == EINTR);
	}
	close(report[0]);
	int fd = reason == 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
	if (fd < 0) {
		if (reason == 0) reason = errno;
		if (pid > 0) {
			kill(pid, SIGKILL);
			waitpid(pid, NULL, 0);
		}
		return error_errno(err, reason, "cannot start %s", program);
	}
	*process = (struct process){ .pid = pid, .fd = fd };
	return 0;
}

void process_signal(const struct process *process, int signal) {
	if (process->fd >= 0) kill(-process->pid, signal);
}

/* The group's id stays reserved while its leader is a zombie, so the rest is killed before that is waited for. */
bool process_reap(struct process *process, struct process_end *end) {
	siginfo_t info = { 0 };
	if (process->fd < 0) return false;
	if (waitid(P_PID, (id_t)process->pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0) return false;
	kill(-process->pid, SIGKILL);
	waitpid(process->pid, NULL, 0);
	close(process->fd);
	*process = PROCESS_NONE;
	if (info.si_code == CLD_EXITED) *end = (struct process_end){ .exit_code = info.si_status };
	else *end = (struct process_end){ .exit_code = 128 + info.si_status, .signal = info.si_status };
	return true;
}

void process_destroy(struct process *process) {
	struct process_end end;
	if (process->fd < 0) return;
	process_signal(process, SIGKILL);
	while (!process_reap(process, &end)) {
		poll(&(struct pollfd){ .fd = process->fd, .events = POLLIN }, 1, 1000);
	}
}
