/* SPDX-License-Identifier: MIT */
/* ctrl.h: the control ring of a vif, and what the guest sets by it */
#ifndef NETBACK_ENGINE_CTRL_H
#define NETBACK_ENGINE_CTRL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <xen/io/netif.h>
#include <xengnttab.h>

#include "netback/common/link.h"
#include "netback/engine/copy.h"
#include "netback/engine/hash.h"
#include "netback/engine/memory.h"
#include "netback/engine/staging.h"

/*
 * netif.h, "Control ring": the frontend sends a request of 16 bytes, which may name a page with more, and
 * gets a response. All ten operations are known: hashing (hash.h; 1 to 7) and staging grants (staging.h; 8
 * to 10). Requests are served in order, one a round, because one can be as dear as 512 mappings; Windows
 * waits for each response before the next request, and wants its id echoed.
 *
 * All queues of a vif with a control ring are served by one worker, which serves the ring as well: what
 * is set counts from the next round on in all of them, and a frame that one queue's port has brought may go
 * to another's ring, without a lock or a hand-over between threads. The price is that such a vif has the
 * CPU time of one thread; vifs without a control ring (Linux and the BSDs make none) do not pay it.
 *
 * Every setting is written to the vif's memory before it is answered, in two copies of which one counts;
 * and as responses overlay requests, the one that is being published is noted there first, as in journal.h:
 * an engine that dies in between would leave a request behind that nobody made. A request that was done
 * and not noted is done again. That changes nothing, but for a DEL, which then says of its entries that
 * they are not there.
 *
 * The worker's only, but for the fields set before.
 */
struct queue;

enum {
	CTRL_RING_SLOTS = 128,
	CTRL_PAGE_BYTES = 4096,
};

struct ctrl {
	/* set before the worker sees it */
	struct link_ctrl refs;
	uint16_t domid;
	unsigned int nr_queues;
	struct vif_memory *memory;
	atomic_uint *guest_pages; /* see staging.h */

	/* the worker's */
	xen_netif_ctrl_back_ring_t ring;
	uint32_t port; /* local event channel */
	xengnttab_handle *gnttab;
	uint32_t current; /* copy of the settings in the memory that counts */
	struct hash hash;
	struct queue *queue[LINK_MAX_QUEUES]; /* by index; NULL: not open */
	unsigned int nr_open;
	struct staging staging[LINK_MAX_QUEUES];
	struct copy_batch copy;
	uint8_t page[CTRL_PAGE_BYTES] __attribute__((aligned(CTRL_PAGE_BYTES)));
};

/*
 * Take the ring over where it stands, and what the memory has of an engine before. 0, or -EPROTO: the
 * indices make no sense. Maps what is staged; ctrl_release unmaps it. The ring's page is the caller's.
 */
int ctrl_attach(struct ctrl *c, xen_netif_ctrl_sring_t *sring, xengnttab_handle *gnttab);
void ctrl_release(struct ctrl *c);

/*
 * Serve a request. 1: done, *ret_notify: notify the frontend; 0: there is none; -EPROTO: the producer index
 * makes no sense, fatal to the vif.
 */
int ctrl_serve(struct ctrl *c, bool *ret_notify);

/* Ask for an event with the next request. 1: there is one already; 0; -EPROTO as above. */
int ctrl_arm(struct ctrl *c);

/* Whether all queues are open; before, no request is served and no frame read. */
static inline bool ctrl_is_complete(const struct ctrl *c)
{
	return c->nr_open == c->nr_queues;
}

/* Whether the guest's hash decides which queue a frame goes to. */
static inline bool ctrl_steers(const struct ctrl *c)
{
	return c && ctrl_is_complete(c) && hash_is_on(&c->hash);
}

#endif
