/* SPDX-License-Identifier: MIT -- misbehaviour on the receive ring, with events and in the store */
#include "hostile.h"
#include "nfstore.h"

/* Lets packets come for a while; they are taken but their buffers not given again. */
static void wait_taking(struct hostile *h, unsigned int keep_posted)
{
	uint64_t end = shim_now_ns() + h->duration_ns;
	struct nfrx_packet pkt;
	struct frame_info info;

	h->q->rx.target = keep_posted;
	while (shim_now_ns() < end && !h->s->stop && !h->q->rx.broken) {
		while (netfront_take(&h->s->nf, h->q, &pkt, &info))
			;
		nfqueue_fill_rx(h->q);
		shim_poll(h->s, NULL, 0, 10);
	}
	h->q->rx.target = h->q->rx.pages->nr;
}

/* All buffers that are out get another reference; new ones are good again. */
static void rewrite_grefs(struct hostile *h, uint32_t gref)
{
	netif_rx_sring_t *sring = h->q->rx.ring.sring;

	for (RING_IDX i = sring->rsp_prod; i != h->q->rx.ring.req_prod_pvt; i++)
		shared_write(sring->ring[i & (NETIF_RING - 1)].req.gref, gref);
}

void hostile_rx_gref(struct hostile *h)
{
	rewrite_grefs(h, h->arg);
	wait_taking(h, h->q->rx.pages->nr);
}

void hostile_rx_readonly(struct hostile *h)
{
	rewrite_grefs(h, h->q->tx_pool.pages.gref[0]);
	wait_taking(h, h->q->rx.pages->nr);
}

void hostile_rx_index(struct hostile *h)
{
	netif_rx_sring_t *sring = h->q->rx.ring.sring;

	shared_write(sring->req_prod, sring->req_prod + h->arg);
	xenevtchn_notify(h->s->nf.evtchn, h->q->rx_port);
	hostile_linger(h);
}

/* Lasts until the backend has put its own value back, which takes a packet. */
void hostile_rx_rsp_prod(struct hostile *h)
{
	netif_rx_sring_t *sring = h->q->rx.ring.sring;
	uint64_t end = shim_now_ns() + h->duration_ns;
	RING_IDX right = sring->rsp_prod, wrong = right + h->arg;

	shared_write(sring->rsp_prod, wrong);
	xenevtchn_notify(h->s->nf.evtchn, h->q->rx_port);
	while (shared_read(sring->rsp_prod) == wrong && shim_now_ns() < end)
		shim_poll(h->s, NULL, 0, 10);
	if (shared_read(sring->rsp_prod) == wrong)
		shared_write(sring->rsp_prod, right);
}

void hostile_rx_starve(struct hostile *h)
{
	wait_taking(h, h->arg);
}

void hostile_notify_storm(struct hostile *h)
{
	uint64_t end = shim_now_ns() + h->duration_ns;
	int port = h->arg ? h->q->rx_port : h->q->tx_port;

	while (shim_now_ns() < end && !h->s->stop) {
		for (int i = 0; i < 100; i++)
			xenevtchn_notify(h->s->nf.evtchn, port);
		shim_poll(h->s, NULL, 0, 0);
	}
}

void hostile_ports_gone(struct hostile *h)
{
	if (h->q->rx_port != h->q->tx_port)
		xenevtchn_unbind(h->s->nf.evtchn, h->q->rx_port);
	xenevtchn_unbind(h->s->nf.evtchn, h->q->tx_port);
	h->q->tx_port = h->q->rx_port = -1;
	h->q->tx.broken = true; /* nothing can be told to the backend any more */
}

void hostile_state_flood(struct hostile *h)
{
	static const unsigned int states[] = {1, 4, 5, 4, 6, 1, 3, 4, 6, 4, 2, 4, 7, 4};
	uint64_t end = shim_now_ns() + h->duration_ns;

	for (unsigned int i = 0; shim_now_ns() < end && !h->s->stop; i++)
		netfront_set_state(&h->s->nf, states[i % (sizeof(states) / sizeof(states[0]))]);
}

void hostile_state_text(struct hostile *h)
{
	static char digits[2000];
	const struct {
		const char *text;
		size_t len;
	} texts[] = {
		{"99", 2},
		{"connected", 9},
		{"4\0004", 3},
		{digits, sizeof(digits)},
	};

	memset(digits, '4', sizeof(digits));
	nfstore_write_text(&h->s->nf, XSK_FE_STATE, texts[h->arg].text, texts[h->arg].len);
}

void hostile_key_flood(struct hostile *h)
{
	uint64_t end = shim_now_ns() + h->duration_ns;

	for (unsigned int i = 0; shim_now_ns() < end && !h->s->stop; i++)
		nfstore_write_text(&h->s->nf, XSK_FE_FEATURE_SG, i & 1 ? "1" : "0", 1);
}
