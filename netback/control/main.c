/* SPDX-License-Identifier: MIT */
/* main.c: netbackd: options, order of start, the loop, the end */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "backend.h"
#include "config.h"
#include "ctl.h"
#include "engine-link.h"
#include "netback/common/log.h"
#include "netback/common/util.h"
#include "xenbus.h"

enum {
	OPTIONS_MAX = 16
};

/* clang-format off */
static const struct option options[] = {
	{"config",             required_argument, NULL, 'c'},
	{"complete-checksums", required_argument, NULL, 'o'},
	{"enforce-vlan",       required_argument, NULL, 'o'},
	{"engine",             required_argument, NULL, 'o'},
	{"isolation",          required_argument, NULL, 'o'},
	{"log-level",          required_argument, NULL, 'o'},
	{"max-queues",         required_argument, NULL, 'o'},
	{"rate-rx",            required_argument, NULL, 'o'},
	{"run-dir",            required_argument, NULL, 'o'},
	{"run-scripts",        required_argument, NULL, 'o'},
	{"workers",            required_argument, NULL, 'o'},
	{"help",               no_argument,       NULL, 'h'},
	{"version",            no_argument,       NULL, 'V'},
	{NULL, 0, NULL, 0},
};
/* clang-format on */

static const char help[] =
	"usage: netbackd [options]\n"
	"Serve the network interfaces (vifs) of Xen guests.\n"
	"\n"
	"  --config FILE        read settings from FILE [" CONFIG_FILE "]\n"
	"  --complete-checksums yes|no\n"
	"                       give guests no blank checksum [no]\n"
	"  --enforce-vlan yes|no\n"
	"                       filter and tag by the key vlan [yes]\n"
	"  --engine PATH        the netback-engine to start\n"
	"  --isolation HOW      an engine for each vif, domain or host [domain]\n"
	"  --log-level LEVEL    err, warn, info or debug [info]\n"
	"  --max-queues N       queues offered to a guest [CPUs, at most 8]\n"
	"  --rate-rx RATE       how much a guest receives, as 10Mb/s [unlimited]\n"
	"  --run-dir DIR        where sockets, statistics and journals live [/run/netback]\n"
	"  --run-scripts yes|no run the hotplug scripts, where no toolstack does [no]\n"
	"  --workers N          threads in an engine, 0: one a CPU up to 4 [0]\n"
	"  --help, --version\n"
	"\n"
	"See netbackd(8) and netbackd.conf(5).\n";

static struct config config;
static int exit_status;

/* --- settings --------------------------------------------------------------------------------------------- */

/* Options override the file, wherever --config stands: keep them until the file is read. */
struct setting {
	char key[32];
	const char *value;
};

static void add_setting(struct setting *settings, unsigned int *nr, const char *option,
			const char *value)
{
	struct setting *setting = &settings[(*nr)++];

	if (*nr > OPTIONS_MAX)
		die("too many options");
	snprintf(setting->key, sizeof(setting->key), "%s", option);
	for (char *c = setting->key; *c; c++)
		if (*c == '-')
			*c = '_';
	setting->value = value;
}

static void read_config(const char *file)
{
	const char *name = file ? file : CONFIG_FILE;
	char error[CONFIG_ERROR_SIZE];
	FILE *stream = fopen(name, "re");

	if (!stream && !file && errno == ENOENT)
		return;
	if (!stream)
		die_perror("%s", name);
	if (config_read(&config, stream, name, error) < 0)
		die("%s", error);
	fclose(stream);
}

static void parse_arguments(int argc, char **argv)
{
	struct setting settings[OPTIONS_MAX];
	char error[CONFIG_ERROR_SIZE];
	const char *file = NULL;
	unsigned int nr = 0;
	int c, index;

	while ((c = getopt_long(argc, argv, "", options, &index)) != -1) {
		switch (c) {
		case 'c':
			file = optarg;
			break;
		case 'o':
			add_setting(settings, &nr, options[index].name, optarg);
			break;
		case 'h':
			fputs(help, stdout);
			exit(0);
		case 'V':
			puts("netbackd " NETBACK_VERSION);
			exit(0);
		default:
			die("try netbackd --help");
		}
	}
	if (optind < argc)
		die("\"%s\": netbackd takes options only, try --help", argv[optind]);

	config_defaults(&config);
	read_config(file);
	for (unsigned int i = 0; i < nr; i++)
		if (config_set(&config, settings[i].key, settings[i].value, error) < 0)
			die("option --%s", error);
}

