#include "command/command.h"

#include <stdio.h>

int command_run(int argc, char **argv) {
	(void)argc;
	(void)argv;
	fputs("agkeeper run: not wired yet\n", stderr);
	return EXIT_UNUSABLE;
}
