/* SPDX-License-Identifier: MIT -- misbehaviour on the transmit ring */
#include <pthread.h>
#include <time.h>

#include "hostile.h"

enum {
	FRAME = 200
};

/* A UDP or TCP frame of len bytes over the pages the ring would use next. */
static void fill_pages(struct hostile *h, size_t len, uint8_t proto)
{
	struct frame_spec spec = {.version = 4, .proto = proto, .sport = 9, .dport = 9};
	static uint8_t frame[NFTX_MAX_SLOTS * NETIF_PAGE];
	struct frame_info info;

	memset(spec.dst, 0xff, 6);
	memcpy(spec.src, h->s->nf.mac, 6);
	spec.src4.s_addr = htonl(0xc6120001);
	spec.dst4.s_addr = htonl(0xc6120002);
	if (len < frame_header_len(&spec))
		len = frame_header_len(&spec);
	frame_build(&spec, frame, len);
	frame_parse(frame, len, len, &info);
	frame_fill(frame, &info, 666, 0, shim_now_ns());
	frame_set_csum(frame, &info, FRAME_CSUM_BLANK);
	for (size_t i = 0, done = 0; done < len; i++, done += NETIF_PAGE) {
		size_t part = len - done < NETIF_PAGE ? len - done : NETIF_PAGE;

		memcpy(h->q->tx_pool.pages.addr[nftx_page(&h->q->tx, i)], frame + done, part);
	}
}

static uint32_t gref(const struct hostile *h, unsigned int nth)
{
	return h->q->tx_pool.pages.gref[nftx_page(&h->q->tx, nth)];
}

static void put(struct hostile *h, const struct netif_tx_request *req)
{
	union netif_tx_sring_entry entry = {.req = *req};

	nftx_put_raw(&h->q->tx, &entry);
}

static void put_extra(struct hostile *h, const struct netif_extra_info *extra)
{
	union netif_tx_sring_entry entry;

	memset(&entry, 0, sizeof(entry));
	memcpy(&entry, extra, sizeof(*extra));
	nftx_put_raw(&h->q->tx, &entry);
}

void hostile_tx_gref(struct hostile *h)
{
	put(h, &(struct netif_tx_request){.gref = h->arg, .size = FRAME, .id = 1});
	nfqueue_push_tx(h->q);
}

void hostile_tx_stale_gref(struct hostile *h)
{
	uint32_t ref;
	void *page = xengntshr_share_pages(h->s->nf.gntshr, h->s->nf.vif.backend, 1, &ref, 0);

	if (!page)
		return;
	xengntshr_unshare(h->s->nf.gntshr, page, 1);
	put(h, &(struct netif_tx_request){.gref = ref, .size = FRAME, .id = 1});
	nfqueue_push_tx(h->q);
}

void hostile_tx_single(struct hostile *h)
{
	fill_pages(h, FRAME, IPPROTO_UDP);
	put(h,
	    &(struct netif_tx_request){
		    .gref = gref(h, 0), .offset = h->arg >> 16, .size = h->arg & 0xffff, .id = 1});
	nfqueue_push_tx(h->q);
}

void hostile_tx_flags(struct hostile *h)
{
	fill_pages(h, FRAME, IPPROTO_UDP);
	put(h, &(struct netif_tx_request){
		       .gref = gref(h, 0), .size = FRAME, .flags = h->arg, .id = 1});
	nfqueue_push_tx(h->q);
}

void hostile_tx_id(struct hostile *h)
{
	fill_pages(h, FRAME, IPPROTO_UDP);
	for (int i = 0; i < 2; i++)
		put(h,
		    &(struct netif_tx_request){.gref = gref(h, 0),
					       .size = FRAME,
					       .id = h->arg,
					       .flags = NETTXF_csum_blank | NETTXF_data_validated});
	nfqueue_push_tx(h->q);
}

/* n slots of step bytes each; sizes[1] may differ and total may lie. */
static void put_slots(struct hostile *h, unsigned int n, uint16_t step, uint16_t second,
		      uint16_t total)
{
	for (unsigned int i = 0; i < n; i++)
		put(h, &(struct netif_tx_request){
			       .gref = gref(h, i),
			       .size = i == 0	? total
				       : i == 1 ? second
						: step,
			       .flags = (i + 1 < n ? NETTXF_more_data : 0) |
					(i ? 0 : NETTXF_csum_blank | NETTXF_data_validated),
			       .id = i,
		       });
	nfqueue_push_tx(h->q);
}

