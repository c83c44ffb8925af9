/* SPDX-License-Identifier: MIT */
/* host.h: the domains and pools of this host, window by window */
#ifndef NETBACK_HINT_HOST_H
#define NETBACK_HINT_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "netback/hint/classify.h"
#include "netback/hint/config.h"
#include "netback/hint/hints.h"
#include "netback/hint/law.h"
#include "netback/hint/pages.h"
#include "netback/hint/sched.h"
#include "netback/hint/store.h"
#include "netback/hint/totals.h"

/*
 * Puts together what Xen (sched.h), the engines (pages.h) and xenstore (store.h) say, lets the law decide, and
 * has it done (hints.h) if the mode is apply. Entries of domain[] are those of law.domain[], and of pool[] those
 * of law.pool[]. One thread; struct host is large: static.
 */
struct host_domain {
	struct sched_domain xen;
	bool seen; /* by this window's list */
	char name[STORE_NAME];
	bool driver, watched, complained, has_vif;
	bool stirred, asked; /* by events that are not looked at yet: store_event */
	bool welcomed;	     /* it has run, and was looked at since */
	struct classify classify;
	struct sched_vcpus samples; /* sums of this window */
	struct totals totals;	    /* as of the last window */
	uint64_t alive_ms;	    /* an engine of its vifs was last seen alive */
	uint64_t admin_until_ms, leaving_until_ms;
	uint32_t told;	    /* the weight that observe last spoke of, 0: none */
	uint64_t changed_s; /* CLOCK_REALTIME of our last change of its weight, 0: none */
};

struct host {
	struct hint_config config;
	struct sched *sched;
	struct store *store;
	struct hints hints;
	struct pages pages;
	struct law law;
	struct host_domain domain[SCHED_MAX_DOMAINS];
	uint32_t pool_id[SCHED_MAX_POOLS];
	bool pool_known[SCHED_MAX_POOLS]; /* its settings were read in this window */
	uint64_t pool_admin_until_ms[SCHED_MAX_POOLS];
	uint64_t window_ms;	  /* when the last window ended, 0: none yet */
	unsigned int next_sample; /* the domain to begin with */
};

enum {
	HOST_ADMIN_MS = 60000,	 /* hands off after somebody else's change */
	HOST_LEAVING_MS = 10000, /* and after a domain was asked to go, at least */
	HOST_LEASE_MS = 10000,	 /* a hint outlives the last sign of life of an engine by this */
	HOST_EVENTS = 256,	 /* taken in one go */
	HOST_SAMPLE_VCPUS = 64,	 /* looked at in one go, so that Xen's lock is held shortly */
};

/* Sample states of vCPUs: ten times a window or so. Errors are left to host_window. */
void host_sample(struct host *host);

/* A window is over. 0 or -errno: Xen does not answer. now_ms: CLOCK_MONOTONIC. */
int host_window(struct host *host, uint64_t now_ms);

/*
 * Something happened in xenstore: domains that are leaving lose their hints at once. Bounded; if there is more,
 * store_fd stays readable.
 */
void host_events(struct host *host, uint64_t now_ms);

#endif
