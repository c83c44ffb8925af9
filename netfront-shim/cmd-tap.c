/* SPDX-License-Identifier: MIT -- netfront-shim tap: an interface in a network namespace whose other side is the vif */
#include "shim.h"

#include <getopt.h>
#include <inttypes.h>
#include <net/ethernet.h>
#include <netinet/ether.h>
#include <stdlib.h>
#include <sys/uio.h>

#include "vtap.h"

enum {
	BUDGET = 64
}; /* packets in one direction before the other gets its turn */

struct tap_stats {
	uint64_t too_big;   /* larger than netif's 65535 bytes */
	uint64_t completed; /* checksums we had to compute for the backend */
	uint64_t refused;   /* by the kernel, on their way into the interface */
};

struct tap {
	struct vtap vtap;
	struct tap_stats stats;
};

static void report(FILE *to, void *ctx)
{
	const struct tap *t = ctx;

	fprintf(to,
		",\"interface\":\"%s\",\"tap\":{\"too_big\":%" PRIu64 ",\"completed\":%" PRIu64
		",\"refused\":%" PRIu64 "}",
		t->vtap.name, t->stats.too_big, t->stats.completed, t->stats.refused);
}

/* The nth free page. send_some() asks for room for the largest frame first, so there is one. */
static uint8_t *page_at(const struct nfqueue *q, unsigned int nth)
{
	return q->tx_pool.pages.addr[nftx_page(&q->tx, nth)];
}

/* Lays the next free pages out as one buffer; returns how many iovecs. */
static unsigned int free_pages(const struct nfqueue *q, unsigned int most, struct iovec *iov)
{
	for (unsigned int n = 0; n < most; n++)
		iov[n] = (struct iovec){page_at(q, n), NETIF_PAGE};
	return most;
}

static void set_slots(const struct nfqueue *q, size_t len, struct nftx_desc *desc)
{
	for (desc->nr_slots = 0; len; desc->nr_slots++) {
		size_t part = len < NETIF_PAGE ? len : NETIF_PAGE;

		desc->slot[desc->nr_slots] = (struct nftx_slot){
			.id = nftx_page(&q->tx, desc->nr_slots),
			.size = part,
		};
		len -= part;
	}
}

static uint8_t gso_type(const struct virtio_net_hdr *hdr)
{
	switch (hdr->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
		return XEN_NETIF_GSO_TYPE_TCPV4;
	case VIRTIO_NET_HDR_GSO_TCPV6:
		return XEN_NETIF_GSO_TYPE_TCPV6;
	default:
		return XEN_NETIF_GSO_TYPE_NONE;
	}
}

/* The sum the kernel left to us, over a packet that lies in pages. */
static void complete_csum(const struct nfqueue *q, size_t len, const struct virtio_net_hdr *hdr)
{
	static uint8_t flat[NFTX_FRAME_SLOTS * NETIF_PAGE];
	uint16_t value;
	size_t at = hdr->csum_start + hdr->csum_offset;

	if (at + 2 > len || at + 2 > NETIF_PAGE)
		return;
	for (size_t i = 0, done = 0; done < len; i++, done += NETIF_PAGE)
		memcpy(flat + done, page_at(q, i),
		       len - done < NETIF_PAGE ? len - done : NETIF_PAGE);
	value = ~frame_fold(frame_sum(0, flat + hdr->csum_start, len - hdr->csum_start));
	if (!value)
		value = 0xffff;
	memcpy(page_at(q, 0) + at, &value, 2);
}

/* IPv6 blanks only go out when the backend takes them. */
static bool may_be_blank(const struct shim *s, const uint8_t *frame)
{
	bool v6 = frame[12] == ETHERTYPE_IPV6 >> 8 && frame[13] == (ETHERTYPE_IPV6 & 0xff);

	return v6 ? s->nf.tx_caps.csum6 : s->nf.tx_caps.csum4;
}

static void set_offload(struct shim *s, struct tap *t, const struct virtio_net_hdr *hdr,
			const struct nfqueue *q, size_t len, struct nftx_desc *desc)
{
	uint8_t gso = gso_type(hdr);

	desc->flags = 0;
	desc->nr_extras = 0;
	if (hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		if (may_be_blank(s, page_at(q, 0))) {
			desc->flags = NETTXF_csum_blank | NETTXF_data_validated;
		} else {
			complete_csum(q, len, hdr);
			t->stats.completed++;
		}
	} else if (hdr->flags & VIRTIO_NET_HDR_F_DATA_VALID) {
		desc->flags = NETTXF_data_validated;
	}
	if (gso == XEN_NETIF_GSO_TYPE_NONE)
		return;
	desc->nr_extras = 1;
	desc->extra[0] = (struct netif_extra_info){
		.type = XEN_NETIF_EXTRA_TYPE_GSO,
		.u.gso = {.size = hdr->gso_size, .type = gso},
	};
}

/* Interface -> vif. True: there may be more. */
static bool send_some(struct shim *s, struct tap *t, unsigned int index)
{
	struct nfqueue *q = &s->nf.queue[index];
	struct virtio_net_hdr hdr;
	struct iovec iov[1 + NFTX_FRAME_SLOTS];
	struct nftx_desc desc;
	int left = BUDGET;

	nftx_reap(&q->tx);
	for (; left; left--) {
		unsigned int pages;
		ssize_t n;

		if (!netfront_room(&s->nf, q))
			break;
		pages = free_pages(q, s->nf.tx_caps.sg ? s->nf.config.profile.tx_pages : 1,
				   iov + 1);
		iov[0] = (struct iovec){&hdr, sizeof(hdr)};
		n = readv(t->vtap.fd[index], iov, 1 + pages);
		if (n <= (ssize_t)sizeof(hdr))
			break;
		n -= sizeof(hdr);
		if (n > NETFRONT_FRAME_MAX) {
			t->stats.too_big++;
			continue;
		}
		set_offload(s, t, &hdr, q, n, &desc);
		set_slots(q, n, &desc);
		nftx_put(&q->tx, &desc);
	}
	nfqueue_push_tx(q);
	return !left;
}