void hostile_tx_slots(struct hostile *h)
{
	fill_pages(h, 100, IPPROTO_UDP);
	put_slots(h, h->arg, 100, 100, h->arg * 100);
}

void hostile_tx_zero_slot(struct hostile *h)
{
	fill_pages(h, 100, IPPROTO_UDP);
	put_slots(h, 3, 100, 0, 200);
}

void hostile_tx_first_crosses(struct hostile *h)
{
	fill_pages(h, FRAME, IPPROTO_UDP);
	put_slots(h, 2, 100, 100, NETIF_PAGE + 300);
}

void hostile_tx_fragment_too_big(struct hostile *h)
{
	fill_pages(h, FRAME, IPPROTO_UDP);
	put_slots(h, 3, 1000, 1000, 500);
}

void hostile_tx_more_data_alone(struct hostile *h)
{
	fill_pages(h, FRAME, IPPROTO_UDP);
	put(h, &(struct netif_tx_request){
		       .gref = gref(h, 0), .size = FRAME, .flags = NETTXF_more_data, .id = 1});
	nfqueue_push_tx(h->q);
}

void hostile_tx_extra_missing(struct hostile *h)
{
	fill_pages(h, FRAME, IPPROTO_UDP);
	put(h, &(struct netif_tx_request){
		       .gref = gref(h, 0), .size = FRAME, .flags = NETTXF_extra_info, .id = 1});
	nfqueue_push_tx(h->q);
}

void hostile_tx_gso(struct hostile *h)
{
	const uint16_t len = 3000;

	fill_pages(h, len, IPPROTO_TCP);
	put(h, &(struct netif_tx_request){
		       .gref = gref(h, 0),
		       .size = len,
		       .flags = (h->arg >> 24) | NETTXF_extra_info,
		       .id = 1,
	       });
	put_extra(h, &(struct netif_extra_info){
			     .type = XEN_NETIF_EXTRA_TYPE_GSO,
			     .u.gso = {.size = h->arg & 0xffff, .type = h->arg >> 16 & 0xff},
		     });
	nfqueue_push_tx(h->q);
}

void hostile_tx_extra_type(struct hostile *h)
{
	fill_pages(h, FRAME, IPPROTO_UDP);
	put(h, &(struct netif_tx_request){
		       .gref = gref(h, 0), .size = FRAME, .flags = NETTXF_extra_info, .id = 1});
	put_extra(h, &(struct netif_extra_info){.type = h->arg});
	nfqueue_push_tx(h->q);
}

void hostile_tx_extra_chain(struct hostile *h)
{
	fill_pages(h, FRAME, IPPROTO_TCP);
	put(h, &(struct netif_tx_request){
		       .gref = gref(h, 0),
		       .size = FRAME,
		       .flags = NETTXF_extra_info | NETTXF_csum_blank | NETTXF_data_validated,
		       .id = 1,
	       });
	for (int i = 0; i < h->arg; i++)
		put_extra(h, &(struct netif_extra_info){
				     .type = XEN_NETIF_EXTRA_TYPE_GSO,
				     .flags = i + 1 < h->arg ? XEN_NETIF_EXTRA_FLAG_MORE : 0,
				     .u.gso = {.size = 1448, .type = XEN_NETIF_GSO_TYPE_TCPV4},
			     });
	nfqueue_push_tx(h->q);
}

void hostile_tx_blank_unknown(struct hostile *h)
{
	fill_pages(h, FRAME, IPPROTO_UDP);
	/* 0x8100: a VLAN tag, which hides the IP header from the backend. */
	h->q->tx_pool.pages.addr[nftx_page(&h->q->tx, 0)][12] = 0x81;
	put(h, &(struct netif_tx_request){
		       .gref = gref(h, 0),
		       .size = FRAME,
		       .flags = NETTXF_csum_blank | NETTXF_data_validated,
		       .id = 1,
	       });
	nfqueue_push_tx(h->q);
}

