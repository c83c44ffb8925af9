/* SPDX-License-Identifier: MIT */
/* fuzz-tx.c: whatever a guest writes on its tx ring and into its pages */
#include <endian.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "test/unit/engine-harness.h"

/*
 * The input is the ring's start index, a byte of policy, then rounds of a header, which says how req_prod
 * moves, and of requests of 12 bytes, most of which are mended into packets that make sense. Grant references
 * below FUZZ_REFS are those of the guest's pages, so that most copies succeed; each page begins with a
 * frame, over whose headers bytes of the input may be written.
 */
enum {
	FUZZ_REFS = 0xf000,
	FUZZ_ROUNDS = 4,
	PATCH_BYTES = 16,
	RAW = 0x8000,	/* in an id: leave this packet as wrong as it is */
	ASKEW = 0x4000, /* begin it elsewhere than where the page has a frame */
};

struct round {
	uint8_t requests; /* so many follow */
	uint8_t push;	  /* 0xff: req_prod moves by `wild` instead */
	uint16_t wild;
};

static struct harness harness, *h = &harness;
static netif_tx_request_t shadow[RING_SLOTS]; /* the ring as the guest wrote it */

#define must(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			__builtin_trap();                                                          \
	} while (0)

static bool take(const uint8_t **data, size_t *left, void *to, size_t len)
{
	if (*left < len)
		return false;
	memcpy(to, *data, len);
	*data += len;
	*left -= len;
	return true;
}

static void fill_pages(const uint8_t **data, size_t *left)
{
	uint8_t patch[2 + PATCH_BYTES];

	for (unsigned int i = 0; i < HARNESS_PAGES; i++)
		harness_make_frame(h->page[i], i % 2 ? 6 : 4, 256, (uint8_t)i);
	while (*left && **data & 0x80 && take(data, left, patch, sizeof(patch)))
		memcpy(h->page[patch[1]] + patch[0] % 0x60, patch + 2, PATCH_BYTES);
}

/* Chance alone seldom gives a request that stays within its page. */
static void mend_request(netif_tx_request_t *req)
{
	req->offset %= COPY_PAGE_SIZE;
	req->size = (uint16_t)(req->size % (COPY_PAGE_SIZE + 1u - req->offset));
}

/* Nor a first request whose size is that of all. Returns where the next packet begins. */
static unsigned int mend_packet(netif_tx_request_t *req, unsigned int nr)
{
	bool more = req->flags & NETTXF_more_data, extra = req->flags & NETTXF_extra_info;
	bool wanted = !(req->id & RAW);
	unsigned int i = 1;
	uint32_t size;

	if (wanted && !(req->id & ASKEW))
		req->offset = 0;
	if (wanted)
		mend_request(req);
	for (size = req->size; i < nr && (extra || more); i++) {
		if (extra) {
			extra = ((struct netif_extra_info *)&req[i])->flags &
				XEN_NETIF_EXTRA_FLAG_MORE;
			continue;
		}
		if (wanted)
			mend_request(&req[i]);
		size += req[i].size;
		if (wanted && i + 1 == nr)
			req[i].flags &= (uint16_t)~NETTXF_more_data;
		more = req[i].flags & NETTXF_more_data;
	}
	if (wanted)
		req->size = (uint16_t)size;
	return i;
}

static void put_requests(const uint8_t **data, size_t *left, unsigned int nr)
{
	netif_tx_request_t req[256];
	unsigned int got = 0, i;

	while (got < nr && take(data, left, &req[got], sizeof(*req)))
		got++;
	for (i = 0; i < got; i += mend_packet(&req[i], got - i))
		;
	for (i = 0; i < got; i++) {
		if (req[i].gref < FUZZ_REFS)
			req[i].gref = h->ref[req[i].gref % HARNESS_PAGES];
		shadow[h->tx_prod % RING_SLOTS] = req[i];
		harness_tx_put(h, &req[i]);
	}
}

enum {
	PVID = 1, /* in the first byte: the host's policy */
	VLANS = 2,
	MTU = 4,
	GRANTED = 8, /* small slots go to pages that are granted to itself */
};