static void set_header(const struct nfrx_packet *pkt, const struct frame_info *info,
		       struct virtio_net_hdr *hdr)
{
	*hdr = (struct virtio_net_hdr){0};
	if (pkt->flags & NETRXF_csum_blank) {
		hdr->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		hdr->csum_start = info->l4;
		hdr->csum_offset = info->csum - info->l4;
	} else if (pkt->flags & NETRXF_data_validated) {
		hdr->flags = VIRTIO_NET_HDR_F_DATA_VALID;
	}
	if (!pkt->gso_type)
		return;
	hdr->gso_type = pkt->gso_type == XEN_NETIF_GSO_TYPE_TCPV4 ? VIRTIO_NET_HDR_GSO_TCPV4
								  : VIRTIO_NET_HDR_GSO_TCPV6;
	hdr->gso_size = pkt->gso_size;
	hdr->hdr_len = info->payload;
}

/* vif -> interface. True: there may be more. */
static bool receive_some(struct shim *s, struct tap *t, unsigned int index)
{
	struct nfqueue *q = &s->nf.queue[index];
	struct iovec iov[1 + NFRX_MAX_SLOTS];
	struct nfrx_packet pkt;
	struct frame_info info;
	struct virtio_net_hdr hdr;
	int left = BUDGET;

	for (; left && netfront_take(&s->nf, q, &pkt, &info); left--) {
		set_header(&pkt, &info, &hdr);
		iov[0] = (struct iovec){&hdr, sizeof(hdr)};
		for (unsigned int i = 0; i < pkt.nr_frags; i++)
			iov[1 + i] = (struct iovec){(void *)pkt.frag[i].data, pkt.frag[i].len};
		if (writev(t->vtap.fd[index], iov, 1 + pkt.nr_frags) < 0)
			t->stats.refused++;
	}
	if (left < BUDGET)
		nfqueue_fill_rx(q);
	return !left;
}

static void run(struct shim *s, struct tap *t)
{
	struct pollfd fds[NETFRONT_MAX_QUEUES];

	while (!s->stop) {
		bool more = false;

		for (unsigned int i = 0; i < s->nf.nr_queues; i++) {
			more |= receive_some(s, t, i);
			more |= send_some(s, t, i);
		}
		for (unsigned int i = 0; i < s->nf.nr_queues; i++) {
			bool room = netfront_room(&s->nf, &s->nf.queue[i]);

			/* Without room it is a response that must wake us. */
			fds[i] = (struct pollfd){.fd = room ? t->vtap.fd[i] : -1, .events = POLLIN};
		}
		shim_poll(s, fds, s->nf.nr_queues, more ? 0 : -1);
	}
}

static const struct option options[] = {
	{"netns", required_argument, NULL, 'n'},
	{"name", required_argument, NULL, 'i'},
	{"mac", required_argument, NULL, 'm'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static const char help_text[] =
	"usage: netfront-shim [options] tap [--netns NS] [--name IF] [--mac MAC]\n"
	"\n"
	"  --netns NS   namespace of the interface: name, path or process id (our own)\n"
	"  --name IF    name of the interface (eth%d)\n"
	"  --mac MAC    its address (the vif's, as xenstore tells)\n";

static void parse(int argc, char **argv, struct vtap_config *config, uint8_t *mac)
{
	struct ether_addr addr;
	int id;

	while ((id = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (id) {
		case 'n':
			config->netns = optarg;
			break;
		case 'i':
			config->name = optarg;
			break;
		case 'm':
			if (!ether_aton_r(optarg, &addr))
				shim_usage("--mac: %s is not an address", optarg);
			memcpy(mac, &addr, 6);
			config->mac = mac;
			break;
		case 'h':
			fputs(help_text, stdout);
			exit(SHIM_OK);
		default:
			exit(SHIM_USAGE);
		}
	}
	if (optind < argc)
		shim_usage("tap: what is %s?", argv[optind]);
}

int cmd_tap(struct shim *s, int argc, char **argv)
{
	static struct tap t;
	struct vtap_config config = {0};
	uint8_t mac[6];
	int status;

	parse(argc, argv, &config, mac);
	status = shim_connect(s);
	if (status)
		return status;
	config.mac = config.mac ? config.mac : s->nf.mac;
	config.mtu = s->nf.tx_caps.sg || s->nf.mtu <= 1500 ? s->nf.mtu : 1500;
	config.queues = s->nf.nr_queues;
	config.offload = (struct vtap_offload){
		.csum = s->nf.tx_caps.csum4 || s->nf.tx_caps.csum6,
		.tso4 = s->nf.tx_caps.sg && s->nf.tx_caps.gso4 && s->nf.tx_caps.csum4,
		.tso6 = s->nf.tx_caps.sg && s->nf.tx_caps.gso6 && s->nf.tx_caps.csum6,
	};
	s->report = report;
	s->report_ctx = &t;
	if (vtap_open(&t.vtap, &config))
		return shim_finish(s, true);
	if (s->verbose)
		fprintf(stderr, "netfront-shim: interface %s\n", t.vtap.name);
	run(s, &t);
	vtap_close(&t.vtap);
	return shim_finish(s, false);
}
