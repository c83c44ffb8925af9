/* SPDX-License-Identifier: MIT */
/* vif.h: the queues of one virtual interface, as the engine sees it */
#ifndef NETBACK_ENGINE_VIF_H
#define NETBACK_ENGINE_VIF_H

#include <stdatomic.h>
#include <stdbool.h>

#include "netback/common/link.h"
#include "netback/common/stats.h"
#include "netback/engine/memory.h"

/*
 * vif_attach, vif_police, vif_detach: main thread. They spread the queues over the workers and wait for each.
 * vif_ready, vif_stalled, vif_fail: the workers.
 */
struct ctrl;
struct queue;
struct worker;

struct vif {
	struct link_vif id;
	int link;		  /* socket to control */
	int wake_fd;		  /* eventfd of the main thread */
	unsigned int nr_expected; /* queues it has when it is complete */
	unsigned int nr_queues;	  /* and has now */
	struct queue *queue[LINK_MAX_QUEUES];
	struct stats_vif *stats;
	void *journal;		   /* LINK_JOURNAL_BYTES */
	struct vif_memory *memory; /* the last part of that */
	struct ctrl *ctrl;	   /* NULL: no control ring */
	atomic_uint nr_ready;	   /* queues whose guest takes packets */
	_Atomic(const char *) failure;
};

/*
 * fds as in LINK_ATTACH, all taken over whatever comes. NULL: errno is set and *ret_why (for the
 * error node) says what failed. guest_pages counts what the vif's guest has staged by all its vifs
 * (staging.h), and outlives it.
 */
struct vif *vif_attach(const struct link_msg *msg, const int *fds, unsigned int nr_fds, int link,
		       int wake_fd, struct worker *workers, unsigned int nr_workers,
		       atomic_uint *guest_pages, const char **ret_why);

/* Everything of the guest's is unmapped when it returns; vif is gone. */
void vif_detach(struct vif *vif);

/* All queues work by policy when it returns. Main thread. */
void vif_police(struct vif *vif, const struct link_policy *policy);

/*
 * A queue's guest began or ceased to post enough buffers. The carrier is on while all queues are
 * ready; control is told when that changes.
 */
void vif_ready(struct vif *vif, bool ready);

/*
 * A queue that has not been ready yet is not going to be: control may have the carrier on since an engine before
 * this one, and is told to turn it off.
 */
void vif_stalled(struct vif *vif);

/*
 * The guest broke the protocol. The queue that calls it serves no more; the main thread is woken and
 * detaches the vif. why is a string constant. The first reason stands.
 */
void vif_fail(struct vif *vif, const char *why);

#endif
