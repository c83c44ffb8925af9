/* SPDX-License-Identifier: MIT -- the frontend's half of a receive ring (world to guest), on any memory */
#include "nfrx.h"

#include <endian.h>

enum {
	KNOWN_FLAGS =
		NETRXF_data_validated | NETRXF_csum_blank | NETRXF_more_data | NETRXF_extra_info,
};

/* The id of the request at a ring position. */
static uint16_t id_at(const struct nfrx *rx, RING_IDX cons)
{
	return cons & ((rx->rules.ids ? rx->rules.ids : NETIF_RING) - 1);
}

void nfrx_init(struct nfrx *rx, void *sring, struct nfpages *pages, struct nf_faults *faults,
	       const struct nfrx_rules *rules)
{
	memset(rx, 0, sizeof(*rx));
	rx->pages = pages;
	rx->faults = faults;
	rx->rules = *rules;
	rx->target = pages->nr;
	XEN_FRONT_RING_INIT(&rx->ring, (netif_rx_sring_t *)sring, NETIF_PAGE);
}

static void post(struct nfrx *rx)
{
	uint16_t at = rx->ring.req_prod_pvt++ & (NETIF_RING - 1);
	unsigned int page = rx->next_page;

	/* Responses come in order, so pages come back in the order they left. */
	rx->next_page = page + 1 == rx->pages->nr ? 0 : page + 1;
	rx->page_of[at] = page;
	if (rx->guard)
		memset(rx->pages->addr[page], NFRX_GUARD, NETIF_PAGE);
	rx->ring.sring->ring[at].req = (struct netif_rx_request){
		.id = id_at(rx, at),
		.gref = rx->pages->gref[page],
	};
}

bool nfrx_fill(struct nfrx *rx)
{
	RING_IDX old = rx->ring.sring->req_prod; /* ours alone to write */
	RING_IDX new;

	if (rx->broken)
		return false;
	while (rx->ring.req_prod_pvt - rx->ring.rsp_cons < rx->target) {
		/* The first round posts pages that were never lent. */
		if (rx->pages->renew && rx->ring.req_prod_pvt >= rx->pages->nr)
			rx->pages->renew(rx->pages, rx->next_page);
		post(rx);
	}
	new = rx->ring.req_prod_pvt;
	if (new == old)
		return false;
	xen_wmb(); /* buffers before the index; pairs with the backend's read of req_prod */
	shared_write(rx->ring.sring->req_prod, new);
	xen_mb(); /* index before req_event; pairs with the backend's final check for requests */
	return (RING_IDX)(new - shared_read(rx->ring.sring->req_event)) < (RING_IDX)(new - old);
}

static void break_ring(struct nfrx *rx, enum nf_fault kind, RING_IDX prod)
{
	fault_raise(rx->faults, kind, "rsp_prod %u, taken up to %u, asked up to %u", prod,
		    rx->ring.rsp_cons, rx->ring.req_prod_pvt);
	rx->broken = true;
}

void nfrx_expect_hash(struct nfrx *rx)
{
	rx->hash_due = true;
	rx->hash_from = shared_read(rx->ring.sring->rsp_prod);
}

void nfrx_headroom(struct nfrx *rx, uint16_t headroom, bool at_once)
{
	rx->headroom = headroom;
	rx->headroom_due = at_once;
	rx->headroom_allowed = true;
	rx->headroom_from = shared_read(rx->ring.sring->rsp_prod);
}

/* Looks for new responses. */
static bool look(struct nfrx *rx)
{
	RING_IDX cons = rx->ring.rsp_cons;
	RING_IDX prod = shared_read(rx->ring.sring->rsp_prod);

	xen_rmb(); /* index before responses; pairs with the backend's push of responses */
	if ((int32_t)(prod - cons) < 0)
		break_ring(rx, NF_FAULT_RX_PROD_BACKWARDS, prod);
	else if (prod - cons > rx->ring.req_prod_pvt - cons)
		break_ring(rx, NF_FAULT_RX_PROD_OVERRUN, prod);
	else
		rx->limit = prod;
	return !rx->broken && prod != cons;
}

