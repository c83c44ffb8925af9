/* SPDX-License-Identifier: MIT */
/* segment.h: a large TCP frame, cut into those it stands for */
#ifndef NETBACK_ENGINE_SEGMENT_H
#define NETBACK_ENGINE_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "netback/engine/offload.h"

/*
 * TUNSETOFFLOAD has the kernel cut what a guest cannot take, but there are frames it does not cut: with
 * VLAN tags, those that were in the tap's queue when the guest agreed on less, and all for a guest whose
 * checksums the host wants complete, because netif has no segmentation without blank checksums.
 *
 * Segments are made one by one, when there is room for one: nothing is held but the frame itself, and of
 * a segment only its header, which is new, with the payload where it lies in the frame. They are what a
 * sender with such a small segment size would have sent (RFC 9293, RFC 3168): sequence numbers and IP
 * identifications count on, FIN and PSH are in the last one only, CWR in the first.
 *
 * Pure; reads only the frame's bytes, from private memory, and writes only the header.
 */
struct segment {
	struct offload_headers h;
	uint32_t length; /* of the frame */
	uint32_t size;	 /* payload of each segment but the last */
	uint32_t at;	 /* where the next one's payload begins in the frame */
	uint16_t nr;	 /* made so far */
	bool blank;	 /* leave the checksum to the receiver */
};

/* What segment_next made: the header, and then payload bytes of the frame from at on. */
struct segment_piece {
	uint32_t header; /* bytes, at most OFFLOAD_HEADER_BYTES */
	uint32_t at;
	uint32_t payload;
};

/*
 * Begin to cut a frame at `size` bytes of payload. 0, or -EINVAL: it is no TCP over IP that we can parse, it
 * has no payload, or size is below OFFLOAD_GSO_MIN (which would make one frame thousands).
 */
int segment_begin(struct segment *s, const uint8_t *frame, uint32_t len, uint32_t size, bool blank);

/* Length of the next segment's whole frame; 0: there is none. */
uint32_t segment_length(const struct segment *s);

/* The next segment; there must be one. Its checksum is complete, or with `blank` the pseudo header's sum. */
struct segment_piece segment_next(struct segment *s, const uint8_t *frame,
				  uint8_t header[OFFLOAD_HEADER_BYTES]);

#endif
