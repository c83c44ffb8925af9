/* SPDX-License-Identifier: MIT */
/* fakexen: make a mocked Xen machine, change it, look at it, take it down. */
#include "fakexen.h"

#include "machine.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xenstore.h>

/* For a sanitizer build: what format() made is not freed, the program just ends. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

_Noreturn void die(const char *fmt, ...)
{
	va_list args;

	fputs("fakexen: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

char *format(const char *fmt, ...)
{
	va_list args;
	char *s;

	va_start(args, fmt);
	if (vasprintf(&s, fmt, args) < 0)
		die("out of memory");
	va_end(args);
	return s;
}

uint32_t parse_number(const char *s)
{
	char *end;
	unsigned long n = strtoul(s, &end, 0);

	if (!isdigit((unsigned char)s[0]) || *end)
		die("%s: not a number", s);
	return n;
}

struct xs_handle *store_open(const char *dir)
{
	struct xs_handle *h;

	setenv("XENSTORED_PATH", format("%s/xenstored.sock", dir), 1);
	h = xs_open(0);
	if (!h)
		die("%s: no store: %s", dir, strerror(errno));
	return h;
}

/* The directory this program is in: the libraries and xenstored are there too. */
static char *own_directory(void)
{
	char *path = realpath("/proc/self/exe", NULL);

	if (!path)
		die("/proc/self/exe: %s", strerror(errno));
	*strrchr(path, '/') = '\0';
	return path;
}

static void start_xenstored(const char *dir, const char *trace)
{
	const char *path = format("%s/xenstored", own_directory());
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		execl(path, "xenstored", dir, trace, NULL);
		die("%s: %s", path, strerror(errno));
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		die("%s: no xenstored", dir);
}

static int verb_create(const char *dir, int argc, char **argv)
{
	const char *trace = NULL;
	int rc;

	for (int i = 0; i < argc; i++) {
		if (!strncmp(argv[i], "trace=", 6))
			trace = argv[i] + 6;
		else
			die("create: %s: only trace=FILE is known", argv[i]);
	}
	if (mkdir(dir, 0755) && errno != EEXIST)
		die("%s: %s", dir, strerror(errno));
	dir = realpath(dir, NULL);
	rc = machine_create(dir);
	if (rc)
		die("%s: %s", dir, strerror(-rc));
	start_xenstored(dir, trace);
	toolstack_add_domain(dir, 0, "Domain-0", false);
	printf("export FAKEXEN_DIR='%s'\n", dir);
	printf("export XENSTORED_PATH='%s/xenstored.sock'\n", dir);
	printf("export LD_LIBRARY_PATH='%s'${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}\n",
	       own_directory());
	return 0;
}

static int verb_destroy(const char *dir, int argc, char **argv)
{
	struct xs_handle *h;
	struct dirent *e;
	DIR *d;

	(void)argc;
	(void)argv;
	machine_view.m->dying = 1;
	setenv("XENSTORED_PATH", format("%s/xenstored.sock", dir), 1);
	h = xs_open(0);
	if (h) {
		free(xs_control_command(h, "stop", NULL, 0));
		xs_close(h);
	}
	d = opendir(dir);
	while (d && (e = readdir(d))) {
		size_t len = strlen(e->d_name);

		if (!strcmp(e->d_name, "machine") || !strcmp(e->d_name, "grants") ||
		    !strcmp(e->d_name, "mem") || (len > 5 && !strcmp(e->d_name + len - 5, ".sock")))
			unlink(format("%s/%s", dir, e->d_name));
	}
	if (d)
		closedir(d);
	rmdir(dir); /* stays if others keep things in it */
	return 0;
}

static int verb_domain(const char *dir, int argc, char **argv)
{
	uint32_t domid = parse_number(argv[0]);
	const char *name = format("domain-%u", domid);
	bool driver = false;
	int rc;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "driver"))
			driver = true;
		else
			name = argv[i];
	}
	machine_lock();
	rc = machine_add_domain(domid);
	machine_unlock();
	if (rc)
		die("domain %u: %s", domid, strerror(-rc));
	toolstack_add_domain(dir, domid, name, driver);
	return 0;
}

static int verb_kill_domain(const char *dir, int argc, char **argv)
{
	uint32_t domid = parse_number(argv[0]);
	bool keep = argc > 1 && !strcmp(argv[1], "keep-processes");
	struct xs_handle *h = store_open(dir);
	int rc;

	if (domid == 0)
		die("domain 0 is the machine: destroy it");
	rc = machine_kill_domain(domid, !keep);
	if (rc)
		die("domain %u: %s", domid, strerror(-rc));
	if (!xs_release_domain(h, domid))
		die("domain %u: release: %s", domid, strerror(errno));
	xs_close(h);
	return 0;
}

