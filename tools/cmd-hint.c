/* SPDX-License-Identifier: MIT */
/* cmd-hint.c: netbackctl hint [DOMAIN] */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "netbackctl.h"

/* netback-hintd asks nobody and answers nobody: it leaves a file (netback/hint/report.h). */
static struct json_object *read_report(const struct ctl_options *options)
{
	struct json_object *report;
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/hint.json", options->run_dir) >= PATH_MAX)
		return NULL;
	if (access(path, R_OK) < 0) {
		fprintf(stderr, "netbackctl: %s: %s\n", path,
			errno == ENOENT ? "there is no report: netback-hintd does not run"
					: strerror(errno));
		return NULL;
	}
	report = json_object_from_file(path);
	if (!report)
		fprintf(stderr, "netbackctl: %s: not understood\n", path);
	return report;
}

/* A file outlives a process that was killed. */
static void warn_if_old(struct json_object *report)
{
	int64_t age = (int64_t)time(NULL) * 1000 - ctl_number(report, "time_ms");

	if (age > 5000 + 3 * ctl_number(report, "interval_ms"))
		fprintf(stderr,
			"netbackctl: this is %" PRId64 " s old: netback-hintd (pid %" PRId64
			") has died, or hangs\n",
			age / 1000, ctl_number(report, "pid"));
}

static double real(struct json_object *object, const char *name)
{
	return json_object_get_double(ctl_member(object, name));
}

static void print_since(int64_t changed)
{
	time_t when = (time_t)changed;
	struct tm tm;
	char text[16] = "-";

	if (changed && localtime_r(&when, &tm))
		strftime(text, sizeof(text), "%H:%M:%S", &tm);
	printf("%-8s", text);
}

static void print_line(struct json_object *d)
{
	printf("%5" PRId64 " %-16.16s %4" PRId64 " %-8s %-10s %-9s %5.2f %5.2f %6" PRId64
	       " %6" PRId64 " %6" PRId64 "  ",
	       ctl_number(d, "domid"), ctl_text(d, "name"), ctl_number(d, "pool"),
	       ctl_text(d, "scheduler"), ctl_text(d, "class"), ctl_text(d, "consent"),
	       real(ctl_member(d, "figures"), "cpu"), real(d, "share"), ctl_number(d, "base"),
	       ctl_number(d, "current"), ctl_number(d, "wanted"));
	print_since(ctl_number(d, "changed"));
	printf("  %s\n", ctl_text(d, "text"));
}

static void print_figures(struct json_object *d)
{
	json_object_object_foreach(ctl_member(d, "figures"), name, value)
	{
		printf("  %-16s %g\n", name, json_object_get_double(value));
	}
}

static void print_pools(struct json_object *report)
{
	for (unsigned int i = 0; i < ctl_length(report, "pools"); i++) {
		struct json_object *p = ctl_element(report, "pools", i);

		if (ctl_number(p, "base_ratelimit_us") == ctl_number(p, "wanted_ratelimit_us") &&
		    ctl_number(p, "base_tslice_ms") == ctl_number(p, "wanted_tslice_ms"))
			continue;
		printf("pool %" PRId64 ": rate limit %" PRId64 " -> %" PRId64
		       " us, time slice %" PRId64 " -> %" PRId64 " ms\n",
		       ctl_number(p, "pool"), ctl_number(p, "base_ratelimit_us"),
		       ctl_number(p, "wanted_ratelimit_us"), ctl_number(p, "base_tslice_ms"),
		       ctl_number(p, "wanted_tslice_ms"));
	}
}

static bool is_called(struct json_object *d, const char *word)
{
	char number[24];

	snprintf(number, sizeof(number), "%" PRId64, ctl_number(d, "domid"));
	return strcmp(word, number) == 0 || strcmp(word, ctl_text(d, "name")) == 0;
}

static int print_report(struct json_object *report, const char *word)
{
	unsigned int found = 0;

	printf("mode %s\n", ctl_text(report, "mode"));
	printf("%5s %-16s %4s %-8s %-10s %-9s %5s %5s %6s %6s %6s  %-8s  %s\n", "DOMID", "NAME",
	       "POOL", "SCHED", "CLASS", "CONSENT", "CPU", "SHARE", "BASE", "NOW", "WANTED",
	       "SINCE", "WHY");
	for (unsigned int i = 0; i < ctl_length(report, "domains"); i++) {
		struct json_object *d = ctl_element(report, "domains", i);

		if (word && !is_called(d, word))
			continue;
		found++;
		print_line(d);
		if (word)
			print_figures(d);
	}
	if (!word)
		print_pools(report);
	if (word && !found)
		fprintf(stderr, "netbackctl: there is no domain %s\n", word);
	return word && !found ? 1 : 0;
}

static int show(const struct ctl_options *options, const char *word)
{
	struct json_object *report = read_report(options);
	int status = 0;

	if (!report)
		return 1;
	if (options->json)
		ctl_print_json(report);
	else
		status = print_report(report, word);
	fflush(stdout);
	warn_if_old(report);
	json_object_put(report);
	return status;
}

int cmd_hint(const struct ctl_options *options, const char *word)
{
	int status = show(options, word);

	while (options->watch && status == 0) {
		sleep(options->watch);
		status = show(options, word);
	}
	return status;
}
