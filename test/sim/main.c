/* SPDX-License-Identifier: MIT */
/* netback-sim: Xen's schedulers, guests and netback in simulated time, under the hint's own law */
#include <stdio.h>
#include <string.h>

#include "netback/common/log.h"
#include "test/sim/script.h"

static const char usage[] =
	"Usage: netback-sim [FILE]\n"
	"Runs the script in FILE (or standard input) and prints its reports as a table.\n"
	"test/sim/README.md lists the commands.\n";

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "stdin";
	FILE *in = stdin;

	log_init("netback-sim", LOG_LEVEL_INFO);
	if (argc > 1 && !strcmp(argv[1], "--help")) {
		fputs(usage, stdout);
		return 0;
	}
	if (argc > 2 || (argc > 1 && argv[1][0] == '-' && argv[1][1]))
		die("too many arguments, or an unknown one; try --help");
	if (argc > 1 && strcmp(name, "-")) {
		in = fopen(name, "r");
		if (!in)
			die_perror("%s", name);
	}
	if (script_run(in, name, stdout))
		die("the table could not be written");
	return 0;
}