static bool look_and_arm(struct nfrx *rx)
{
	if (look(rx))
		return true;
	if (rx->broken)
		return false;
	shared_write(rx->ring.sring->rsp_event, rx->ring.rsp_cons + 1);
	xen_mb(); /* pairs with the backend's read of rsp_event after its push */
	return look(rx);
}

static void check_gso(struct nfrx *rx, struct nfrx_packet *pkt,
		      const struct netif_extra_info *extra)
{
	const uint16_t both = NETRXF_csum_blank | NETRXF_data_validated;
	bool allowed = (extra->u.gso.type == XEN_NETIF_GSO_TYPE_TCPV4 && rx->rules.gso4) ||
		       (extra->u.gso.type == XEN_NETIF_GSO_TYPE_TCPV6 && rx->rules.gso6);

	if (!allowed)
		fault_raise(rx->faults, NF_FAULT_RX_GSO_TYPE, "type %u", extra->u.gso.type);
	if (!extra->u.gso.size)
		fault_raise(rx->faults, NF_FAULT_RX_GSO_SIZE, "frame of slot %u",
			    rx->ring.rsp_cons);
	if ((pkt->flags & both) != both)
		fault_raise(rx->faults, NF_FAULT_RX_GSO_BLANK, "flags %#x", pkt->flags);
	pkt->gso_type = extra->u.gso.type;
	pkt->gso_size = extra->u.gso.size;
}

static void check_hash(struct nfrx *rx, struct nfrx_packet *pkt,
		       const struct netif_extra_info *extra)
{
	uint32_t value;

	if (!rx->rules.hash)
		fault_raise(rx->faults, NF_FAULT_RX_EXTRA_TYPE, "a hash nobody asked for");
	memcpy(&value, extra->u.hash.value, sizeof(value));
	pkt->has_hash = true;
	pkt->hash_type = extra->u.hash.type;
	pkt->hash_algorithm = extra->u.hash.algorithm;
	pkt->hash = le32toh(value);
}

static void check_headroom(struct nfrx *rx, struct nfrx_packet *pkt,
			   const struct netif_extra_info *extra)
{
	pkt->headroom = extra->u.pad[0];
	if (!rx->headroom_allowed)
		fault_raise(rx->faults, NF_FAULT_RX_EXTRA_TYPE, "headroom nobody asked for");
}

/*
 * As xennet_get_responses() has it: the headroom stands for the offset, and the
 * status is the length behind it, whatever Linux' backend counts there.
 */
static void apply_headroom(struct nfrx *rx, struct nfrx_packet *pkt)
{
	RING_IDX cons = rx->ring.rsp_cons;
	bool due = rx->headroom_due && (int32_t)(cons - rx->headroom_from) >= 0;

	if (due && pkt->headroom != rx->headroom)
		fault_raise(rx->faults, NF_FAULT_RX_HEADROOM, "%u bytes, not %u", pkt->headroom,
			    rx->headroom);
	if (!pkt->headroom || !pkt->nr_frags)
		return;
	if (pkt->headroom + pkt->frag[0].len > NETIF_PAGE) {
		fault_raise(rx->faults, NF_FAULT_RX_EXTENT, "position %u: headroom %u + %u", cons,
			    pkt->headroom, pkt->frag[0].len);
		pkt->error = NETIF_RSP_ERROR;
		return;
	}
	pkt->frag[0].data = rx->pages->addr[rx->page_of[cons & (NETIF_RING - 1)]] + pkt->headroom;
}

/* A backend that copies more than it says hands out memory that is not ours. */
static void check_guard(struct nfrx *rx, RING_IDX cons, unsigned int offset, unsigned int len)
{
	const uint8_t *page = rx->pages->addr[rx->page_of[cons & (NETIF_RING - 1)]];

	for (unsigned int i = 0; i < NETIF_PAGE; i++) {
		if (page[i] == NFRX_GUARD || (i >= offset && i < offset + len))
			continue;
		fault_raise(rx->faults, NF_FAULT_RX_OUTSIDE, "position %u: byte %u, data %u + %u",
			    cons, i, offset, len);
		return;
	}
}

