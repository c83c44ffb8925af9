/* SPDX-License-Identifier: MIT */
/* offload.c: finds checksums, translates offload requests, completes what nobody else does */
#include "netback/engine/offload.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/in.h>

#include "netback/common/util.h"

enum {
	VLAN_TAGS = 2,
	VLAN_BYTES = 4,
	ETHERTYPE_STAG = 0x88a8, /* 802.1ad */
	IPV4_BYTES = 20,
	IPV4_FRAGMENT = 0x3fff, /* more-fragments bit and offset */
	IPV6_BYTES = 40,
	IPV6_MAX_BYTES = 256, /* with extension headers */
	TCP_BYTES = 20,
	TCP_CSUM = 16, /* offset in the header */
	TCP_CWR = 0x80,
	UDP_BYTES = 8,
	UDP_CSUM = 6,
};

static uint16_t get16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

static uint64_t add_carry(uint64_t sum, uint64_t word)
{
	sum += word;
	return sum + (sum < word);
}

static uint64_t load64(const uint8_t *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
	return word;
}

/* A one's complement sum of 16 bits is a wider one's, folded (RFC 1071). */
static uint16_t fold(uint64_t sum)
{
	sum = (sum >> 32) + (uint32_t)sum;
	sum = (sum >> 32) + (uint32_t)sum;
	sum = (sum >> 16) + (uint16_t)sum;
	sum = (sum >> 16) + (uint16_t)sum;
	return sum;
}

uint16_t offload_sum(const void *data, size_t len, uint32_t sum)
{
	const uint8_t *p = data;
	uint64_t a = sum, b = 0, c = 0, d = 0, last = 0;

	/* Four chains, because each addition has to wait for the carry of the one before. */
	for (; len >= 32; len -= 32, p += 32) {
		a = add_carry(a, load64(p));
		b = add_carry(b, load64(p + 8));
		c = add_carry(c, load64(p + 16));
		d = add_carry(d, load64(p + 24));
	}
	for (; len >= 8; len -= 8, p += 8)
		a = add_carry(a, load64(p));
	if (len)
		memcpy(&last, p, len);

	return fold(add_carry(add_carry(a, b), add_carry(add_carry(c, d), last)));
}

/* The parsers below: 0 or -EINVAL; nothing beyond len is read, whatever the packet says. */

static int parse_ethernet(const uint8_t *frame, uint32_t len, struct offload_headers *h,
			  uint16_t *ret_type)
{
	uint32_t at = ETHER_HDR_LEN - ETHER_TYPE_LEN;
	unsigned int tags;
	uint16_t type;

	for (tags = 0;; tags++, at += VLAN_BYTES) {
		if (at + ETHER_TYPE_LEN > len)
			return -EINVAL;
		type = get16(frame + at);
		if (type != ETHERTYPE_VLAN && type != ETHERTYPE_STAG)
			break;
		if (tags == VLAN_TAGS)
			return -EINVAL;
	}

	h->tagged = tags;
	h->ip = at + ETHER_TYPE_LEN;
	*ret_type = type;
	return 0;
}

static int parse_ipv4(const uint8_t *frame, uint32_t len, struct offload_headers *h)
{
	const uint8_t *ip = frame + h->ip;
	uint32_t bytes;

	if (h->ip + IPV4_BYTES > len || ip[0] >> 4 != 4)
		return -EINVAL;
	bytes = (ip[0] & 0xf) * 4;
	if (bytes < IPV4_BYTES || h->ip + bytes > len)
		return -EINVAL;
	if (get16(ip + 6) & IPV4_FRAGMENT)
		return -EINVAL;

	h->version = 4;
	h->proto = ip[9];
	h->transport = h->ip + bytes;
	return 0;
}

/* Length of the extension header at p; 0: what `type` says is none that we can skip. */
static uint32_t extension_bytes(uint8_t type, const uint8_t *p)
{
	switch (type) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_DSTOPTS:
		return (p[1] + 1) * 8;
	case IPPROTO_AH:
		return (p[1] + 2) * 4;
	default:
		return 0;
	}
}