static const char *const fault_names[FAULT_KINDS] = {
	[FAULT_NONE] = "clear",
	[FAULT_GRANT_COPY] = "grant_copy",
	[FAULT_MAP] = "map",
	[FAULT_SHARE] = "share",
	[FAULT_BIND] = "bind",
	[FAULT_NOTIFY] = "notify",
	[FAULT_EVENT_DELAY] = "event_delay",
	[FAULT_SCHED] = "sched",
};

static int32_t fault_number(char **words, const char *fallback)
{
	char *word = strsep(words, " ");
	char *end;
	long n;

	while (word && !*word)
		word = strsep(words, " ");
	if (!word)
		word = (char *)fallback;
	if (!strcmp(word, "ever"))
		return INT32_MAX;
	n = strtol(word, &end, 10);
	if (*end || end == word)
		die("fault: %s: not a number", word);
	return n;
}

/* KIND NTH VALUE [COUNT|ever], as one word or several */
static int verb_fault(const char *dir, int argc, char **argv)
{
	char *spec = strdup(""), *kind;
	int32_t nth, value;
	unsigned int k;
	int rc;

	(void)dir;
	for (int i = 0; i < argc; i++)
		spec = format("%s%s ", spec, argv[i]);
	kind = strsep(&spec, " ");
	for (k = 0; k < FAULT_KINDS && strcmp(fault_names[k], kind); k++)
		;
	if (k == FAULT_KINDS)
		die("fault: %s: no such kind", kind);
	nth = fault_number(&spec, "1");
	value = fault_number(&spec, "-1");
	rc = machine_arm_fault(k, nth, value, fault_number(&spec, "1"));
	if (rc)
		die("fault: %s", strerror(-rc));
	return 0;
}

static int verb_limit(const char *dir, int argc, char **argv)
{
	(void)dir;
	(void)argc;
	if (strcmp(argv[0], "gntalloc"))
		die("limit: %s: only gntalloc is known", argv[0]);
	machine_view.m->gntalloc_limit = parse_number(argv[1]);
	return 0;
}

static const struct verb verbs[] = {
	{"create", "DIR [trace=FILE]: make a machine, print its environment for eval", 0,
	 verb_create},
	{"destroy", "DIR", 0, verb_destroy},
	{"domain", "DIR N [NAME] [driver]: a guest appears", 1, verb_domain},
	{"kill-domain", "DIR N [keep-processes]: a guest is destroyed", 1, verb_kill_domain},
	{"vif-add", "DIR DOMID DEVID [KEY=VALUE...]: as xl network-attach", 2, verb_vif_add},
	{"vif-remove", "DIR DOMID DEVID [hotplug=run] [force]: as xl network-detach", 2,
	 verb_vif_remove},
	{"fault", "DIR 'KIND NTH VALUE [COUNT|ever]' | clear", 1, verb_fault},
	{"limit", "DIR gntalloc PAGES", 2, verb_limit},
	{"counters", "DIR [NAME|reset]", 0, verb_counters},
	{"grants", "DIR N: the grant table of a domain", 1, verb_grants},
	{"ports", "DIR N: the event channels of a domain", 1, verb_ports},
	{"processes", "DIR", 0, verb_processes},
	{"sched", "DIR domain|pool N [KEY=VALUE...]: scheduler settings", 2, verb_sched},
};

static int usage(void)
{
	fputs("usage: fakexen VERB ARGUMENTS\n", stderr);
	for (const struct verb *v = verbs; v < verbs + sizeof(verbs) / sizeof(verbs[0]); v++)
		fprintf(stderr, "  %s %s\n", v->name, v->usage);
	return 2;
}

int main(int argc, char **argv)
{
	const struct verb *v = verbs, *end = verbs + sizeof(verbs) / sizeof(verbs[0]);
	int rc;

	if (argc < 3)
		return usage();
	while (v < end && strcmp(v->name, argv[1]))
		v++;
	if (v == end || argc - 3 < v->min_args)
		return usage();
	if (v->run != verb_create) {
		rc = machine_open(argv[2]);
		if (rc)
			die("%s: %s", argv[2], strerror(-rc));
	}
	return v->run(argv[2], argc - 3, argv + 3);
}
