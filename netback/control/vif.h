/* SPDX-License-Identifier: MIT */
/* vif.h: one virtual interface, from the toolstack's directory to its end */
#ifndef NETBACK_CONTROL_VIF_H
#define NETBACK_CONTROL_VIF_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "config.h"
#include "engine-link.h"
#include "hotplug.h"
#include "policy.h"
#include "tap.h"
#include "vif-files.h"
#include "vif-keys.h"
#include "vif-state.h"

struct event;
struct event_base;

/*
 * A vif is driven by vif_update: read what the store says, ask vif-state.c what to do, do it (vif-steps.c), until
 * there is nothing to do or somebody else has to answer. Everything else only marks the vif (backend_mark): watches,
 * timers, the engine's answers and a script's end. So a guest that writes ten thousand keys costs one update; and one that goes on
 * is not watched for a second.
 *
 * Main thread only. backend.c owns the structs; ctl and metrics read them.
 */
struct vif {
	TAILQ_ENTRY(vif) entry;	 /* backend.c: all vifs */
	TAILQ_ENTRY(vif) marked; /* backend.c: those to update */
	bool is_marked;

	struct keyval_vif id;
	char name[IFNAMSIZ]; /* vifD.N */
	char be[KEYVAL_PATH_SIZE];
	struct vif_toolstack_keys keys;
	struct policy_keys policy_keys;
	struct policy_wishes wishes; /* the frontend's */
	bool policy_stale; /* a key of the directory has changed since policy_keys was read */
	struct xenbus_watch *fe_watch, *wish_watch;

	enum vif_state state;
	struct vif_facts facts; /* as last read */
	unsigned int published; /* our last state in the store; 0: none yet */
	unsigned int failed_at; /* the frontend's state when facts.failed was set */
	char hotplug_status[40];
	char hotplug_error[KEYVAL_EXPLAIN_SIZE]; /* with the status "error" */
	bool has_plugged;		 /* our own hotplug script was run, or need not be */
	char error[KEYVAL_EXPLAIN_SIZE]; /* why it failed last; "" after a good connect */
	bool has_error_nodes;
	bool adopted; /* the next connect goes on with the rings of an earlier netbackd */
	bool carrier;
	bool dead; /* the hypervisor has no such guest any more */
	unsigned int failures;

	struct tap tap;
	struct vif_files files;
	struct link_client link;
	struct hotplug hotplug;

	struct event *grace; /* offline: how long the guest may take to close */
	struct event *later; /* look again; until then the frontend may be unwatched */
	time_t events_second;
	unsigned int events;   /* of the frontend watch within that second */
	time_t carrier_second; /* of the last change of carrier that was news */
};

/* Once, before the first vif. */
void vif_init(struct event_base *loop, const struct config *settings);

/* NULL: no memory. */
struct vif *vif_new(const struct keyval_vif *id);

/* Look, decide, act. False: the vif and its directory are gone, vif_free it. */
bool vif_update(struct vif *vif);

/*
 * Give the vif up until its frontend moves: a log line, the error nodes, state 5. error is -errno. The other vifs of
 * the guest are not touched.
 */
void vif_fail(struct vif *vif, int error, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Look at it again soon, without another reason. */
void vif_look_later(struct vif *vif);

/* Forget the state and the directory; the next look finds a new device. False: nothing that was read may be believed. */
bool vif_begin_anew(struct vif *vif);

/* What the tap may hand over to this guest. */
struct link_features vif_tap_features(const struct vif *vif);

/* The policy as it is now, for a guest that takes packets of several slots or does not. */
void vif_make_policy(const struct vif *vif, bool rx_sg, struct link_policy *out);

/* Let go of everything without a trace to the guest: tap, rings' keys and files stay for the next netbackd. */
void vif_free(struct vif *vif);

#endif
