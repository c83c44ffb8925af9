/* SPDX-License-Identifier: MIT -- the frontend's half of a receive ring (world to guest), on any memory */
#ifndef SHIM_NFRX_H
#define SHIM_NFRX_H

#include <stdbool.h>

#include "fault.h"
#include "nfpages.h"

/*
 * How it works
 *
 * The request id is the ring position, as in Linux netfront, or the position in
 * fewer bits, as in iPXE: the backend must
 * answer each buffer in the position of its request, since an extra overlays the
 * id. A packet ends with the first slot without more_data and all of it must be
 * visible in one step of rsp_prod (xenvif and Linux netfront give the device up
 * otherwise). The buffers of taken packets stay readable until nfrx_fill().
 *
 * All functions belong to the one thread that owns the queue.
 */

enum {
	NFRX_EXTRA_XDP = 5, /* Linux' netif.h has it, Xen's does not: u16 headroom */
	NFRX_MAX_SLOTS = XEN_NETIF_NR_SLOTS_MIN + 1,
	NFRX_GUARD = 0xa5,
	NFRX_COPY_THRESHOLD = 256, /* Linux grants one more slot after a first one this short */
};

/* What was negotiated; a backend that sends more than this commits a fault. */
struct nfrx_rules {
	bool sg, gso4, gso6, hash;
	bool status_asserts;	/* a status of 1 or less is a fault: Unikraft */
	bool flags_confused;	/* flags are read by the names of the transmit side: Unikraft */
	unsigned int ids;	/* request ids are below it, a power of two; 0: NETIF_RING */
	unsigned int max_frame; /* of a packet without GSO; 0: any */
};

struct nfrx_frag {
	const uint8_t *data;
	unsigned int len;
};

struct nfrx_packet {
	struct nfrx_frag frag[NFRX_MAX_SLOTS];
	unsigned int nr_frags;
	unsigned int len;
	uint16_t flags;	  /* NETRXF_csum_blank, NETRXF_data_validated */
	uint8_t gso_type; /* XEN_NETIF_GSO_TYPE_NONE: no GSO extra */
	uint16_t gso_size;
	bool has_hash;
	uint8_t hash_type, hash_algorithm;
	uint32_t hash;
	bool hash_due;	   /* it came after nfrx_expect_hash() */
	uint16_t headroom; /* what the XDP extra says: frag[0] begins there */
	/* of the walk through the ring */
	unsigned int nr_slots, max_slots;
	int16_t error;	      /* a negative status of one of the slots */
	uint16_t seen_extras; /* bit per XEN_NETIF_EXTRA_TYPE */
};

struct nfrx_stats {
	uint64_t packets, bytes, slots;
	uint64_t error_packets; /* a negative status in one of their slots */
	uint64_t gso, csum_blank, data_validated, hash, multi_slot, headroom;
	uint64_t misread; /* packets whose flags mean something else by nfrx_rules.flags_confused */
};

struct nfrx {
	netif_rx_front_ring_t ring;
	struct nfpages *pages;
	struct nf_faults *faults;
	struct nfrx_rules rules;
	uint16_t page_of[NETIF_RING]; /* page lent at a ring position */
	unsigned int target;	      /* buffers to keep posted */
	unsigned int next_page;
	RING_IDX limit; /* rsp_prod as last read and checked */
	/* due: in packets from this position on; before it either is right */
	RING_IDX hash_from, headroom_from;
	bool hash_due, headroom_due, headroom_allowed;
	uint16_t headroom;
	bool broken;
	bool guard; /* buffers are patterned, and what is not data must stay so */
	struct nfrx_stats stats;
};

/* Starts on a zeroed page at sring; all pages are buffers and stay the caller's. */
void nfrx_init(struct nfrx *rx, void *sring, struct nfpages *pages, struct nf_faults *faults,
	       const struct nfrx_rules *rules);

/* Packets that are published from now on are the ones to be hashed. */
void nfrx_expect_hash(struct nfrx *rx);

/* Data begins so many bytes into the first buffer; at_once: in all packets published from now on. */
void nfrx_headroom(struct nfrx *rx, uint16_t headroom, bool at_once);

/* Posts buffers until all are out. True: the backend asked to be notified. */
bool nfrx_fill(struct nfrx *rx);

/*
 * Takes the next packet. True: *pkt is filled and its data readable until
 * nfrx_fill(). Packets with an error status are counted and passed over. False:
 * there is none, and the next one will bring an event.
 */
bool nfrx_take(struct nfrx *rx, struct nfrx_packet *pkt);

#endif
