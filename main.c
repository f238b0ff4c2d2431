/* agkeeper: keeps SQL Server availability groups available on Kubernetes. */
#include <stdio.h>
#include <string.h>

#include "command/command.h"

int main(int argc, char **argv) {
	const char *name = argc > 1 ? argv[1] : "help";
	if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
		print_usage();
		return argc > 1 ? EXIT_OK : EXIT_UNUSABLE;
	}
	for (const struct command *command = commands; command->name != NULL; command++) {
		if (strcmp(command->name, name) == 0) return command->run(argc - 1, argv + 1);
	}
	fprintf(stderr, "agkeeper: unknown command \"%s\"; \"agkeeper help\" lists the commands\n", name);
	return EXIT_UNUSABLE;
}