void hostile_tx_headers_lie(struct hostile *h)
{
	static const struct {
		uint16_t at;
		uint8_t value;
	} lie[] = {
		{FRAME_ETH + 2, 0xff},	     /* total length */
		{FRAME_ETH, 0x4f},	     /* IP header length */
		{FRAME_ETH + 20 + 12, 0xf0}, /* TCP header length */
	};
	const uint16_t len = 14 + 20 + 32;

	fill_pages(h, len, IPPROTO_TCP);
	h->q->tx_pool.pages.addr[nftx_page(&h->q->tx, 0)][lie[h->arg].at] = lie[h->arg].value;
	put(h, &(struct netif_tx_request){
		       .gref = gref(h, 0),
		       .size = len,
		       .flags = NETTXF_csum_blank | NETTXF_data_validated,
		       .id = 1,
	       });
	nfqueue_push_tx(h->q);
}

void hostile_tx_index(struct hostile *h)
{
	netif_tx_sring_t *sring = h->q->tx.ring.sring;

	shared_write(sring->req_prod, sring->req_prod + h->arg);
	xenevtchn_notify(h->s->nf.evtchn, h->q->tx_port);
	hostile_linger(h);
}

/* A backend that trusts the shared index answers in the wrong place; one that keeps
 * its own puts the right value back with its next answer. */
void hostile_tx_rsp_prod(struct hostile *h)
{
	netif_tx_sring_t *sring = h->q->tx.ring.sring;

	shared_write(sring->rsp_prod, sring->rsp_prod + h->arg);
	fill_pages(h, FRAME, IPPROTO_UDP);
	put(h, &(struct netif_tx_request){
		       .gref = gref(h, 0), .size = FRAME, .flags = NETTXF_csum_blank, .id = 1});
	nfqueue_push_tx(h->q);
	hostile_linger(h);
}

/* What the changer writes to, until stop. */
struct changer {
	uint8_t *page;
	netif_tx_sring_t *sring;
	volatile bool stop;
};

static void *change_page(void *arg)
{
	struct changer *c = arg;
	unsigned int seed = 1;

	while (!c->stop) {
		seed = seed * 1103515245 + 12345;
		/* All of the headers: type, lengths, protocol, offsets. */
		((volatile uint8_t *)c->page)[12 + (seed >> 16) % 48] ^= seed >> 24;
	}
	return NULL;
}

static void *change_ring(void *arg)
{
	struct changer *c = arg;
	unsigned int seed = 1;

	while (!c->stop) {
		struct netif_tx_request *req;

		seed = seed * 1103515245 + 12345;
		req = &c->sring->ring[(seed >> 8) % NETIF_RING].req;
		shared_write(req->size, seed >> 16);
		shared_write(req->offset, seed >> 20);
		shared_write(req->flags, seed >> 24 & 7);
	}
	return NULL;
}

/* Sends while the other thread changes; what is answered is nobody's fault. */
static void send_changing(struct hostile *h, void *(*change)(void *))
{
	struct changer c = {
		.page = h->q->tx_pool.pages.addr[nftx_page(&h->q->tx, 0)],
		.sring = h->q->tx.ring.sring,
	};
	uint64_t end = shim_now_ns() + h->duration_ns;
	pthread_t thread;

	fill_pages(h, 1400, IPPROTO_TCP);
	if (pthread_create(&thread, NULL, change, &c))
		return;
	while (shim_now_ns() < end && !h->s->stop && !h->q->tx.broken) {
		for (int i = 0; i < 64 && nftx_room(&h->q->tx, 1, 1); i++)
			put(h, &(struct netif_tx_request){
				       .gref = gref(h, 0),
				       .size = 1400,
				       .flags = NETTXF_csum_blank | NETTXF_data_validated,
				       .id = i,
			       });
		nfqueue_push_tx(h->q);
		shim_poll(h->s, NULL, 0, 1);
		nftx_reap(&h->q->tx);
	}
	c.stop = true;
	pthread_join(thread, NULL);
}

void hostile_tx_page_changes(struct hostile *h)
{
	send_changing(h, change_page);
}

void hostile_tx_ring_changes(struct hostile *h)
{
	send_changing(h, change_ring);
}
