/* SPDX-License-Identifier: MIT */
/* tx.h: packets from the guest's tx ring to the port */
#ifndef NETBACK_ENGINE_TX_H
#define NETBACK_ENGINE_TX_H

#include <linux/virtio_net.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "netback/engine/coalesce.h"
#include "netback/engine/copy.h"
#include "netback/engine/offload.h"
#include "netback/engine/rate.h"
#include "netback/engine/ring.h"
#include "netback/engine/vlan.h"

/*
 * Everything a round holds of a packet is indexed by the ring position of its requests: as there are
 * no more positions than buffers, nothing is ever allocated or runs out. A request's data is copied
 * to the same page offset in its position's private page, so that no copy crosses a page here that
 * does not there; a small one goes to the worker's granted pages while they have room (selfgrant.h).
 *
 * Responses go out in ring order, a packet's in one push with its NULLs (OpenBSD frees by position,
 * Windows wants the NULLs in the same push).
 */
struct queue;

enum {
	/* netif.h: a backend must take 18 slots; Linux drops above and gives up at 20 (fatal_skb_slots) */
	TX_MAX_SLOTS = XEN_NETIF_NR_SLOTS_MIN,
	TX_FATAL_SLOTS = 20,
	TX_IOV_PER_PACKET = 2, /* virtio_net_hdr and linearised header, besides one a slot */
	/*
	 * Deficit round robin between the queues of a worker, counted in requests: a round adds a
	 * quantum, a packet that overdraws it pays in the next round.
	 */
	TX_QUANTUM = RING_SLOTS / 2,
	/*
	 * While a round brings new requests, responses wait until there are so many: each push may cost a
	 * notification, and the guest an interrupt. The first round without requests publishes all.
	 */
	TX_HOLD_SLOTS = 64,
	TX_FULL_PACKETS = 32, /* more than is worth waiting for */
};

/* One consumed request, at its ring position. */
struct tx_slot {
	uint32_t ref;
	uint16_t id;
	uint16_t offset;
	uint16_t size;
	uint8_t *small; /* where its data lies if not on its position's page (selfgrant.h) */
	bool extra;	/* an extra info: answered NULL */
};

struct tx_packet {
	uint16_t nr_slots; /* requests, extra infos included */
	uint16_t size;
	uint32_t length; /* of the frame at the port: a tag may have come in */
	uint16_t flags;	 /* NETTXF_* of the first request */
	int16_t status;	 /* NETIF_RSP_* */
	uint16_t gso_size;
	uint8_t gso_type;
	bool no_data; /* only carries extra infos */
	bool too_many_slots;
	bool bad_length;
	bool queued; /* handed to the port; written tells how it went */
	int32_t written;
	RING_IDX first;
	uint16_t first_segment; /* in the copy batch */
	uint16_t nr_segments;
	struct virtio_net_hdr hdr;
	/* where headers that straddle slots, or get a tag, are put together, with room for that before */
	uint8_t header[VLAN_TAG_BYTES + OFFLOAD_HEADER_BYTES];
};

/* A packet's first bytes in one piece. */
struct tx_head {
	uint8_t *bytes;
	uint32_t len;
	uint32_t stands_for; /* so many bytes of the slots; 0: it is where they are */
};

struct tx {
	uint8_t *pages; /* RING_SLOTS private pages */
	int deficit;	/* requests this queue may still take */
	unsigned int nr_packets;
	unsigned int nr_held; /* responses noted, not published yet */
	uint32_t hold_ns;     /* let packets gather so long before the next round */
	bool passed;	      /* hold_ns made the last round take no requests */
	struct coalesce coalesce;
	unsigned int nr_iov;
	struct rate rate;
	uint64_t wait_until; /* ns; requests are left on the ring for their rate, 0: none */
	struct tx_slot slot[RING_SLOTS];
	struct tx_packet packet[RING_SLOTS];
	struct iovec iov[RING_SLOTS * (1 + TX_IOV_PER_PACKET)];
	struct copy_batch copy;
};

/* 0 or -ENOMEM. The arena lives until tx_release. */
int tx_init(struct tx *tx, uint16_t domid);
void tx_release(struct tx *tx);

/* Worker. The queue works by its policy from now on. */
void tx_police(struct queue *q);

/*
 * Worker. tx_begin consumes what is on the ring, copies it and queues the writes; returns the packets
 * queued for the port, or -EPROTO: fatal, *ret_why says why. tx_end, after the port's writes are done,
 * answers, at once or up to TX_HOLD_SLOTS later; true: notify the frontend. A round in which tx_begin took
 * packets must be followed by another one.
 */
int tx_begin(struct queue *q, const char **ret_why);
bool tx_end(struct queue *q);

/* No other round follows: publish what is held back. true: notify the frontend. */
bool tx_publish(struct queue *q);

/*
 * There is nothing to do. Asks for an event, unless the thread is to hold first and look then;
 * returns the requests to go on with, or -EPROTO. What waits for its rate counts as none: *deadline (ns) is
 * lowered to when it may go, and an event for more would be of no use.
 */
int tx_idle(struct queue *q, uint64_t *deadline);

#endif
