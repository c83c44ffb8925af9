/* SPDX-License-Identifier: MIT -- sending flat frames in any slot shape, verifying and counting received ones */
#ifndef SHIM_TRAFFIC_H
#define SHIM_TRAFFIC_H

#include <stdio.h>

#include "histogram.h"
#include "netfront.h"

/* How the bytes of a frame are laid out over pages. nr 0: full pages. */
struct shape {
	unsigned int nr;
	uint16_t size[NFTX_MAX_SLOTS];
	uint16_t offset; /* in each page */
};

/* Slots that a frame of len bytes takes; 0: it does not fit the shape. */
unsigned int shape_slots(const struct shape *shape, size_t len);

/*
 * Copies a frame into free pages and puts it on the ring with the flags and
 * extras desc already holds; its slots are filled in here. 0, -EINVAL if the
 * shape does not fit, -ENOSPC if the ring has no room now.
 */
int traffic_send(struct nfqueue *q, const uint8_t *frame, size_t len, const struct shape *shape,
		 struct nftx_desc *desc);

enum {
	RECEIVER_STREAMS = 64
};

struct receiver_stream {
	bool seen;
	bool tcp;
	uint32_t next; /* sequence expected */
};

/* What was received, and how much of it was right. One thread. */
struct receiver {
	uint16_t vlan; /* frames are to have this tag; 0: none */
	uint64_t good, corrupt, foreign, bad_csum;
	uint64_t lost; /* sequence numbers (TCP: bytes) that were passed over */
	uint64_t late; /* came after a higher one: reordered or doubled */
	uint64_t payload_bytes;
	uint64_t first_ns, last_ns; /* of good frames */
	struct histogram latency;
	struct receiver_stream stream[RECEIVER_STREAMS];
	/* The last packet taken, in one piece, without the tag. */
	uint8_t frame[NFRX_MAX_SLOTS * NETIF_PAGE];
	size_t len;
	struct frame_info info;
};

/* Copies a packet out of the ring's buffers, verifies and counts it. */
enum frame_verdict receiver_take(struct receiver *r, const struct nfrx_packet *pkt,
				 const struct frame_info *info, uint64_t now_ns);

/* Members of a JSON object, a comma before each. */
void receiver_report(const struct receiver *r, FILE *to);

/* Human lines: counts and the latency's percentiles. */
void receiver_print(const struct receiver *r, FILE *to);

#endif
