/* SPDX-License-Identifier: MIT */
/* fakexen: play libxl's part in the life of a domain and a vif. */
#include "fakexen.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <xenstore.h>
#include <xen/io/xenbus.h>

/*
 * Keys, permissions and order are those of libxl 4.17 (libxl_create.c,
 * libxl_nic.c, libxl_device.c): one transaction, the frontend owned by the
 * guest, the backend by the backend's domain, each readable by the other.
 */

enum {
	WAIT_MS = 10000,
	MAX_KEYS = 64
}; /* LIBXL_INIT_TIMEOUT, LIBXL_DESTROY_TIMEOUT */

struct vif {
	uint32_t domid, devid, backend;
	char *be, *fe, *libxl;
	const char *bridge;  /* to join, or NULL */
	const char *hotplug; /* connect, none, error, run */
	bool wait;
	unsigned int nr;
	char *keys[MAX_KEYS], *values[MAX_KEYS];
};

static void put(struct xs_handle *h, xs_transaction_t t, const char *dir, const char *key,
		const char *value)
{
	char *path = format("%s/%s", dir, key);

	if (!xs_write(h, t, path, value, strlen(value)))
		die("%s: %s", path, strerror(errno));
	free(path);
}

static void make(struct xs_handle *h, xs_transaction_t t, const char *path, uint32_t owner,
		 uint32_t reader)
{
	struct xs_permissions p[2] = {{.id = owner, .perms = XS_PERM_NONE},
				      {.id = reader, .perms = XS_PERM_READ}};

	if (!xs_mkdir(h, t, path) || !xs_set_permissions(h, t, path, p, owner == reader ? 1 : 2))
		die("%s: %s", path, strerror(errno));
}

