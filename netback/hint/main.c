/* SPDX-License-Identifier: MIT */
/* main.c: netback-hintd: options, order of start, windows, the end */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "netback/common/log.h"
#include "netback/common/util.h"
#include "netback/hint/host.h"
#include "netback/hint/report.h"
#include "netback/hint/sandbox.h"

enum {
	OPTIONS_MAX = 24,
	SAMPLES = 10, /* of vCPU states, a window */
};

/* clang-format off */
static const struct option options[] = {
	{"beta",          required_argument, NULL, 'h'},
	{"byte-ns",       required_argument, NULL, 'h'},
	{"config",        required_argument, NULL, 'c'},
	{"default",       required_argument, NULL, 'h'},
	{"drops",         required_argument, NULL, 'h'},
	{"fmax",          required_argument, NULL, 'h'},
	{"interval",      required_argument, NULL, 'h'},
	{"log-level",     required_argument, NULL, 'o'},
	{"mode",          required_argument, NULL, 'h'},
	{"packet-us",     required_argument, NULL, 'h'},
	{"pool-tuning",   required_argument, NULL, 'h'},
	{"ratelimit-off", required_argument, NULL, 'h'},
	{"rho",           required_argument, NULL, 'h'},
	{"run-dir",       required_argument, NULL, 'o'},
	{"starved",       required_argument, NULL, 'h'},
	{"target-us",     required_argument, NULL, 'h'},
	{"help",          no_argument,       NULL, 'H'},
	{"version",       no_argument,       NULL, 'V'},
	{NULL, 0, NULL, 0},
};
/* clang-format on */

static const char help[] =
	"usage: netback-hintd [options]\n"
	"Let the CPU weights of Xen guests follow their network traffic.\n"
	"\n"
	"  --mode MODE          off, observe or apply [off]\n"
	"  --default CONSENT    of domains without a key in xenstore: off, donor, recipient, both [off]\n"
	"  --config FILE        read settings from FILE [" CONF_FILE "]\n"
	"  --run-dir DIR        that of netbackd [/run/netback]\n"
	"  --log-level LEVEL    err, warn, info or debug [info]\n"
	"  --interval MS        between two looks [1000]\n"
	"  --beta SHARE         that weights may grow by in all where nobody gives [0.25]\n"
	"  --rho SHARE          of its weight that a donor may lose [0.25]\n"
	"  --fmax FACTOR        that a weight is raised by at most [2 on Credit, 4 on Credit2]\n"
	"  --target-us US       a guest should act on 99 of 100 events within this [5000]\n"
	"  --starved SHARE      of time without buffers that is need [0.02]\n"
	"  --drops SHARE        of frames lost that is need [0.01]\n"
	"  --packet-us US       CPU that a packet justifies [50]\n"
	"  --byte-ns NS         CPU that a byte justifies [5]\n"
	"  --pool-tuning yes    shorten rate limit and time slice of pools, too [no]\n"
	"  --ratelimit-off yes  and switch the rate limit off [no]\n"
	"  --help, --version\n"
	"\n"
	"See netback-hintd(8) and netbackd.conf(5).\n";

static struct host host;

/* --- settings ---------------------------------------------------------------------------------------------- */

/* Options override the file, wherever --config stands, and again when it is read anew. */
struct setting {
	char key[32];
	const char *value;
};

static struct setting settings[OPTIONS_MAX];
static unsigned int nr_settings;
static const char *config_file;

static void add_setting(const char *prefix, const char *option, const char *value)
{
	struct setting *s = &settings[nr_settings++];

	if (nr_settings > OPTIONS_MAX)
		die("too many options");
	snprintf(s->key, sizeof(s->key), "%s%s", prefix, option);
	for (char *c = s->key; *c; c++)
		if (*c == '-')
			*c = '_';
	s->value = value;
}

static void parse_arguments(int argc, char **argv)
{
	int c, index;

	while ((c = getopt_long(argc, argv, "", options, &index)) != -1) {
		switch (c) {
		case 'c':
			config_file = optarg;
			break;
		case 'h':
			add_setting("hint_", options[index].name, optarg);
			break;
		case 'o':
			add_setting("", options[index].name, optarg);
			break;
		case 'V':
			puts("netback-hintd " NETBACK_VERSION);
			exit(0);
		case 'H':
			fputs(help, stdout);
			exit(0);
		default:
			die("try netback-hintd --help");
		}
	}
	if (optind < argc)
		die("\"%s\": netback-hintd takes options only, try --help", argv[optind]);
}

/* 0, or -EINVAL with the reason in error. */
static int read_settings(struct hint_config *config, char error[CONF_ERROR_SIZE])
{
	const char *name = config_file ? config_file : CONF_FILE;
	FILE *stream = fopen(name, "re");
	char why[CONF_ERROR_SIZE];
	int ret = 0;

	hint_config_defaults(config);
	if (!stream && (config_file || errno != ENOENT)) {
		snprintf(error, CONF_ERROR_SIZE, "%.200s: %s", name, strerror(errno));
		return -EINVAL;
	}
	if (stream) {
		ret = hint_config_read(config, stream, name, error);
		fclose(stream);
	}
	for (unsigned int i = 0; ret == 0 && i < nr_settings; i++) {
		ret = hint_config_set(config, settings[i].key, settings[i].value, why);
		if (ret < 0)
			snprintf(error, CONF_ERROR_SIZE, "option --%.400s",
				 why + (strncmp(why, "hint_", 5) == 0 ? 5 : 0));
	}
	return ret;
}