/* Takes the extras that begin at cons; returns the position after them. */
static RING_IDX take_extras(struct nfrx *rx, struct nfrx_packet *pkt, RING_IDX cons)
{
	struct netif_extra_info extra;

	do {
		if (cons == rx->limit) {
			break_ring(rx, NF_FAULT_RX_PARTIAL, cons);
			return cons;
		}
		if (rx->guard)
			check_guard(rx, cons, 0, 0);
		memcpy(&extra, RING_GET_RESPONSE(&rx->ring, cons++), sizeof(extra));
		rx->stats.slots++;
		if (extra.flags & ~XEN_NETIF_EXTRA_FLAG_MORE)
			fault_raise(rx->faults, NF_FAULT_RX_EXTRA_FLAGS, "flags %#x", extra.flags);
		if (extra.type < 16 && pkt->seen_extras & (1U << extra.type))
			fault_raise(rx->faults, NF_FAULT_RX_EXTRA_TWICE, "type %u", extra.type);
		pkt->seen_extras |= extra.type < 16 ? 1U << extra.type : 0;
		if (extra.type == XEN_NETIF_EXTRA_TYPE_GSO)
			check_gso(rx, pkt, &extra);
		else if (extra.type == XEN_NETIF_EXTRA_TYPE_HASH)
			check_hash(rx, pkt, &extra);
		else if (extra.type == NFRX_EXTRA_XDP)
			check_headroom(rx, pkt, &extra);
		else
			fault_raise(rx->faults, NF_FAULT_RX_EXTRA_TYPE, "type %u", extra.type);
	} while (extra.flags & XEN_NETIF_EXTRA_FLAG_MORE);
	return cons;
}

static void add_frag(struct nfrx *rx, struct nfrx_packet *pkt, const struct netif_rx_response *rsp,
		     RING_IDX cons)
{
	unsigned int page = rx->page_of[cons & (NETIF_RING - 1)];
	unsigned int len = rsp->status;

	if (rsp->status <= NETIF_RSP_NULL && rx->rules.status_asserts)
		fault_raise(rx->faults, NF_FAULT_RX_STATUS, "position %u: status %d", cons,
			    rsp->status);
	if (rsp->status < 0) {
		pkt->error = rsp->status;
		return;
	}
	if (rsp->offset + len > NETIF_PAGE) {
		fault_raise(rx->faults, NF_FAULT_RX_EXTENT, "position %u: %u + %u", cons,
			    rsp->offset, len);
		pkt->error = NETIF_RSP_ERROR;
		return;
	}
	if (rx->guard)
		check_guard(rx, cons, rsp->offset, len);
	if (!len)
		fault_raise(rx->faults, NF_FAULT_RX_EMPTY, "position %u", cons);
	if (pkt->nr_frags == NFRX_MAX_SLOTS)
		return; /* said by check_slots() */
	pkt->frag[pkt->nr_frags++] = (struct nfrx_frag){
		.data = rx->pages->addr[page] + rsp->offset,
		.len = len,
	};
	pkt->len += len;
}

static void check_slot_flags(struct nfrx *rx, struct nfrx_packet *pkt,
			     const struct netif_rx_response *rsp)
{
	if (rsp->flags & ~KNOWN_FLAGS)
		fault_raise(rx->faults, NF_FAULT_RX_FLAGS, "flags %#x", rsp->flags);
	if (pkt->nr_slots > 1 && rsp->flags & ~NETRXF_more_data & KNOWN_FLAGS)
		fault_raise(rx->faults, NF_FAULT_RX_LATE_FLAGS, "slot %u: flags %#x", pkt->nr_slots,
			    rsp->flags);
	if (pkt->nr_slots > 1)
		return;
	pkt->flags = rsp->flags & (NETRXF_csum_blank | NETRXF_data_validated);
	pkt->max_slots = XEN_NETIF_NR_SLOTS_MIN;
	if (rsp->status >= 0 && rsp->status <= NFRX_COPY_THRESHOLD)
		pkt->max_slots++;
	if (pkt->flags == NETRXF_csum_blank)
		fault_raise(rx->faults, NF_FAULT_RX_BLANK, "position %u", rx->ring.rsp_cons);
}