static int parse_ipv6(const uint8_t *frame, uint32_t len, struct offload_headers *h)
{
	const uint8_t *ip = frame + h->ip;
	uint32_t at = h->ip + IPV6_BYTES, bytes;
	uint8_t type;

	if (at > len || ip[0] >> 4 != 6)
		return -EINVAL;

	/* Anything that can be the right end is 8 bytes or more, like each extension header. */
	for (type = ip[6];; at += bytes) {
		if (at + 8 > len || at - h->ip > IPV6_MAX_BYTES)
			return -EINVAL;
		bytes = extension_bytes(type, frame + at);
		if (!bytes)
			break;
		type = frame[at];
	}

	h->version = 6;
	h->proto = type;
	h->transport = at;
	return 0;
}

static int parse_transport(const uint8_t *frame, uint32_t len, struct offload_headers *h)
{
	uint32_t bytes;

	switch (h->proto) {
	case IPPROTO_TCP:
		if (h->transport + TCP_BYTES > len)
			return -EINVAL;
		bytes = (frame[h->transport + 12] >> 4) * 4;
		if (bytes < TCP_BYTES)
			return -EINVAL;
		h->csum = h->transport + TCP_CSUM;
		break;
	case IPPROTO_UDP:
		bytes = UDP_BYTES;
		h->csum = h->transport + UDP_CSUM;
		break;
	default:
		return -EINVAL;
	}

	if (h->transport + bytes > len)
		return -EINVAL;
	h->end = h->transport + bytes;
	return 0;
}

int offload_parse(const uint8_t *frame, uint32_t len, struct offload_headers *h)
{
	uint16_t type;
	int err;

	len = min(len, (uint32_t)OFFLOAD_HEADER_BYTES);
	err = parse_ethernet(frame, len, h, &type);
	if (err)
		return err;

	if (type == ETHERTYPE_IP)
		err = parse_ipv4(frame, len, h);
	else if (type == ETHERTYPE_IPV6)
		err = parse_ipv6(frame, len, h);
	else
		err = -EINVAL;
	if (err)
		return err;

	return parse_transport(frame, len, h);
}

uint16_t offload_pseudo_sum(const uint8_t *frame, uint32_t len, const struct offload_headers *h)
{
	uint32_t sum = htons(h->proto) + htons(len - h->transport);

	if (h->version == 4)
		return offload_sum(frame + h->ip + 12, 2 * 4, sum);
	return offload_sum(frame + h->ip + 8, 2 * 16, sum);
}

static void write_pseudo_sum(uint8_t *frame, uint32_t len, const struct offload_headers *h)
{
	uint16_t pseudo = offload_pseudo_sum(frame, len, h);

	memcpy(frame + h->csum, &pseudo, sizeof(pseudo));
}

bool offload_gso_valid(const struct netif_extra_info *extra)
{
	return extra->u.gso.size && (extra->u.gso.type == XEN_NETIF_GSO_TYPE_TCPV4 ||
				     extra->u.gso.type == XEN_NETIF_GSO_TYPE_TCPV6);
}

static bool gso_fits(const struct offload_tx *tx, const struct offload_headers *h)
{
	uint8_t version = tx->gso_type == XEN_NETIF_GSO_TYPE_TCPV4 ? 4 : 6;

	return h->proto == IPPROTO_TCP && h->version == version && tx->gso_size >= OFFLOAD_GSO_MIN;
}

static void set_gso(struct virtio_net_hdr *hdr, const struct offload_tx *tx,
		    const struct offload_headers *h)
{
	hdr->gso_size = htole16(tx->gso_size);
	hdr->gso_type = h->version == 4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6;
	if (tx->frame[h->transport + 13] & TCP_CWR)
		hdr->gso_type |= VIRTIO_NET_HDR_GSO_ECN;
}

