/* SPDX-License-Identifier: MIT -- the frontend's half of a transmit ring (guest to world), on any memory */
#include "nftx.h"

#include <errno.h>

enum {
	STATUS_NONE = 0x7fff
};

void nftx_init(struct nftx *tx, void *sring, struct nfpages *pages, struct nf_faults *faults)
{
	memset(tx, 0, sizeof(*tx));
	tx->pages = pages;
	tx->faults = faults;
	tx->packet_status = STATUS_NONE;
	XEN_FRONT_RING_INIT(&tx->ring, (netif_tx_sring_t *)sring, NETIF_PAGE);
	for (unsigned int i = 0; i < pages->nr; i++)
		tx->free_id[tx->nr_free++] = pages->nr - 1 - i;
}

static union netif_tx_sring_entry *next_entry(struct nftx *tx, enum nftx_kind kind, uint16_t id,
					      uint16_t page)
{
	RING_IDX at = tx->ring.req_prod_pvt++ & (NETIF_RING - 1);

	tx->pos[at] = (struct nftx_pos){.id = id, .page = page, .kind = kind};
	tx->stats.slots++;
	return &tx->ring.sring->ring[at];
}

/* The id of a request in the next position; own is the one of NFTX_IDS_PAGE. */
static uint16_t request_id(struct nftx *tx, uint16_t own)
{
	switch (tx->ids) {
	case NFTX_IDS_POSITION:
		return tx->ring.req_prod_pvt & (NETIF_RING - 1);
	case NFTX_IDS_WIDE:
		return tx->wide_id++ % NFTX_WIDE_IDS;
	default:
		return own;
	}
}

static void put_data(struct nftx *tx, const struct nftx_slot *slot, uint16_t flags, uint16_t size)
{
	uint16_t id = request_id(tx, slot->id);
	union netif_tx_sring_entry *entry = next_entry(tx, NFTX_DATA, id, slot->id);

	tx->nr_free--;
	entry->req = (struct netif_tx_request){
		.gref = tx->pages->gref[slot->id],
		.offset = slot->offset,
		.flags = flags,
		.id = id,
		.size = size,
	};
}

/* xenvif's form of a request without data: reference and size zero. Its id must
 * not be one of a page that is in flight. */
static void put_dummy(struct nftx *tx, uint16_t flags)
{
	uint16_t id = request_id(tx, NETIF_RING + (tx->ring.req_prod_pvt & (NETIF_RING - 1)));
	union netif_tx_sring_entry *entry = next_entry(tx, NFTX_DUMMY, id, 0);

	entry->req = (struct netif_tx_request){.flags = flags, .id = id};
}

static void put_extras(struct nftx *tx, const struct nftx_desc *desc)
{
	for (unsigned int i = 0; i < desc->nr_extras; i++) {
		union netif_tx_sring_entry *entry = next_entry(tx, NFTX_EXTRA, 0, 0);
		struct netif_extra_info extra = desc->extra[i];

		extra.flags = i + 1 < desc->nr_extras ? XEN_NETIF_EXTRA_FLAG_MORE : 0;
		memset(entry, 0, sizeof(*entry));
		memcpy(entry, &extra, sizeof(extra));
	}
}

static unsigned int total_size(const struct nftx_desc *desc)
{
	unsigned int total = 0;

	for (unsigned int i = 0; i < desc->nr_slots; i++)
		total += desc->slot[i].size;
	return total;
}

int nftx_put(struct nftx *tx, const struct nftx_desc *desc)
{
	unsigned int entries = (desc->nr_slots ? desc->nr_slots : 1) + desc->nr_extras;
	unsigned int total = total_size(desc);
	uint16_t flags = desc->flags | tx->flags;

	if (!nftx_room(tx, entries, desc->nr_slots))
		return -ENOSPC;

	if (desc->nr_extras)
		flags |= NETTXF_extra_info;
	if (desc->nr_slots > 1)
		flags |= NETTXF_more_data;

	if (desc->nr_slots)
		put_data(tx, &desc->slot[0], flags, total);
	else
		put_dummy(tx, flags);
	put_extras(tx, desc);
	for (unsigned int i = 1; i < desc->nr_slots; i++)
		put_data(tx, &desc->slot[i], i + 1 < desc->nr_slots ? NETTXF_more_data : 0,
			 desc->slot[i].size);

	tx->pos[(tx->ring.req_prod_pvt - 1) & (NETIF_RING - 1)].last = true;
	tx->stats.packets++;
	tx->stats.bytes += total;
	return 0;
}

void nftx_put_raw(struct nftx *tx, const union netif_tx_sring_entry *entry)
{
	union netif_tx_sring_entry *at = next_entry(tx, NFTX_RAW, entry->req.id, 0);

	memcpy(at, entry, sizeof(*entry));
	tx->pos[(tx->ring.req_prod_pvt - 1) & (NETIF_RING - 1)].last = true;
}

