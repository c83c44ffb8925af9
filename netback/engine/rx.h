/* SPDX-License-Identifier: MIT */
/* rx.h: frames from the port to the guest's rx ring */
#ifndef NETBACK_ENGINE_RX_H
#define NETBACK_ENGINE_RX_H

#include <linux/virtio_net.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "netback/common/link.h"
#include "netback/engine/coalesce.h"
#include "netback/engine/copy.h"
#include "netback/engine/port.h"
#include "netback/engine/ring.h"

/*
 * A read is posted to the port only when the guest has posted buffers for the largest frame there can
 * be. So every frame that comes fits, none is ever kept, and the port's own queue (bounded, tail
 * drop, in the kernel) is the only one: no guest can make us buffer (XSA-392).
 *
 * A guest that posts too few buffers for RX_DRAIN_NS has the port's old frames dropped, and is
 * reported as not ready after RX_STALL_NS (Linux' rx_drain_timeout_msecs, rx_stall_timeout_msecs).
 * What counts is the slots the largest frame needs, not whether there is one at all.
 */
struct queue;

enum {
	RX_BATCH = 16,	     /* frames we hold at the most */
	RX_FRAME_PAGES = 16, /* PORT_MAX_FRAME bytes, page-aligned for the copies */
	RX_MAX_SLOTS = 17,   /* of the largest frame: its pages and a GSO extra info */
};

#define RX_DRAIN_NS	     10000000000ull
#define RX_DRAIN_NO_EVENT_NS 30000000ull /* the frontend never says that it posted buffers */
#define RX_STALL_NS	     60000000000ull
#define RX_POLL_NS	     10000000ull   /* look at the ring so often if no event will come */
#define RX_RETRY_NS	     1000000000ull /* and at a port that is down or was just drained */

struct rx_frame {
	struct virtio_net_hdr hdr;
	struct iovec iov[2];
	struct iobatch_read read; /* its ret: see port_result */
	uint32_t length;
	uint16_t nr_slots; /* extra info included */
	uint16_t nr_data;
	uint16_t first_segment; /* in the copy batch, nr_data of them */
	uint16_t flags;		/* NETRXF_* of the first response */
	uint16_t gso_size;	/* 0: no extra info */
	uint8_t gso_type;
	uint16_t id[RX_MAX_SLOTS];
};

struct rx {
	uint8_t *pages;		/* RX_BATCH frames of RX_FRAME_PAGES */
	unsigned int max_slots; /* the largest frame of this frontend takes */
	uint32_t free;		/* a bit a frame: not with the port */
	unsigned int nr_busy;	/* frames that are */
	unsigned int nr_wanted; /* reads worth posting: grows when the port has more */
	unsigned int nr_old;	/* one-shot reads, to throw away what is too old to keep */
	unsigned int nr_done;	/* frames the port gave in this round */
	bool awake;		/* this round is not the first one since we slept */
	uint32_t hold_ns;	/* let frames gather so long before the next round */
	bool passed;		/* hold_ns made the last round post no reads */
	struct coalesce coalesce;
	bool starved;		/* too few buffers posted */
	bool down;		/* the port is gone: reads would fail for ever */
	bool ready;		/* as last told to the vif */
	uint64_t starved_since; /* ns */
	uint64_t quiet_until;	/* ns; nothing to read of a port that is down or drained */
	struct rx_frame frame[RX_BATCH];
	struct copy_batch copy;
};

/* 0 or -ENOMEM. The arena lives until rx_release. */
int rx_init(struct rx *rx, uint16_t domid, const struct link_features *features);
void rx_release(struct rx *rx);

/*
 * Worker. rx_begin posts reads of the port as far as the guest has room; 0 or -EPROTO: fatal, *ret_why
 * says why. rx_end deals with the frames that have come; true: notify the frontend.
 */
int rx_begin(struct queue *q, const char **ret_why);
bool rx_end(struct queue *q);

/*
 * There is nothing to do. Returns the requests that rx_begin waits for, 0 if it waits for none, and lowers
 * *deadline (ns) to when the ring or the port is to be looked at anyway.
 */
unsigned int rx_idle(struct queue *q, uint64_t *deadline);

#endif
