/* SPDX-License-Identifier: MIT -- any frame with any offload request, in both directions */
#include "netback/engine/offload.h"
#include "netback/engine/segment.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "netback/common/util.h"

/*
 * Input: struct input, then the frame. Both get blocks of exactly their size. What the module says
 * must hold for any of it: a promise that is broken is a trap.
 */
struct input {
	struct virtio_net_hdr hdr;
	uint8_t features; /* bits in the order of struct link_features */
	uint8_t flags;	  /* bit 0: csum_blank, 1: data_validated */
	uint8_t gso_type;
	uint8_t linear; /* bytes cut off OFFLOAD_HEADER_BYTES */
	uint16_t gso_size;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		__builtin_trap();
}

static uint8_t *exactly(const uint8_t *bytes, size_t len)
{
	uint8_t *copy = malloc(len);

	if (len)
		memcpy(copy, bytes, len);
	return copy;
}

static struct link_features features_of(uint8_t bits)
{
	return (struct link_features){bits & 1, bits & 2, bits & 4, bits & 8, bits & 16, bits & 32};
}

/* What the kernel's virtio_net_hdr_to_skb() asks of a header. */
static void check_hdr(const struct virtio_net_hdr *hdr, uint32_t linear, uint32_t len)
{
	uint32_t end = le16toh(hdr->csum_start) + le16toh(hdr->csum_offset) + 2u;

	must(le16toh(hdr->hdr_len) <= len);
	if (!(hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)) {
		must(!hdr->gso_type && !hdr->hdr_len);
		return;
	}
	must(le16toh(hdr->csum_start) >= 34 && end <= linear && end <= le16toh(hdr->hdr_len));
	must(!hdr->gso_type == !hdr->gso_size);
	if (hdr->gso_type) {
		must(le16toh(hdr->gso_size) >= OFFLOAD_GSO_MIN);
		must(le16toh(hdr->gso_size) < len - le16toh(hdr->hdr_len));
		must(le16toh(hdr->csum_offset) == 16);
	}
}

static void check_rx(const struct offload_rx *rx, const struct link_features *features)
{
	bool blank = rx->flags & NETRXF_csum_blank, validated = rx->flags & NETRXF_data_validated;

	must(!blank || validated);
	must(!blank || features->rx_csum_ipv4 || features->rx_csum_ipv6);
	must(!rx->completed || !rx->flags);
	must(!rx->gso_type || (blank && rx->gso_size && features->rx_sg));
	must(!rx->segment || (!rx->gso_type && rx->gso_size && !rx->completed));
	must(rx->gso_type != XEN_NETIF_GSO_TYPE_TCPV4 || features->rx_gso_tcpv4);
	must(rx->gso_type != XEN_NETIF_GSO_TYPE_TCPV6 || features->rx_gso_tcpv6);
}

static void from_guest(const struct input *in, const uint8_t *bytes, size_t len)
{
	uint32_t linear = min(len, (size_t)OFFLOAD_HEADER_BYTES - in->linear);
	struct offload_tx tx = {
		.frame = exactly(bytes, linear),
		.linear = linear,
		.len = len,
		.csum_blank = in->flags & 1,
		.data_validated = in->flags & 2,
		.gso_type = in->gso_type % 3,
		.gso_size = in->gso_size,
	};
	struct virtio_net_hdr hdr;

	if (!offload_from_guest(&tx, &hdr))
		check_hdr(&hdr, linear, len);
	free(tx.frame);
}

/* All of it, in pieces that are no longer than asked for. */
static void cut(const struct offload_rx *rx, const uint8_t *frame, uint32_t len)
{
	uint8_t header[OFFLOAD_HEADER_BYTES];
	struct segment s;
	uint32_t at;

	if (segment_begin(&s, frame, len, rx->gso_size, rx->flags & NETRXF_csum_blank))
		return;
	for (at = s.at; segment_length(&s); at += s.at - at) {
		uint32_t want = segment_length(&s);
		struct segment_piece piece = segment_next(&s, frame, header);

		must(piece.at == at && piece.header == rx->header);
		must(piece.payload && piece.payload <= rx->gso_size);
		must(piece.header + piece.payload == want);
	}
	must(at == len);
}

static void to_guest(const struct input *in, const uint8_t *bytes, size_t len)
{
	struct link_features features = features_of(in->features);
	uint8_t *frame = exactly(bytes, len);
	struct offload_rx rx;

	if (!offload_to_guest(&in->hdr, frame, len, &features, &rx)) {
		check_rx(&rx, &features);
		must(rx.completed || !memcmp(frame, bytes, len));
		if (rx.segment)
			cut(&rx, frame, (uint32_t)len);
	}
	free(frame);
}

/* From one guest to another that takes everything: it gets what was sent. */
static void both(const struct input *in, const uint8_t *bytes, size_t len)
{
	struct link_features features = features_of(0xff);
	struct offload_tx tx = {
		.frame = exactly(bytes, len),
		.linear = len,
		.len = len,
		.csum_blank = true,
		.gso_type = in->gso_type % 3,
		.gso_size = in->gso_size,
	};
	struct virtio_net_hdr hdr;
	struct offload_rx rx;

	if (!offload_from_guest(&tx, &hdr) &&
	    !offload_to_guest(&hdr, tx.frame, len, &features, &rx) && !rx.completed &&
	    !rx.segment) {
		must(rx.flags == (NETRXF_csum_blank | NETRXF_data_validated));
		must(rx.gso_type == (hdr.gso_type ? tx.gso_type : 0));
		must(rx.gso_size == (hdr.gso_type ? tx.gso_size : 0));
		must(!memcmp(tx.frame, bytes, len));
	}
	free(tx.frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in;

	if (size < sizeof(in) || size - sizeof(in) > XEN_NETIF_MAX_TX_SIZE)
		return 0;
	memcpy(&in, data, sizeof(in));
	data += sizeof(in);
	size -= sizeof(in);

	from_guest(&in, data, size);
	to_guest(&in, data, size);
	both(&in, data, size);
	return 0;
}
