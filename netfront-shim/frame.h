/* SPDX-License-Identifier: MIT -- Ethernet frames: parse, build, checksum, fill with content that can be verified */
#ifndef SHIM_FRAME_H
#define SHIM_FRAME_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Pure: no state, any thread. */

enum {
	FRAME_ETH = 14,
	FRAME_HEADERS = 128,	 /* bytes that hold all headers we parse */
	FRAME_TAG = 4,		 /* an 802.1Q tag */
	FRAME_RAW_TYPE = 0x88b5, /* IEEE 802 local experimental */
};

struct frame_info {
	uint8_t version;  /* 4, 6, or 0: not IP */
	uint8_t proto;	  /* of the transport header, if l4 */
	uint16_t l3, l4;  /* offsets in the frame; l4 0: no TCP or UDP header here */
	uint16_t csum;	  /* offset of the checksum field, 0: none */
	uint16_t payload; /* offset after the last header understood */
	uint32_t end;	  /* offset after the IP datagram, or the frame's length */
};

/*
 * Finds the headers in the first linear bytes of a frame of len bytes. Looks
 * through IPv6 extension headers but not through VLAN tags, as Linux does when
 * it completes a checksum for a frontend. All offsets lie inside linear.
 */
void frame_parse(const uint8_t *data, size_t linear, size_t len, struct frame_info *info);

/* Internet checksum in pieces: start with 0, feed pieces (all but the last of even length), fold. */
uint64_t frame_sum(uint64_t sum, const uint8_t *data, size_t len);
uint16_t frame_fold(uint64_t sum);

enum frame_csum {
	FRAME_CSUM_FULL,
	FRAME_CSUM_BLANK, /* the pseudo header's sum, as csum_blank wants it */
	FRAME_CSUM_BAD,	  /* wrong on purpose */
};

/* Writes the transport checksum of a whole frame. */
void frame_set_csum(uint8_t *data, const struct frame_info *info, enum frame_csum kind);

/* Is the IPv4 header's checksum right, and the transport one (blank: the pseudo header's)? */
bool frame_csum_ok(const uint8_t *data, const struct frame_info *info, bool blank);

struct frame_spec {
	uint8_t dst[6], src[6];
	uint8_t version; /* 4, 6; 0: FRAME_RAW_TYPE without IP */
	uint8_t proto;	 /* IPPROTO_UDP, IPPROTO_TCP */
	struct in_addr src4, dst4;
	struct in6_addr src6, dst6;
	uint16_t sport, dport;
	uint16_t stream; /* tells generators apart */
};

/* Length of the headers a spec makes. */
size_t frame_header_len(const struct frame_spec *spec);

/* Writes the headers of a frame of size bytes; the smallest size is frame_header_len(). */
void frame_build(const struct frame_spec *spec, uint8_t *data, size_t size);

/*
 * Fills the payload. A UDP or raw payload of 16 bytes or more begins with a
 * stamp {magic, stream, sequence, time}; what follows depends on the sequence
 * only. A TCP payload depends on its position in the stream only, so that any
 * segmentation can be verified; seq is then that position, and time and stream
 * travel in the timestamp option. Fills the TCP header's sequence number too.
 */
void frame_fill(uint8_t *data, const struct frame_info *info, uint16_t stream, uint32_t seq,
		uint64_t now_ns);

struct frame_stamp {
	uint16_t stream;
	uint32_t seq;	 /* TCP: position of the first byte */
	uint32_t len;	 /* of the payload */
	uint64_t age_ns; /* now minus the time of sending */
	bool has_time;
};

enum frame_verdict {
	FRAME_GOOD,
	FRAME_CORRUPT, /* it is one of ours, but its content is wrong */
	FRAME_FOREIGN, /* not made by frame_fill() */
};

/* Verifies a whole frame made by frame_fill(). */
enum frame_verdict frame_verify(const uint8_t *data, const struct frame_info *info, uint64_t now_ns,
				struct frame_stamp *out);

/* Puts an 802.1Q tag behind the addresses; the frame grows by FRAME_TAG bytes. */
void frame_tag(uint8_t *data, size_t len, uint16_t vlan);

/* Takes a tag of this VLAN out; false, and nothing done, if there is none. */
bool frame_untag(uint8_t *data, size_t len, uint16_t vlan);

/* Exchanges source and destination: MAC, IP, ports. Checksums stay right. */
void frame_swap(uint8_t *data, const struct frame_info *info);

#endif
