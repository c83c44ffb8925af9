/* SPDX-License-Identifier: MIT */
/* hotplug.h: run a vif's hotplug script as libxl runs it, for hosts whose toolstack does not */
#ifndef NETBACK_CONTROL_HOTPLUG_H
#define NETBACK_CONTROL_HOTPLUG_H

#include <stdbool.h>
#include <sys/queue.h>
#include <sys/types.h>

struct event;
struct event_base;

/*
 * A script gets what libxl gives it (libxl_linux.c: hotplug_nic, get_hotplug_env): the arguments "online" or
 * "offline" and "type_if=vif"; in its environment script, XENBUS_TYPE, XENBUS_PATH (relative to the domain's home),
 * XENBUS_BASE_PATH, netdev and vif; standard input from /dev/null, standard output into our log. It says
 * that it is done by hotplug-status in xenstore; its exit status only tells failure.
 *
 * It runs in a process group of its own and beside the event loop, one at a time for each struct hotplug, for
 * HOTPLUG_SECONDS at most: then the whole group is killed. Main thread only.
 */
enum {
	HOTPLUG_SECONDS = 40, /* libxl's LIBXL_HOTPLUG_TIMEOUT */
	HOTPLUG_WHY_SIZE = 160,
};

struct hotplug {
	/* set by the owner while none runs */
	unsigned int seconds; /* 0: HOTPLUG_SECONDS */
	/* Once for each hotplug_run that returned 0; why is "" or a sentence about what went wrong. */
	void (*done)(void *arg, const char *why);
	void *arg;

	/* hotplug.c */
	pid_t pid; /* 0: none runs */
	bool timed_out;
	struct event *timer;
	LIST_ENTRY(hotplug) entry;
};

struct hotplug_job {
	const char *script; /* absolute */
	const char *verb;
	const char *path;	/* the backend directory, relative to the home */
	const char *vif;	/* the interface's first name */
	const char *gatewaydev; /* "" if none */
};

/* Once, before the first script; and at the end: what still runs is killed, and nobody is told. */
void hotplug_init(struct event_base *loop);
void hotplug_stop(void);

/* Start it. 0 or -errno; -EBUSY: one runs already. */
int hotplug_run(struct hotplug *h, const struct hotplug_job *job);

/* End the one that runs, if any; done() is told later. */
void hotplug_kill(struct hotplug *h);

/* The owner goes; a script that runs is killed and done() is not called. */
void hotplug_forget(struct hotplug *h);

#endif