bool nftx_push(struct nftx *tx)
{
	RING_IDX old = tx->ring.sring->req_prod; /* ours alone to write */
	RING_IDX new = tx->ring.req_prod_pvt;

	if (old == new || tx->broken)
		return false;
	xen_wmb(); /* requests before the index; pairs with the backend's read of req_prod */
	shared_write(tx->ring.sring->req_prod, new);
	xen_mb(); /* index before req_event; pairs with the backend's final check for requests */
	return (RING_IDX)(new - shared_read(tx->ring.sring->req_event)) < (RING_IDX)(new - old);
}

static void break_ring(struct nftx *tx, enum nf_fault kind, RING_IDX prod)
{
	fault_raise(tx->faults, kind, "rsp_prod %u, taken up to %u, asked up to %u", prod,
		    tx->ring.rsp_cons, tx->ring.req_prod_pvt);
	tx->broken = true;
}

/* The index up to which responses may be taken; rsp_cons when there is none. */
static RING_IDX limit(struct nftx *tx)
{
	RING_IDX cons = tx->ring.rsp_cons;
	RING_IDX prod = shared_read(tx->ring.sring->rsp_prod);

	if (tx->broken || prod == cons)
		return cons;
	xen_rmb(); /* index before responses; pairs with the backend's push of responses */
	if ((int32_t)(prod - cons) < 0) {
		break_ring(tx, NF_FAULT_TX_PROD_BACKWARDS, prod);
		return cons;
	}
	if (prod - cons > tx->ring.req_prod_pvt - cons) {
		break_ring(tx, NF_FAULT_TX_PROD_OVERRUN, prod);
		return cons;
	}
	if (!tx->pos[(prod - 1) & (NETIF_RING - 1)].last)
		fault_raise(tx->faults, NF_FAULT_TX_PARTIAL, "rsp_prod %u ends inside a packet",
			    prod);
	return prod;
}

static void count_status(struct nftx *tx, int16_t status, RING_IDX cons)
{
	switch (status) {
	case NETIF_RSP_OKAY:
		tx->stats.okay++;
		break;
	case NETIF_RSP_ERROR:
		tx->stats.error++;
		break;
	case NETIF_RSP_DROPPED:
		tx->stats.dropped++;
		break;
	case NETIF_RSP_NULL:
		tx->stats.null++;
		break;
	default:
		fault_raise(tx->faults, NF_FAULT_TX_STATUS, "position %u: status %d", cons, status);
	}
}

static void check_status(struct nftx *tx, const struct nftx_pos *pos, int16_t status, RING_IDX cons)
{
	if (pos->kind == NFTX_RAW)
		return;
	if (pos->kind == NFTX_EXTRA) {
		if (status != NETIF_RSP_NULL)
			fault_raise(tx->faults, NF_FAULT_TX_NOT_NULL, "position %u: status %d",
				    cons, status);
		return;
	}
	if (status == NETIF_RSP_NULL)
		fault_raise(tx->faults, NF_FAULT_TX_NULL, "position %u: id %u", cons, pos->id);
	if (tx->packet_status != STATUS_NONE && tx->packet_status != status)
		fault_raise(tx->faults, NF_FAULT_TX_MIXED, "position %u: status %d after %d", cons,
			    status, tx->packet_status);
	tx->packet_status = status;
}

static void free_page(struct nftx *tx, uint16_t page)
{
	if (tx->pages->renew)
		tx->pages->renew(tx->pages, page);
	tx->free_id[tx->nr_free++] = page;
}

static void end_packet(struct nftx *tx)
{
	if (tx->packet_status < 0)
		tx->stats.errored_packets++;
	tx->packet_status = STATUS_NONE;
}

static void take_response(struct nftx *tx, RING_IDX cons)
{
	struct nftx_pos *pos = &tx->pos[cons & (NETIF_RING - 1)];
	struct netif_tx_response rsp;

	RING_COPY_RESPONSE(&tx->ring, cons, &rsp);
	if (tx->observe)
		tx->observe(tx->observe_ctx, cons, rsp.id, rsp.status);
	count_status(tx, rsp.status, cons);
	check_status(tx, pos, rsp.status, cons);
	if ((pos->kind == NFTX_DATA || pos->kind == NFTX_DUMMY) && rsp.id != pos->id) {
		fault_raise(tx->faults, NF_FAULT_TX_ID, "position %u: id %u, sent %u", cons, rsp.id,
			    pos->id);
		tx->broken = true;
		return;
	}
	if (pos->kind == NFTX_DATA)
		free_page(tx, pos->page);
	if (pos->last)
		end_packet(tx);
	pos->kind = NFTX_NONE;
}

unsigned int nftx_reap(struct nftx *tx)
{
	unsigned int taken = 0;
	RING_IDX end;

	for (;;) {
		end = limit(tx);
		if (end == tx->ring.rsp_cons) {
			/* Arm, then look once more: a response that came between
			 * the look and the arming brings no event. */
			shared_write(tx->ring.sring->rsp_event, tx->ring.rsp_cons + 1);
			xen_mb(); /* pairs with the backend's read of rsp_event */
			end = limit(tx);
			if (end == tx->ring.rsp_cons)
				return taken;
		}
		for (; tx->ring.rsp_cons != end && !tx->broken; tx->ring.rsp_cons++, taken++)
			take_response(tx, tx->ring.rsp_cons);
		if (tx->broken)
			return taken;
	}
}
