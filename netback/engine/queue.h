/* SPDX-License-Identifier: MIT */
/* queue.h: one pair of rings, its event channels and its port */
#ifndef NETBACK_ENGINE_QUEUE_H
#define NETBACK_ENGINE_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "netback/common/link.h"
#include "netback/common/stats.h"
#include "netback/engine/journal.h"
#include "netback/engine/memory.h"
#include "netback/engine/kick.h"
#include "netback/engine/moderate.h"
#include "netback/engine/port.h"
#include "netback/engine/ring.h"
#include "netback/engine/rx.h"
#include "netback/engine/tx.h"

struct ctrl;
struct vif;
struct worker;

struct queue {
	/* set before the worker sees it */
	struct vif *vif;
	struct worker *worker;
	unsigned int index;
	uint16_t domid;
	struct link_features features;
	struct link_policy policy; /* the worker's, once it is open: queue_police */
	struct link_queue refs;
	struct ctrl *ctrl; /* the vif's, NULL: the frontend made no control ring */
	void *journal_bytes;
	struct vif_memory *memory; /* shared by the vif's queues */
	struct stats_queue *stats;
	struct port port;

	/* the worker's, while it is open */
	bool failed;		       /* the guest broke the protocol: not served any more */
	bool ctrl_served, ctrl_notify; /* in this round */
	bool had_work;		       /* since its event channels were last unmasked */
	netif_tx_back_ring_t tx_ring;
	netif_rx_back_ring_t rx_ring;
	uint32_t tx_port, rx_port; /* local event channels; equal if the frontend uses one */
	struct journal *journal;
	struct moderate moderate;
	struct kick kick;
	struct tx tx;
	struct rx rx;
};

/*
 * The vif's first queue, which is opened first, has its control ring too (ctrl.h); its worker must be that
 * of the others then.
 *
 * queue_open: maps the rings, finishes what a dead engine left in the journal, binds the event
 * channels and tells the frontend to look. queue_close: the reverse; nothing of the guest's is
 * mapped or granted afterwards. Both run in the worker (worker_call). Mapping can wait for a guest
 * whose page is paged out (libxengnttab retries without a limit), which is why isolation by domain
 * is the default.
 *
 * 0 or -errno; *ret_why then says what failed, for the error node.
 */
int queue_open(struct worker *w, struct queue *q, const char **ret_why);
void queue_close(struct worker *w, struct queue *q);

/* In the worker (worker_call): from now on this queue works by policy. */
void queue_police(struct queue *q, const struct link_policy *policy);

/* An event of the guest was received. */
void queue_event(struct queue *q);

/* One round, see worker.h. queue_end returns true if there was something to do. */
void queue_begin(struct queue *q);
bool queue_end(struct queue *q);

/*
 * Nothing is left to do: ask both rings for an event, look once more. True: there was something
 * after all, go on with rounds. Else the queue waits for its events and its port, and *deadline
 * (ns, CLOCK_MONOTONIC) is lowered to when it wants a round in any case.
 */
bool queue_arm(struct queue *q, uint64_t *deadline);

/* ns that this queue wants to sleep for whatever happens, so that small frames gather; asked once a sleep. */
uint32_t queue_hold(struct queue *q);

#endif