/* Beside us in a build tree, else where `make install` puts it, whatever the prefix. */
static void find_engine(void)
{
	static const char *const places[] = {"netback-engine", "../libexec/netback/netback-engine"};
	char own[PATH_MAX];
	ssize_t len;

	len = *config.engine ? 0 : readlink("/proc/self/exe", own, sizeof(own) - 1);
	if (len < 0)
		die_perror("/proc/self/exe");
	own[len] = '\0';
	for (size_t i = 0; len && i < ARRAY_SIZE(places); i++) {
		snprintf(config.engine, sizeof(config.engine), "%.*s/%s",
			 (int)(strrchr(own, '/') - own), own, places[i]);
		if (access(config.engine, X_OK) == 0)
			break;
	}
	if (access(config.engine, X_OK) < 0)
		die_perror("%s: cannot be executed", config.engine);
}

/* --- who else serves vifs? -------------------------------------------------------------------------------- */

static void refuse_kernel_backend(void)
{
	bool builtin;

	if (access("/sys/bus/xen-backend/drivers/vif", F_OK) < 0 &&
	    access("/sys/module/xen_netback", F_OK) < 0)
		return;

	/* A module that can be unloaded has an initstate. */
	builtin = access("/sys/module/xen_netback/initstate", F_OK) < 0;
	die("the kernel's own backend, xen-netback, serves the vifs of this domain. %s",
	    builtin ? "It is built into this kernel: boot with initcall_blacklist=netback_init"
		    : "Shut its guests down, unload it (rmmod xen_netback) and keep it from coming back "
		      "(blacklist xen_netback in /etc/modprobe.d)");
}

/* Held until we end; the file stays. */
static void lock_run_dir(void)
{
	char path[PATH_MAX];
	int fd;

	if (mkdir(config.run_dir, 0750) < 0 && errno != EEXIST)
		die_perror("%s", config.run_dir);
	if (snprintf(path, sizeof(path), "%s/netbackd.lock", config.run_dir) >= PATH_MAX)
		die("%s: the path is too long", config.run_dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	if (fd < 0)
		die_perror("%s", path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		die("another netbackd runs with %s: see netbackctl list", config.run_dir);
}

/* --- the service manager ---------------------------------------------------------------------------------- */

static void notify(const char *state)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	const char *path = getenv("NOTIFY_SOCKET");
	socklen_t len;
	int sock;

	if (!path || strlen(path) >= sizeof(addr.sun_path) || (*path != '/' && *path != '@'))
		return;
	strcpy(addr.sun_path, path);
	len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	if (*path == '@')
		addr.sun_path[0] = '\0'; /* the abstract namespace */

	sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sock < 0)
		return;
	if (sendto(sock, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&addr, len) < 0)
		warn_perror("NOTIFY_SOCKET %s", path);
	close(sock);
}

/* --- life ------------------------------------------------------------------------------------------------- */

static void on_signal(evutil_socket_t signal, short what, void *arg)
{
	(void)what;
	info("%s: stopping; the guests keep their interfaces", strsignal(signal));
	event_base_loopbreak(arg);
}

static struct event_base *make_loop(struct event *signals[2])
{
	const int numbers[] = {SIGTERM, SIGINT};
	struct event_base *base = event_base_new();

	if (!base)
		die("no memory");
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		signals[i] = evsignal_new(base, numbers[i], on_signal, base);
		if (!signals[i] || event_add(signals[i], NULL) < 0)
			die("no memory");
	}
	signal(SIGPIPE, SIG_IGN);
	return base;
}

static void start(struct event_base *base)
{
	int ret;

	ret = xenbus_open(base);
	if (ret < 0)
		die("xenstored does not answer: %s. Does this domain run on Xen?", strerror(-ret));
	engines_init(base, &config);
	ret = ctl_start(base, &config);
	if (ret < 0)
		die("%s/ctl.sock: %s", config.run_dir, strerror(-ret));
	ret = backend_start(base, &config);
	if (ret < 0)
		die("xenstore: %s", strerror(-ret));
}

int main(int argc, char **argv)
{
	struct event *signals[2];
	struct event_base *base;

	log_init("netbackd", LOG_LEVEL_INFO);
	parse_arguments(argc, argv);
	log_set_level(config.log_level);
	find_engine();
	refuse_kernel_backend();
	lock_run_dir();

	base = make_loop(signals);
	start(base);
	info("ready: version " NETBACK_VERSION ", domain %u, an engine a %s, run directory %s",
	     xenbus_domid(), isolation_name(config.isolation), config.run_dir);
	notify("READY=1");

	event_base_dispatch(base);

	notify("STOPPING=1");
	exit_status = xenbus_alive() ? 0 : 1;
	ctl_stop();
	engines_stop();
	backend_stop();
	xenbus_close();
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		event_free(signals[i]);
	event_base_free(base);
	return exit_status;
}
