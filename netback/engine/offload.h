/* SPDX-License-Identifier: MIT */
/* offload.h: checksum and segmentation offload, netif flags <-> struct virtio_net_hdr */
#ifndef NETBACK_ENGINE_OFFLOAD_H
#define NETBACK_ENGINE_OFFLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/virtio_net.h>
#include <xen/io/netif.h>

#include "netback/common/link.h"

/*
 * netif says "this frame's TCP or UDP checksum is blank" and leaves it to the receiver to find it;
 * the tap wants to know where it is. So frames are parsed here: Ethernet, up to two VLAN tags,
 * IPv4 with options or IPv6 with extension headers, TCP or UDP. Fragments have no whole checksum
 * and are refused.
 *
 * Everything works on private memory of the caller, never on a guest's page, and touches at most
 * the bytes it is given. Any thread, no state. virtio_net_hdr is the 10-byte form in little-endian
 * order, as the tap takes it by default on the (little-endian) hosts that run Xen.
 */

/*
 * No supported header chain is longer: 14 + 2 * 4, 256 bytes of IPv6 headers (Linux' own limit),
 * 60 of TCP. The caller makes this much of a frame linear, however small the guest's slots are
 * (XSA-423); a frame whose headers go on beyond it is refused.
 */
enum {
	OFFLOAD_HEADER_BYTES = 14 + 8 + 256 + 60,
	OFFLOAD_GSO_MIN = 8, /* Linux' TCP_MIN_GSO_SIZE: an MSS of 48 less 40 bytes of options */
};

/* --- tx: from the guest to the port ----------------------------------------------------- */

struct offload_tx {
	uint8_t *frame;	     /* its first bytes, writable: the pseudo header sum may go there */
	uint32_t linear;     /* that many: min(len, OFFLOAD_HEADER_BYTES) or more */
	uint32_t len;	     /* of the whole frame, at most XEN_NETIF_MAX_TX_SIZE */
	bool csum_blank;     /* NETTXF_csum_blank */
	bool data_validated; /* NETTXF_data_validated */
	uint8_t gso_type;    /* XEN_NETIF_GSO_TYPE_*, NONE without a gso extra info */
	uint16_t gso_size;
};

/*
 * Whether a gso extra info makes sense at all; if not, the frontend is broken and so is the vif,
 * as in Linux: size 0 or a type but TCPv4 and TCPv6. `features` has no bits defined; Linux does
 * not look at it, nor do we.
 */
bool offload_gso_valid(const struct netif_extra_info *extra);

/*
 * Fills in *ret_hdr. 0, or -EINVAL: drop the packet (drop_tx_bad_offload); *ret_hdr is unchanged.
 *
 * 0 promises that the tap does not refuse the frame because of its header: the checks are at least
 * those of the kernel's virtio_net_hdr_to_skb() up to 6.18. The caller sees to len >= 14.
 *  - csum_blank: NEEDS_CSUM with csum_start and csum_offset; the guest has left the pseudo header
 *    sum in the field, right or wrong: only its own packet suffers.
 *  - gso: additionally gso_type and gso_size. A frame with less payload than gso_size is no gso
 *    frame and goes as a plain one. Without csum_blank the pseudo header sum is written into frame
 *    (Linux repairs such frontends too). gso_size below OFFLOAD_GSO_MIN is refused: it would make
 *    the host cut one frame into thousands. GSO_ECN is set if the TCP header has CWR, because only
 *    then hardware without ECN support leaves the segments' CWR right; a tap takes it whatever
 *    TUNSETOFFLOAD said, which is about the other direction.
 *  - data_validated alone: DATA_VALID, and the frame is not looked at.
 * hdr_len is the length of all headers, a hint to the tap how much of the frame to keep linear.
 */
int offload_from_guest(const struct offload_tx *tx, struct virtio_net_hdr *ret_hdr);

/* --- rx: from the port to the guest ------------------------------------------------------ */

struct offload_rx {
	uint16_t flags;	  /* NETRXF_csum_blank and NETRXF_data_validated of the first response */
	uint8_t gso_type; /* XEN_NETIF_GSO_TYPE_*; NONE: no gso extra info */
	uint16_t gso_size;
	uint16_t header; /* bytes of headers, if there is a gso_size */
	bool segment;	 /* cut it at gso_size (segment.h): flags are those of the segments */
	bool completed;	 /* we computed the checksum: count rx_csum_completed */
};

/*
 * Says in *ret_rx how to hand a frame of the port to a frontend that agreed on `features`. 0, or
 * -EINVAL: drop it (drop_rx_bad_offload); *ret_rx is unchanged then.
 *
 * frame is the whole frame, linear and writable: a checksum that the guest cannot find or does not
 * want is completed in place. That is any but TCP or UDP over an IP version whose checksum offload
 * was agreed on, and all frames with VLAN tags, because Linux netfront does not look behind tags.
 * NETRXF_csum_blank never comes without NETRXF_data_validated (Windows asserts that, and that gso
 * frames have both). A completed frame has neither flag.
 *
 * TCP segmentation that the guest cannot take is to be done by the caller; the frame is not changed then.
 * A gso type counts as agreed on only together with scatter/gather and its checksum, and never for a
 * frame with VLAN tags. Segmentation of anything else is an error.
 */
int offload_to_guest(const struct virtio_net_hdr *hdr, uint8_t *frame, uint32_t len,
		     const struct link_features *features, struct offload_rx *ret_rx);

/* --- for who looks into frames as well ------------------------------------------------------ */

/* Where a frame's headers are: offsets from its first byte. */
struct offload_headers {
	bool tagged;
	uint8_t version; /* of IP */
	uint8_t proto;	 /* IPPROTO_TCP or IPPROTO_UDP */
	uint32_t ip;
	uint32_t transport;
	uint32_t csum;
	uint32_t end;
};

/* 0, or -EINVAL: no TCP or UDP over IP with whole headers within len and OFFLOAD_HEADER_BYTES, or a fragment. */
int offload_parse(const uint8_t *frame, uint32_t len, struct offload_headers *h);

/* The sum over addresses, protocol and length that a blank checksum field holds; len: of the whole frame. */
uint16_t offload_pseudo_sum(const uint8_t *frame, uint32_t len, const struct offload_headers *h);

/* --- the Internet checksum ------------------------------------------------------------------ */

/*
 * The one's complement sum of RFC 1071 over len bytes at data, any alignment, not complemented;
 * sum is a start value: 0 or what came back for the bytes before, if those were even in number.
 * In memory order: memcpy it into the packet as it is, ~ first for a checksum field.
 */
uint16_t offload_sum(const void *data, size_t len, uint32_t sum);

#endif
