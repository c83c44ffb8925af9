/* SPDX-License-Identifier: MIT */
/* rx.h: frames from the port to the guest's rx ring */
#ifndef NETBACK_ENGINE_RX_H
#define NETBACK_ENGINE_RX_H

#include <stdbool.h>
#include <stdint.h>

#include "netback/common/link.h"
#include "netback/engine/coalesce.h"
#include "netback/engine/copy.h"
#include "netback/engine/port.h"
#include "netback/engine/rate.h"
#include "netback/engine/ring.h"
#include "netback/engine/rx-frame.h"

/*
 * At most RX_BATCH frames are here: with the port, as posted reads, or held in the order they came, while
 * the guest has too few buffers for the first of them. Everything else waits in the port's own queue
 * (bounded, tail drop, in the kernel): no guest can make us buffer (XSA-392).
 *
 * A guest that leaves the first held frame without the slots it needs for RX_DRAIN_NS has what is held
 * and what the port then brings dropped, and is reported as not ready after RX_STALL_NS (Linux'
 * rx_drain_timeout_msecs, rx_stall_timeout_msecs). What counts is the slots that very frame needs, not
 * whether there is one at all: a guest that keeps one buffer posted does not escape (XSA-392).
 *
 * A frame that the guest cannot take whole stays first until its last segment has gone.
 *
 * If the guest's hash decides which queue a frame goes to (ctrl.h), it waits with that queue while it stays
 * in the memory of the one that read it; all of them have the same worker. A port is read while any queue
 * takes frames. One that takes none for RX_SHARE_NS holds no more of all queues' frames than a share from
 * then on: others are dropped, so that it cannot stop those beside it.
 */
struct queue;

enum {
	RX_BATCH = 16, /* frames with the port and held, together */
	RX_MAX_HELD = RX_BATCH * LINK_MAX_QUEUES,
	RX_CUTS = 64,	       /* segments of frames that are cut, in a round */
	RX_HEADER_BYTES = 512, /* for the header of one, which crosses no page */
	RX_PLACED = RX_BATCH + RX_CUTS,
	RX_ARENA_BYTES = RX_BATCH * RX_AREA_PAGES * COPY_PAGE_SIZE + RX_CUTS * RX_HEADER_BYTES,
};

#define RX_DRAIN_NS	     10000000000ull
#define RX_DRAIN_NO_EVENT_NS 30000000ull /* the frontend never says that it posted buffers */
#define RX_STALL_NS	     60000000000ull
#define RX_SHARE_NS	     10000000ull   /* so long one queue may hold up those beside it */
#define RX_POLL_NS	     10000000ull   /* look at the ring so often if no event will come */
#define RX_RETRY_NS	     1000000000ull /* and at a port that is down or was just drained */

struct rx {
	uint8_t *pages;			    /* RX_BATCH times RX_AREA_PAGES, and RX_CUTS headers */
	uint32_t free;			    /* a bit a frame: neither with the port nor held */
	unsigned int nr_busy;		    /* frames with the port */
	unsigned int nr_wanted;		    /* reads worth posting: grows when the port has more */
	struct rx_frame *held[RX_MAX_HELD]; /* a circle of nr_held frames from first_held on */
	unsigned int first_held, nr_held;
	/* in this round: frames the port gave, and the guest got */
	unsigned int nr_done, nr_placed, nr_cut;
	uint32_t hold_ns; /* let frames gather so long before the next round */
	bool passed;	  /* hold_ns made the last round post no reads and take no frames */
	struct coalesce coalesce;
	bool blocked;  /* no reads: nobody takes frames, or other queues hold all of ours */
	bool starved;  /* too few buffers posted for the next frame */
	bool draining; /* and for so long that frames are too old to keep */
	bool down;     /* the port is gone: reads would fail for ever */
	bool told;     /* the vif has heard of this queue */
	bool ready;    /* what */
	uint64_t starved_since; /* ns */
	uint64_t counted_until; /* ns; rx_starved_ns has what was before */
	uint64_t stuck_since;	/* ns; the first starvation since the guest got a frame, 0: none */
	bool pulls;		/* tags come off: frames are read to where that leaves them */
	struct rate rate;
	uint64_t wait_until;  /* ns; frames wait for their rate, 0: no */
	bool limited;	      /* so it was when the rate was last asked: a wait is counted once */
	uint64_t quiet_until; /* ns; no reads of a port that is down or drained */
	struct rx_frame frame[RX_BATCH];
	struct rx_packet placed[RX_PLACED]; /* nr_placed of them, in this round */
	struct copy_batch copy;
};

/* 0 or -ENOMEM. The arena lives until rx_release. */
int rx_init(struct rx *rx, uint16_t domid);
void rx_release(struct rx *rx);

/*
 * Worker, at the end. Frames of this queue's memory leave the other queues, and theirs this one; both are
 * dropped. No read may be posted any more.
 */
void rx_part(struct queue *q);

/*
 * Worker. The queue works by its policy from now on. What is held is judged again, or is dropped if the
 * VLANs are others, because its tag may be gone.
 */
void rx_police(struct queue *q, bool other_vlans);

/*
 * Worker. rx_begin posts reads of the port unless the guest is short of buffers; 0 or -EPROTO: fatal,
 * *ret_why says why. rx_end gives the guest the frames that have come, as far as it has room; true: notify
 * the frontend.
 */
int rx_begin(struct queue *q, const char **ret_why);
bool rx_end(struct queue *q);

/* A queue that came later in the round has changed what kept this one from posting reads: another round. */
bool rx_is_behind(const struct queue *q);

/*
 * There is nothing to do. Returns the requests that rx_begin waits for, 0 if it waits for none, and lowers
 * *deadline (ns) to when the ring or the port is to be looked at anyway.
 */
unsigned int rx_idle(struct queue *q, uint64_t *deadline);

#endif
