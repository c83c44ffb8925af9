/* SPDX-License-Identifier: MIT */
/* engine-link.h: start engines, hand vifs to them, carry on when one dies */
#ifndef NETBACK_CONTROL_ENGINE_LINK_H
#define NETBACK_CONTROL_ENGINE_LINK_H

#include <stdbool.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "config.h"
#include "netback/common/link.h"
#include "netback/common/stats.h"

struct event;
struct event_base;
struct engine;

/*
 * An engine has a key, by the isolation setting: "v3.0" (a vif), "d3" (a domain), "host". It is started with its first
 * vif and stopped a second after its last one. When it dies it is started again at once, and its vifs are attached
 * again with the same descriptors and journals: nobody above is told. When it dies ten times in ten
 * seconds, the next start waits a second. An engine that owes an answer for five seconds is killed; the vif it was about
 * is given up, not those whose orders came after that.
 *
 * Its statistics are RUN_DIR/engine-KEY.stats (stats.h). Main thread only.
 */

enum {
	ENGINE_KEY_SIZE = 24
};

/* Where a vif stands with its engine. */
enum link_state {
	LINK_IDLE,
	LINK_QUEUED,	/* waits for the engine to start */
	LINK_ATTACHING, /* LINK_ATTACH sent */
	LINK_RUNNING,
	LINK_DETACHING, /* LINK_DETACH sent */
};

/* Where a changed policy stands. */
enum link_police {
	LINK_POLICE_DONE,
	LINK_POLICE_OWED,  /* to be sent */
	LINK_POLICE_SENT,  /* by LINK_ATTACH or LINK_POLICY */
	LINK_POLICE_AGAIN, /* sent, and has changed since */
};

/* What a vif is told; always from the event loop, never from within engine_attach, _police or _detach. */
struct link_ops {
	/* The answer to engine_attach; error is 0 or -errno. With an error the vif is no longer attached. */
	void (*attached)(void *arg, int error, const char *text);
	/* The answer to engine_detach: no ring page is mapped. */
	void (*detached)(void *arg);
	/* The guest broke the protocol; engine_detach is still to be called. */
	void (*failed)(void *arg, const char *text);
	void (*carrier)(void *arg, bool on);
	/* The answer to engine_police: every queue works by attach.policy as it is now. */
	void (*policed)(void *arg);
};

/* One vif's place in an engine; lives in struct vif. */
struct link_client {
	/* set by the vif while idle; attach.policy at any time, followed by engine_police */
	struct link_vif id; /* serial is set here */
	struct link_attach attach;
	int fds[LINK_MAX_FDS]; /* enum link_attach_fd; the vif's own, kept open while attached */
	unsigned int nr_fds;
	const struct link_ops *ops;
	void *arg;

	/* engine-link.c, link-client.c */
	enum link_state state;
	enum link_police police;
	bool unsent;  /* DETACHING: the order is still to be sent */
	bool overdue; /* its engine dies of this one's silence */
	struct engine *engine;
	/* The oldest order without an answer; its number is one of all to all engines. */
	struct event *timer; /* pending while there is one */
	enum link_type owed;
	uint64_t order;
	uint64_t
		last; /* number of the one last sent: LINK_DETACH does not wait for an answer to others */
	TAILQ_ENTRY(link_client) entry;
};

/*
 * Wait until no engine of a netbackd before us runs any more (they end by themselves when it does), at most some
 * seconds; then kill them. Blocks: before the loop runs.
 */
void engines_init(struct event_base *loop, const struct config *settings);

/* The end: stop all engines and wait for them; guests keep their rings, vifs are no longer served. */
void engines_stop(void);

/* Attach; 0 and one call of attached() later, or -errno. */
int engine_attach(struct link_client *client);

/*
 * attach.policy has changed: tell the engine; one call of policed() later, however often it changes in between.
 * False if there is no engine to tell: the next engine_attach carries it, nobody calls.
 */
bool engine_police(struct link_client *client);

/* Detach; one call of detached() later. attached() is not called any more. */
void engine_detach(struct link_client *client);

/* The vif is idle and goes. */
void engine_forget(struct link_client *client);

/* For reports. The pid is 0 while it does not run; the stats may change between two looks, their counts too. */
const char *engine_key(const struct engine *engine);
pid_t engine_pid(const struct engine *engine);

struct engine_report {
	const char *key;
	pid_t pid;
	unsigned int nr_vifs;
	unsigned int restarts;		  /* deaths survived */
	const struct stats_engine *stats; /* NULL: none that a reader may believe */
};

void engines_each(void (*fn)(const struct engine_report *report, void *arg), void *arg);

#endif
