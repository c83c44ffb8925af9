/* SPDX-License-Identifier: MIT -- the frontend's half of a transmit ring (guest to world), on any memory */
#ifndef SHIM_NFTX_H
#define SHIM_NFTX_H

#include <stdbool.h>

#include "fault.h"
#include "nfpages.h"

/*
 * How it works
 *
 * The request id is the index of the page that is sent, unless nftx.ids says
 * otherwise, and pages come from a stack of free ones: ids and ring positions
 * drift apart at once, so a backend that confuses them is found out. For each
 * ring position we note what was put there; the response at that position must
 * fit it, and the page noted there is what is free then. netif.h allows responses in
 * any order, but OpenBSD's frontend frees by position, so order is demanded.
 *
 * All functions belong to the one thread that owns the queue.
 */

enum {
	NFTX_WIDE_IDS = 0x400,
	NFTX_MAX_SLOTS = 40, /* more than any backend accepts: hostile.c needs them */
	NFTX_MAX_EXTRAS = 8,
	NFTX_FRAME_SLOTS = 17, /* 65535 bytes in whole pages, and one more */
};

struct nftx_slot {
	uint16_t id; /* page, from nftx_page() */
	uint16_t offset;
	uint16_t size;
};

/* One packet as its sender wants to see it on the ring. */
struct nftx_desc {
	struct nftx_slot slot[NFTX_MAX_SLOTS];
	struct netif_extra_info extra[NFTX_MAX_EXTRAS]; /* flags are filled in here */
	unsigned int nr_slots;
	unsigned int nr_extras;
	uint16_t flags; /* NETTXF_csum_blank, NETTXF_data_validated */
};

/* What a frontend takes as the id of a request. */
enum nftx_ids {
	NFTX_IDS_PAGE,	   /* the page's index */
	NFTX_IDS_POSITION, /* the ring position: OpenBSD, which gives the response's id to the next */
	NFTX_IDS_WIDE,	   /* a counter up to 0x3ff: xenvif */
};

enum nftx_kind {
	NFTX_NONE,  /* nothing is there */
	NFTX_DATA,  /* a page is lent to the backend */
	NFTX_EXTRA, /* must be answered NETIF_RSP_NULL */
	NFTX_DUMMY, /* a data request without a page (multicast control) */
	NFTX_RAW,   /* put by hand: no rule for its response */
};

struct nftx_pos {
	uint16_t id;   /* on the ring */
	uint16_t page; /* of NFTX_DATA */
	uint8_t kind;  /* enum nftx_kind */
	bool last;     /* of its packet */
};

struct nftx_stats {
	uint64_t packets, bytes, slots;
	uint64_t okay, error, dropped, null; /* responses by status */
	uint64_t errored_packets;
};

struct nftx {
	netif_tx_front_ring_t ring;
	struct nfpages *pages;
	struct nf_faults *faults;
	struct nftx_pos pos[NETIF_RING];
	uint16_t free_id[NETIF_RING];
	unsigned int nr_free;
	enum nftx_ids ids;
	uint16_t flags;	      /* of each packet, beside its own */
	unsigned int wide_id; /* next of NFTX_IDS_WIDE */
	int packet_status;    /* of the packet being reaped; 0x7fff = none yet */
	bool broken;	      /* the backend lost our trust: the ring is left alone */
	struct nftx_stats stats;
	/* If set, sees each response: hostile.c compares them. */
	void (*observe)(void *ctx, RING_IDX pos, uint16_t id, int16_t status);
	void *observe_ctx;
};

/* Starts on a zeroed page at sring; pages gives the buffers and stays the caller's. */
void nftx_init(struct nftx *tx, void *sring, struct nfpages *pages, struct nf_faults *faults);

/* The nth page that would be taken next, or -1; does not take it. */
static inline int nftx_page(const struct nftx *tx, unsigned int nth)
{
	return nth < tx->nr_free ? tx->free_id[tx->nr_free - 1 - nth] : -1;
}

/* Room for a packet of so many ring entries and pages? */
static inline bool nftx_room(const struct nftx *tx, unsigned int entries, unsigned int pages)
{
	return !tx->broken && RING_FREE_REQUESTS(&tx->ring) >= entries && tx->nr_free >= pages;
}

/*
 * Puts a packet on the ring; its slots must name the pages nftx_page(tx, 0),
 * nftx_page(tx, 1) ... in this order. A desc with no slot becomes a dummy
 * request that only carries extras. The backend sees nothing before nftx_push().
 * 0, or -ENOSPC without effect.
 */
int nftx_put(struct nftx *tx, const struct nftx_desc *desc);

/* Puts one ring entry by hand. For hostile.c; an overrun of the ring is allowed. */
void nftx_put_raw(struct nftx *tx, const union netif_tx_sring_entry *entry);

/* Publishes all that was put. True: the backend asked to be notified. */
bool nftx_push(struct nftx *tx);

/* Takes all responses that are there and arms the next event. Returns how many. */
unsigned int nftx_reap(struct nftx *tx);

/* Requests the backend has not answered yet. */
static inline unsigned int nftx_outstanding(const struct nftx *tx)
{
	return tx->ring.req_prod_pvt - tx->ring.rsp_cons;
}

#endif