void toolstack_add_domain(const char *dir, uint32_t domid, const char *name, bool driver)
{
	static const char *const own[] = {"data",
					  "drivers",
					  "feature",
					  "attr",
					  "error",
					  "control/shutdown",
					  "device/suspend/event-channel"};
	static const char *const toolstacks[] = {"device", "control", "cpu", "memory"};
	static const char *const drivers[] = {"libxl", "device-model"};
	struct xs_handle *h = store_open(dir);
	char *top = format("/local/domain/%u", domid);

	make(h, XBT_NULL, top, 0, domid);
	make(h, XBT_NULL, format("/libxl/%u", domid), 0, 0);
	for (unsigned int i = 0; i < sizeof(toolstacks) / sizeof(toolstacks[0]); i++)
		make(h, XBT_NULL, format("%s/%s", top, toolstacks[i]), 0, domid);
	for (unsigned int i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		make(h, XBT_NULL, format("%s/%s", top, own[i]), domid, domid);
	/* "backend" comes with the first device, see make_backend */
	for (unsigned int i = 0; driver && i < sizeof(drivers) / sizeof(drivers[0]); i++)
		make(h, XBT_NULL, format("%s/%s", top, drivers[i]), domid, domid);
	put(h, XBT_NULL, top, "name", name);
	put(h, XBT_NULL, top, "domid", format("%u", domid));
	if (domid && !xs_introduce_domain(h, domid, 1, 1))
		die("domain %u: introduce: %s", domid, strerror(errno));
	xs_close(h);
}

static void set(struct vif *v, const char *key, const char *value)
{
	unsigned int i;

	for (i = 0; i < v->nr && strcmp(v->keys[i], key); i++)
		;
	if (i == MAX_KEYS)
		die("vif: too many keys");
	v->keys[i] = strdup(key);
	v->values[i] = strdup(value);
	if (i == v->nr)
		v->nr++;
}

static const char *value_of(const struct vif *v, const char *key)
{
	for (unsigned int i = 0; i < v->nr; i++)
		if (!strcmp(v->keys[i], key))
			return v->values[i];
	return NULL;
}

static void set_defaults(struct vif *v)
{
	set(v, "frontend", v->fe);
	set(v, "frontend-id", format("%u", v->domid));
	set(v, "online", "1");
	set(v, "state", format("%d", XenbusStateInitialising));
	set(v, "script", "/etc/xen/scripts/vif-bridge");
	set(v, "mac",
	    format("00:16:3e:%02x:%02x:%02x", v->domid >> 8 & 0xff, v->domid & 0xff,
		   v->devid & 0xff));
	set(v, "bridge", "xenbr0");
	set(v, "handle", format("%u", v->devid));
	set(v, "type", "vif");
	set(v, "hotplug-status", "");
}

static struct vif parse_vif(int argc, char **argv)
{
	struct vif v = {.domid = parse_number(argv[0]),
			.devid = parse_number(argv[1]),
			.hotplug = "connect",
			.wait = true};

	for (int i = 2; i < argc; i++)
		if (!strncmp(argv[i], "backend=", 8))
			v.backend = parse_number(argv[i] + 8);
	v.be = format("/local/domain/%u/backend/vif/%u/%u", v.backend, v.domid, v.devid);
	v.fe = format("/local/domain/%u/device/vif/%u", v.domid, v.devid);
	v.libxl = format("/libxl/%u/device/vif/%u", v.domid, v.devid);
	return v;
}

static void parse_options(struct vif *v, int argc, char **argv)
{
	for (int i = 2; i < argc; i++) {
		char *value = strchr(argv[i], '=');

		if (!value)
			die("vif-add: %s: not KEY=VALUE", argv[i]);
		*value++ = '\0';
		if (!strcmp(argv[i], "hotplug"))
			v->hotplug = value;
		else if (!strcmp(argv[i], "wait"))
			v->wait = strcmp(value, "no");
		else if (strcmp(argv[i], "backend"))
			set(v, argv[i], value);
		if (!strcmp(argv[i], "bridge"))
			v->bridge = value;
	}
}

/* Not there before the first device, whether the domain was made for it or not. */
static void make_backend(struct xs_handle *h, xs_transaction_t t, uint32_t domid)
{
	char *path = format("/local/domain/%u/backend", domid);
	unsigned int len;
	void *there = xs_read(h, t, path, &len);

	if (domid && !there)
		make(h, t, path, domid, domid);
	free(there);
	free(path);
}

static void write_vif(struct xs_handle *h, xs_transaction_t t, const struct vif *v)
{
	const char *trusted = value_of(v, "trusted");

	xs_rm(h, t, v->be);
	xs_rm(h, t, v->fe);
	xs_rm(h, t, v->libxl);
	make(h, t, v->libxl, 0, 0);
	put(h, t, v->libxl, "frontend", v->fe);
	put(h, t, v->libxl, "backend", v->be);
	make(h, t, v->fe, v->domid, v->backend);
	put(h, t, v->fe, "backend", v->be);
	put(h, t, v->fe, "backend-id", format("%u", v->backend));
	put(h, t, v->fe, "state", format("%d", XenbusStateInitialising));
	put(h, t, v->fe, "handle", value_of(v, "handle"));
	put(h, t, v->fe, "mac", value_of(v, "mac"));
	put(h, t, v->fe, "trusted", trusted ? trusted : "1");
	if (value_of(v, "mtu")) {
		put(h, t, v->fe, "mtu", value_of(v, "mtu"));
		make(h, t, format("%s/mtu", v->fe), v->backend, v->domid);
	}
	make_backend(h, t, v->backend);
	make(h, t, v->be, v->backend, v->domid);
	for (unsigned int i = 0; i < v->nr; i++) {
		if (!strcmp(v->keys[i], "trusted"))
			continue;
		put(h, t, v->be, v->keys[i], v->values[i]);
		put(h, t, v->libxl, v->keys[i], v->values[i]);
	}
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

/* The state, 0 (XenbusStateUnknown) if there is no such key. */
static int read_state(struct xs_handle *h, const char *path)
{
	unsigned int len;
	char *s = xs_read(h, XBT_NULL, path, &len);
	int state = s ? atoi(s) : XenbusStateUnknown;

	free(s);
	return state;
}

/* Wait until the key has the state; gone: or has vanished. False in time. */
static bool wait_state(struct xs_handle *h, const char *dir, int state, bool gone)
{
	char *path = format("%s/state", dir);
	int64_t end = now_ms() + WAIT_MS;
	bool seen = false;

	if (!xs_watch(h, path, "wait"))
		die("%s: %s", path, strerror(errno));
	for (;;) {
		struct pollfd p = {.fd = xs_fileno(h), .events = POLLIN};
		int now = read_state(h, path);
		int64_t left = end - now_ms();
		char **event;

		seen = now == state || (gone && now == XenbusStateUnknown);
		if (seen || left <= 0)
			break;
		poll(&p, 1, left);
		while ((event = xs_check_watch(h)))
			free(event);
	}
	xs_unwatch(h, path, "wait");
	free(path);
	return seen;
}

static int run(char *const argv[])
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		execvp(argv[0], argv);
		die("%s: %s", argv[0], strerror(errno));
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid ? status : -1;
}

static int run_script(const struct vif *v, char *verb)
{
	char *script = (char *)value_of(v, "script");
	char *argv[] = {script, verb, "type_if=vif", NULL};

	setenv("script", script, 1);
	setenv("XENBUS_TYPE", "vif", 1);
	setenv("XENBUS_PATH", format("backend/vif/%u/%u", v->domid, v->devid), 1);
	setenv("XENBUS_BASE_PATH", "backend", 1);
	setenv("netdev", "", 1);
	setenv("vif", format("vif%u.%u", v->domid, v->devid), 1);
	return run(argv);
}

/* The script's part: what vif-bridge leaves behind, or the real script. */
static int hotplug(struct xs_handle *h, const struct vif *v)
{
	char *dev = format("vif%u.%u", v->domid, v->devid);
	char *join[] = {"ip", "link", "set", dev, "master", (char *)v->bridge, "up", NULL};
	bool ok = strcmp(v->hotplug, "error") != 0;

	if (!strcmp(v->hotplug, "none"))
		return 0;
	if (!strcmp(v->hotplug, "run"))
		return run_script(v, "online") ? 1 : 0;
	if (ok && v->bridge)
		ok = run(join) == 0;
	if (!ok)
		put(h, XBT_NULL, v->be, "hotplug-error",
		    format("%s failed", value_of(v, "script")));
	put(h, XBT_NULL, v->be, "hotplug-status", ok ? "connected" : "error");
	return ok ? 0 : 1;
}

int verb_vif_add(const char *dir, int argc, char **argv)
{
	struct xs_handle *h = store_open(dir);
	struct vif v = parse_vif(argc, argv);
	xs_transaction_t t;
	bool done;

	set_defaults(&v);
	parse_options(&v, argc, argv);
	do {
		t = xs_transaction_start(h);
		write_vif(h, t, &v);
		done = xs_transaction_end(h, t, false);
	} while (!done && errno == EAGAIN);
	if (!done)
		die("vif-add: %s", strerror(errno));
	if (!v.wait)
		return 0;
	if (!wait_state(h, v.be, XenbusStateInitWait, false))
		die("%s: backend not in state InitWait after %d s", v.be, WAIT_MS / 1000);
	/* in a driver domain the script is run there, by xl devd */
	return v.backend ? 0 : hotplug(h, &v);
}

static bool say_goodbye(struct xs_handle *h, const struct vif *v)
{
	char *state = format("%s/state", v->be);
	xs_transaction_t t;
	bool done;

	do {
		int now;

		t = xs_transaction_start(h);
		now = read_state(h, state);
		if (now != XenbusStateUnknown) {
			put(h, t, v->be, "online", "0");
			if (now != XenbusStateClosed)
				put(h, t, v->be, "state", format("%d", XenbusStateClosing));
		}
		done = xs_transaction_end(h, t, false);
	} while (!done && errno == EAGAIN);
	return done;
}

static void remove_paths(struct xs_handle *h, const struct vif *v, bool backend)
{
	xs_transaction_t t;

	do {
		t = xs_transaction_start(h);
		xs_rm(h, t, v->fe);
		if (backend)
			xs_rm(h, t, v->be);
		xs_rm(h, t, v->libxl);
	} while (!xs_transaction_end(h, t, false) && errno == EAGAIN);
}

int verb_vif_remove(const char *dir, int argc, char **argv)
{
	bool force = argc > 2 && !strcmp(argv[argc - 1], "force");
	struct xs_handle *h = store_open(dir);
	struct vif v = parse_vif(force ? argc - 1 : argc, argv);
	bool closed, script = false;

	for (int i = 2; i < argc; i++)
		script |= !strcmp(argv[i], "hotplug=run");
	if (!say_goodbye(h, &v))
		die("vif-remove: %s", strerror(errno));
	closed = wait_state(h, v.be, XenbusStateClosed, true);
	if (!closed && !force)
		die("%s: backend not in state Closed after %d s", v.be, WAIT_MS / 1000);
	if (script && !v.backend) {
		set(&v, "script",
		    xs_read(h, XBT_NULL, format("%s/script", v.be), &(unsigned int){0}));
		run_script(&v, "offline"); /* as libxl: whatever it says */
	}
	/* a driver domain removes its own directory once it has seen online=0 */
	remove_paths(h, &v, v.backend == 0 || !closed);
	if (v.backend && !wait_state(h, v.be, XenbusStateUnknown, true) && !force)
		die("%s: not removed by its domain", v.be);
	return 0;
}
