/* SPDX-License-Identifier: MIT */
/* netbackctl.c: look into a running netbackd */
#include "netbackctl.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netback/common/util.h"

static const struct {
	const char *name;
	int (*run)(const struct ctl_options *options, const char *vif);
	bool needs_vif, takes_vif;
	const char *arguments, *help;
} commands[] = {
	{"list", cmd_list, false, false, "", "one line a vif"},
	{"show", cmd_show, true, true, "VIF", "states, features, queues and ring indices of a vif"},
	{"stats", cmd_stats, false, true, "[VIF]", "counters and drops; --watch: a line of rates"},
	{"hint", cmd_hint, false, true, "[DOMAIN]",
	 "what netback-hintd does to CPU weights, and why"},
};

/* clang-format off */
static const struct option options_table[] = {
	{"json",    no_argument,       NULL, 'j'},
	{"run-dir", required_argument, NULL, 'r'},
	{"watch",   required_argument, NULL, 'w'},
	{"help",    no_argument,       NULL, 'h'},
	{"version", no_argument,       NULL, 'V'},
	{NULL, 0, NULL, 0},
};
/* clang-format on */

static void print_help(void)
{
	puts("usage: netbackctl [options] COMMAND [VIF]\n"
	     "Look into a running netbackd. A VIF is named as vif3.0.\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		printf("  %-6s %-8s %s\n", commands[i].name, commands[i].arguments,
		       commands[i].help);
	puts("\n"
	     "  --json           print the reply as one line of JSON\n"
	     "  --run-dir DIR    the run directory of netbackd [/run/netback]\n"
	     "  --watch SECONDS  stats, hint: go on; stats: with figures per second\n"
	     "  --help, --version\n"
	     "\n"
	     "See netbackctl(8).");
}

static int misuse(const char *text, const char *word)
{
	fprintf(stderr, "netbackctl: %s%s, try --help\n", text, word);
	return 2;
}

static int run(const struct ctl_options *options, int argc, char **argv)
{
	const char *vif = argc > 1 ? argv[1] : NULL;

	if (argc < 1)
		return misuse("which command?", "");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(argv[0], commands[i].name) != 0)
			continue;
		if (argc > (commands[i].takes_vif ? 2 : 1))
			return misuse("too many arguments for ", argv[0]);
		if (commands[i].needs_vif && !vif)
			return misuse("which vif? Needed by ", argv[0]);
		if (options->watch && commands[i].run != cmd_stats && commands[i].run != cmd_hint)
			return misuse("--watch goes with stats and hint, not with ", argv[0]);
		return commands[i].run(options, vif);
	}
	return misuse("there is no command ", argv[0]);
}

static bool take_seconds(const char *text, unsigned int *out)
{
	char *end;
	long n = strtol(text, &end, 10);

	*out = (unsigned int)n;
	return *text && !*end && n >= 1 && n <= 3600;
}

int main(int argc, char **argv)
{
	struct ctl_options options = {.run_dir = "/run/netback"};
	int c;

	while ((c = getopt_long(argc, argv, "", options_table, NULL)) != -1) {
		switch (c) {
		case 'j':
			options.json = true;
			break;
		case 'r':
			options.run_dir = optarg;
			break;
		case 'w':
			if (!take_seconds(optarg, &options.watch))
				return misuse("--watch takes 1 to 3600 seconds, not ", optarg);
			break;
		case 'h':
			print_help();
			return 0;
		case 'V':
			puts("netbackctl " NETBACK_VERSION);
			return 0;
		default:
			return 2;
		}
	}
	return run(&options, argc - optind, argv + optind);
}
