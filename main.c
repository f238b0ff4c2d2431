/* agkeeper: the command line and the wiring. */
#include <stdio.h>

int main(void) {
	puts("agkeeper " AGKEEPER_VERSION);
	return 0;
}
