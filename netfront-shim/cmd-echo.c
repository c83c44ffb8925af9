/* SPDX-License-Identifier: MIT -- netfront-shim echo: send back what is received, with the addresses exchanged */
#include "shim.h"

#include <getopt.h>
#include <inttypes.h>

#include "traffic.h"

enum {
	BUDGET = 64
};

struct echo {
	struct receiver receiver;
	uint64_t echoed;
	uint64_t unable; /* the backend does not take what it sent us */
};

static void report(FILE *to, void *ctx)
{
	const struct echo *e = ctx;

	fprintf(to, ",\"echoed\":%" PRIu64 ",\"unable\":%" PRIu64, e->echoed, e->unable);
	receiver_report(&e->receiver, to);
}

static bool can_send(const struct netfront_caps *caps, const struct nfrx_packet *pkt,
		     const struct frame_info *info)
{
	bool v6 = info->version == 6;

	if (pkt->flags & NETRXF_csum_blank && !(v6 ? caps->csum6 : caps->csum4))
		return false;
	if (pkt->gso_type && !(v6 ? caps->gso6 : caps->gso4))
		return false;
	return caps->sg || pkt->len <= NETIF_PAGE;
}

static void describe(const struct nfrx_packet *pkt, struct nftx_desc *desc)
{
	desc->nr_extras = 0;
	desc->flags = 0;
	if (pkt->flags & NETRXF_csum_blank)
		desc->flags = NETTXF_csum_blank | NETTXF_data_validated;
	else if (pkt->flags & NETRXF_data_validated)
		desc->flags = NETTXF_data_validated;
	if (!pkt->gso_type)
		return;
	desc->nr_extras = 1;
	desc->extra[0] = (struct netif_extra_info){
		.type = XEN_NETIF_EXTRA_TYPE_GSO,
		.u.gso = {.size = pkt->gso_size, .type = pkt->gso_type},
	};
}

/* Only frames of a generator come back: answering broadcasts would make a storm. */
static void echo_one(struct shim *s, struct echo *e, struct nfqueue *q,
		     const struct nfrx_packet *pkt, const struct frame_info *info)
{
	static const struct shape whole_pages;
	struct nftx_desc desc;

	if (receiver_take(&e->receiver, pkt, info, shim_now_ns()) != FRAME_GOOD)
		return;
	if (!can_send(&s->nf.tx_caps, pkt, info)) {
		e->unable++;
		return;
	}
	describe(pkt, &desc);
	frame_swap(e->receiver.frame, &e->receiver.info);
	memcpy(e->receiver.frame + 6, s->nf.mac, 6); /* it may have been sent to all */
	if (e->receiver.vlan) {
		frame_tag(e->receiver.frame, e->receiver.len, e->receiver.vlan);
		e->receiver.len += FRAME_TAG;
	}
	if (traffic_send(q, e->receiver.frame, e->receiver.len, &whole_pages, &desc))
		e->unable++;
	else
		e->echoed++;
}

static bool work(struct shim *s, struct echo *e, struct nfqueue *q)
{
	struct nfrx_packet pkt;
	struct frame_info info;
	int left = BUDGET;

	nftx_reap(&q->tx);
	/* Without room nothing is taken; the next tx response wakes us. */
	for (; left && netfront_room(&s->nf, q); left--) {
		if (!netfront_take(&s->nf, q, &pkt, &info))
			break;
		echo_one(s, e, q, &pkt, &info);
	}
	nfqueue_push_tx(q);
	if (left < BUDGET)
		nfqueue_fill_rx(q);
	return !left;
}

int cmd_echo(struct shim *s, int argc, char **argv)
{
	static const struct option options[] = {
		{"help", no_argument, NULL, 'h'}, {"vlan", required_argument, NULL, 'v'}, {0}};
	static struct echo e;
	int status, id;

	while ((id = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (id == 'v') {
			e.receiver.vlan = shim_number("vlan", optarg, 1, 4094);
			continue;
		}
		puts("usage: netfront-shim [options] echo [--vlan ID]");
		return id == 'h' ? SHIM_OK : SHIM_USAGE;
	}
	status = shim_connect(s);
	if (status)
		return status;
	s->report = report;
	s->report_ctx = &e;
	while (!s->stop) {
		bool more = false;

		for (unsigned int i = 0; i < s->nf.nr_queues; i++)
			more |= work(s, &e, &s->nf.queue[i]);
		shim_poll(s, NULL, 0, more ? 0 : -1);
	}
	if (s->verbose)
		receiver_print(&e.receiver, stderr);
	return shim_finish(s, false);
}
