/* The commands of the program: what stands behind each word on its command line. */
#ifndef AGKEEPER_COMMAND_COMMAND_H
#define AGKEEPER_COMMAND_COMMAND_H

/* Exit codes of lint, which pipelines rely on (DESIGN section 6); the others use 0 and 2 alike. */
enum exit_code { EXIT_OK = 0, EXIT_REFUSED = 1, EXIT_UNUSABLE = 2 };

struct command {
	const char *name;
	const char *arguments; /* for the usage text */
	const char *summary;
	int (*run)(int argc, char **argv); /* argv[0] is the command's name; returns the exit code */
};

/* All commands; ends with name NULL. */
extern const struct command commands[];
void print_usage(void);

int command_run(int argc, char **argv);
int command_lint(int argc, char **argv);
int command_crds(int argc, char **argv);
int command_reference(int argc, char **argv);
int command_version(int argc, char **argv);

#endif