int offload_from_guest(const struct offload_tx *tx, struct virtio_net_hdr *ret_hdr)
{
	bool gso = tx->gso_type != XEN_NETIF_GSO_TYPE_NONE;
	struct virtio_net_hdr hdr = {0};
	struct offload_headers h;

	if (!tx->csum_blank && !gso) {
		if (tx->data_validated)
			hdr.flags = VIRTIO_NET_HDR_F_DATA_VALID;
		*ret_hdr = hdr;
		return 0;
	}

	if (offload_parse(tx->frame, min(tx->linear, tx->len), &h) || (gso && !gso_fits(tx, &h)))
		return -EINVAL;

	if (!tx->csum_blank)
		write_pseudo_sum(tx->frame, tx->len, &h);
	hdr.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	hdr.csum_start = htole16(h.transport);
	hdr.csum_offset = htole16(h.csum - h.transport);
	hdr.hdr_len = htole16(h.end);
	if (gso && tx->len - h.end > tx->gso_size)
		set_gso(&hdr, tx, &h);
	*ret_hdr = hdr;
	return 0;
}

static bool takes_csum(const struct link_features *features, uint8_t version)
{
	return version == 4 ? features->rx_csum_ipv4 : features->rx_csum_ipv6;
}

static bool takes_gso(const struct link_features *features, uint8_t version)
{
	return features->rx_sg && takes_csum(features, version) &&
	       (version == 4 ? features->rx_gso_tcpv4 : features->rx_gso_tcpv6);
}

/* Whether the blank checksum is that of the headers we find. */
static bool find_csum(const struct virtio_net_hdr *hdr, const uint8_t *frame, uint32_t len,
		      struct offload_headers *ret_h)
{
	if (offload_parse(frame, len, ret_h))
		return false;

	return le16toh(hdr->csum_start) == ret_h->transport &&
	       le16toh(hdr->csum_offset) == ret_h->csum - ret_h->transport;
}

static void complete(uint8_t *frame, uint32_t len, uint32_t start, uint32_t at)
{
	uint16_t csum = ~offload_sum(frame + start, len - start, 0);

	/* 0 would mean "none" to UDP; both are zero in one's complement. */
	if (!csum)
		csum = 0xffff;
	memcpy(frame + at, &csum, sizeof(csum));
}

static int gso_to_guest(const struct virtio_net_hdr *hdr, const struct offload_headers *h,
			const struct link_features *features, struct offload_rx *rx)
{
	uint8_t type = hdr->gso_type & ~VIRTIO_NET_HDR_GSO_ECN;
	uint8_t want = h->version == 4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6;

	if (h->proto != IPPROTO_TCP || type != want || !hdr->gso_size)
		return -EINVAL;

	rx->gso_size = le16toh(hdr->gso_size);
	rx->header = (uint16_t)h->end;
	if (h->tagged || !takes_gso(features, h->version))
		rx->segment = true;
	else
		rx->gso_type =
			h->version == 4 ? XEN_NETIF_GSO_TYPE_TCPV4 : XEN_NETIF_GSO_TYPE_TCPV6;
	return 0;
}

int offload_to_guest(const struct virtio_net_hdr *hdr, uint8_t *frame, uint32_t len,
		     const struct link_features *features, struct offload_rx *ret_rx)
{
	bool gso = hdr->gso_type != VIRTIO_NET_HDR_GSO_NONE;
	uint32_t start = le16toh(hdr->csum_start);
	uint32_t at = start + le16toh(hdr->csum_offset);
	struct offload_rx rx = {0};
	struct offload_headers h;
	bool found;

	if (!(hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)) {
		if (gso)
			return -EINVAL;
		if (hdr->flags & VIRTIO_NET_HDR_F_DATA_VALID)
			rx.flags = NETRXF_data_validated;
		*ret_rx = rx;
		return 0;
	}
	if (start < ETHER_HDR_LEN || at + sizeof(uint16_t) > len)
		return -EINVAL;

	found = find_csum(hdr, frame, len, &h);
	if (gso && (!found || gso_to_guest(hdr, &h, features, &rx)))
		return -EINVAL;

	if (found && !h.tagged && takes_csum(features, h.version)) {
		rx.flags = NETRXF_csum_blank | NETRXF_data_validated;
	} else if (!rx.segment) {
		complete(frame, len, start, at);
		rx.completed = true;
	}
	*ret_rx = rx;
	return 0;
}