/* --- life ------------------------------------------------------------------------------------------------ */

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* A driver domain has no say in this: netbackd does without us there. */
static void open_xen(void)
{
	struct sched_pool pools[SCHED_MAX_POOLS];
	int ret = sched_open(&host.sched);

	if (ret == 0)
		ret = sched_pools(host.sched, pools, SCHED_MAX_POOLS);
	if (ret == -EPERM || ret == -EACCES) {
		info("this is not the control domain: there is nothing to do here");
		exit(0);
	}
	if (ret < 0)
		die("cannot talk to Xen: %s", strerror(-ret));
}

static void open_all(void)
{
	int ret;

	open_xen();
	if (mkdir(host.config.run_dir, 0750) < 0 && errno != EEXIST)
		die_perror("%s", host.config.run_dir);
	ret = hints_open(&host.hints, host.sched, host.config.run_dir);
	if (ret == -EWOULDBLOCK)
		die("another netback-hintd runs with %s", host.config.run_dir);
	if (ret < 0)
		die("%s/hint.journal: %s", host.config.run_dir, strerror(-ret));
	ret = hints_recover(&host.hints);
	if (ret < 0)
		die("cannot put back what an earlier one has left: %s", strerror(-ret));
	if (host.config.mode == HINT_OFF) {
		info("hint_mode is off: there is nothing to do");
		exit(0);
	}
	ret = store_open(&host.store);
	if (ret < 0)
		die("cannot connect to xenstored: %s", strerror(-ret));
}

static int open_signals(void)
{
	sigset_t set;
	int fd;

	/* A log that nobody reads any more must not end us with weights raised. */
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		die_perror("sigprocmask");
	fd = signalfd(-1, &set, SFD_CLOEXEC);
	if (fd < 0)
		die_perror("signalfd");
	return fd;
}

/* Everything is as the administrator had it; 0, or 1 if Xen refused. */
static int end(int status)
{
	unsigned int failed = hints_drop_all(&host.hints);

	report_remove(&host);
	hints_close(&host.hints);
	return failed ? 1 : status;
}

static void reload(void)
{
	struct hint_config config;
	char error[CONF_ERROR_SIZE];

	if (read_settings(&config, error) < 0) {
		err("%s; the settings stay as they are", error);
		return;
	}
	if (strcmp(config.run_dir, host.config.run_dir) != 0) {
		err("run_dir cannot change while netback-hintd runs; the settings stay as they are");
		return;
	}
	if (config.mode != HINT_APPLY)
		hints_drop_all(&host.hints);
	host.config = config;
	log_set_level(config.log_level);
	info("settings read again: mode %s", hint_mode_name(config.mode));
}

/* True: it is time to end. */
static bool take_signal(int fd)
{
	struct signalfd_siginfo info;

	if (read(fd, &info, sizeof(info)) != sizeof(info))
		return false;
	if (info.ssi_signo == SIGHUP) {
		reload();
		return host.config.mode == HINT_OFF;
	}
	info("%s: stopping", strsignal((int)info.ssi_signo));
	return true;
}

static int serve(int signals)
{
	struct pollfd fds[] = {
		{.fd = signals, .events = POLLIN},
		{.fd = store_fd(host.store), .events = POLLIN},
	};
	uint64_t window = now_ms(), sample = window;
	int ret;

	for (;;) {
		uint64_t now = now_ms(), next = min(window, sample);

		/* Also when we are late: windows that take long must not keep signals and events waiting. */
		if (poll(fds, ARRAY_SIZE(fds), now < next ? (int)(next - now) : 0) < 0 &&
		    errno != EINTR)
			die_perror("poll");
		if (fds[0].revents && take_signal(signals))
			return 0;
		now = now_ms();
		if (fds[1].revents)
			host_events(&host, now);
		fds[0].revents = fds[1].revents = 0;
		if (now >= sample) {
			host_sample(&host);
			sample = now + max(host.config.interval_ms / SAMPLES, 1u);
		}
		if (now < window)
			continue;
		if (!store_alive(host.store)) {
			err("the connection to xenstored broke");
			return 1;
		}
		ret = host_window(&host, now);
		if (ret < 0) {
			err("Xen does not answer: %s", strerror(-ret));
			return 1;
		}
		ret = report_write(&host);
		if (ret < 0)
			err("hint.json: %s", strerror(-ret));
		window = now_ms() + host.config.interval_ms;
	}
}

int main(int argc, char **argv)
{
	char error[CONF_ERROR_SIZE];
	int signals;

	log_init("netback-hintd", LOG_LEVEL_INFO);
	parse_arguments(argc, argv);
	if (read_settings(&host.config, error) < 0)
		die("%s", error);
	log_set_level(host.config.log_level);
	snprintf(host.pages.run_dir, sizeof(host.pages.run_dir), "%s", host.config.run_dir);
	signals = open_signals();
	sandbox_privileges();
	open_all();
	sandbox_syscalls();
	info("ready: mode %s", hint_mode_name(host.config.mode));
	return end(serve(signals));
}