/* Walks one packet from rsp_cons; the position after it, or rsp_cons when broken. */
static RING_IDX walk(struct nfrx *rx, struct nfrx_packet *pkt)
{
	RING_IDX cons = rx->ring.rsp_cons;
	struct netif_rx_response rsp;

	do {
		if (cons == rx->limit) {
			break_ring(rx, NF_FAULT_RX_PARTIAL, cons);
			return rx->ring.rsp_cons;
		}
		RING_COPY_RESPONSE(&rx->ring, cons, &rsp);
		rx->stats.slots++;
		pkt->nr_slots++;
		if (rsp.id != id_at(rx, cons)) {
			fault_raise(rx->faults, NF_FAULT_RX_ID, "position %u: id %u", cons, rsp.id);
			rx->broken = true;
			return rx->ring.rsp_cons;
		}
		check_slot_flags(rx, pkt, &rsp);
		add_frag(rx, pkt, &rsp, cons);
		cons++;
		if (pkt->nr_slots == 1 && rsp.flags & NETRXF_extra_info)
			cons = take_extras(rx, pkt, cons);
	} while (!rx->broken && rsp.flags & NETRXF_more_data);
	return cons;
}

static void check_packet(struct nfrx *rx, const struct nfrx_packet *pkt)
{
	if (pkt->nr_slots > pkt->max_slots)
		fault_raise(rx->faults, NF_FAULT_RX_SLOTS, "%u slots", pkt->nr_slots);
	if (pkt->nr_slots > 1 && !rx->rules.sg)
		fault_raise(rx->faults, NF_FAULT_RX_SG, "%u slots", pkt->nr_slots);
	if (!pkt->gso_type && rx->rules.max_frame && pkt->len > rx->rules.max_frame)
		fault_raise(rx->faults, NF_FAULT_RX_OVERSIZE, "%u bytes, at most %u", pkt->len,
			    rx->rules.max_frame);
}

static void count(struct nfrx *rx, const struct nfrx_packet *pkt)
{
	rx->stats.packets++;
	rx->stats.bytes += pkt->len;
	rx->stats.gso += pkt->gso_type != XEN_NETIF_GSO_TYPE_NONE;
	rx->stats.csum_blank += !!(pkt->flags & NETRXF_csum_blank);
	rx->stats.data_validated += !!(pkt->flags & NETRXF_data_validated);
	rx->stats.hash += pkt->has_hash;
	rx->stats.headroom += pkt->headroom != 0;
	/* By the transmit side's names the two flags are exchanged: only both together are safe. */
	rx->stats.misread += rx->rules.flags_confused && pkt->flags &&
			     pkt->flags != (NETRXF_csum_blank | NETRXF_data_validated);
	rx->stats.multi_slot += pkt->nr_slots > 1;
}

bool nfrx_take(struct nfrx *rx, struct nfrx_packet *pkt)
{
	RING_IDX next;

	while (!rx->broken && (rx->ring.rsp_cons != rx->limit || look_and_arm(rx))) {
		memset(pkt, 0, sizeof(*pkt));
		next = walk(rx, pkt);
		if (rx->broken)
			return false;
		pkt->hash_due = rx->hash_due && (int32_t)(rx->ring.rsp_cons - rx->hash_from) >= 0;
		apply_headroom(rx, pkt);
		rx->ring.rsp_cons = next;
		check_packet(rx, pkt);
		if (pkt->error || pkt->nr_slots > pkt->max_slots) {
			rx->stats.error_packets++;
			continue;
		}
		count(rx, pkt);
		return true;
	}
	return false;
}