/* Half of the VLANs, and perhaps a native one that is not among them. */
static void give_policy(uint8_t bits)
{
	struct link_vlan *vlan = &h->q.policy.vlan;

	vlan->filter = bits & VLANS;
	vlan->pvid = bits & PVID ? 10 : 0;
	memset(vlan->member, 0xaa, sizeof(vlan->member));
	h->q.policy.mtu = bits & MTU ? 1500 : 0;
	h->q.tx.copy.selfgrant = bits & GRANTED ? &h->w.selfgrant : NULL;
}

static void check_policy(const uint8_t *frame, ssize_t len, const struct virtio_net_hdr *hdr)
{
	unsigned int vid = (unsigned int)(frame[14] & 0xf) << 8 | frame[15];

	if (h->q.policy.vlan.filter)
		must(len >= 18 && frame[12] == 0x81 && frame[13] == 0 &&
		     (vid % 2 || (vid == 10 && h->q.policy.vlan.pvid)));
	if (h->q.policy.mtu && hdr->gso_type == VIRTIO_NET_HDR_GSO_NONE)
		must(len <= 14 + 8 + 1500);
	if (h->q.policy.mtu && hdr->gso_type != VIRTIO_NET_HDR_GSO_NONE)
		must(le16toh(hdr->hdr_len) + le16toh(hdr->gso_size) <= 14 + 8 + 1500);
}

/* What the port would refuse must not get there. */
static void check_frames(void)
{
	static uint8_t frame[HARNESS_FRAME];
	struct virtio_net_hdr hdr;
	ssize_t len;

	while ((len = harness_recv(h, &hdr, frame)) >= 0) {
		must(len >= 14 && len <= 65535 + 4);
		check_policy(frame, len, &hdr);
		if (hdr.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
			must(le16toh(hdr.csum_start) + le16toh(hdr.csum_offset) + 2 <= len &&
			     le16toh(hdr.hdr_len) <= len);
		if (hdr.gso_type != VIRTIO_NET_HDR_GSO_NONE)
			must(hdr.gso_size && hdr.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM &&
			     le16toh(hdr.hdr_len) + le16toh(hdr.gso_size) < len);
	}
}

/* Each consumed request has its answer, at its place and with its id. */
static void check_responses(void)
{
	netif_tx_response_t rsp;

	while (h->tx_cons != h->q.tx_ring.req_cons) {
		uint16_t id = shadow[h->tx_cons % RING_SLOTS].id;

		must(harness_tx_take(h, &rsp));
		must(rsp.status == NETIF_RSP_OKAY || rsp.status == NETIF_RSP_ERROR ||
		     rsp.status == NETIF_RSP_NULL);
		must(rsp.status == NETIF_RSP_NULL || rsp.id == id);
	}
	must(!harness_tx_take(h, &rsp));
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	harness_create();
	atexit(harness_remove);
	harness_open(h, false);
	harness_share(h);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct link_features features = harness_all_features();
	struct round round;
	RING_IDX start;
	uint8_t policy;
	int ret;

	if (!take(&data, &size, &start, sizeof(start)) ||
	    !take(&data, &size, &policy, sizeof(policy)))
		return 0;
	harness_reset(h, &features, start);
	give_policy(policy);
	/* What lies on the ring beyond the requests would pass for a fragment. */
	memset(h->tx->ring, 0, RING_SLOTS * sizeof(h->tx->ring[0]));
	memset(shadow, 0, sizeof(shadow));
	fill_pages(&data, &size);
	for (int i = 0; i < FUZZ_ROUNDS && take(&data, &size, &round, sizeof(round)); i++) {
		put_requests(&data, &size, round.requests);
		h->tx->req_prod = round.push == 0xff ? h->tx->req_prod + round.wild : h->tx_prod;
		/* Until all is taken and answered: each step takes a quantum, the last one nothing. */
		for (unsigned int steps = 0; steps == 0 || h->q.tx.nr_packets; steps++) {
			must(steps <= RING_SLOTS / TX_QUANTUM + 2);
			ret = harness_step(h);
			must(ret == 0 || (ret == -EPROTO && h->why));
			if (ret)
				return 0;
		}
		must((int32_t)(h->tx->req_prod - h->q.tx_ring.req_cons) >= 0);
		check_responses();
		check_frames();
	}
	return 0;
}
